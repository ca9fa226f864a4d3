"""`fieldmap archive`: what is in it, importing recorded responses, verifying."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from fieldmap.cli.console import Json, count, exiting, out, plural, print_json, table
from fieldmap.cli.workspace import Workspace
from fieldmap.runtime.errors import UsageError

app = typer.Typer(
    help="The archive of raw responses: list, import, verify.", no_args_is_help=True, rich_markup_mode=None
)


@app.command("list", epilog="Example: fieldmap archive list")
@exiting
def list_(json: Json = False) -> None:
    """Lists the resources in the archive, with their pages and bytes."""
    archive = Workspace.here().archive()
    rows: list[tuple[str, int, int, str]] = []
    for resource in archive.resources():
        pages = size = 0
        last = ""
        for page in archive.read(resource, None):
            pages, size, last = pages + 1, size + len(page.body), page.fetched_at.strftime("%Y-%m-%d %H:%M:%SZ")
        rows.append((resource, pages, size, last))
    if json:
        print_json([dict(zip(("resource", "pages", "bytes", "last"), row, strict=True)) for row in rows])
    elif not rows:
        out().print("The archive is empty: fieldmap sync, or fieldmap archive import FILE --resource NAME")
    else:
        columns = ["resource", "pages", "bytes as received", "last fetched"]
        table(
            columns,
            [(resource, count(pages), count(size), last) for resource, pages, size, last in rows],
            right=columns[1:3],
        )


@app.command("import", epilog="Example: fieldmap archive import workers.jsonl --resource workday.workers")
@exiting
def import_(
    files: Annotated[list[Path], typer.Argument(help="JSON, JSON lines, CSV, XML, Excel or HAR files.")],
    resource: Annotated[
        str, typer.Option("--resource", help="The resource that the files are responses of, such as workday.workers.")
    ],
    as_: Annotated[
        str | None,
        typer.Option("--as", help="json, ndjson, csv, xml, excel or har, where the file's name does not tell."),
    ] = None,
) -> int:
    """Puts recorded responses into the archive as if they had been fetched; load them with: fieldmap replay."""
    from fieldmap.compiler.readings import reading_of
    from fieldmap.runtime.acquire.importer import import_file
    from fieldmap.runtime.ports import Ports
    from fieldmap.runtime.values.reading import PLAIN

    workspace = Workspace.here()
    checked = workspace.check()
    known = sorted(
        {
            f"{name}.{item.name.split('.')[1]}"
            for name, plan in checked.connectors.items()
            for item in plan.plan.resources
        }
    )
    if checked.ok and resource not in known:
        raise UsageError(f"No connector of this project has a resource {resource}; there are: {', '.join(known)}")
    for path in files:
        if not path.is_file():
            raise UsageError(f"There is no file {path}")
    reading = next(
        (reading_of(item) for item in checked.project.maps if f"{item.connector}.{item.resource}" == resource), PLAIN
    )
    with workspace.archive().writer(resource) as writer:
        for path in files:
            form: Any = as_
            pages = import_file(path, resource, format=form, writer=writer, ports=Ports.real(), reading=reading)
            out().print(f"{path.name}: {plural(len(pages), 'response')} into {resource}")
    out().print("Load them with: fieldmap replay")
    return 0


@app.command(epilog="Example: fieldmap archive verify")
@exiting
def verify() -> int:
    """Reads every record of the archive and checks its digests and chain. Exit code 3 if something was altered."""
    archive = Workspace.here().archive()
    if not archive.resources():
        out().print(f"There is nothing in the archive {archive.root}")
    for resource in archive.resources():
        report = archive.verify(resource)
        torn = f"; {report.torn}" if report.torn is not None else ""
        out().print(
            f"{resource}: {plural(report.records, 'record')} in {plural(report.segments, 'segment')}, {count(report.bytes)} bytes, all whole{torn}"
        )
    return 0
