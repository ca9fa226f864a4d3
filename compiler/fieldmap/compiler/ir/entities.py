"""Entities, their sources and rules; and the whole project."""

from __future__ import annotations

import msgspec

from fieldmap.compiler.ir.identity import Identity, Reference
from fieldmap.compiler.ir.maps import Map
from fieldmap.compiler.ir.nodes import Node, Place
from fieldmap.compiler.ir.rules import RowCondition, Rule
from fieldmap.compiler.ir.types import Type


class Field(Node, frozen=True):
    """column: first column in PostgreSQL; money without a fixed currency has a second, `<column>_currency`. must_exist: a reference
    (or a list of them) that holds its row back while it finds no canonical row (`interpret.standing`)."""

    name: str
    column: str
    type: Type
    optional: bool
    is_key: bool
    place: Place
    doc: str = ""
    tags: tuple[str, ...] = ()
    must_exist: bool = False


class Composite(Node, frozen=True):
    """A reference to an entity whose key has several fields: `fields` hold its parts, in the order of the key. They are absent
    together, and come from one claim. must_exist: as of a field that holds a whole reference."""

    name: str
    entity: str
    fields: tuple[str, ...]
    must_exist: bool = False


class Source(Node, frozen=True):
    """A claim table that feeds an entity. rank: its place in the order of the identity statement, for ties. numbering: that of
    its key, "" where the entity has one only. references: its fields that are resolved by something."""

    map: str
    claim: int
    table: str
    connector: str
    resource: str
    rank: int
    partial: bool
    numbering: str = ""
    references: tuple[Reference, ...] = ()


class Entity(Node, frozen=True):
    """version: hash of fields, sources and rules; a change means that its rows are merged anew. identity: None where all sources
    share one numbering. unique: two live claims of one source for one key hold the row back (`duplicates reject`). history: rows of
    earlier times are kept (`keeps history`)."""

    name: str
    table: str
    fields: tuple[Field, ...]
    key: tuple[str, ...]
    sources: tuple[Source, ...]
    rules: dict[str, Rule]
    place: Place
    doc: str = ""
    version: str = ""
    identity: Identity | None = None
    conditions: tuple[RowCondition, ...] = ()
    unique: bool = False
    composites: tuple[Composite, ...] = ()
    history: bool = False


class CodeTable(Node, frozen=True):
    """entries: code to value (text of an enum value, or text). default: of `else`.

    numeric: the codes are numbers, in plain digits. enum: the values may be values of an enum. digest: of the CSV file that
    holds it, "" if the codes are written out. table: where this is a column of a table (called `table.column`), the table: then
    an empty value is absent, and a key that is not there fails with FM2166. The parts of a key of several columns stand
    between `KEY_SEPARATOR`.
    """

    name: str
    entries: dict[str, str]
    place: Place
    default: str | None = None
    numeric: bool = False
    enum: bool = False
    digest: str = ""
    table: str = ""


KEY_SEPARATOR = "\x1f"


class Spellings(Node, frozen=True):
    """The words that name units of one dimension. needed: what is measured, "a length". own: factor and offset to the base unit
    (texts of fractions) and the words of each unit, separated by `|`; those behind `||` count only exactly as they stand.
    foreign: what other words measure, for messages. A word is looked up as it stands, then in small letters if only one unit
    has it so; one letter is never looked up in small letters."""

    name: str
    needed: str
    own: tuple[tuple[str, str, str], ...]
    foreign: tuple[tuple[str, str], ...]


class Rate(msgspec.Struct, frozen=True):
    """day: 2026-03-01. value: plain decimal text, so that 1 source is `value` target. line: of the file, from 1."""

    day: str
    source: str
    target: str
    value: str
    line: int


class Rates(Node, frozen=True):
    """A table of dated rates, in the order of pair and day. valid: for how many days after its own a rate counts. inverse: whether
    a pair may be read backwards, as 1 / rate. across: the currency through which a pair that has no rate may be reckoned; both
    rates are looked up by the same rules. file, digest (SHA-256 of the file): where they came from."""

    name: str
    file: str
    digest: str
    rates: tuple[Rate, ...]
    place: Place
    valid: int
    inverse: bool = False
    across: str | None = None


Table = CodeTable | Spellings | Rates


class Project(Node, frozen=True):
    """All of a project. connectors are not here: they are the fetch plans. codes: all tables that expressions look things up in; a
    code list by its name, others by a name with a blank or a slash, which no author can write."""

    entities: tuple[Entity, ...]
    maps: tuple[Map, ...]
    codes: dict[str, Table]
