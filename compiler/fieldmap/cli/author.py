"""Commands of authors: init, check, fmt, compile."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from fieldmap.cli.console import exiting, out, plural, print_json
from fieldmap.cli.workspace import Workspace
from fieldmap.runtime.errors import UsageError

Json = Annotated[bool, typer.Option("--json", help="Print JSON for a program to read.")]


def register(app: typer.Typer) -> None:
    app.command(epilog="Example: fieldmap init my-project")(exiting(init))
    app.command(epilog="Example: fieldmap check · fieldmap check workday.map --json")(exiting(check))
    app.command(epilog="Example: fieldmap fmt · fieldmap fmt --check people.map")(exiting(fmt))
    app.command(epilog="Example: fieldmap demo")(exiting(demo))
    app.command("compile", epilog="Example: fieldmap compile · fieldmap compile --show sql")(exiting(compile_))


def init(folder: Annotated[Path, typer.Argument(help="The folder to make; it must not hold a project yet.")]) -> None:
    """Makes a project that already works.

    One entity, two connectors with samples, their maps with examples, and a merge.
    """
    from fieldmap.cli.scaffold import create

    made = create(folder)
    console = out()
    console.print(f"Made {folder} with {', '.join(made)}.")
    console.print(f"\nNext:\n  cd {folder}")
    for command, what in (
        ("fieldmap check", "reads the maps and runs their examples"),
        ("fieldmap sync", "loads the sample into the embedded PostgreSQL"),
        ("fieldmap query Worker", "shows the rows"),
    ):
        console.print(f"  {command:<24} {what}")


def demo() -> int:
    """Shows the whole on three small systems.

    An HR service, an OData service and a CSV folder on loopback, synced into one model in an embedded PostgreSQL.
    """
    from importlib import import_module

    # By name: the demo stands on the command line, and not the other way round.
    return int(import_module("fieldmap.demo.story").run())


def check(
    files: Annotated[
        list[Path] | None, typer.Argument(help="Files or folders; all of the project if none is named.")
    ] = None,
    json: Json = False,
) -> int:
    """Checks maps and runs their examples.

    Names, types, units, paths, identity and merge rules. Exit code 1 if there are mistakes.
    """
    from fieldmap.compiler.project import check as check_project
    from fieldmap.dsl.render import render_json, render_text

    root, paths = _sources(files)
    checked = check_project(root, paths)
    errors = sum(item.severity.value == "error" for item in checked.diagnostics)
    warnings = len(checked.diagnostics) - errors
    if json:
        print_json(
            {
                "diagnostics": render_json(checked.diagnostics, checked.sources),
                "files": len(checked.sources),
                "examples": checked.examples,
            }
        )
        return 1 if errors else 0
    if checked.diagnostics:
        sys.stdout.write(render_text(checked.diagnostics, checked.sources, color=_colour(), width=100) + "\n")
    parts = [plural(errors, "error")] if errors else ["no mistakes"]
    parts += [plural(warnings, "warning")] if warnings else []
    maps, entities = len(checked.project.maps), len(checked.project.entities)
    tail = (
        f" · {plural(entities, 'entity', 'entities')}, {plural(maps, 'map')}, {plural(checked.examples, 'example holds', 'examples hold')}"
        if not errors
        else ""
    )
    out().print(f"{', '.join(parts)} in {plural(len(checked.sources), 'file')}{tail}")
    return 1 if errors else 0


def fmt(
    files: Annotated[
        list[Path] | None, typer.Argument(help="Files or folders; all of the project if none is named.")
    ] = None,
    check_only: Annotated[
        bool, typer.Option("--check", help="Change nothing; exit code 1 if a file would change.")
    ] = False,
) -> int:
    """Lays maps out in the one way.

    Two blanks of indent, columns aligned, comments kept. A file with mistakes is left as it is.
    """
    from fieldmap.dsl.format import Unformattable, format_source
    from fieldmap.dsl.render import render_text
    from fieldmap.dsl.source import Source

    root, paths = _sources(files)
    changed = broken = 0
    for path in paths:
        shown = Path(os.path.relpath(path, root)).as_posix()
        source = Source(shown, _read(path))
        try:
            formatted = format_source(source)
        except Unformattable as error:
            sys.stdout.write(render_text(error.diagnostics, {shown: source}, color=_colour(), width=100) + "\n")
            broken += 1
            continue
        if formatted != source.text:
            changed += 1
            out().print(f"{'would change' if check_only else 'formatted'}  {shown}")
            if not check_only:
                path.write_text(formatted, "utf-8")
    out().print(
        f"{plural(len(paths), 'file')}: {changed} {'to change' if check_only else 'changed'}{f', {broken} with mistakes left as they are' if broken else ''}"
    )
    return 1 if broken or (check_only and changed) else 0


def compile_(
    output: Annotated[
        Path | None, typer.Option("--out", help="The folder of the bundle; the setting `bundle` if not named.")
    ] = None,
    show: Annotated[str | None, typer.Option(help="Print what will run instead: sql, fetch, transform or ir.")] = None,
    only: Annotated[str, typer.Option(help="With --show: only parts whose name contains this.")] = "",
) -> int:
    """Compiles the project into a bundle.

    SQL, fetch plans and transforms: the same bytes on any machine.
    """
    from fieldmap.runtime import bundle as bundles

    kinds = {"sql": "sql/", "fetch": "fetch/", "transform": "transform/", "ir": "ir.json"}
    if show is not None and show not in kinds:
        raise UsageError(f"--show takes sql, fetch, transform or ir, not {show}")
    workspace = Workspace.here()
    bundle = workspace.compiled()
    if show is not None:
        _show(bundle, kinds[show], only)
        return 0
    folder = output or workspace.root / workspace.settings.bundle
    bundles.write(bundle, folder)
    out().print(f"{plural(len(bundle.parts) + 1, 'part')} in {os.path.relpath(folder)}, bundle {bundle.digest[:12]}")
    for item in bundle.catalogue.maps:
        out().print(f"  {item.version}  {item.title}  ({item.file}:{item.line})")
    return 0


def _show(bundle: Any, prefix: str, only: str) -> None:
    import msgspec

    if prefix == "sql/":
        for table in bundle.catalogue.tables:
            if only in table.name:
                sys.stdout.write(f"-- table {table.schema}.{table.name}\n{table.create}\n")
    for name, data in bundle.parts.items():
        if name.startswith(prefix) and only in name:
            mark = "--" if name.endswith(".sql") else "#"
            text = msgspec.json.format(data, indent=1) if name.endswith(".json") else data
            head = "" if name.endswith(".json") else f"{mark} {name}\n"
            sys.stdout.write(f"{head}{text.decode()}\n")


def _sources(files: Sequence[Path] | None) -> tuple[Path, list[Path]]:
    """The files to read, and the folder that their names are relative to. Named files need no project."""
    if files:
        missing = [path for path in files if not path.exists()]
        if missing:
            raise UsageError(f"There is no file {missing[0]}")
        found = [file for path in files for file in (sorted(path.glob("**/*.map")) if path.is_dir() else [path])]
        if not found:
            raise UsageError(f"There is no .map file in {files[0]}")
        return Path.cwd(), [file.absolute() for file in found]
    workspace = Workspace.here()
    return workspace.root, workspace.files()


def _read(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError:
        raise UsageError(f"{path} is not written in UTF-8; save it as UTF-8") from None


def _colour() -> bool:
    return sys.stdout.isatty() and "NO_COLOR" not in os.environ
