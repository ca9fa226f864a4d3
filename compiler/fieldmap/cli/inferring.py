"""`fieldmap infer`: a first map of a source, from samples of it or from its description."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fieldmap.cli.console import Json, err, exiting, out, plural, print_json, say
from fieldmap.cli.numbers import whole
from fieldmap.runtime.errors import UsageError

if TYPE_CHECKING:
    from fieldmap.compiler.infer.model import Source

# Of descriptions and samples; what the file's name or its beginning does not tell is told by --as.
_FORMS = ("json", "ndjson", "csv", "xml", "excel", "har", "openapi", "schema", "metadata")


def register(app: typer.Typer) -> None:
    app.command(
        epilog="Example: fieldmap infer people.json -o people.map · fieldmap infer workday.workers · fieldmap infer openapi.yaml --resource workers"
    )(exiting(infer))


def infer(
    source: Annotated[
        str,
        typer.Argument(
            help="A file of samples (JSON, JSON lines, CSV, XML, Excel, HAR), a description (OpenAPI 3, OData $metadata, JSON Schema), or a "
            "resource of the archive, such as workday.workers."
        ),
    ],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="Write here; printed if no file is named.")
    ] = None,
    as_: Annotated[
        str | None, typer.Option("--as", help=f"What the file is, where its name does not tell: {', '.join(_FORMS)}.")
    ] = None,
    name: Annotated[
        str | None, typer.Option("--name", help="The connector's name; that of the file if not said.")
    ] = None,
    resource: Annotated[
        list[str] | None,
        typer.Option("--resource", help="The resource's name; of a description, which ones to take (may be repeated)."),
    ] = None,
    files: Annotated[bool, typer.Option("--files", help="JSON is read from a folder, not asked over HTTP.")] = False,
    limit: Annotated[
        int,
        typer.Option(
            "--limit",
            parser=whole("--limit", least=1, most=1_000_000),
            help="How many records to look at.",
        ),
    ] = 20_000,
    force: Annotated[bool, typer.Option("--force", help="Overwrite the file of -o.")] = False,
    json: Json = False,
) -> int:
    """Writes a connector with its resources and shapes, ready to edit.

    Types, what may be missing, what stands for nothing, code lists, and the evidence for each as a comment. Values that look
    personal are never written out.
    """
    from fieldmap.compiler.infer import sources
    from fieldmap.compiler.infer.writing import written

    if as_ is not None and as_ not in _FORMS:
        raise UsageError(f"--as takes {', '.join(_FORMS[:-1])} or {_FORMS[-1]}, not {as_}")
    if output is not None and output.exists() and not force:
        raise UsageError(f"{output} is there already; name another file, or overwrite it with --force")
    named = name or (output.stem if output is not None else None)
    folder = output.parent if output is not None else Path()
    wanted = sources.Wanted(
        name=named, resources=tuple(resource or ()), form=as_, files=files, limit=limit, folder=folder
    )
    path = Path(source)
    found = sources.of_file(path, wanted) if path.is_file() else _of_archive(source, wanted)
    text = written(found)
    if output is not None:
        write(output, text)
    if json:
        print_json(_told(found, text, output))
    elif output is None:
        sys.stdout.write(text)
    else:
        out().print(f"{output}: {_counted(found)}")
        say(out(), f"Edit it, then: fieldmap check {output}")
    if output is None and not json:
        err().print(_counted(found))
    return 0


def _of_archive(source: str, wanted: Any) -> Source:
    from fieldmap.cli.archive import known
    from fieldmap.cli.workspace import Workspace
    from fieldmap.compiler.infer import sources

    parts = source.split(".")
    if (
        "/" in source
        or parts[-1] in _FORMS
        or len(parts) != 2
        or not all(part.replace("_", "a").isalnum() for part in parts)
    ):
        raise UsageError(
            f"There is no file {source}; name a file, or a resource of the archive such as workday.workers"
        )
    archive = Workspace.here().archive()
    known(archive, source)
    return sources.of_archive(archive, source, wanted)


def write(path: Path, text: str) -> None:
    """The file as a whole or not at all."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        draft.write_text(text, "utf-8")
        draft.replace(path)
    except OSError as error:
        draft.unlink(missing_ok=True)
        raise UsageError(f"{path} cannot be written: {error.strerror}") from None


def _counted(found: Source) -> str:
    from fieldmap.compiler.infer.model import leaves

    members = sum(1 for one in found.resources for _ in leaves(one.shape))
    return f"{plural(len(found.resources), 'resource')}, {plural(members, 'member')}"


def _told(found: Source, text: str, output: Path | None) -> dict[str, Any]:
    """As --json gives it."""
    from fieldmap.compiler.infer.model import Listed, Scalar, leaves

    def type_of(kind: Any) -> str:
        if isinstance(kind, Listed):
            return f"[ {type_of(kind.element)} ]"
        return kind.type if isinstance(kind, Scalar) else "object"

    return {
        "connector": found.name,
        "kind": found.kind or "http",
        "file": str(output) if output is not None else None,
        "resources": [
            {
                "name": f"{found.name}.{one.name}",
                "records": one.records,
                "settings": {item.word: item.text for item in one.settings if item.word},
                "members": [
                    {
                        "path": list(path),
                        "type": type_of(member.kind),
                        "optional": member.optional,
                        "sentinels": list(member.sentinels),
                        "tag": member.tag,
                        "evidence": member.note,
                    }
                    for path, member in leaves(one.shape)
                ],
                "codes": [codes.name for codes in one.codes],
            }
            for one in found.resources
        ],
        "map": text,
    }
