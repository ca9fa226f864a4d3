"""How a resource's bytes are read: its format, the settings behind it, and of XML what the shape says is one and what is many."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, cast

from fieldmap.compiler import ir, shapes
from fieldmap.compiler.layouts import PACKED, lower_layout, lower_packed
from fieldmap.compiler.report import Report
from fieldmap.dsl import ast
from fieldmap.runtime.plan import Format
from fieldmap.runtime.values.reading import ENCODINGS, PLAIN, TEXT, Reading

FORMATS = ("json", "ndjson", "csv", "fixed", "xml", "excel")
_SETTINGS = {
    "csv": ("delimiter", "quote", "encoding", "header", "columns", "skip", "footer", "short_rows"),
    "fixed": ("columns", "encoding", "skip", "footer", "short_rows"),
    "excel": ("sheet", "header"),
    "xml": ("root", "namespaces"),
}
_SAMPLES = {
    "delimiter": 'delimiter ";"',
    "quote": "quote none",
    "encoding": 'encoding "windows-1252"',
    "header": "header 3",
    "skip": "skip 2",
    "footer": "footer 1",
    "short_rows": "short_rows allowed",
    "sheet": 'sheet "People"',
    "root": 'root "Report_Data"',
    "namespaces": "namespaces kept",
}
_MOST_LINES = 1_000


def format_of(resource: ast.Resource) -> Format:
    """The format that a resource says, json where it says none or one that there is not."""
    line = resource.files or resource.format
    return cast("Format", line.format.text) if line is not None and line.format.text in FORMATS else "json"


def packed_of(resource: ast.Resource) -> str:
    """ "zip" or "gzip" where the resource's bodies are such files, else ""."""
    line = resource.files or resource.format
    return (
        line.packed.kind.text
        if line is not None and line.packed is not None and line.packed.kind.text in PACKED
        else ""
    )


def reading_of(map_: ir.Map) -> Reading:
    """How the map's pages are read, as the runtime knows it."""
    if map_.reading is None:
        return PLAIN
    return Reading(**{name: getattr(map_.reading, name) for name in map_.reading.__struct_fields__})


def lower_reading(resource: ast.Resource, shape: shapes.ObjectShape | None, report: Report) -> ir.Reading | None:
    """What the settings and the shape say of the resource's bytes; None where there is nothing to say, or after a diagnostic."""
    line = resource.files or resource.format
    if line is None:
        return None
    format_ = line.format.text
    if format_ not in FORMATS:
        report.unknown("FM0403", "format", line.format, FORMATS)
        return None
    values: dict[str, Any] = lower_layout(line, format_, _SETTINGS.get(format_, ()), report)
    if line.packed is not None:
        values |= lower_packed(line.packed, report)
    for setting in line.settings:
        if setting.name.text not in _SETTINGS.get(format_, ()):
            known = _SETTINGS.get(format_, ())
            report.error(
                "FM0405",
                f"{format_} takes no {setting.name.text}",
                setting.span,
                help=f"it takes: {', '.join(known)}" if known else "leave the braces out",
            )
        elif setting.name.text in values:
            report.error("FM0205", f"{setting.name.text} is said twice", setting.span, help="keep one of the two")
        elif (value := _value(setting, report)) is not None:
            values[setting.name.text] = value
    if format_ == "xml":
        schema = _schema(resource, shape, report)
        return ir.Reading(**values, schema=schema) if schema is not None else None
    return ir.Reading(**values) if values else None


def _value(setting: ast.Setting, report: Report) -> Any:
    """The value of a setting, None after a diagnostic."""
    name, value = setting.name.text, setting.value
    found = _READERS[name](value)
    if found is None:
        report.error("FM0403", f"{name} cannot be this", value.span, help=f"{_HELP[name]}, as in: {_SAMPLES[name]}")
    return found


def _text(value: ast.Expr) -> str | None:
    match value:
        case ast.Text():
            return value.value
        case ast.Template(parts=()):
            return ""
        case ast.Template(parts=(ast.Text() as text,)):
            return text.value
        case _:
            return None


def _delimiter(value: ast.Expr) -> str | None:
    if isinstance(value, ast.Bare):
        return "\t" if value.name == "tab" else None
    text = _text(value)
    return text if text is not None and len(text) == 1 and text not in '"\r\n' else None


def _quote(value: ast.Expr) -> str | None:
    if isinstance(value, ast.Bare):
        return "" if value.name == "none" else None
    text = _text(value)
    return text if text is not None and len(text) == 1 and text not in "\r\n" else None


def _encoding(value: ast.Expr) -> str | None:
    text = (_text(value) or "").lower()
    return text if text in ENCODINGS else None


def _line(value: ast.Expr) -> int | None:
    if isinstance(value, ast.Number) and value.unit is None and 1 <= value.value <= _MOST_LINES:
        return int(value.value) if value.value == int(value.value) else None
    return None


def _count(value: ast.Expr) -> int | None:
    if isinstance(value, ast.Number) and value.unit is None and value.value == 0:
        return 0
    return _line(value)


def _allowed(value: ast.Expr) -> bool | None:
    return True if isinstance(value, ast.Bare) and value.name == "allowed" else None


def _sheet(value: ast.Expr) -> str | int | None:
    return _text(value) or _line(value)


def _root(value: ast.Expr) -> str | None:
    return _text(value) or None


def _namespaces(value: ast.Expr) -> bool | None:
    if isinstance(value, ast.Bare) and value.name in ("kept", "dropped"):
        return value.name == "kept"
    return None


_READERS: dict[str, Callable[[ast.Expr], Any]] = {
    "delimiter": _delimiter,
    "quote": _quote,
    "encoding": _encoding,
    "header": _line,
    "skip": _count,
    "footer": _count,
    "short_rows": _allowed,
    "sheet": _sheet,
    "root": _root,
    "namespaces": _namespaces,
}
_HELP = {
    "delimiter": "what separates the cells is one character, or tab",
    "quote": "what stands round a cell is one character, or none",
    "encoding": f"the encodings are {', '.join(list(ENCODINGS)[:6])} and their like",
    "header": "the header is a line by its number, from 1",
    "skip": f"it is a number of lines, from 0 to {_MOST_LINES:,}",
    "footer": f"it is a number of lines, from 0 to {_MOST_LINES:,}",
    "short_rows": "short rows are allowed, or this is not said",
    "sheet": "a sheet is named, or numbered from 1",
    "root": "the root element has a name in quotes",
    "namespaces": "namespaces are dropped, or kept",
}


# ---------------------------------------------------------------------------------------------------------------- XML


def _schema(resource: ast.Resource, shape: shapes.ObjectShape | None, report: Report) -> str | None:
    """The schema by which XML is read (fieldmap.runtime.values.xml), as JSON text: the steps of `records`, then the shape."""
    if resource.shape is None or shape is None:
        if not report.broken(resource.span):
            report.error(
                "FM0406",
                f"{resource.name.text} is XML, and nothing says what is one and what is many",
                resource.name.span,
                help="add a shape { … }: [ … ] for what may come more than once",
            )
        return None
    found: Any = _node(shape)
    many = False
    for segment in reversed(resource.records.segments if resource.records is not None else ()):
        match segment:
            case ast.MemberSegment(name=name):
                found = {name: [found] if many else found}
                many = False
            case ast.WildcardSegment() if not many:
                many = True
            case _:
                report.error(
                    "FM0407",
                    "the records of XML are found by names, with [*] behind the one that comes many times",
                    segment.span,
                    help="write: records $.Data.Worker[*]",
                )
                return None
    if many:
        report.error(
            "FM0407",
            "the root element is one; [*] stands behind the name of what comes many times",
            resource.records.span if resource.records is not None else resource.name.span,
            help="write: records $.Worker[*]",
        )
        return None
    return json.dumps(found, sort_keys=True, separators=(",", ":"), ensure_ascii=True)


def _node(node: shapes.ShapeNode) -> Any:
    match node:
        case shapes.ObjectShape(members=members):
            made: dict[str, Any] = {}
            for name, member in members.items():
                below = _node(member.node)
                # A list that may be absent is told from an empty one only by its `?`.
                made[name] = [*below, "?"] if isinstance(below, list) and member.optional else below
            return made
        case shapes.ListShape(element=element):
            return [_node(element)]
        case shapes.ScalarShape(attributes=shapes.ObjectShape() as attributes):
            return {**_node(attributes), TEXT: "text"}
        case shapes.ScalarShape(type=ir.BoolType(), how=None):
            return "bool"
        case shapes.ScalarShape(type=ir.JsonType()):
            return "any"
        case _:
            return "text"
