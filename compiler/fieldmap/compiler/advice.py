"""What archived records show and types cannot: days that no value tells from months, sentinels that never occur, addresses in a
field that should hold names. Advice and never an error, since tomorrow's records may be others."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from typing import Any

from fieldmap.compiler import interpret, ir
from fieldmap.compiler.coverage import values_at
from fieldmap.compiler.interpret.blame import parts
from fieldmap.compiler.steps import Steps
from fieldmap.compiler.symbols import Symbols
from fieldmap.dsl import ast
from fieldmap.dsl.diagnostics import Diagnostic, Severity
from fieldmap.dsl.source import Source, Span
from fieldmap.runtime.values import patterns
from fieldmap.runtime.values.failures import shorten
from fieldmap.runtime.values.outcome import Failed, Rejected

# Fewer values than these show nobody's habits.
FEW_DATES = 20
FEW_RECORDS = 50

_ADDRESS = re.compile(r"[^\s@]+@[^\s@]+\.[^\s@]+")
_MAY_HOLD_ADDRESSES = re.compile(r"mail|login|user|account|upn|address|contact|id$|name_id")
# The numbers of day and month before the year, in either order.
_EITHER_WAY = re.compile(r"\W*(?:MM?\W+dd?|dd?\W+MM?)\W+y+")


def advise(
    project: ir.Project, symbols: Symbols, sources: Mapping[str, Source], samples: Mapping[str, list[Any]]
) -> list[Diagnostic]:
    """samples: archived records by `connector.resource`."""
    found: list[Diagnostic] = []
    for map_ in project.maps:
        records = samples.get(f"{map_.connector}.{map_.resource}", [])
        if records and map_.claim is not None:
            found += _of_claim(map_.claim, project, sources, records)
    for connector in symbols.connectors.values():
        for resource in connector.resources:
            records = samples.get(f"{connector.name.text}.{resource.name.text}", [])
            if resource.shape is not None and len(records) >= FEW_RECORDS:
                found += _sentinels(resource.shape.members, (), records)
    return found


def _of_claim(
    claim: ir.Claim, project: ir.Project, sources: Mapping[str, Source], records: list[Any]
) -> Iterator[Diagnostic]:
    for item in claim.assignments:
        span = _span(item.place, sources)
        for node in _conversions(item.value):
            texts = [text for text in _values(node.value, project, records) if isinstance(text, str)]
            if (said := _day_or_month(node.how, texts)) is not None:
                help_ = "ask the source's owner which comes first; a single day above 12 would tell"
                yield Diagnostic("FM0530", said, span, help=help_, severity=Severity.INFO)
        if _holds_no_address(item):
            texts = [text for text in _values(item.value, project, records) if isinstance(text, str)]
            addresses = sum(bool(_ADDRESS.fullmatch(text)) for text in texts)
            if len(texts) >= FEW_DATES and addresses * 10 >= len(texts) * 8:
                said = f"{addresses} of {len(texts)} archived values of {item.field} look like e-mail addresses"
                help_ = "check that the field of the source is the one that is meant"
                yield Diagnostic("FM0532", said, span, help=help_, severity=Severity.WARNING)


def _conversions(node: ir.Expr) -> Iterator[ir.Convert]:
    if isinstance(node, ir.Convert):
        yield node
    for part in parts(node):
        yield from _conversions(part)


def _values(node: ir.Expr, project: ir.Project, records: Iterable[Any]) -> Iterator[Any]:
    """What the expression gives for each record; nothing where it fails, or needs what is not at hand here."""
    for record in records:
        try:
            value = interpret.evaluate(node, project.codes, {"$": record})
        except (Failed, Rejected, KeyError):
            continue
        if value is not None:
            yield value


def _day_or_month(how: ir.How, texts: list[str]) -> str | None:
    if not isinstance(how, ir.Patterns) or len(texts) < FEW_DATES:
        return None
    pattern = how.patterns[0]
    if len(how.patterns) != 1 or not _EITHER_WAY.match(pattern):
        return None
    days = [read.moment.day for text in texts if (read := patterns.read(text, pattern, how.since)) is not None]
    if len(days) < FEW_DATES or max(days) > 12:
        return None
    return (
        f"{len(days)} archived values look like {shorten(texts[0])}, and none has a day above 12:"
        " month and day cannot be told apart"
    )


def _holds_no_address(item: ir.Assignment) -> bool:
    type_ = item.target
    return isinstance(type_, ir.TextType) and type_.checked is None and not _MAY_HOLD_ADDRESSES.search(item.field)


def _sentinels(members: Iterable[ast.Member], above: Steps, records: list[Any]) -> Iterator[Diagnostic]:
    for member in members:
        steps = (*above, member.name.text)
        for sentinel in member.sentinels:
            values = [value for record in records for value in values_at(record, steps)]
            if len(values) >= FEW_RECORDS and not any(_is(value, sentinel) for value in values):
                yield Diagnostic(
                    "FM0531",
                    f"none of {len(values)} archived values of {member.name.text} is what stands for absent here",
                    sentinel.span,
                    help="check how the source writes it; leave it out if it is never sent",
                    severity=Severity.INFO,
                )
        if isinstance(member.type, ast.ObjectType):
            yield from _sentinels(member.type.members, steps, records)


def _is(value: Any, sentinel: ast.Expr) -> bool:
    match sentinel:
        case ast.Text(value=text):
            return bool(value == text)
        case ast.Template(parts=()):
            return bool(value == "")
        case ast.Template(parts=(ast.Text(value=text),)):
            return bool(value == text)
        case ast.Number(value=number):
            return (isinstance(value, int | Decimal) and value == number) or str(value) == str(number)
        case ast.Bool(value=answer):
            return value is answer
        case _:
            return True


def _span(place: ir.Place, sources: Mapping[str, Source]) -> Span:
    source = sources[place.file]
    start = source.offset(place.line, place.column)
    return Span(place.file, start, start + len(place.text.splitlines()[0]) if place.text else start)
