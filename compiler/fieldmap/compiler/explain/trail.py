"""Follows one value back: canonical row → winning claim → archived record → bytes, and computes it again on the way."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, cast

import psycopg
from psycopg import sql

from fieldmap.compiler import interpret, ir
from fieldmap.compiler.claims import claims_of
from fieldmap.compiler.emit import identity, keeping, nulls
from fieldmap.compiler.emit.columns import Column, claimed_field, columns_of, literal, quote
from fieldmap.compiler.explain.explanation import Candidate, Explanation, Raw, Step, Withdrawal
from fieldmap.compiler.explain.jsontext import json_text
from fieldmap.compiler.explain.judging import judged, without_claim, without_row
from fieldmap.compiler.explain.letters import blamed, sensitive, without_value
from fieldmap.compiler.explain.locate import Located, find_record
from fieldmap.compiler.explain.losers import why_lost
from fieldmap.compiler.explain.private import Private
from fieldmap.compiler.explain.steps import words
from fieldmap.compiler.explain.withdrawn import response_of, withdrawals
from fieldmap.runtime.archive import Archive, Archived
from fieldmap.runtime.bundle import Bundle, EntityInfo
from fieldmap.runtime.errors import FindingsError
from fieldmap.runtime.load.copytext import column_values
from fieldmap.runtime.moments import exactly
from fieldmap.runtime.store.database import Connection

# Of so many claims without a value the record is looked up.
_MOST_READ = 10


@dataclass(frozen=True)
class _Claim:
    """A live claim of the key, with the field's value as PostgreSQL writes it (None: it makes no claim of the field).

    position, index: of the version that gave the field. kept: that later versions leave it unchanged; founded: that one gave it.
    key: the key that the source gives it. given: the value as the claim keeps it; value: with a reference resolved.
    lacks: what the group of the field needs and the claim does not have. null: whether the source says by a null that there is none,
    where the rule lets that win."""

    source: ir.Source
    map: ir.Map
    claim: ir.Claim
    id: int
    record: str
    changed: datetime | None
    position: int
    index: int
    element: int
    version: str
    key: str
    given: str | None
    value: str | None
    held: str
    invented: bool
    stale: str
    lacks: list[str]
    null: bool
    kept: bool
    founded: bool


def explain(
    project: ir.Project,
    bundle: Bundle,
    archive: Archive,
    connection: Connection,
    info: EntityInfo,
    key: list[str],
    field: str,
    *,
    reveal: bool = False,
) -> Explanation:
    """Explains the value of a field; values that are personal or restricted only if they are to be revealed. Raises FindingsError if no
    row and no claim has the key, or ever had."""
    private = Private.of(project, reveal=reveal)
    try:
        found = _Trail(project, bundle, archive, connection, info, key, field, private).explain()
    except psycopg.DataError:
        raise _unknown(info, key, "no source can claim one") from None
    instead = private.fields.get((info.name, field), "")
    return found.without_values(instead) if instead else found


def _unknown(info: EntityInfo, key: list[str], why: str) -> FindingsError:
    return FindingsError(f"No {info.name} has the key {', '.join(key)}, and {why}")


class _Trail:
    def __init__(
        self,
        project: ir.Project,
        bundle: Bundle,
        archive: Archive,
        connection: Connection,
        info: EntityInfo,
        key: list[str],
        field: str,
        private: Private,
    ) -> None:
        """private: what is hidden."""
        self._private = private
        # Without anything that is hidden no reason is.
        self._reasons = sensitive(project) if private.fields else {}
        self._project = project
        self._bundle = bundle
        self._archive = archive
        self._connection = connection
        self._info = info
        self._key = key
        self._entity = next(item for item in project.entities if item.name == info.name)
        self._field = next(item for item in self._entity.fields if item.name == field)
        self._unit = info.units.get(field, "")
        self._rule = self._entity.rules[field]

    def explain(self) -> Explanation:
        row = self._canonical()
        claims = self._claims()
        gone = tuple(
            replace(one, record=self._private.record(one.source, one.record))
            for one in withdrawals(
                self._project, self._archive, self._connection, self._info.name, _raw_sql(self._key_value())
            )
        )
        if row is None and not claims:
            if not gone:
                raise _unknown(self._info, self._key, f"no source claims one{self._elements()}")
            return replace(self._base(None, ()), note="no source claims it any more", withdrawn=gone)
        value = row[0] if row is not None else None
        # A single winner stands for all fields.
        winner_id = row[1][min(self._info.fields.index(self._field.name), len(row[1]) - 1)] if row is not None else None
        winner = next((claim for claim in claims if claim.id == winner_id), None)
        if winner is not None and winner.value is None and not winner.null and not self._rule.members:
            winner = None  # it stands for the other fields
        conflict = self._conflict()
        lost = [
            self._candidate(
                claim, why_lost(self._rule, claim, winner, claims, conflict=bool(conflict), unit=self._unit)
            )
            for claim in claims
            if claim is not winner
        ]
        silent = [claim for claim in claims if claim is not winner and claim.value is None]
        told = {claim.id: self._absence(claim) for claim in silent[:_MOST_READ]}
        others = [claim for claim in claims if claim is not winner]
        base = self._base(
            value,
            tuple(replace(one, absence=told.get(claim.id, "")) for one, claim in zip(lost, others, strict=True)),
            gone,
        )
        if winner is None and row is None and not conflict:
            return self._without_row(base, partial=all(claim.source.partial for claim in claims))
        # A list that nobody claims is an empty one.
        empty = "{}" if isinstance(self._field.type, ir.ListType) else None
        if winner is None and value not in (None, empty) and not conflict and self._rule.kind != "union":
            differs, pending = without_claim(self._connection, self._entity, f"{value} {self._unit}".rstrip())
            return replace(base, differs=differs, pending=pending)
        if winner is None:
            return replace(base, note=conflict or "no live claim has a value for it")
        if winner.value is None and winner.null:
            # Nothing is made of a null, so there are no steps.
            return replace(self._follow(base, winner), steps=(), note="the source says by a null that there is none")
        if winner.value is None:
            left = f"the claim chosen for {', '.join(self._rule.members)} leaves {self._field.name} empty"
            return replace(base, winner=self._candidate(winner, "won"), map_version=winner.version, note=left)
        return self._follow(base, winner)

    def _elements(self) -> str:
        """Where a key may have been that of an element: which records may have had it. Of an element that a newer version of its record
        lacks nothing is kept but the versions in the archive."""
        sources = {
            f"{map_.connector}.{map_.resource}"
            for map_ in self._project.maps
            for claim in claims_of(map_)
            if claim.number and claim.entity == self._info.name
        }
        if not sources:
            return ""
        named = ", ".join(sorted(sources))
        return f" now; if it was an element of a list, the newest version of its record (of {named}) has it no more"

    def _conflict(self) -> str:
        """That the claims contradict each other, in words; "" if they do not."""
        if self._rule.kind not in ("agree", "min", "max"):
            return ""
        row = self._connection.execute(
            f"SELECT code FROM fieldmap.conflicts WHERE entity = %s AND field = %s AND key = ({self._key_value()})::text"  # noqa: S608
            " AND code <> 'FM2182'".encode(),
            [self._info.name, self._field.name],
        ).fetchone()
        if row is None:
            return ""
        return (
            "the claims are in several currencies"
            if row[0] == "FM2181"
            else "the claims do not agree, so none is chosen"
        )

    # ------------------------------------------------------------------------------------------------ the store

    def _where(self, alias: str) -> sql.Composed:
        parts = [
            # Compared as the key's own type, so that its index is used.
            sql.SQL("{}.{} = {}").format(sql.Identifier(alias), sql.Identifier(name), sql.Literal(value))
            for name, value in zip(self._info.key, self._key, strict=True)
        ]
        return sql.SQL(" AND ").join(parts)

    def _value(self, alias: str) -> sql.Composable:
        """The field as text; an amount with its currency."""
        columns = [
            _raw_sql(_shown(f"{quote(alias)}.{quote(column.name)}", column)) for column in columns_of(self._field)
        ]
        return columns[0] if len(columns) == 1 else sql.SQL("{} || ' ' || {}").format(*columns)

    def _own_key(self) -> sql.Composable:
        parts = [sql.SQL("t.{}::text").format(sql.Identifier(name)) for name in self._info.key]
        return sql.SQL("concat_ws(', ', {})").format(sql.SQL(", ").join(parts))

    def _resolved(self, source: ir.Source) -> sql.Composable:
        """The field of a claim as text, a reference as the key that it means."""
        columns = columns_of(self._field)
        if identity.resolution(self._entity, source, self._field.name) is None:
            return self._value("t")
        value = identity.column_value(self._entity, source, self._field.name, columns[0].name, columns[0].type)
        return _raw_sql(f"{value}::text")

    def _lacks(self, claimed: set[str]) -> sql.Composable:
        """Of what the group of the field needs, the names that a claim does not have."""
        columns = {field.name: columns_of(field)[0].name for field in self._entity.fields}
        parts = [
            f"CASE WHEN {f't.{quote(columns[name])} IS NULL' if name in claimed else 'true'} THEN {literal(name)} END"
            for name in self._rule.needs
        ]
        return _raw_sql(f"array_remove(ARRAY[{', '.join(parts)}]::text[], NULL)")

    def _keyed(self, source: ir.Source) -> sql.Composable:
        """What the claims are joined with, so that those of the row remain."""
        fields = {field.name: columns_of(field)[0].type for field in self._entity.fields}
        parts = ", ".join(
            f"{literal(value)}::{fields[name]} AS {quote(name)}"
            for name, value in zip(self._info.key, self._key, strict=True)
        )
        return _raw_sql(identity.keys_join(self._entity, source, f"(SELECT {parts})"))

    def _canonical(self) -> tuple[Any, ...] | None:
        statement = sql.SQL("SELECT {}, o._claims FROM canonical.{} o WHERE {}").format(
            self._value("o"), sql.Identifier(self._info.table), self._where("o")
        )
        return self._connection.execute(statement).fetchone()

    def _claims(self) -> list[_Claim]:
        """All live claims of the key, in the order of the sources."""
        found: list[_Claim] = []
        for source in self._entity.sources:
            map_ = next(item for item in self._project.maps if item.id == source.map)
            claim = next(item for item in claims_of(map_) if item.number == source.claim)
            assigned = any(item.field == self._field.name for item in claim.assignments)
            statement = sql.SQL(
                "SELECT t._claim, t._record, nullif(t._changed, '-infinity'), o.position, o.index, {}, v.version, {}, {}, {},"
                " coalesce(h.reason, ''), coalesce(h.invented, false), coalesce(d.code, ''), coalesce(d.field, ''), coalesce(d.path, ''),"
                " coalesce(d.reason, ''), {}, {}, o.kept, o.founded"
                " FROM claims.{} t JOIN {} CROSS JOIN LATERAL {} o"
                " JOIN fieldmap.map_versions v ON v.id = t._map_version LEFT JOIN fieldmap.held h"
                " ON (h.map, h.archive_position, h.record_index, h.claim, h.field) = ({}, o.position, o.index, {}, {}) AND h.element = {}"
                " LEFT JOIN LATERAL (SELECT * FROM fieldmap.dead_letters d WHERE (d.map, d.record) = ({}, t._record)"
                " AND (coalesce(d.changed, t._changed), d.archive_position, d.record_index) > (t._changed, t._position, t._index)"
                " ORDER BY d.archive_position DESC LIMIT 1) d ON true"
                "{} ORDER BY t._record"
            ).format(
                sql.SQL("t._element") if claim.number else sql.SQL("0"),
                self._own_key(),
                self._value("t") if assigned else sql.SQL("NULL::text"),
                self._resolved(source) if assigned else sql.SQL("NULL::text"),
                self._lacks({item.field for item in claim.assignments}),
                _raw_sql(nulls.said(claim, self._field.name)),
                sql.Identifier(source.table),
                self._keyed(source),
                _raw_sql(keeping.origins(map_, claim.number, self._field.name)),
                sql.Literal(map_.id),
                sql.Literal(claim.number),
                sql.Literal(self._field.name),
                sql.SQL("t._element") if claim.number else sql.SQL("0"),
                sql.Literal(map_.id),
                sql.SQL("") if claim.number else sql.SQL(" WHERE t._state = 'live'"),
            )
            for row in self._connection.execute(statement).fetchall():
                *first, code, failed, path, reason, lacks, null, kept, founded = row
                tag = self._reasons.get((map_.title, blamed(code, failed, path)), "")
                stale = f"{code}: {without_value(code, tag) if tag else reason}" if code else ""
                values: list[Any] = [*first, stale, lacks, null, kept, founded]
                found.append(_Claim(source, map_, claim, *values))
        return found

    # ------------------------------------------------------------------------------------------------- in words

    def _base(
        self, value: str | None, lost: tuple[Candidate, ...], withdrawn: tuple[Withdrawal, ...] = ()
    ) -> Explanation:
        place = self._rule.place or self._entity.place
        return Explanation(
            entity=self._info.name,
            key=", ".join(self._key),
            field=self._field.name,
            value=value,
            unit=self._unit,
            rule=self._rule.text,
            rule_file=place.file,
            rule_line=place.line,
            lost=lost,
            withdrawn=withdrawn,
        )

    def _without_row(self, base: Explanation, *, partial: bool) -> Explanation:
        """Why claims make no row. partial: whether all of them only enrich the rows of others."""
        found = self._connection.execute(
            f"SELECT missing, failed, twice FROM fieldmap.incomplete WHERE entity = %s AND key = ({self._key_value()})::text".encode(),  # noqa: S608
            [self._info.name],
        ).fetchone()
        if found is not None:
            missing, failed, twice = found
            reasons = [f"{', '.join(missing)} stayed empty"] if missing else []
            reasons += [self._entity.conditions[number].message for number in failed]
            reasons += ["two claims of one source have this key"] if twice else []
            reasons += [
                f"{field} refers to {self._private.value(self._info.name, field, wanted)}, which does not exist"
                for field, wanted in self._missed()
            ]
            return replace(base, note=f"the row is held back as incomplete: {'; '.join(reasons)}")
        if partial:
            return replace(base, note="the claims only enrich (partial); no source makes the row")
        differs, pending = without_row(self._connection, self._entity)
        return replace(base, differs=differs, pending=pending)

    def _missed(self) -> list[tuple[str, str]]:
        """The references of the row that must exist and find nothing."""
        view = sql.Identifier(f"{self._info.table}_dangling")
        statement = sql.SQL(
            "SELECT field, refers_to FROM provenance.{} WHERE must_exist AND key = ({})::text ORDER BY 1, 2"
        )
        return self._connection.execute(statement.format(view, _raw_sql(self._key_value()))).fetchall()

    def _key_value(self) -> str:
        """The key as SQL, as the lists of the store spell it."""
        parts = [
            f"{literal(value)}::{columns_of(field)[0].type}"
            for name, value in zip(self._info.key, self._key, strict=True)
            for field in self._entity.fields
            if field.name == name
        ]
        return parts[0] if len(parts) == 1 else f"jsonb_build_array({', '.join(parts)})"

    def _candidate(self, claim: _Claim, outcome: str) -> Candidate:
        assignment = next((item for item in claim.claim.assignments if item.field == self._field.name), None)
        place = assignment.place if assignment is not None else claim.claim.place
        if claim.null and claim.value is None:
            outcome = f"says by a null that there is none{'' if outcome == 'won' else f'; {outcome}'}"
        return Candidate(
            source=f"{claim.map.connector}.{claim.map.resource}",
            map=claim.map.title,
            record=self._private.record(f"{claim.map.connector}.{claim.map.resource}", claim.record),
            joined=self._joined(claim),
            changed=claim.changed,
            value=claim.value,
            outcome=outcome,
            archive_position=claim.position,
            record_index=claim.index,
            file=place.file,
            line=place.line,
            statement=assignment.place.text if assignment is not None else "",
            stale=f"stale: a newer version of the record was rejected ({claim.stale})" if claim.stale else "",
        )

    def _joined(self, claim: _Claim) -> str:
        """How the claim came to this row, if its key is not the row's by itself."""
        identity_ = self._entity.identity
        if identity_ is None or claim.source.numbering == identity_.base:
            return ""
        found = self._connection.execute(
            "SELECT rule, value FROM identity.crosswalk WHERE (entity, source, key) = (%s, %s, %s)",
            [self._info.name, claim.source.numbering, claim.key],
        ).fetchone()
        # What was typed may be said again.
        own = claim.key if claim.key in self._key else self._private.key(self._info.name, claim.key)
        if found is None or found[0] is None:
            return f"its {own}, which nothing joins"
        rule, value = found
        compared = (field for match in identity_.matches if match.text == rule for field in match.fields)
        hidden = self._private.fields
        told = next((hidden[self._info.name, field] for field in compared if (self._info.name, field) in hidden), value)
        return f"its {own}, by {rule}" + (f" {told}" if value is not None else "")

    def _resolving(self, claim: _Claim) -> list[Step]:
        """The last step of a reference: from what the source gives to the key of the row that is meant."""
        reference = identity.resolution(self._entity, claim.source, self._field.name)
        if reference is None or claim.value == claim.given or claim.value is None:
            return []
        if reference.records:
            return [
                Step(claim.value, f"the {reference.entity} that record {claim.given} of {claim.map.connector} claims")
            ]
        return [Step(claim.value, f"the {reference.entity} that {reference.numbering} calls {claim.given}")]

    # --------------------------------------------------------------------------------------------- the archive

    def _read(self, claim: _Claim) -> tuple[Archived, Located, interpret.Trace]:
        """The response that a claim came in, its record there, and how its value of the field is made."""
        page = self._archive.read_one(f"{claim.map.connector}.{claim.map.resource}", claim.position)
        located = find_record(claim.map, page, claim.index)
        trace = interpret.trace(
            claim.map,
            self._project.codes,
            located.record,
            self._field.name,
            claim=claim.claim.number,
            row=claim.element,
            around=located.around(page),
        )
        return page, located, trace

    def _absence(self, claim: _Claim) -> str:
        """Why a claim has no value of the field, if the record says so itself: what it reads is missing, null, or stands for absent."""
        if claim.held or not claim.founded or not any(i.field == self._field.name for i in claim.claim.assignments):
            return ""
        page, located, trace = self._read(claim)
        if trace.failure is not None or trace.value is not None:
            return ""
        read = [(_raw(step, located, page), step) for step in trace.steps if step.kind == "read"]
        marks = {interpret.shown(step.before) for step in trace.steps if step.kind == "sentinel"}
        said = [
            f"{raw.path} is {raw.text}"
            if step.before is None or raw.text == "missing"
            else f"{raw.path} is {raw.text}, which stands for absent"
            for raw, step in read
            if step.before is None or interpret.shown(step.before) in marks
        ]
        return " and ".join(dict.fromkeys(said))

    def _follow(self, base: Explanation, winner: _Claim) -> Explanation:
        page, located, trace = self._read(winner)
        target = self._field.type
        again = self._as_stored(trace.value, winner)
        # `if invalid use` has a failure and a value: the constant.
        equal = (trace.failure is None or winner.invented) and again == winner.given
        would_be = ""
        if not equal:
            would_be = str(trace.failure.reason) if trace.failure is not None else f"{again} {self._unit}".rstrip()
        differs, pending = judged(
            self._connection,
            self._entity,
            # Of a union the claim has a part of the row's value.
            held=base.value if self._rule.kind == "union" else winner.value,
            value=base.value,
            would_be=would_be,
            unit=self._unit,
            made_by=winner.version,
            now=self._bundle.map(winner.map.id).version,
        )
        raw = tuple(_raw(step, located, page) for step in trace.steps if step.kind == "read")
        steps = [Step(*words(step, target)) for step in trace.steps if step.kind != "read"]
        return replace(
            base,
            winner=self._candidate(winner, "won"),
            map_version=winner.version,
            raw=raw,
            steps=(*steps, *self._resolving(winner), *_keeping(winner)),
            assumed=tuple(dict.fromkeys(step.assumed for step in trace.steps if step.assumed)),
            response=response_of(page),
            recomputed=equal,
            differs=differs,
            pending=pending,
        )

    def _as_stored(self, value: Any, claim: _Claim) -> str | None:
        """The recomputed value as the database writes it: made by the database itself, so that both are spelt alike."""
        if value is None:
            return None
        assignment = next(item for item in claim.claim.assignments if item.field == self._field.name)
        columns = columns_of(claimed_field(assignment, self._field))
        codec = next(
            column.codec
            for info in self._bundle.map(claim.map.id).claims
            if info.number == claim.claim.number
            for column in info.columns
            if column.field == self._field.name
        )
        texts = column_values(codec, value)
        parts = [_shown(f"{literal(text)}::{column.type}", column) for column, text in zip(columns, texts, strict=True)]
        row = self._connection.execute(("SELECT " + " || ' ' || ".join(parts)).encode()).fetchone()
        return None if row is None else row[0]


def _keeping(claim: _Claim) -> list[Step]:
    """The last step of a value that a later version of its record leaves as it was."""
    if not claim.kept or claim.value is None:
        return []
    version = f"the version of {exactly(claim.changed)}" if claim.changed is not None else "the newest version"
    return [Step(claim.value, f"kept: {version} leaves it unchanged")]


def _shown(value: str, column: Column) -> str:
    """A column's value as a text to read; a list of documents as JSON, or its quotes would be escaped twice."""
    return f"to_jsonb({value})::text" if column.list_of == "jsonb" else f"{value}::text"


def _raw_sql(text: str) -> sql.Composable:
    """A piece of SQL made by the emitter, whose braces are not places to fill."""
    return sql.SQL(cast(Any, text.replace("{", "{{").replace("}", "}}"))).format()


def _raw(step: interpret.Step, located: Located, page: Archived) -> Raw:
    if step.root in ("@parent", "@fetched_at", "@url", "@header"):
        return Raw(step.text, json_text(step.before) if step.before is not None else "missing", None, None)
    if step.root == ir.PICKED:
        return Raw(step.text, json_text(step.before) if step.before is not None else "missing", None, None)
    if step.root in ("@page", "@envelope"):
        keys = () if step.root == "@page" else interpret.envelope(located.body, located.keys)[0]
        located = replace(located, keys=keys)
    if step.before is None and not step.keys:
        return Raw(located.path_text + step.text[1:] if step.root == "$" else step.text, "missing", None, None)
    path = located.path_text + "".join(f"[{key}]" if isinstance(key, int) else _member(key) for key in step.keys)
    spot = located.spot(step.keys)
    if spot is not None:
        return Raw(f"{path} ({spot.words})", spot.text, None, None)
    span = located.span(step.keys)
    if span is not None:
        return Raw(path, located.content[span[0] : span[1]].decode("utf-8", "replace"), span[0], span[1])
    return Raw(path, json_text(step.before) if step.before is not None else "missing", None, None)


def _member(name: str) -> str:
    plain = name.isascii() and name.replace("_", "a").isalnum() and not name[:1].isdigit()
    return f".{name}" if plain else f"[{json_text(name)}]"
