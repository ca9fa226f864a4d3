"""Commands that say what is wrong in maps: check, explain-code."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from dataclasses import asdict
from enum import Enum
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fieldmap.cli.console import Json, exiting, out, plural, print_json, table
from fieldmap.cli.pages import show_page
from fieldmap.cli.sources import colour, read_source, sources
from fieldmap.runtime.errors import UsageError
from fieldmap.runtime.load.collector import collector_paused

if TYPE_CHECKING:
    from fieldmap.compiler.coverage import Coverage
    from fieldmap.compiler.project import Checked
    from fieldmap.compiler.resolving import Resolved


# More is of no use to somebody who reads; programs get all.
MOST_SHOWN = 100


class Output(Enum):
    TEXT = "text"
    JSON = "json"
    SARIF = "sarif"
    GITHUB = "github"
    GITLAB = "gitlab"


def register(app: typer.Typer) -> None:
    app.command(epilog="Example: fieldmap check · fieldmap check workday.map --json · fieldmap check --coverage")(
        exiting(check)
    )
    app.command("explain-code", epilog="Example: fieldmap explain-code FM0304")(exiting(explain_code))


def check(
    files: Annotated[
        list[Path] | None, typer.Argument(help="Files or folders; all of the project if none is named.")
    ] = None,
    json: Json = False,
    output: Annotated[
        Output, typer.Option("--format", help="sarif, github and gitlab are for code scanning and CI.")
    ] = Output.TEXT,
    fix: Annotated[
        bool, typer.Option("--fix", help="First change what leaves no doubt, such as `=` to `==` in a condition.")
    ] = False,
    coverage: Annotated[
        bool, typer.Option("--coverage", help="Show which fields of the sources are read, ignored or neither.")
    ] = False,
) -> int:
    """Checks maps and runs their examples.

    Names, types, units, paths, identity and merge rules. Exit code 1 if there are mistakes.
    """
    with collector_paused():
        return _check(files, Output.JSON if json else output, fix=fix, coverage=coverage)


def _check(files: list[Path] | None, form: Output, *, fix: bool, coverage: bool) -> int:
    from fieldmap.compiler.project import check as check_project

    root, paths = sources(files)
    if fix:
        _fix(root, paths, quiet=form is not Output.TEXT)
    checked = check_project(root, paths)
    sampled = _sampled(checked, root) if form in (Output.TEXT, Output.JSON) else {}
    covered = _covered(checked, sampled) if coverage or form is Output.TEXT else []
    if checked.ok and sampled:
        from fieldmap.compiler.advice import advise

        checked.diagnostics += advise(checked.project, checked.context.symbols, checked.sources, sampled)
    references = _references(checked, sampled)
    if form is Output.TEXT:
        _tell(checked)
        _tell_references(references)
        _tell_coverage(covered, whole=coverage)
    else:
        _print(checked, form, covered, references)
    return 0 if checked.ok else 1


def explain_code(
    code: Annotated[
        str | None, typer.Argument(help="A code such as FM0304; all codes are listed if none is named.")
    ] = None,
    json: Json = False,
) -> int:
    """Says what a code of a message means, why it matters and what to do."""
    from fieldmap.dsl.diagnostics import CODES
    from fieldmap.dsl.pages import page
    from fieldmap.runtime.values.failures import TITLES

    known = {**CODES, **TITLES}
    if code is None:
        if json:
            print_json(known)
        else:
            table(("code", "meaning"), sorted(known.items()))
        return 0
    wanted = code.upper() if code.upper().startswith("FM") else f"FM{code}"
    if wanted not in known:
        raise UsageError(f"There is no code {code}; fieldmap explain-code lists them all")
    text = page(wanted)
    if json:
        print_json({"code": wanted, "title": known[wanted], "page": text})
        return 0
    show_page(text or f"# {wanted}: {known[wanted]}\n")
    return 0


def _fix(root: Path, paths: Sequence[Path], *, quiet: bool) -> None:
    from fieldmap.dsl.fixing import fixed
    from fieldmap.dsl.source import Source

    for path in paths:
        source = Source(Path(os.path.relpath(path, root)).as_posix(), read_source(path, root))
        text, mended = fixed(source)
        if not mended:
            continue
        path.write_bytes(text.encode())
        if not quiet:
            for line, message in mended:
                out().print(f"changed  {source.path}:{line}: {message}", soft_wrap=True)


def _print(checked: Checked, form: Output, covered: Sequence[Coverage], references: Sequence[Resolved]) -> None:
    from fieldmap.dsl import sarif
    from fieldmap.dsl.pages import page
    from fieldmap.dsl.render import render_json

    if form is Output.SARIF:
        print_json(sarif.render_sarif(checked.diagnostics, checked.sources, metadata.version("fieldmap"), page))
    elif form is Output.GITHUB:
        sys.stdout.write(sarif.render_github(checked.diagnostics, checked.sources))
    elif form is Output.GITLAB:
        print_json(sarif.render_gitlab(checked.diagnostics, checked.sources))
    else:
        facts: dict[str, Any] = {
            "diagnostics": render_json(checked.diagnostics, checked.sources),
            "files": len(checked.sources),
            "examples": checked.examples,
        }
        if covered:
            facts["coverage"] = [
                {
                    "resource": one.resource,
                    "archived_records": one.records,
                    "fields": [{"path": field.path, "how": field.how, "seen": field.seen} for field in one.fields],
                }
                for one in covered
            ]
        if references:
            facts["references"] = [{**asdict(one), "doubtful": one.doubtful} for one in references]
        print_json(facts)


def _references(checked: Checked, sampled: dict[str, list[Any]]) -> list[Resolved]:
    """How references resolve among archived records; nothing of it while there are mistakes, or no archive."""
    if not checked.ok or not any(sampled.values()):
        return []
    from fieldmap.compiler.resolving import resolved

    return resolved(checked.project, sampled)


def _tell_references(references: Sequence[Resolved]) -> None:
    if not references:
        return
    out().print("\nReferences in archived records (different values, and how many of them are found):")
    table(
        ("reference", "written", "values", "as keys", "as ids", ""),
        [
            (
                f"{one.map}, {one.field}",
                "by id" if one.by_id else "as a key",
                one.values,
                one.keys,
                one.ids,
                f"{one.file}:{one.line} {'leave by id out?' if one.by_id else 'by id?'}" if one.doubtful else "",
            )
            for one in references
        ],
        right=("values", "as keys", "as ids"),
    )


def _covered(checked: Checked, sampled: dict[str, list[Any]]) -> list[Coverage]:
    """Coverage against the shapes, and against the records that the project's archive holds (if there is one)."""
    from fieldmap.compiler.coverage import coverage

    names = checked.context.symbols
    return coverage(names.connectors, names.maps, checked.context.shapes, sampled, names.entities)


def _sampled(checked: Checked, root: Path) -> dict[str, list[Any]]:
    """Archived records by resource. Files that were named on the command line need no project, and then there is no archive."""
    if not (root / "fieldmap.toml").exists():
        return {}
    from fieldmap.cli.settings import read_settings
    from fieldmap.compiler import samples
    from fieldmap.runtime.archive import Archive
    from fieldmap.runtime.ports import Ports

    records: dict[str, list[Any]] = {}
    folder = root / read_settings(root).archive
    if folder.is_dir():
        archive = Archive(folder, Ports.real())
        for item in checked.project.maps:
            name = f"{item.connector}.{item.resource}"
            if name not in records:
                records[name] = samples.records(archive, item)
    return records


def _tell_coverage(covered: Sequence[Coverage], *, whole: bool) -> None:
    from fieldmap.compiler.coverage import HOWS, totals

    counts = totals(covered)
    if not counts:
        return
    if whole:
        columns = ("resource", "fields", "read", "ignored", "unread", "unknown", "archived records")
        rows = [
            (one.resource, len(one.fields), *(one.count(how) for how in HOWS), one.records)
            for one in covered
            if one.fields
        ]
        out().print()
        table(columns, rows, right=columns[1:])
        left = [(one.resource, field) for one in covered for field in one.fields if field.how in ("unread", "unknown")]
        if left:
            out().print(
                "\nNeither read nor ignored (unread: the shape has it; unknown: only archived records have it):"
            )
            table(
                ("resource", "field", "", "records with a value"),
                [(resource, field.path, field.how, field.seen or "") for resource, field in left],
                right=("records with a value",),
            )
        return
    parts = [f"{counts[how]} {how}" for how in ("ignored", "unread", "unknown") if counts[how]]
    said = f"{counts['read']} of {counts.total()} source fields read"
    more = " (fieldmap check --coverage)" if counts["unread"] or counts["unknown"] else ""
    out().print(", ".join([said, *parts]) + more)


def _tell(checked: Checked) -> None:
    from fieldmap.dsl.diagnostics import Severity
    from fieldmap.dsl.render import ordered, render_text

    def counted(severity: Severity) -> int:
        return sum(item.severity is severity for item in checked.diagnostics)

    errors, warnings = counted(Severity.ERROR), counted(Severity.WARNING)
    if checked.diagnostics:
        listed = ordered(checked.diagnostics)
        if len(listed) > MOST_SHOWN:  # errors first: they hide no longer behind a page of warnings
            listed = sorted(listed, key=lambda one: list(Severity).index(one.severity))[:MOST_SHOWN]
        sys.stdout.write(render_text(listed, checked.sources, color=colour(), width=out().width) + "\n")
        if len(checked.diagnostics) > MOST_SHOWN:
            left = len(checked.diagnostics) - MOST_SHOWN
            out().print(f"{plural(left, 'more is', 'more are')} not shown; fieldmap check --json lists all")
    parts = [plural(errors, "error")] if errors else ["no mistakes"]
    parts += [plural(warnings, "warning")] if warnings else []
    maps, entities = len(checked.project.maps), len(checked.project.entities)
    tail = (
        f" · {plural(entities, 'entity', 'entities')}, {plural(maps, 'map')}, {plural(checked.examples, 'example holds', 'examples hold')}"
        if not errors
        else ""
    )
    files = {*checked.sources, *(one.span.path for one in checked.diagnostics)}
    out().print(f"{', '.join(parts)} in {plural(len(files), 'file')}{tail}")
    if checked.diagnostics:
        first = min(checked.diagnostics, key=lambda one: list(Severity).index(one.severity))
        out().print(f"more about a code: fieldmap explain-code {first.code}")
