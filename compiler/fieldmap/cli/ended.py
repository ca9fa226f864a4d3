"""What a run did, once it has ended: its accounts, rows that changed, and what wants a look; in words, or as data for `--json`."""

from __future__ import annotations

from typing import Any

from psycopg import sql

from fieldmap.cli.console import count, out, plural, safe, say, table
from fieldmap.cli.reporting import show_accounts, show_withdrawn
from fieldmap.cli.rows import key_words
from fieldmap.cli.runfacts import accounts, by_map, changed_rows
from fieldmap.compiler.explain.private import Private
from fieldmap.runtime.bundle import Bundle
from fieldmap.runtime.load.merging import Changes
from fieldmap.runtime.reports import Report
from fieldmap.runtime.store.database import Connection, Database


def attention_of(database: Database, run: int) -> dict[str, Any]:
    """The accounts of a run, what became of rows, and what wants a look after it: open dead letters, held values, warnings, incomplete
    rows by entity."""
    with database.connect() as connection:
        entities = connection.execute("SELECT entity, table_name FROM fieldmap.entities ORDER BY entity").fetchall()
        changed = changed_rows(connection, run)
        return {
            "accounts": by_map(accounts(connection, run), changed),
            "changed": changed,
            "dead_letters": _number(connection, sql.SQL("fieldmap.dead_letters")),
            "held": _number(connection, sql.SQL("fieldmap.held WHERE NOT invented")),
            "warnings": _number(connection, sql.SQL("fieldmap.listed")),
            **{name: _by_entity(connection, name) for name in ("incomplete", "conflicts", "warned")},
            "rows": {name: _number(connection, sql.Identifier("canonical", table)) for name, table in entities},
        }


def _number(connection: Connection, rows: sql.Composable) -> int:
    row = connection.execute(sql.SQL("SELECT count(*) FROM {}").format(rows)).fetchone()
    return row[0] if row is not None else 0


def _by_entity(connection: Connection, table: str) -> dict[str, int]:
    counted = sql.SQL("SELECT entity, count(*) FROM {} GROUP BY entity").format(sql.Identifier("fieldmap", table))
    return dict(connection.execute(counted).fetchall())


def show_report(report: Report, bundle: Bundle, attention: dict[str, Any], *, detailed: bool) -> None:
    """The accounts of a run, the entities' rows, and what wants a look."""
    _show_read(report, bundle, attention)
    _show_rows(attention)
    if detailed:
        _show_changes(report, bundle)
    _show_attention(report, bundle, attention)


def _show_read(report: Report, bundle: Bundle, attention: dict[str, Any]) -> None:
    read = [item for item in attention["accounts"] if item["pages"] or item["read"]]
    named = {item["map"] for item in read}
    # Of what failed its own sentence tells; that nothing was there would be no more than a guess.
    quiet = (bundle.map(map_id) for map_id in report.maps)
    idle = [info.title for info in quiet if info.title not in named and info.resource not in report.failed]
    console = out()
    if read:
        show_accounts(read)
    show_withdrawn(attention["accounts"])
    # A row of noughts would read as if all records had gone.
    if idle:
        say(console, f"Nothing new was read for {', '.join(idle)}.")
    if read or idle:
        console.print()


def _show_rows(attention: dict[str, Any]) -> None:
    for name, total in attention["rows"].items():
        # From the database: of a batch whose answer was lost nobody else knows.
        parts = [f"{count(number)} {word}" for word, number in attention["changed"].get(name, {}).items() if number]
        if attention["incomplete"].get(name):
            parts.append(f"{count(attention['incomplete'][name])} incomplete")
        if attention["conflicts"].get(name):
            parts.append(plural(attention["conflicts"][name], "conflict"))
        if attention["warned"].get(name):
            parts.append(f"{count(attention['warned'][name])} warned of")
        out().print(f"{name:<20} {plural(total, 'row')}{': ' + ', '.join(parts) if parts else ': nothing changed'}")


def _show_attention(report: Report, bundle: Bundle, attention: dict[str, Any]) -> None:
    """What wants a look, and the command that shows it."""
    console = out()
    if any(attention[what] for what in ("dead_letters", "held", "incomplete", "conflicts", "warnings", "warned")):
        console.print()
    if attention["dead_letters"]:
        verb = "is" if attention["dead_letters"] == 1 else "are"
        console.print(f"{plural(attention['dead_letters'], 'record')} {verb} in the dead letters: fieldmap dlq")
    if attention["held"]:
        verb = "is" if attention["held"] == 1 else "are"
        console.print(f"{plural(attention['held'], 'value')} could not be read and {verb} held: fieldmap dlq held")
    _show_bare(report, bundle)
    if attention["warnings"]:
        console.print(f"{plural(attention['warnings'], 'warning')} of records that are loaded: fieldmap dlq warnings")
    incomplete = sum(attention["incomplete"].values())
    if incomplete:
        verb = "is" if incomplete == 1 else "are"
        console.print(f"{plural(incomplete, 'row')} {verb} held back as incomplete: fieldmap incomplete")
    conflicts, warned = sum(attention["conflicts"].values()), sum(attention["warned"].values())
    if conflicts:
        console.print(f"{plural(conflicts, 'conflict')} between claims: fieldmap conflicts")
    if warned:
        console.print(f"{plural(warned, 'warning')} about rows: fieldmap dlq warnings")


def _show_bare(report: Report, bundle: Bundle) -> None:
    """How often the unit is the author's word: `bare in inch`."""
    for map_id, loaded in report.maps.items():
        counted = loaded.counts.bare
        if counted:
            paths = ", ".join(f"{path} {count(number)}" for path, number in sorted(counted.items()))
            verb = "was" if counted.total() == 1 else "were"
            out().print(
                f"{plural(counted.total(), 'number')} of {bundle.map(map_id).title} had no unit and {verb} read in the one that the map gives: {paths}",
                soft_wrap=True,
            )


def _show_changes(report: Report, bundle: Bundle) -> None:
    """Which fields changed in how many rows, with the first few before and after."""
    lines = []
    private = _private(report, bundle)
    for name, change in report.entities().items():
        info = bundle.entity(name)
        for field, number in sorted(change.fields.items(), key=lambda item: -item[1]):
            unit = f" {info.units[field]}" if info is not None and field in info.units else ""
            samples = [
                f"{_before_after(old, new, private.fields.get((name, field), ''), unit)} ({key_words(private.key(name, key))})"
                for key, f, old, new in change.samples
                if f == field
            ][:3]
            lines.append((f"{name}.{field}", plural(number, "row"), "   ".join(samples)))
    if lines:
        # Each map's batches are merged as they come, so a row may be another for a while.
        several = sum(bool(loaded.entities) for loaded in report.maps.values()) > 1
        also = ", while one map was loaded after the other; what changed back is counted too" if several else ""
        out().print(f"\nValues that changed{also}:", soft_wrap=True)
        table(["field", "changed in", "before → after (key)"], lines)


def _before_after(old: str | None, new: str | None, hidden: str, unit: str) -> str:
    """`12.0 → 19.3 km`. hidden: what is shown instead of a value, "" where it may be seen."""
    told = [value and (hidden or f"{safe(value)}{mark}") for value, mark in ((old, "" if new else unit), (new, unit))]
    return " → ".join(value or "absent" for value in told)


def _private(report: Report, bundle: Bundle) -> Private:
    """What is hidden of values and keys; nothing is looked up where none is shown."""
    if not any(change.samples for change in report.entities().values()):
        return Private()
    from fieldmap.compiler import ir

    return Private.of(ir.decode_project(bundle.parts["ir.json"]))


def as_json(report: Report, bundle: Bundle, attention: dict[str, Any]) -> dict[str, Any]:
    private, counted = _private(report, bundle), attention.pop("changed")
    none = {"new": 0, "changed": 0, "gone": 0}
    return {
        "run": report.run,
        "maps": {bundle.map(map_id).title: {**vars(loaded.counts)} for map_id, loaded in report.maps.items()},
        "pages_fetched": report.pages,
        "entities": {
            name: {
                **counted.get(name, none),
                "fields": c.fields,
                "samples": [
                    [
                        private.key(name, key),
                        field,
                        *(value and private.value(name, field, value) for value in values),
                    ]
                    for key, field, *values in c.samples
                ],
            }
            for name, c in ({name: Changes() for name in counted} | report.entities()).items()
        },
        "failed": report.failed,
        **attention,
    }
