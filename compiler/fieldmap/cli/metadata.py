"""`fieldmap metadata`: fetches what an OData service says of itself into the file that its connector names."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fieldmap.cli.console import Json, exiting, out, plural, print_json, say
from fieldmap.cli.workspace import Workspace
from fieldmap.runtime.errors import FindingsError, SourceError, UsageError

if TYPE_CHECKING:
    from fieldmap.compiler import edm
    from fieldmap.compiler.project import Checked
    from fieldmap.dsl import ast
    from fieldmap.runtime.plan import HttpConnector


def register(app: typer.Typer) -> None:
    app.command(epilog="Example: fieldmap metadata s4 · fieldmap metadata s4 --check")(exiting(metadata))


@dataclass(frozen=True)
class _Told:
    """What came of it. drift: sentences about what the maps read and the service has no longer, or as something else."""

    file: str
    entity_sets: int
    changed: bool
    written: bool
    drift: list[str]


def metadata(
    connector: Annotated[str, typer.Argument(help="The connector, such as s4; it is odata2 or odata4.")],
    check: Annotated[
        bool,
        typer.Option("--check", help="Compare only: write nothing, and exit with 1 if the maps read what is gone."),
    ] = False,
    json: Json = False,
) -> int:
    """Fetches the $metadata of an OData service into the file that its connector names.

    The compiler takes shapes, keys and types from that file; it never asks the service itself. Keep the file with the maps.
    """
    workspace = Workspace.here()
    checked = workspace.check()
    node, path, shown = _file(workspace, checked, connector)
    content, now = _fetched(workspace, checked, node)
    told = _compared(checked, node, path, shown, content, now)
    if not check and told.changed:
        told = replace(told, written=True)
        _write(path, content)
    if json:
        print_json(told.__dict__)
    else:
        _show(told, check=check)
    return 1 if check and told.drift else 0


def _file(workspace: Workspace, checked: Checked, connector: str) -> tuple[ast.Connector, Path, str]:
    """The connector, its metadata file, and that file's name as it is shown. Raises UsageError."""
    from fieldmap.compiler.odata import KINDS

    node = checked.context.symbols.connectors.get(connector)
    if node is None:
        known = ", ".join(sorted(checked.context.symbols.connectors)) or "none"
        raise UsageError(f"There is no connector {connector}; this project has: {known}")
    if node.kind is None or node.kind.text not in KINDS:
        raise UsageError(f"{connector} is no OData service; write connector {connector} is odata4, or is odata2")
    if node.metadata is None:
        raise UsageError(f'{connector} does not name its file; add: metadata "{connector}_metadata.xml"')
    path = (workspace.root / Path(node.metadata.span.path).parent / node.metadata.value).resolve()
    if not path.is_relative_to(workspace.root.resolve()) or path.is_dir():
        raise UsageError(f"{node.metadata.value} is no file within the project; name one beside the map")
    return node, path, path.relative_to(workspace.root.resolve()).as_posix()


def _fetched(workspace: Workspace, checked: Checked, node: ast.Connector) -> tuple[bytes, edm.Metadata]:
    """The document as it was sent, and what it says. Raises FindingsError."""
    from fieldmap.compiler import edm
    from fieldmap.runtime.acquire.flow import Flow
    from fieldmap.runtime.acquire.source import HttpSource
    from fieldmap.runtime.plan import Composed, HttpResource
    from fieldmap.runtime.ports import Ports

    connector = _plan(checked, node)
    resource = HttpResource(name=f"{connector.name}.metadata", path=Composed(("/$metadata",)), format="xml")
    ports = Ports.real(workspace.state)
    try:
        source = HttpSource(connector, resource, ports, os.environ, Flow(connector, ports))
        content = source.get(source.requests.first({}), decode=False).answer.content
        read = edm.read(edm.text_of(content))
    except SourceError as error:
        raise FindingsError(str(error)) from None
    except edm.MetadataError as error:
        raise FindingsError(f"What {node.name.text} answered is no metadata: {error}; check its base") from None
    finally:
        ports.http.close()
    if node.kind is not None and read.version != node.kind.text:
        raise FindingsError(
            f"{node.name.text} is {node.kind.text}, and the service answered with {read.version}; write is {read.version}"
        )
    return content, read


def _plan(checked: Checked, node: ast.Connector) -> HttpConnector:
    """The connector without its resources, whose shapes may not be known yet."""
    from fieldmap.compiler.connectors import lower_connector
    from fieldmap.compiler.context import MapContext
    from fieldmap.compiler.report import Report
    from fieldmap.dsl.render import render_text
    from fieldmap.runtime.plan import HttpConnector

    report = Report()
    context = MapContext(checked.context.symbols, report, {}, {})
    lowered = lower_connector(replace(node, kind=None, metadata=None, resources=()), context)
    if lowered is None or not isinstance(lowered.plan, HttpConnector):
        rendered = render_text(report.diagnostics, checked.sources, color=False)
        raise FindingsError(f"The connector {node.name.text} has mistakes, so nothing was asked.\n\n{rendered}")
    return lowered.plan


def _compared(
    checked: Checked, node: ast.Connector, path: Path, shown: str, content: bytes, now: edm.Metadata
) -> _Told:
    from fieldmap.compiler import edm
    from fieldmap.compiler.odata import drifted

    drift: list[str] = []
    try:
        known = path.read_bytes()
        before = edm.read(edm.text_of(known))
    except (OSError, edm.MetadataError):
        known, before = b"", None
    for resource in node.resources:
        asked = checked.context.services.asked(node.name.text, resource.name.text)
        if resource.entity_set is not None and before is not None and asked is not None:
            found = drifted(now, before, resource.entity_set.text, asked.reads)
            drift += [f"{node.name.text}.{resource.name.text} {sentence}" for sentence in found]
    return _Told(shown, len(now.sets), known != content, False, drift)


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.new")
    try:
        beside.write_bytes(content)
        os.replace(beside, path)
    except OSError as error:
        raise UsageError(f"{path.name} cannot be written: {error.strerror}") from None


def _show(told: _Told, *, check: bool) -> None:
    console = out()
    sets = plural(told.entity_sets, "entity set")
    if told.written:
        console.print(f"{told.file}: {sets}, written")
    elif not told.changed:
        console.print(f"{told.file}: {sets}, as it was")
    else:
        console.print(f"{told.file}: the service's metadata is another one ({sets}); nothing was written")
    for sentence in told.drift:
        say(console, f"  {sentence}", indent=4)
    if told.drift:
        console.print("mend the maps" if not check else f"mend the maps after: fieldmap metadata {_connector(told)}")
    elif told.changed:
        console.print("next: fieldmap check" if told.written else "nothing that the maps read has changed")


def _connector(told: _Told) -> str:
    return told.drift[0].partition(".")[0]
