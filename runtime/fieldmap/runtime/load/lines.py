"""What becomes of a record, as lines for COPY. Owns how claims, withdrawals and their digests are written, and what is counted of values."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any

from fieldmap.runtime.bundle import MapInfo
from fieldmap.runtime.load.batch import Batch, Memory, PageCounts, Place
from fieldmap.runtime.load.copytext import row_encoder
from fieldmap.runtime.values.cells import NULL, escaped, json_text
from fieldmap.runtime.values.outcome import Claimed, Dead, Deleted, Filtered, Listed, Outcome

# An entry of a B-tree takes 2,704 bytes; the rest is for what surrounds the key.
KEY_BYTES = 2_000


class Lines:
    """Of one map, for one page after the other. fields: of each claim what its values are counted by."""

    def __init__(self, info: MapInfo, composite_keys: Mapping[int, tuple[int, ...]]) -> None:
        """composite_keys: see `_too_long`."""
        self._info = info
        self._encoders = {claim.number: row_encoder(claim) for claim in info.claims}
        self._blank = _blank_row(info)
        self._paths = {o.field: o.paths[0] for o in info.origins if o.claim == 0 and o.paths}
        self._composite_keys = composite_keys
        self._nullable = frozenset(claim.number for claim in info.claims if claim.nulls)
        self._rows: dict[int, list[Any]] = {claim.number: [] for claim in info.claims}
        self.fields = {
            claim.number: [(claim.number, column.field) for column in claim.columns] for claim in info.claims
        }

    def put(self, batch: Batch, now: PageCounts, place: Place, outcome: Outcome, digest: str = "") -> None:
        """Adds what became of a record to a batch and to the counts of its page. digest: of the record's bytes, where they are at hand."""
        counts = now.counts
        counts.read += 1
        if isinstance(outcome, Claimed) and self._composite_keys and self._too_long(outcome):
            outcome = Dead(
                "FM2116", f"the parts of a key have more than {KEY_BYTES} bytes together", record_id=outcome.record_id
            )
        match outcome:
            case Claimed():
                counts.claimed += 1
                counts.held += sum(not item.invented for item in outcome.held)
                if outcome.bare:
                    counts.bare.update(outcome.bare)
                self._claim(batch, now, place, outcome, digest)
            case Filtered():
                counts.filtered += 1
                self._withdraw(batch, place, outcome, digest)
            case Deleted():
                counts.deleted += 1
                self._withdraw(batch, place, outcome, digest)
            case Dead():
                counts.dead += 1
                batch.dead.append((place, outcome))

    def count_present(self, now: PageCounts) -> None:
        """Counts the values of a page, column by column: much cheaper than value by value."""
        for number, rows in self._rows.items():
            for key, column in zip(self.fields[number], zip(*rows, strict=True), strict=False):
                now.present[key] += len(column) - sum(value is None for value in column)
            rows.clear()

    def drop_values(self) -> None:
        """Forgets the values of which nobody counts how many there are."""
        for rows in self._rows.values():
            rows.clear()

    def _too_long(self, outcome: Claimed) -> bool:
        """Whether the parts of a key, each within its limit, are together more than an index takes: also where they are one JSON."""
        return any(
            len(json_text([str(row[place]) for place in places]).encode()) > KEY_BYTES
            for number, places in self._composite_keys.items()
            for row in outcome.rows[number]
        )

    def _claim(self, batch: Batch, now: PageCounts, place: Place, outcome: Claimed, digest: str) -> None:
        record = escaped(outcome.record_id)
        version = f"{_instant(outcome.changed)}\t{place.position}\t{place.index}"
        nulls = self._nulls(outcome)
        own = self._encoders[0](outcome.rows[0][0]) + nulls(0, 0) if outcome.rows[0] else self._blank
        kept = self._kept(outcome.kept)
        whole = [(own or "") + kept]
        self._rows[0].extend(outcome.rows[0])
        for number, rows in enumerate(outcome.rows[1:], 1):
            self._rows[number].extend(rows)
            encode, stage = self._encoders[number], batch.stages[number]
            for element, row in enumerate(rows):
                values = encode(row) + nulls(number, element)
                whole.append(f"{number}\t{values}")
                stage.append(_line(f"{record}\t{element}\t{version}", _digest(values), values))
        # The digest of the record's row stands for its elements too, so that a change in them alone is seen.
        known = f"\\\\x{digest}" if digest else _digest("\n".join(whole))
        batch.stages[0].append(_line(f"{record}\tlive\t{version}", known + kept, own))
        batch.held.extend((place, outcome.record_id, item) for item in outcome.held)
        now.held.update((item.claim, item.field) for item in outcome.held if not item.invented)
        batch.listed.extend((place, outcome.record_id, item) for item in outcome.listed)
        batch.listed.extend((place, outcome.record_id, self._unfounded(name)) for name in outcome.kept)

    def _nulls(self, outcome: Claimed) -> Callable[[int, int], str]:
        """For a claim and a row of it the column of what its source gave as null, where the claim has one."""
        if not self._nullable:
            return _no_column
        named: dict[tuple[int, int], list[str]] = {}
        for claim, row, name in outcome.nulls:
            named.setdefault((claim, row), []).append(name)

        def column(claim: int, row: int) -> str:
            return "\t{" + ",".join(named.get((claim, row), ())) + "}" if claim in self._nullable else ""

        return column

    def _withdraw(self, batch: Batch, place: Place, outcome: Filtered | Deleted, digest: str) -> None:
        version = f"{_instant(outcome.changed)}\t{place.position}\t{place.index}"
        head = f"{escaped(outcome.record_id)}\twithdrawn\t{version}"
        known = f"\\\\x{digest}" if digest else _digest("")
        batch.stages[0].append(_line(head, known + self._kept(()), self._blank))

    def _kept(self, names: tuple[str, ...]) -> str:
        """The column of the fields that a version leaves as they were, where the map has one."""
        return "\t{" + ",".join(names) + "}" if self._info.keeps else ""

    def _unfounded(self, name: str) -> Listed:
        """Said of a kept field, and taken back where an earlier version of the record has it."""
        reason = f"{name} is unchanged, says the source, and no earlier version of the record has been read"
        return Listed(0, 0, name, "FM2135", reason, self._paths.get(name, ""))


def memory(request: str, told: Iterable[tuple[str, str]], lines: list[str]) -> Memory | None:
    """What is kept of a page: of records that are known already and of those whose lines these are; None where a record comes twice."""
    ids, digests = list[str](), list[str]()
    for record, digest in told:
        ids.append(record)
        digests.append(digest)
    for line in lines:
        record, state, _, _, _, digest = line.split("\t", 6)[:6]
        if state == "live":
            ids.append(record)
            digests.append(digest.rstrip("\n")[3:])
    if not ids or len(set(ids)) < len(ids):
        return None
    return Memory(request, "\n".join(ids), bytes.fromhex("".join(digests)))


def _no_column(claim: int, row: int) -> str:
    return ""


def _line(head: str, digest: str, values: str | None) -> str:
    """values: None for a table without columns of its own; an empty text is a column that holds one."""
    return f"{head}\t{digest}\n" if values is None else f"{head}\t{digest}\t{values}\n"


def _digest(values: str) -> str:
    return "\\\\x" + hashlib.blake2b(values.encode(), digest_size=16).hexdigest()


def _instant(changed: datetime | None) -> str:
    return "-infinity" if changed is None else changed.isoformat()


def _blank_row(info: MapInfo) -> str | None:
    root = next(claim for claim in info.claims if claim.number == 0)
    blanks = [NULL for column in root.columns for _ in column.columns] + ([NULL] if root.nulls else [])
    return "\t".join(blanks) if blanks else None
