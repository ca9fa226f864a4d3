"""Emits a connector's fetch plan: a Python module that builds it from the runtime's vocabulary."""

from __future__ import annotations

from fieldmap.compiler import ir
from fieldmap.compiler.connectors import ConnectorPlan
from fieldmap.compiler.emit.expressions import Emitter
from fieldmap.compiler.emit.python import Body
from fieldmap.compiler.emit.transform import imports_of
from fieldmap.compiler.pages import Found
from fieldmap.runtime import plan

_HEAD = '''"""How connector {name} is fetched. Generated from {file}:{line}; changes belong there."""

from fieldmap.runtime.plan import *
'''


def emit(connector: ConnectorPlan) -> str:
    """The source of `fetch/<connector>.py`: functions that find the next page, and CONNECTOR."""
    functions: dict[tuple[str, str], str] = {}
    parts = [_HEAD.format(name=connector.plan.name, file=_one_line(connector.place.file), line=connector.place.line)]
    for number, ((resource, purpose), read) in enumerate(connector.finds.items()):
        functions[resource, purpose] = f"_{purpose}_{number}"
        parts.append(_function(functions[resource, purpose], read, resource, rows=purpose == "rows"))
    conditions, imports = _conditions(connector, functions)
    parts[1:1] = [imports] if imports else []
    parts += conditions
    parts.append(f"CONNECTOR = {_value(connector.plan, functions, '')}")
    return "\n\n".join(parts) + "\n"


def _conditions(connector: ConnectorPlan, functions: dict[tuple[str, str], str]) -> tuple[list[str], str]:
    """What is asked of answers, as functions from a decoded body, and the imports that they need."""
    if not connector.conditions:
        return [], ""
    emitter, written = Emitter({}), list[str]()
    for number, ((resource, purpose), condition) in enumerate(connector.conditions.items()):
        functions[resource, purpose] = f"_asks_{number}"
        emitter.body, emitter.roots = Body(), {"$": "body"}
        with emitter.body.block("try:"):
            emitter.body.line(f"return {emitter.emit(condition).code} is True")
        with emitter.body.block("except Failed:"):
            emitter.body.line("return False")
        head = [f"def _asks_{number}(body: Any) -> bool:", f"    # {resource}: on … when"]
        written.append("\n".join([*head, *emitter.body.lines]))
    constants = "\n".join(emitter.constants.lines())
    whole = [*emitter.queries.functions, *([constants] if constants else []), *emitter.functions, *written]
    return whole, "\n".join(imports_of("\n".join(whole))[2:])


def _function(name: str, read: ir.Read, resource: str, *, rows: bool) -> str:
    """rows: what is found is a page's records: a list, or all values of an object that is gone through; False where there is nothing."""
    nothing = "False" if rows else "None"
    lines = [f"def {name}(body):", f"    # {resource}: {_one_line(read.text)}"]
    for segment in read.segments:
        if isinstance(segment, ir.Member):
            get = f"body.get({segment.name!r}, False)" if rows else f"body.get({segment.name!r})"
            lines.append(f"    body = {get} if isinstance(body, dict) else {nothing}")
        elif isinstance(segment, ir.Index):
            inside = f"len(body) > {segment.index}" if segment.index >= 0 else f"len(body) >= {-segment.index}"
            lines.append(f"    body = body[{segment.index}] if isinstance(body, list) and {inside} else {nothing}")
        elif isinstance(segment, ir.All):
            lines.append("    body = list(body.values()) if isinstance(body, dict) else body")
    if rows:
        # A null in the place of the list says that there are none.
        lines.append("    body = [] if body is None else body")
        lines.append("    return [body] if isinstance(body, dict) else body")
    else:
        lines.append("    return body")
    return "\n".join(lines)


def _value(value: object, functions: dict[tuple[str, str], str], resource: str) -> str:
    """A constructor call or constant. Texts of the author pass only through repr."""
    if isinstance(value, plan.HttpResource | plan.FilesResource):
        resource = resource or value.name
    if isinstance(value, Found):
        return functions[resource, value.purpose]
    if isinstance(value, tuple):
        items = ", ".join(_value(item, functions, resource) for item in value)
        return f"({items},)" if len(value) == 1 else f"({items})"
    if value is None or isinstance(value, str | int | bool):
        return repr(value)
    name = type(value).__name__
    if isinstance(value, plan.SweepRef) and value.default is not None:
        return f"{name}({value.name!r}, {value.default!r})"
    if isinstance(value, plan.EnvRef | plan.SecretRef | plan.SweepRef | plan.Bounded | plan.Composed):
        only = value.parts if isinstance(value, plan.Bounded | plan.Composed) else value.name
        return f"{name}({_value(only, functions, resource)})"
    fields = [(field, getattr(value, field)) for field in value.__slots__]  # type: ignore[attr-defined]
    return (
        f"{name}({', '.join(f'{field}={_value(item, functions, _within(resource, field))}' for field, item in fields)})"
    )


def _within(resource: str, field: str) -> str:
    """What its finds are kept under: those of a feed of deletes apart from those of its resource."""
    return f"{resource} {plan.DELETES}" if field == "deletes" else resource


def _one_line(text: str) -> str:
    return " ".join(text.split())
