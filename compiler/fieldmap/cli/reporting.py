"""`fieldmap report`: a run in the words of its user. Every number comes from the database."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

import typer

from fieldmap.cli import causes, runfacts
from fieldmap.cli.console import Json, about, count, err, exiting, out, plural, print_json, safe, say, table
from fieldmap.cli.masking import Reveal, keep_reveal, private_of, project_of, tags_of
from fieldmap.cli.numbers import whole
from fieldmap.cli.rows import key_words
from fieldmap.cli.workspace import Workspace
from fieldmap.runtime.moments import moment

# How many lines each part has; JSON has all.
_LINES = 20
_RUN = whole("report", least=1, none=runfacts.NO_RUN, see="fieldmap report")


def register(app: typer.Typer) -> None:
    app.command(epilog="Example: fieldmap report · fieldmap report 12 --json")(exiting(report))


def report(
    run: Annotated[
        int | None,
        typer.Argument(parser=_RUN, help="The number of a run; the last one if none is given."),
    ] = None,
    reveal: Reveal = False,
    json: Json = False,
) -> int:
    """Tells what a run did, and what wants a look.

    Where the records went, values held and why, codes never seen before, joins; then the store as it stands: dangling references,
    ambiguous matches, conflicts, stale claims, and control totals of numeric fields by source. Exit code 1 if accounts do not balance.
    """
    found = _facts(Workspace.here(), run, reveal=reveal)
    wrong = [item["map"] for item in found["accounts"] if not runfacts.balanced(item)]
    found["balanced"] = not wrong
    if json:
        print_json(found)
    else:
        _show(found)
    for title in wrong:
        say(
            err(),
            f"error: the accounts of {title} do not balance: what was read is not what was claimed, filtered, deleted or dead",
        )
    return 1 if wrong else 0


def _facts(workspace: Workspace, run: int | None, *, reveal: bool) -> dict[str, Any]:
    """All that is told, as plain data."""
    bundle, project = workspace.existing_bundle(), project_of(workspace)
    tags = {} if reveal else tags_of(workspace)
    private = private_of(workspace, reveal=reveal)
    with workspace.loaded() as connection:
        told = runfacts.run_of(connection, run)
        number = told["number"]
        keep_reveal(connection, f"report {number}", reveal=reveal)
        changed = runfacts.changed_rows(connection, number)
        return {
            "run": told,
            "accounts": runfacts.by_map(runfacts.accounts(connection, number), changed),
            "changed_rows": changed,
            "read_without_unit": runfacts.read_bare(connection, number),
            "dead_letters": [causes.plain(c) for c in causes.dead(project, connection, tags, number)],
            "letters_elsewhere": runfacts.letters_elsewhere(connection, number),
            "held": [causes.plain(c) for c in causes.held(workspace.archive(), connection, tags, private, number)],
            "new_codes": runfacts.new_codes(connection, workspace.archive(), tags, number),
            "joins": runfacts.joins(connection, private, number),
            "ambiguous": runfacts.ambiguous(bundle, connection, private),
            "dangling": runfacts.dangling(bundle, connection, private),
            "conflicts": runfacts.conflicts(connection, private),
            "incomplete": runfacts.incomplete(connection, private),
            "stale": runfacts.stale(bundle, connection, private),
            "control_totals": runfacts.control_totals(bundle, connection, private),
        }


def _show(found: dict[str, Any]) -> None:
    run = found["run"]
    ended = f" to {moment(run['ended_at'])}" if run["ended_at"] is not None else ""
    out().print(f"Run {run['number']}: {run['command']}, {run['outcome']}, {moment(run['started_at'])}{ended}\n")
    show_accounts(found["accounts"])
    show_withdrawn(found["accounts"])
    if found["changed_rows"]:
        out().print()
    for name, change in found["changed_rows"].items():
        parts = [f"{count(number)} {word}" for word, number in change.items() if number]
        out().print(f"{name:<20} {', '.join(parts)}")
    for resource, sentence in sorted(run["failed"].items()):
        say(out(), f"failed: {about(resource, sentence)}", indent=len("failed: "))
    _part("Read without a unit, in the one that the map gives", found["read_without_unit"], ("map", "path", "numbers"))
    _causes("Records that could not be read: fieldmap dlq", found["dead_letters"])
    if found["letters_elsewhere"]:
        number = found["letters_elsewhere"]
        told = (
            "The letter of 1 record that could not be read is that"
            if number == 1
            else f"The letters of {count(number)} records that could not be read are those"
        )
        say(out(), f"\n{told} of another run, or gone since: fieldmap dlq")
    _causes("Values held, of the pages that this run read: fieldmap dlq held", found["held"])
    _part("Codes never seen before", found["new_codes"], ("map", "field", "reason", "records"))
    _part("Joins made", found["joins"], ("entity", "rule", "joins", "samples"))
    out().print("\nThe store as it stands now", style="bold")
    quiet = True
    for title, name, columns in (
        ("References that find no row: fieldmap dangling", "dangling", ("entity", "field", "references", "samples")),
        ("Values that join nothing, since several keys share them: fieldmap identity ambiguous", "ambiguous", ("entity", "match", "source", "values", "samples")),
        ("Conflicts: fieldmap conflicts", "conflicts", ("entity", "field", "code", "rows", "samples")),
        ("Rows held back: fieldmap incomplete", "incomplete", ("entity", "rows", "samples")),
        ("Stale claims: fieldmap stale", "stale", ("entity", "map", "records", "samples")),
        ("Control totals of the live claims", "control_totals", ("source", "entity", "field", "values", "total", "unit")),
    ):  # fmt: skip
        quiet = quiet and not found[name]
        _part(title, found[name], columns)
    if quiet:
        out().print("nothing wants a look")


def show_accounts(accounts: Sequence[dict[str, Any]]) -> None:
    """Where the records of each map went, and how many canonical rows it changed, where that can be told (`runfacts.by_map`)."""
    columns = ["", "pages", "read =", "claimed +", "filtered +", "deleted +", "dead", "held", "changed rows"]
    names = [name for name in runfacts.ACCOUNT if name != "absent"]  # not read: in no sum
    if any(item["changed_rows"] is None for item in accounts):
        columns, names = columns[:-1], names[:-1]
    if accounts:
        numbers = [tuple(count(item[name]) for name in names) for item in accounts]
        least = max(len(item["map"]) for item in accounts) + sum(len(column) + 2 for column in columns[1:])
        if least > out().width:
            # Heads of two lines leave the names more room.
            columns = [column.replace(" ", "\n") for column in columns]
        rows = [(item["map"], *row) for item, row in zip(accounts, numbers, strict=True)]
        table(columns, rows, right=columns[1:], close=True)
    else:
        out().print("Nothing was read.")


def show_withdrawn(accounts: Sequence[dict[str, Any]]) -> None:
    """What was withdrawn of each map that no page told of."""
    for item in accounts:
        if item["absent"]:
            single = item["absent"] == 1
            say(
                out(),
                f"{plural(item['absent'], 'record')} of {item['map']} {'was' if single else 'were'} withdrawn: a full sweep of the"
                f" source lacks {'it' if single else 'them'}.",
            )


def _causes(title: str, found: list[dict[str, Any]]) -> None:
    rows = [
        {
            "cause": f"{item['code']} {item['field'] and item['field'] + ': '}{item['reason']}",
            **{name: item[name] for name in ("where", "records", "samples")},
        }
        for item in found
    ]
    _part(title, rows, ("cause", "where", "records", "samples"))


def _part(title: str, found: list[dict[str, Any]], columns: tuple[str, ...]) -> None:
    """A part of the report; nothing where there is nothing to tell."""
    if not found:
        return
    out().print(f"\n{title}")
    numbers = [name for name in columns if isinstance(found[0][name], int) or name == "total"]
    heads = ["such as" if name == "samples" else name for name in columns]
    table(heads, [[_cell(item[name]) for name in columns] for item in found[:_LINES]], right=numbers)
    if len(found) > _LINES:
        out().print(f"… and {count(len(found) - _LINES)} more (--json has all)")


def _cell(value: Any) -> str:
    if isinstance(value, list | tuple):
        return ", ".join(key_words(item) for item in value)
    if isinstance(value, int):
        return count(value)
    return "" if value is None else safe(value)
