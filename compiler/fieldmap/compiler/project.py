"""The compiler on one screen: files → trees → names → types and meaning → bundle.

load      sources.py      files and what they use, parsed
collect   symbols.py      who is declared; odata.py: what a service's metadata says of its resources
lower     entities.py, connectors.py, maps.py, merges.py: checked and turned into IR in the same walk
flow      sensitivity.py, unused.py: what is tagged stays tagged; what is declared is used
run       examples.py     the author's examples, by the interpreter
emit      emit/           SQL, fetch plans, transforms
make      bundling.py     the bundle
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import msgspec

from fieldmap.compiler import (
    authored,
    codes,
    connectors,
    entities,
    examples,
    ir,
    lookups,
    maps,
    merges,
    odata,
    own_units,
    properties,
    quantities,
    rates,
    reference,
    remembered,
    sensitivity,
    sources,
    symbols,
    unused,
    versions,
)
from fieldmap.compiler.context import MapContext
from fieldmap.compiler.report import Report
from fieldmap.dsl import ast
from fieldmap.dsl.diagnostics import Diagnostic, Severity
from fieldmap.dsl.source import Source
from fieldmap.runtime.bundle import Bundle
from fieldmap.runtime.load.collector import collector_paused


@dataclass
class Checked:
    """What checking a project gives. project is complete only if `ok`. context: names, shapes and all that the maps share."""

    sources: dict[str, Source]
    diagnostics: list[Diagnostic]
    project: ir.Project
    context: MapContext
    connectors: dict[str, connectors.ConnectorPlan] = field(default_factory=dict)
    examples: int = 0

    @property
    def ok(self) -> bool:
        return not any(item.severity is Severity.ERROR for item in self.diagnostics)

    @cached_property
    def versioned(self) -> ir.Project:
        """The project with the versions of its maps and entities, which only those ask for who run it."""
        codes = self.project.codes
        kept = frozenset(entity.name for entity in self.project.entities if entity.history)
        return msgspec.structs.replace(
            self.project,
            maps=tuple(
                msgspec.structs.replace(item, version=versions.map_version(item, codes, history=kept))
                for item in self.project.maps
            ),
            entities=tuple(
                msgspec.structs.replace(item, version=versions.entity_version(item)) for item in self.project.entities
            ),
        )


def check(root: Path, paths: list[Path], trees: sources.Trees | None = None) -> Checked:
    """Checks the files at `paths` and those that they use. root: paths are shown relative to it.

    trees: kept by a long-lived process from one check to the next.
    """
    with collector_paused():
        return _check(root, paths, trees)


def _check(root: Path, paths: list[Path], trees: sources.Trees | None) -> Checked:
    report = Report()
    loaded = sources.load(root, paths, report, trees)
    names = symbols.collect(loaded, report)
    services = odata.expand(names, root, report)
    own_units.declare(names, report)
    files = reference.DataFiles(root, names.sources, report)
    lists = _lists(names, files, report) | rates.lower_rates(names, root, report)
    report.unit_tables = lists
    context = MapContext(names, report, entities.lower_entities(names, report), lists, services)
    context.functions = authored.lower(names, context.codes, report)
    plans = {
        name: lowered
        for name, node in names.connectors.items()
        if (lowered := connectors.lower_connector(node, context)) is not None
    }
    memory = trees.remembered if trees is not None else remembered.Remembered()
    lowering = remembered.Lowering(
        memory,
        loaded.files.values(),
        loaded.sources,
        [
            *files.digests,
            *services.digests,
            *((one.file, one.digest) for one in lists.values() if isinstance(one, ir.Rates)),
        ],
        report,
    )
    lowered_maps = lowering.maps(names.maps, lambda node: _lowered(node, context))
    lowered_entities = merges.lower_entities(context.entities.values(), lowered_maps, names, report)
    sensitivity.check(names, report)
    unused.check(names, report, memory)
    stated = properties.lower(context)
    looked_up = lowering.looked_up
    kept = {
        name: table
        for name, table in context.codes.items()
        if name in looked_up or not (isinstance(table, ir.CodeTable) and table.table)
    }
    project = ir.Project(entities=tuple(lowered_entities), maps=tuple(lowered_maps), codes=kept)
    quantities.refuse_open(report, *lowered_maps, *lowered_entities)
    ran = 0
    if not report.failed:
        authored.run(context.functions, context.codes, report)
        properties.run(stated, project, context)
        ran = examples.run(project, context)
    found = list(dict.fromkeys(report.diagnostics))
    return Checked(loaded.sources, found, project, context, plans, ran)


def _lowered(node: ast.Map, context: MapContext) -> ir.Map | None:
    """A map with the functions that it calls."""
    made = maps.lower_map(node, context)
    return None if made is None else msgspec.structs.replace(made, functions=authored.used(made, context.functions))


def _lists(names: symbols.Symbols, files: reference.DataFiles, report: Report) -> dict[str, ir.Table]:
    """Code lists, and the columns of tables."""
    return {**codes.lower_codes(names, files, report), **lookups.lower_tables(names, files, report)}


def compile_project(checked: Checked) -> Bundle:
    """The bundle of a project that was checked without errors."""
    if not checked.ok:
        raise ValueError("a project with errors has no bundle")
    # The emitters and their templates are of no use to a check.
    from fieldmap.compiler import bundling

    return bundling.make_bundle(checked.versioned, checked.connectors)
