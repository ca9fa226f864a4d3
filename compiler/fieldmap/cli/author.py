"""Commands of authors: init, fmt, compile, demo."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from fieldmap.cli.console import exiting, out, plural
from fieldmap.cli.sources import colour, read_source, sources
from fieldmap.cli.workspace import Workspace
from fieldmap.runtime.errors import UsageError


def register(app: typer.Typer) -> None:
    app.command(epilog="Example: fieldmap init my-project")(exiting(init))
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

    root, paths = sources(files)
    changed = broken = 0
    for path in paths:
        shown = Path(os.path.relpath(path, root)).as_posix()
        source = Source(shown, read_source(path, root))
        try:
            formatted = format_source(source)
        except Unformattable as error:
            sys.stdout.write(render_text(error.diagnostics, {shown: source}, color=colour(), width=out().width) + "\n")
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
