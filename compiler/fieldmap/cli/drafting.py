"""`fieldmap draft`: map lines proposed for a resource and an entity."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fieldmap.cli.console import Json, err, exiting, out, plural, print_json, say
from fieldmap.cli.workspace import Workspace
from fieldmap.runtime.errors import FindingsError, UsageError

if TYPE_CHECKING:
    from fieldmap.compiler import shapes
    from fieldmap.compiler.draft.writing import Draft
    from fieldmap.compiler.project import Checked
    from fieldmap.dsl import ast


def register(app: typer.Typer) -> None:
    app.command(
        epilog="Example: fieldmap draft workday.workers to Worker · fieldmap draft workday.workers to Worker -o workday_worker.map"
    )(exiting(draft))


def draft(
    resource: Annotated[str, typer.Argument(help="The resource, such as workday.workers.")],
    words: Annotated[list[str], typer.Argument(metavar="to ENTITY", help="The entity, such as: to Worker.")],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="Write here; printed if no file is named.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite the file of -o.")] = False,
    json: Json = False,
) -> int:
    """Proposes the lines of a map, by names, types and the samples of the archive.

    Each line says how sure it is and why; what no line reads stands under ignore, and fields without a proposal as comments. Nothing is
    right until you say so.
    """
    from fieldmap.cli.inferring import write

    entity = words[-1]
    if len(words) > 2 or (len(words) == 2 and words[0] != "to"):
        raise UsageError("Say it as: fieldmap draft workday.workers to Worker")
    if output is not None and output.exists() and not force:
        raise UsageError(f"{output} is there already; name another file, or overwrite it with --force")
    workspace = Workspace.here()
    made, samples = proposed(workspace, resource, entity, output if force else None)
    if output is not None:
        write(output, made.text)
    if json:
        print_json(_told(made, resource, entity, samples))
        return 0
    if output is None:
        typer.echo(made.text, nl=False)
    counted = f"{plural(len(made.proposed), 'line')} to confirm, {plural(len(made.missing) + len(made.refused), 'field')} without, by {plural(samples, 'sample')}"
    say(err() if output is None else out(), f"{output}: {counted}" if output is not None else counted)
    return 0


def proposed(workspace: Workspace, resource: str, entity: str, overwritten: Path | None = None) -> tuple[Draft, int]:
    """The draft, and by how many samples of the archive. overwritten: a file whose maps are drafted anew."""
    from fieldmap.compiler.draft.proposing import Known
    from fieldmap.compiler.draft.reading import members
    from fieldmap.compiler.draft.writing import drafted
    from fieldmap.compiler.report import Report

    checked = workspace.check()
    node = _resource(checked, resource)
    info = checked.context.entities.get(entity)
    if info is None:
        raise UsageError(f"There is no entity {entity}; there are: {', '.join(checked.context.entities) or 'none'}")
    for item in checked.context.symbols.maps:
        if (
            f"{item.connector.text}.{item.resource.text}" == resource
            and item.entity is not None
            and item.entity.text == entity
            and (overwritten is None or Path(item.span.path).resolve() != overwritten.resolve())
        ):
            raise UsageError(f"{resource} has a map to {entity} already; draft another entity, or take that map out")
    records = _records(workspace, resource, node)
    shape = _shape(checked, resource, node, records, Report())
    found = members(shape, records)
    known = Known(dict(checked.context.codes.items()), found, resource.replace(".", "_"))
    ids = [_path(one) for one in node.ids]
    files = [file for file in workspace.files() if overwritten is None or file.resolve() != overwritten.resolve()]
    made = drafted(workspace.root, files, resource, entity, list(info.fields.values()), known, ids)
    return made, len(records)


def _path(node: Any) -> str:
    from fieldmap.compiler.infer.places import path_of
    from fieldmap.dsl import ast

    if isinstance(node, ast.Path) and all(isinstance(one, ast.MemberSegment) for one in node.segments):
        return path_of(one.name for one in node.segments if isinstance(one, ast.MemberSegment))
    return ""


def _resource(checked: Checked, resource: str) -> ast.Resource:
    connector, _, name = resource.partition(".")
    found = checked.context.symbols.connectors.get(connector)
    for node in found.resources if found is not None else ():
        if node.name.text == name:
            return node
    known = [
        f"{one.name.text}.{node.name.text}"
        for one in checked.context.symbols.connectors.values()
        for node in one.resources
    ]
    raise UsageError(
        f"There is no resource {resource}; there are: {', '.join(known) or 'none yet, see fieldmap infer'}"
    )


def _shape(checked: Checked, resource: str, node: ast.Resource, records: list[Any], report: Any) -> shapes.ObjectShape:
    """The resource's shape, or what its archived records make one of."""
    from fieldmap.compiler import shapes
    from fieldmap.compiler.infer.concluding import Concluder
    from fieldmap.compiler.infer.evidence import Seen
    from fieldmap.compiler.infer.model import Resource, Setting, Source
    from fieldmap.compiler.infer.writing import written
    from fieldmap.dsl.parser import parse
    from fieldmap.dsl.source import Source as Text

    connector = checked.context.symbols.connectors[resource.partition(".")[0]]
    if node.shape is not None:
        return shapes.build(node.shape, report, connector.sentinels)
    if not any(isinstance(record, dict) for record in records):
        raise FindingsError(
            f"{resource} has no shape, and the archive nothing to look at; write a shape by fieldmap infer, or bring an answer:"
            f" fieldmap archive import answer.json --resource {resource}"
        )
    seen = Seen()
    for record in records:
        seen.add(record)
    made, shared = Concluder.of("x", seen).shape(seen)
    settings = (Setting(word="get", text='"/x"'), Setting(word="id", text="$.x"))
    source = Source(
        name="x",
        kind="",
        settings=(Setting(word="base", text="env.X"),),
        resources=(Resource(name="x", settings=settings, shape=made, shared=shared),),
    )
    tree, _ = parse(Text("shape.map", written(source)))
    inferred: Any = tree.items[0]
    return shapes.build(inferred.resources[0].shape, report, connector.sentinels)


def _records(workspace: Workspace, resource: str, node: ast.Resource) -> list[Any]:
    """The first archived records; none where the archive has none, or they are read in another way than by members and lists."""
    from itertools import islice

    from fieldmap.compiler.draft.reading import SAMPLES
    from fieldmap.compiler.infer.places import EACH, records_of
    from fieldmap.compiler.infer.samples import of_archive
    from fieldmap.dsl import ast

    archive = workspace.archive()
    samples = of_archive(archive, resource) if resource in archive.resources() else None
    if samples is None or samples.format == "xml":
        return []
    steps = []
    for one in node.records.segments if node.records is not None else ():
        if isinstance(one, ast.MemberSegment):
            steps.append(one.name)
        elif isinstance(one, ast.WildcardSegment):
            steps.append(EACH)
        else:
            return []
    every = (record for _, body in samples.bodies() for record in records_of(body, tuple(steps)))
    return list(islice(every, SAMPLES))


def _told(made: Draft, resource: str, entity: str, samples: int) -> dict[str, Any]:
    """As --json gives it."""
    return {
        "resource": resource,
        "entity": entity,
        "samples": samples,
        "proposed": [
            {
                "field": one.field,
                "path": one.member.path,
                "value": one.value,
                "confidence": one.sure,
                "reason": one.reason,
            }
            for one in made.proposed
        ],
        "refused": [{"field": one.field, "value": one.value, "why": why} for one, why in made.refused],
        "missing": [field.name for field in made.missing],
        "map": made.text,
    }
