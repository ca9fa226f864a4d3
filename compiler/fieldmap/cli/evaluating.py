"""Commands that try an expression on a record: eval, repl."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from fieldmap.cli.console import Json, exiting
from fieldmap.runtime.errors import FindingsError, UsageError


def register(app: typer.Typer) -> None:
    app.command(
        "eval",
        epilog="Example: fieldmap eval '$.miles in mi' --record worker.json · fieldmap eval --nodes '$..name' --record -",
    )(exiting(evaluate))
    app.command(epilog="Example: fieldmap repl worker.json")(exiting(repl))


def evaluate(
    expression: Annotated[
        str | None, typer.Argument(metavar="EXPR", help="An expression of the language, or a path.", show_default=False)
    ] = None,
    record: Annotated[
        str | None, typer.Option(metavar="FILE", help="The JSON document that $ stands for; - reads standard input.")
    ] = None,
    nodes: Annotated[
        bool, typer.Option("--nodes", help="Show what a path finds as RFC 9535 has it: a JSON list, nulls included.")
    ] = False,
    paths: Annotated[bool, typer.Option("--paths", help="With --nodes: show where each value stands instead.")] = False,
    batch: Annotated[
        str | None,
        typer.Option(
            metavar="FILE",
            help="Evaluate many paths: one JSON object a line with selector and document; - reads standard input.",
        ),
    ] = None,
    json: Json = False,
) -> int:
    """Evaluates an expression, or a path, against a JSON document.

    Without --record only expressions that read nothing can be evaluated. --batch answers each line with a line: its nodes and
    paths, or its error. Exit code 1 if an expression has a mistake.
    """
    if batch is not None:
        if expression is not None or record is not None:
            raise UsageError("--batch has its paths and documents in the file; leave the expression and --record out")
        return _batch(batch)
    if expression is None:
        raise UsageError("Say what to evaluate: fieldmap eval '$.name' --record worker.json")
    if paths and not nodes:
        raise UsageError("--paths goes with --nodes")
    document = _document(record) if record is not None else {}
    if nodes:
        found = _nodes(expression, document)
        sys.stdout.write(_json([node.path for node in found] if paths else [node.value for node in found]) + "\n")
        return 0
    from fieldmap.compiler.evaluate import as_json
    from fieldmap.compiler.evaluate import evaluate as value_of

    answer = value_of(expression, document)
    if json:
        sys.stdout.write(_json({"value": as_json(answer.value), "type": answer.type, "unit": answer.unit}) + "\n")
    else:
        sys.stdout.write(f"{answer.shown}    {answer.type}\n")
    return 0


def repl(
    record: Annotated[
        Path | None, typer.Argument(help="The JSON document that $ stands for.", show_default=False)
    ] = None,
) -> int:
    """Evaluates expressions as they are typed.

    :record FILE loads a document, :type EXPR says a type only, :help lists what there is, :quit leaves.
    """
    from fieldmap.cli.session import Session

    session = Session(_document(str(record)) if record is not None else {}, _document)
    return session.run()


def _nodes(selector: str, document: Any) -> list[Any]:
    from fieldmap.compiler import query
    from fieldmap.compiler.evaluate import sentence
    from fieldmap.dsl.diagnostics import Diagnostic

    segments = query.lower(selector)
    if isinstance(segments, Diagnostic):
        raise FindingsError(sentence(segments))
    return query.nodes(segments, document)


def _batch(name: str) -> int:
    mistakes = 0
    for number, line in enumerate(_lines(name), 1):
        if not line.strip():
            continue
        asked = _decoded(line, f"line {number} of {_called(name)}")
        if not isinstance(asked, dict) or not isinstance(asked.get("selector"), str) or "document" not in asked:
            raise UsageError(f'Line {number} of {_called(name)} is not {{"selector": "$.a", "document": …}}')
        try:
            found = _nodes(asked["selector"], asked["document"])
            answer: dict[str, Any] = {"nodes": [node.value for node in found], "paths": [node.path for node in found]}
        except FindingsError as error:
            mistakes += 1
            answer = {"error": str(error)}
        sys.stdout.write(_json(answer) + "\n")
    return 1 if mistakes else 0


def _lines(name: str) -> Iterator[bytes]:
    if name == "-":
        yield from sys.stdin.buffer
    else:
        yield from _bytes(name).splitlines()


def _document(name: str) -> Any:
    return _decoded(sys.stdin.buffer.read() if name == "-" else _bytes(name), _called(name))


def _bytes(name: str) -> bytes:
    try:
        return Path(name).read_bytes()
    except OSError as error:
        raise UsageError(f"{name} cannot be read: {error.strerror}") from None


def _decoded(content: bytes, called: str) -> Any:
    from fieldmap.runtime.values.decode import BOM, json_body
    from fieldmap.runtime.values.outcome import Failed

    found = json_body(content.removeprefix(BOM), called)
    if isinstance(found, Failed):
        raise UsageError(found.reason[:1].upper() + found.reason[1:])
    return found


def _called(name: str) -> str:
    return "standard input" if name == "-" else name


def _json(value: Any) -> str:
    from fieldmap.compiler.explain.jsontext import json_text

    return json_text(value)
