"""Emits a connector's fetch plan: a Python module that builds it from the runtime's vocabulary."""

from __future__ import annotations

from fieldmap.compiler import ir
from fieldmap.compiler.connectors import ConnectorPlan
from fieldmap.runtime import plan

_HEAD = '''"""How connector {name} is fetched. Generated from {file}:{line}; changes belong there."""

from fieldmap.runtime.plan import *
'''


def emit(connector: ConnectorPlan) -> str:
    """The source of `fetch/<connector>.py`: functions that find the next page, and CONNECTOR."""
    functions: dict[str, str] = {}
    parts = [_HEAD.format(name=connector.plan.name, file=_one_line(connector.place.file), line=connector.place.line)]
    for number, (resource, read) in enumerate(connector.next_pages.items()):
        functions[resource] = f"_next_{number}"
        parts.append(_function(functions[resource], read, resource))
    parts.append(f"CONNECTOR = {_value(connector.plan, functions, '')}")
    return "\n\n".join(parts) + "\n"


def _function(name: str, read: ir.Read, resource: str) -> str:
    lines = [f"def {name}(body):", f"    # {resource}: {_one_line(read.text)}"]
    for segment in read.segments:
        if isinstance(segment, ir.Member):
            lines.append(f"    body = body.get({segment.name!r}) if isinstance(body, dict) else None")
        elif isinstance(segment, ir.Index):
            inside = f"len(body) > {segment.index}" if segment.index >= 0 else f"len(body) >= {-segment.index}"
            lines.append(f"    body = body[{segment.index}] if isinstance(body, list) and {inside} else None")
    return "\n".join([*lines, "    return body"])


def _value(value: object, functions: dict[str, str], resource: str) -> str:
    """A constructor call or constant. Texts of the author pass only through repr."""
    if isinstance(value, plan.HttpResource | plan.FilesResource):
        resource = value.name
    if callable(value) and not isinstance(value, type):
        return functions[resource]
    if isinstance(value, tuple):
        items = ", ".join(_value(item, functions, resource) for item in value)
        return f"({items},)" if len(value) == 1 else f"({items})"
    if value is None or isinstance(value, str | int | bool):
        return repr(value)
    name = type(value).__name__
    if isinstance(value, plan.EnvRef | plan.SecretRef | plan.Composed):
        only = value.parts if isinstance(value, plan.Composed) else value.name
        return f"{name}({_value(only, functions, resource)})"
    fields = [(field, getattr(value, field)) for field in value.__slots__]  # type: ignore[attr-defined]
    return f"{name}({', '.join(f'{field}={_value(item, functions, resource)}' for field, item in fields)})"


def _one_line(text: str) -> str:
    return " ".join(text.split())
