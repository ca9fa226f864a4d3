"""Versions: the hash of what a map or an entity means. Formatting, comments, names of files and documentation do not count."""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Mapping
from typing import Any

import msgspec

from fieldmap.compiler import ir
from fieldmap.compiler.claims import claims_of
from fieldmap.compiler.functions import FUNCTIONS
from fieldmap.compiler.registries import registries

# Raised when a function, conversion or rounding rule begins to give another result for the same record.
MEANING = 1

_COSMETIC = frozenset(
    {"place", "text", "title", "paths", "reads", "ignores", "doc", "version", "tags", "from_unit", "to_unit"}
    | {"share", "message", "changed_unknown", "personal", "lines", "identity_tag"}
)


def map_version(map_: ir.Map, codes: Mapping[str, ir.Table], *, history: frozenset[str] = frozenset()) -> str:
    """A map's version: its meaning with the code lists and the editions of the registries that it uses; 12 hexadecimal digits.

    history: the entities that keep history. A map that claims one loads every version of a record, so it is another map than one that
    loads the newest alone, and a replay fills what is missing.
    """
    meaning = _meaning(msgspec.to_builtins(map_))
    # As pairs: a code or field of the author's may be called like an attribute that does not count.
    names = _uses(meaning, "Lookup", "codes") | _uses(meaning, "ReadQuantity", "spellings") | _unit_tables(meaning)
    used = [_table(codes[name]) for name in sorted(names | _uses(meaning, "Exchange", "rates")) if name in codes]
    called = _uses(meaning, "Call", "function")
    unicode = unicodedata.unidata_version if any(FUNCTIONS[name].unicode for name in called) else ""
    kept = sorted({claim.entity for claim in claims_of(map_)} & history)
    return _hash([MEANING, meaning, used, registries(meaning), unicode, *([kept] if kept else [])])


def _table(table: ir.Table) -> list[Any]:
    """What a table means: where a rate stands in its file, and the words of messages, do not count."""
    match table:
        case ir.CodeTable():
            return [table.name, sorted(table.entries.items()), table.default]
        case ir.Spellings():
            return [table.name, table.own]
        case ir.Rates():
            rates = [(rate.day, rate.source, rate.target, rate.value) for rate in table.rates]
            return [table.name, rates, table.valid, table.inverse, table.across]


def entity_version(entity: ir.Entity) -> str:
    """An entity's version: its fields, sources and rules."""
    rules = [[name, _meaning(msgspec.to_builtins(rule))] for name, rule in sorted(entity.rules.items())]
    conditions = tuple(msgspec.structs.replace(item, message="") for item in entity.conditions)
    meaning = _meaning(msgspec.to_builtins(msgspec.structs.replace(entity, rules={}, conditions=conditions)))
    return _hash([MEANING, meaning, rules])


def _hash(value: Any) -> str:
    return hashlib.sha256(msgspec.json.encode(value, order="deterministic")).hexdigest()[:12]


def _meaning(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _meaning(item) for key, item in value.items() if key not in _COSMETIC}
    if isinstance(value, list | tuple):
        return [_meaning(item) for item in value]
    return value


def _uses(value: Any, node: str, name: str) -> set[str]:
    if isinstance(value, dict):
        own = {value[name]} if value.get("node") == node else set()
        return own.union(*(_uses(item, node, name) for item in value.values()))
    if isinstance(value, list):
        return set().union(*(_uses(item, node, name) for item in value))
    return set()


def _unit_tables(value: Any) -> set[str]:
    """The tables of unit codes that a map uses: a code that moves to another factor or kind changes its meaning."""
    if isinstance(value, dict):
        own = set()
        if value.get("node") == "ScaleByCode" and value.get("into"):
            own = {f"{value['system']}/{value['into']['dimension']}", f"{value['system']}/", f"{value['system']}*"}
        return own.union(*(_unit_tables(item) for item in value.values()))
    return set().union(*(_unit_tables(item) for item in value)) if isinstance(value, list) else set()
