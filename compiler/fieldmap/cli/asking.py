"""What `fieldmap query` asks the database: which rows, of which time, which columns of them, and what is hidden.

Names are quoted by psycopg, keys and times go in as literals of psycopg, and conditions are written by the compiler from what its
parser has understood (`compiler/filters.py`): no text of the user becomes SQL.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Any, cast

from psycopg import sql

from fieldmap.compiler import ir
from fieldmap.compiler.emit.columns import quote
from fieldmap.compiler.emit.stood import stood_at
from fieldmap.compiler.emit.views import provenance_sql
from fieldmap.compiler.explain.private import Private
from fieldmap.compiler.filters import filter_sql
from fieldmap.runtime.archive import spelled
from fieldmap.runtime.bundle import Bundle, EntityInfo
from fieldmap.runtime.errors import UsageError
from fieldmap.runtime.moments import exactly

_ROW = "o"


@dataclass(frozen=True)
class Chosen:
    """A column that is asked for. type: of PostgreSQL. hidden: what is shown instead of its values, "" if they may be seen."""

    name: str
    type: str
    unit: str
    doc: str
    hidden: str

    @property
    def is_json(self) -> bool:
        return self.type in ("jsonb", "jsonb[]")

    def picked(self, *, text: bool) -> sql.Composed:
        """The column in a SELECT. JSON comes as PostgreSQL writes it, a list of documents as one: read into Python, its numbers would
        lose digits. text: whatever it is, as text."""
        shown = "to_jsonb({})::text" if self.type == "jsonb[]" else "{}::text" if text or self.is_json else "{}"
        return sql.SQL(shown).format(sql.Identifier(_ROW, self.name))


@dataclass(frozen=True)
class Question:
    """true_at, known_at: a moment, both None for the rows of now."""

    bundle: Bundle
    info: EntityInfo
    entity: ir.Entity
    chosen: list[Chosen]
    condition: str
    key: list[tuple[str, str]]
    true_at: datetime | None
    known_at: datetime | None
    limit: int | None
    private: Private
    maps: dict[str, ir.Map]
    entities: dict[str, ir.Entity]

    @classmethod
    def of(
        cls,
        bundle: Bundle,
        info: EntityInfo,
        *,
        wanted: list[str],
        where: list[str],
        key: list[tuple[str, str]],
        true_at: datetime | None,
        known_at: datetime | None,
        limit: int | None,
        reveal: bool,
    ) -> Question:
        """Raises UsageError for a field that there is not, a condition that means nothing, a time for which nothing is kept."""
        if (true_at is not None or known_at is not None) and not info.history:
            raise UsageError(
                f"{info.name} keeps no history, so only its rows of now are known; write `keeps history` into the entity and run: fieldmap replay"
            )
        project = ir.decode_project(bundle.parts["ir.json"])
        entity = next(one for one in project.entities if one.name == info.name)
        private = Private.of(project, reveal=reveal)
        tags = {field: text for (name, field), text in private.fields.items() if name == info.name}
        return cls(
            bundle,
            info,
            entity,
            _columns(bundle, info, entity, wanted, tags),
            filter_sql(entity, where, _ROW),
            key,
            # What the database showed at a moment is what it knew then of that moment.
            true_at if true_at is not None else known_at,
            known_at,
            limit,
            private,
            {map_.id: map_ for map_ in project.maps},
            {one.name: one for one in project.entities},
        )

    @property
    def when(self) -> str:
        """The times that were asked for, as they stand behind a row in a sentence."""
        parts = [f" as of {_shown(self.true_at)}"] if self.true_at is not None else []
        parts += [f" by what was known at {_shown(self.known_at)}"] if self.known_at is not None else []
        return "".join(parts)

    @property
    def hidden(self) -> list[str]:
        return [column.name for column in self.chosen if column.hidden]

    # ------------------------------------------------------------------------------------------------------ statements

    def rows(self, chosen: list[Chosen] | None = None, *, text: bool = False) -> sql.Composed:
        """The rows, in the order of their key. text: all columns as texts."""
        picked = [column.picked(text=text) for column in (self.chosen if chosen is None else chosen)]
        return self._select(sql.SQL(", ").join(picked))

    def number(self) -> sql.Composed:
        return sql.SQL("SELECT count(*) FROM {} WHERE {}").format(self._table(), self._where())

    def since(self) -> sql.Composed:
        return sql.SQL("SELECT min(_known_from) FROM {}").format(sql.Identifier("history", self.info.table))

    def _select(self, what: sql.Composable) -> sql.Composed:
        limited = sql.SQL(" LIMIT {}").format(sql.Literal(self.limit)) if self.limit is not None else sql.Composed([])
        return sql.SQL("SELECT {} FROM {} WHERE {} ORDER BY {}{}").format(
            what, self._table(), self._where(), self._keys(), limited
        )

    def _keys(self) -> sql.Composed:
        return sql.SQL(", ").join(sql.Identifier(_ROW, name) for name in self.info.key)

    def _table(self) -> sql.Composed:
        if self.true_at is None:
            return sql.SQL("canonical.{} {}").format(sql.Identifier(self.info.table), sql.Identifier(_ROW))
        # Of each key the row that began last.
        known = sql.SQL(cast("Any", self._known("h")))
        stood = stood_at(self.entity, self.entities, "h", sql.Literal(self.true_at).as_string(None), self._known)
        return sql.SQL(
            "(SELECT * FROM (SELECT DISTINCT ON ({0}) * FROM history.{1} h WHERE _true_from <= {2} AND {3} ORDER BY {0}, _true_from DESC) h"
            " WHERE NOT _gone{5}) {4}"
        ).format(
            sql.SQL(", ").join(sql.Identifier("h", name) for name in self.info.key),
            sql.Identifier(self.info.table),
            sql.Literal(self.true_at),
            known,
            sql.Identifier(_ROW),
            sql.SQL(cast("Any", f" AND {stood}" if stood else "")),
        )

    def _known(self, alias: str) -> str:
        """Whether a row of history was known at the time that is asked for."""
        if self.known_at is None:
            return f"{alias}._known_to = 'infinity'"
        at = sql.Literal(self.known_at).as_string(None)
        return f"{alias}._known_from <= {at} AND {alias}._known_to > {at}"

    def _where(self) -> sql.Composed:
        # Compared as the key's own type, so that its index is used.
        parts: list[sql.Composable] = [
            sql.SQL("{} = {}").format(sql.Identifier(_ROW, name), sql.Literal(value)) for name, value in self.key
        ]
        return sql.SQL(" AND ").join([*parts, sql.SQL(cast("Any", self.condition))])

    # ---------------------------------------------------------------------------------------------------------- values

    @property
    def value_columns(self) -> list[tuple[str, str]]:
        """What is told of each value, with the type of it."""
        texts = ("field", "value", "source", "record")
        return [
            ("key", "text"),
            *((name, "text") for name in texts),
            ("changed", "timestamptz"),
            ("rule", "text"),
            ("where", "text"),
            ("archive", "text"),
            ("record_index", "bigint"),
        ]

    def values(self) -> sql.Composed:
        """The values of the rows with their origin, for `told`."""
        names = [field for field in self.info.fields if any(c.name == field for c in self.chosen)]
        keys = ", ".join(f"o.{quote(name)} AS _key{n}" for n, name in enumerate(self.info.key))
        values = provenance_sql(
            self.entity,
            self.maps,
            f"({self._select(sql.SQL('*')).as_string(None)})",
            "claims" if self.true_at is None else "versions",
            f"{keys}, ",
        )
        return sql.SQL(
            "SELECT p.key, p.field, p.value, p.map, p.record, p.changed, p.rule, p.file, p.line, p.archive_position, p.record_index"
            " FROM ({}) p WHERE p.field = ANY({}) ORDER BY {}, array_position({}, p.field)"
        ).format(
            sql.SQL(cast("Any", values)),
            sql.Literal(names),
            sql.SQL(", ").join(sql.SQL("p.{}").format(sql.Identifier(f"_key{n}")) for n in range(len(self.info.key))),
            sql.Literal(names),
        )

    def told(self, row: tuple[Any, ...]) -> tuple[Any, ...]:
        """A line of `value_columns` of what `values` gave."""
        key, field, value, map_, record, changed, rule, file, line, position, index = row
        resource = next((item.resource for item in self.bundle.catalogue.maps if item.id == map_), None)
        place = f"{resource} {spelled(position)}" if position is not None else None
        instead = self.private.fields.get((self.info.name, field), "")
        return (
            self.private.key(self.info.name, key),
            field,
            instead if instead and value is not None else value,
            resource,
            record and self.private.record(resource or "", record),
            changed,
            rule,
            f"{file}:{line}" if file else None,
            place,
            index,
        )

    def masked(self, row: tuple[Any, ...]) -> tuple[Any, ...]:
        return tuple(
            column.hidden if column.hidden and value is not None else value
            for column, value in zip(self.chosen, row, strict=True)
        )


def _columns(
    bundle: Bundle, info: EntityInfo, entity: ir.Entity, wanted: list[str], tags: dict[str, str]
) -> list[Chosen]:
    table = next(item for item in bundle.catalogue.tables if (item.schema, item.name) == ("canonical", info.table))
    types = dict(table.columns)
    for name in wanted:
        if name not in types:
            raise UsageError(f"{info.name} has no field {name}; it has: {', '.join(types)}")
    names = [*info.key, *(name for name in wanted or types if name not in info.key)]
    fields = {field.name: field for field in entity.fields}

    def column(name: str) -> Chosen:
        field = fields.get(name) or fields[name.removesuffix("_currency").removesuffix("_unit")]
        doc = field.doc if name in fields else ""
        return Chosen(name, types[name], info.units.get(name, ""), doc, tags.get(field.name, ""))

    return [column(name) for name in names]


def instant(text: str, option: str) -> datetime:
    """A moment: the last one of a day, or the one that is said, in UTC unless it names its offset. Raises UsageError."""
    try:
        if len(text) == len("2026-03-01"):
            return datetime.combine(date.fromisoformat(text), time.max, UTC)
        found = datetime.fromisoformat(text)
        return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    except (ValueError, OverflowError):
        raise UsageError(f"{option} {text}: write a day as 2026-03-01 or a time as 2026-03-01T12:00:00Z") from None


def _shown(at: datetime | None) -> str:
    if at is None:
        return ""
    return f"the end of {at:%Y-%m-%d}" if at.time() == time.max else exactly(at)
