"""Tables of reference data, and `lookup(table, key: …).column` in them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from fieldmap.compiler import ir, types
from fieldmap.compiler.functions.text import evaluate as written
from fieldmap.compiler.interpret.conversions import implicit
from fieldmap.compiler.places import place
from fieldmap.compiler.reference import DataFile, DataFiles
from fieldmap.compiler.report import Report
from fieldmap.compiler.scope import Typed
from fieldmap.compiler.shapes import Absence
from fieldmap.compiler.symbols import Symbols
from fieldmap.dsl import ast
from fieldmap.dsl.diagnostics import Label
from fieldmap.runtime.values.outcome import Failed

if TYPE_CHECKING:
    from fieldmap.compiler.expressions import Checker

_HELD = (ir.TextType, ir.IntType, ir.DecimalType, ir.BoolType, ir.DateType, ir.DatetimeType)
_KEYS = (ir.TextType, ir.IntType, ir.DateType)


@dataclass(frozen=True)
class _Column:
    node: ast.Column
    type: ir.Type
    index: int


def lower_tables(symbols: Symbols, files: DataFiles, report: Report) -> dict[str, ir.CodeTable]:
    """A list of codes for each column of each table that is no key, called `table.column`."""
    found: dict[str, ir.CodeTable] = {}
    for node in symbols.tables.values():
        found |= _table(node, symbols, files, report)
    return found


def _table(node: ast.Table, symbols: Symbols, files: DataFiles, report: Report) -> dict[str, ir.CodeTable]:
    broken = report.broken(node.span)
    if not any(column.is_key for column in node.columns):
        if not broken:
            report.error(
                "FM0301",
                f"{node.name.text} has no key",
                node.name.span,
                help="write key before the column by which rows are found",
            )
        return {}
    file = files.open(node.source)
    columns = _columns(node, file, files, report)
    if file is None or columns is None:
        return {}
    entries: dict[str, dict[str, str]] = {column.node.name.text: {} for column in columns if not column.node.is_key}
    first: dict[str, tuple[int, list[str]]] = {}
    for line, cells in file.rows:
        read = _row(columns, file, files, line, cells)
        if read is None:
            continue
        key, values = read
        if key in first:
            if first[key][1] != cells and not broken:
                shown = key.replace(ir.KEY_SEPARATOR, ", ")
                message = f"the key {shown} has a row already, and this one says otherwise"
                files.mistake(file, line, message, "keep one of the two", code="FM0366", first=first[key][0])
            continue
        first[key] = line, cells
        for name, value in values.items():
            entries[name][key] = value
    where = place(symbols.sources, node.name.span)
    return {
        f"{node.name.text}.{name}": ir.CodeTable(
            name=f"{node.name.text}.{name}", entries=pairs, place=where, digest=file.digest, table=node.name.text
        )
        for name, pairs in entries.items()
    }


def _columns(node: ast.Table, file: DataFile | None, files: DataFiles, report: Report) -> list[_Column] | None:
    found: list[_Column] = []
    seen: dict[str, ast.Name] = {}
    fine = True
    for column in node.columns:
        if column.name.text in seen:
            report.twice(f"the column {column.name.text}", column.name.span, seen[column.name.text].span)
            fine = False
        seen.setdefault(column.name.text, column.name)
        type_ = types.lower_type(column.type, report, shape=True, key_of=lambda _: None)
        held = _KEYS if column.is_key else _HELD
        if not isinstance(type_, held) and not isinstance(type_, ir.UnknownType):
            what = (
                "a text, a whole number or a date"
                if column.is_key
                else "a text, a number, a bool, a date or a datetime"
            )
            report.error("FM0303", f"{'a key' if column.is_key else 'a column'} holds {what}", column.type.span)
            fine = False
        if column.is_key and column.optional:
            report.error("FM0302", f"the key {column.name.text} may not be absent", column.span, help="take the ? away")
            fine = False
        header = column.header.value if column.header is not None else column.name.text
        at = column.header.span if column.header is not None else column.name.span
        index = files.column(file, header, at) if file is not None else 0
        if index is None:
            fine = False
        else:
            found.append(_Column(column, type_, index))
    return found if fine and not any(isinstance(column.type, ir.UnknownType) for column in found) else None


def _row(
    columns: list[_Column], file: DataFile, files: DataFiles, line: int, cells: list[str]
) -> tuple[str, dict[str, str]] | None:
    """The key and the other cells of a row as they are looked up; None after a diagnostic."""
    keys: list[str] = []
    values: dict[str, str] = {}
    for column in columns:
        name, cell = column.node.name.text, cells[column.index]
        if cell == "" and not column.node.optional:
            files.mistake(file, line, f"{name} is empty", "fill it in, or write ? behind its type in the table")
            return None
        try:
            value = cell if cell == "" else _cell(cell, column.type)
        except Failed as failed:
            files.mistake(file, line, f"{name} is {types.describe(column.type)}: {failed.reason}")
            return None
        if column.node.is_key:
            keys.append(value)
        else:
            values[name] = value
    if any(ir.KEY_SEPARATOR in key for key in keys):
        files.mistake(file, line, "the key holds a control character")
        return None
    return ir.KEY_SEPARATOR.join(keys), values


def _cell(cell: str, type_: ir.Type) -> str:
    """The cell as a text from which its type can be read back. Raises Failed."""
    if isinstance(type_, ir.BoolType):
        if cell not in ("true", "false"):
            raise Failed("FM2105", f'"{cell}" is neither "true" nor "false"')
        return cell
    return written(implicit(cell, type_))


# ------------------------------------------------------------------------------------------------------------- lookup


def lookup(checker: Checker, node: ast.Access) -> Typed | None:
    """`lookup(cost_centers, code: $.cc).name`"""
    call, report, symbols = node.value, checker.report, checker.scope.symbols
    if len(call.arguments) != 1 or not isinstance(call.arguments[0], ast.Bare):
        report.error(
            "FM0309",
            "lookup takes a table, and a value for each of its keys",
            call.span,
            help="write lookup(cost_centers, code: $.cc).name",
        )
        return None
    name = ast.Name(text=call.arguments[0].name, span=call.arguments[0].span)
    table = symbols.tables.get(name.text)
    if table is None:
        report.unknown("FM0219", "table", name, symbols.tables)
        return None
    column = _named_column(checker, node, table)
    key = _key(checker, call, table)
    if column is None or key is None:
        return None
    list_ = checker.scope.codes.get(f"{table.name.text}.{column.name.text}")
    if list_ is None:
        return None  # the table has a mistake of its own
    found: ir.Expr = ir.Lookup(value=key.expr, codes=list_.name)
    type_ = types.lower_type(column.type, Report(), shape=True, key_of=lambda _: None)
    if isinstance(type_, ir.BoolType):
        found = ir.Convert(value=found, to=type_, how=ir.BoolWords(yes="true", no="false"))
    elif not isinstance(type_, ir.TextType):
        found = ir.Implicit(value=found, to=type_)
    absence = key.absence | (Absence.MAYBE if column.optional else Absence.NEVER)
    return Typed(found, type_, absence, node.span, column.type.span)


def _named_column(checker: Checker, node: ast.Access, table: ast.Table) -> ast.Column | None:
    segment = node.segments[0]
    if len(node.segments) > 1 or not isinstance(segment, ast.MemberSegment):
        checker.report.error(
            "FM0219", "one column is read from a row", node.span, help="write its name behind the brackets"
        )
        return None
    columns = {column.name.text: column for column in table.columns if not column.is_key}
    found = columns.get(segment.name)
    if found is None:
        span = segment.span
        checker.report.unknown(
            "FM0219", f"column of {table.name.text} called", ast.Name(text=segment.name, span=span), columns
        )
    return found


def _key(checker: Checker, call: ast.Call, table: ast.Table) -> Typed | None:
    """The text by which the row is found."""
    keys = {column.name.text: column for column in table.columns if column.is_key}
    given = {argument.name.text: argument for argument in call.named}
    for argument in call.named:
        if argument.name.text not in keys:
            checker.report.unknown("FM0219", f"key of {table.name.text} called", argument.name, keys)
            return None
    missing = [name for name in keys if name not in given]
    if missing or len(given) < len(call.named):
        wanted = ", ".join(f"{name}: …" for name in keys)
        checker.report.error(
            "FM0309",
            f"a row of {table.name.text} is found by {' and '.join(keys)}",
            call.span,
            labels=[Label(table.name.span, "declared here")],
            help=f"write lookup({table.name.text}, {wanted})",
        )
        return None
    holes: list[ir.Hole] = []
    absence = Absence.NEVER
    for name, column in keys.items():
        part = _part(checker, given[name], column)
        if part is None:
            return None
        holes.append(ir.Hole(value=part.expr, absence="!"))
        absence = absence | part.absence
    if len(holes) == 1:
        return Typed(holes[0].value, ir.TextType(), absence, call.span)
    parts: list[str | ir.Hole] = []
    for hole in holes:
        parts += [ir.KEY_SEPARATOR, hole] if parts else [hole]
    return Typed(ir.Template(parts=tuple(parts)), ir.TextType(), absence, call.span)


def _part(checker: Checker, argument: ast.Argument, column: ast.Column) -> Typed | None:
    from fieldmap.compiler.assign import coerce

    type_ = types.lower_type(column.type, Report(), shape=True, key_of=lambda _: None)
    typed = checker.check(argument.value, type_)
    if typed is None:
        return None
    declared = ast.EntityField(name=column.name, type=column.type, optional=False, is_key=True, span=column.span)
    expr = coerce(typed, type_, declared, checker.report)
    if expr is None:
        return None
    if not isinstance(type_, ir.TextType):
        expr = ir.Call(function="text", arguments=(expr,))
    return Typed(expr, ir.TextType(), typed.absence, typed.span)
