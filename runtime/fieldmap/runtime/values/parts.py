"""Values of several named parts: the fields whose type is a record."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fieldmap.runtime.values.failures import wrong
from fieldmap.runtime.values.outcome import Failed

# Makes a part of a value (never None) and the path that a failure is blamed on.
Part = Callable[[Any, str], Any]


def make_record(names: tuple[str, ...], required: frozenset[str], values: tuple[Any, ...], path: str) -> Any:
    """The parts that have a value, None if none has. FM2137 for one without a required part."""
    found = {name: value for name, value in zip(names, values, strict=True) if value is not None}
    if found and not required <= found.keys():
        raise Failed("FM2137", f"the record has no {next(n for n in names if n in required - found.keys())}", path)
    return found or None


def read_record(value: Any, readers: dict[str, Part], required: frozenset[str], path: str) -> Any:
    """A record of a JSON object: the members that have a reader. FM2101 for no object, FM2137, and what the readers say."""
    if type(value) is not dict:
        raise wrong(value, "an object", path)
    given = [value.get(name) for name in readers]
    read = (None if one is None else reader(one, path) for one, reader in zip(given, readers.values(), strict=True))
    return make_record(tuple(readers), required, tuple(read), path)


def fit_record(value: Any, fitters: dict[str, Part], path: str) -> dict[str, Any]:
    """FM2101, and what the fitters say."""
    if type(value) is not dict:
        raise wrong(value, "a record", path)
    return {name: fit(value[name], path) for name, fit in fitters.items() if name in value}
