"""`fieldmap dlq`: what could not be read, why, and reading it again after a fix."""

from __future__ import annotations

import contextlib
import os
from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from fieldmap.cli import causes
from fieldmap.cli.console import Json, about, err, exiting, out, plural, print_json, say
from fieldmap.cli.masking import Reveal, keep_reveal, private_of, project_of, tags_of
from fieldmap.cli.numbers import whole
from fieldmap.cli.workspace import Workspace
from fieldmap.compiler.explain.private import Private
from fieldmap.runtime.bundle import Bundle
from fieldmap.runtime.errors import UsageError
from fieldmap.runtime.reports import Report
from fieldmap.runtime.run import Run

app = typer.Typer(
    help="What could not be read: dead letters by cause, held values, warnings; and reading it again after a fix.",
    epilog="Example: fieldmap dlq · fieldmap dlq show 2 · fieldmap dlq retry 2 · fieldmap dlq held",
    rich_markup_mode=None,
)
Limit = Annotated[
    int | None,
    typer.Option(
        help="How many causes at the most; 20 in a table, all as JSON.",
        parser=whole("--limit", least=1),
    ),
]
_LETTER = whole("dlq", least=1, none="There is no dead letter {}; see: fieldmap dlq", see="fieldmap dlq")

_OUTCOMES = {
    "claimed": ("record is read now and claimed", "records are read now and claimed"),
    "filtered": ("record is filtered now", "records are filtered now"),
    "deleted": ("record is read as deleted now", "records are read as deleted now"),
    "empty": ("page can be read now and holds no records", "pages can be read now and hold no records"),
    "apart": (
        "page can be read now, but for records that are rejected and have letters of their own",
        "pages can be read now, but for records that are rejected and have letters of their own",
    ),
    "superseded": ("record is older than what stands, which stays", "records are older than what stands, which stays"),
    "rejected": ("record is rejected again", "records are rejected again"),
    "moved": (
        "record is not found where it was, since the page is taken apart in another way now: fieldmap replay",
        "records are not found where they were, since the pages are taken apart in another way now: fieldmap replay",
    ),
}
STAYING = ("apart", "rejected", "moved")


@app.callback(invoke_without_command=True)
def dlq(context: typer.Context, limit: Limit = None, reveal: Reveal = False, json: Json = False) -> None:
    """Lists the causes for which records could not be read: how many, since when, with a sample."""
    if context.invoked_subcommand is not None:
        if limit is not None or reveal or json:
            name = context.invoked_subcommand
            raise UsageError(f"Write options behind the command, such as: fieldmap dlq {name} --json")
        return
    workspace = Workspace.here()
    with workspace.loaded() as connection:
        keep_reveal(connection, "dlq", reveal=reveal)
        tags = {} if reveal else tags_of(workspace)
        found = causes.dead(project_of(workspace), connection, tags, limit=_most(limit, json=json))
    if causes.show(found, "There are no dead letters.", "dead letter", limit=limit, json=json) and not json:
        out().print(
            "After a fix of the map: fieldmap dlq retry NUMBER      (reads the archive; asks the source nothing)"
        )


def _most(limit: int | None, *, json: bool) -> int | None:
    """How many causes are looked for: more than are shown would be read from the archive for nothing."""
    return limit if json else limit or causes.SHOWN


@app.command(epilog="Example: fieldmap dlq held · fieldmap dlq held --limit 100 --json")
@exiting
def held(limit: Limit = None, reveal: Reveal = False, json: Json = False) -> None:
    """Lists values left out of claims, because they could not be read, by cause."""
    workspace = Workspace.here()
    with workspace.loaded() as connection:
        keep_reveal(connection, "dlq held", reveal=reveal)
        tags, private = {} if reveal else tags_of(workspace), private_of(workspace, reveal=reveal)
        found = causes.held(workspace.archive(), connection, tags, private, limit=_most(limit, json=json))
    causes.show(found, "No values are held.", "held value", limit=limit, json=json)


@app.command(epilog="Example: fieldmap dlq warnings")
@exiting
def warnings(limit: Limit = None, reveal: Reveal = False, json: Json = False) -> None:
    """Lists what warn says of records and rows that are loaded, and elements that failed alone and are left out."""
    workspace = Workspace.here()
    with workspace.loaded() as connection:
        keep_reveal(connection, "dlq warnings", reveal=reveal)
        tags, private = {} if reveal else tags_of(workspace), private_of(workspace, reveal=reveal)
        most = _most(limit, json=json)
        found = causes.warned(workspace.existing_bundle(), workspace.archive(), connection, tags, private, most)
    causes.show(found, "There are no warnings.", "warning", limit=limit, json=json)


@app.command(epilog="Example: fieldmap dlq show 2 · fieldmap dlq show 2 --reveal")
@exiting
def show(
    number: Annotated[int, typer.Argument(parser=_LETTER, help="The number that fieldmap dlq shows.")],
    reveal: Reveal = False,
    json: Json = False,
) -> None:
    """Shows one dead letter: the line of the map with the step that failed, and the record as the source sent it."""
    from fieldmap.cli.explained import show_letter
    from fieldmap.compiler.explain.letters import letter

    workspace = Workspace.here()
    with workspace.loaded() as connection:
        found = letter(project_of(workspace), workspace.archive(), connection, number)
        if found is None:
            raise UsageError(f"There is no dead letter {number}; see: fieldmap dlq")
        hidden = found.without_values()
        keep_reveal(connection, f"dlq show {number}: record {hidden.record} of {found.map}", reveal=reveal)
    shown = found if reveal else hidden
    if json:
        print_json(asdict(shown))
    else:
        show_letter(shown, reveal=reveal)


@app.command(epilog="Example: fieldmap dlq retry 2 · fieldmap dlq retry --all")
@exiting
def retry(
    numbers: Annotated[
        list[int] | None,
        typer.Argument(parser=_LETTER, help="Dead letters; all with the same causes are retried."),
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="All dead letters.")] = False,
    one: Annotated[bool, typer.Option("--only", help="Only these records, not all with their causes.")] = False,
    folder: Annotated[
        Path | None, typer.Option("--bundle", help="Use this compiled bundle as it is, instead of the sources.")
    ] = None,
    json: Json = False,
) -> int:
    """Reads the records of dead letters again, from the archive, with the maps of now. Asks no source.

    A record that can be read is loaded, and its letter goes; a newer version of it is never replaced. Exit code 1 if any stays.
    """
    from fieldmap.cli.progress import RunProgress
    from fieldmap.runtime.ports import Ports

    if bool(numbers) == everything:
        raise UsageError("Say which dead letters, such as fieldmap dlq retry 2, or fieldmap dlq retry --all")
    workspace = Workspace.here()
    with workspace.loaded() as connection:
        chosen = None if everything else _chosen(workspace, connection, numbers or [], alone=one)
    bundle = workspace.bundle(folder)
    with workspace.database() as database, RunProgress(quiet=json) as progress, contextlib.chdir(workspace.root):
        run = Run(bundle, workspace.archive(), database, Ports.real(), os.environ, progress)
        report = run.retry(chosen)
        with database.connect() as connection:
            mixed = connection.execute("SELECT title FROM fieldmap.positions WHERE retried ORDER BY title").fetchall()
    waiting = [row[0] for row in mixed]
    stays = bool(report.failed) or any(item.outcome in STAYING for item in report.retried)
    if json:
        print_json(_as_json(report, bundle, private_of(workspace, reveal=False), waiting))
    else:
        _show_retried(report, bundle, waiting, tags_of(workspace))
    for resource, sentence in report.failed.items():
        say(err(), f"error: {about(resource, sentence)}", indent=len("error: "))
    return 1 if stays else 0


def _chosen(workspace: Workspace, connection: Any, numbers: list[int], *, alone: bool) -> list[int]:
    """The letters meant: these, or all with their causes. Raises UsageError for a number that is none."""
    from fieldmap.compiler.explain.letters import same_cause

    tags, found = tags_of(workspace), set[int]()
    for number in numbers:
        same = same_cause(connection, number, tags)
        if not same:
            raise UsageError(f"There is no dead letter {number}; see: fieldmap dlq")
        found.update([number] if alone else same)
    return sorted(found)


def _show_retried(report: Report, bundle: Bundle, waiting: list[str], tags: causes.Tags) -> None:
    console = out()
    if not report.retried and not report.failed:
        console.print("There are no dead letters.")
        return
    counted = Counter(item.outcome for item in report.retried)
    for outcome, (single, several) in _OUTCOMES.items():
        if counted[outcome]:
            console.print(plural(counted[outcome], single, several), soft_wrap=True)
        if outcome in ("apart", "rejected"):
            _show_rejected(report, bundle, tags, outcome)
    for name, change in report.entities().items():
        parts = [
            f"{number:,} {word}".replace(",", " ")
            for number, word in ((change.new, "new"), (change.changed, "changed"), (change.gone, "gone"))
            if number
        ]
        console.print(f"{name:<20} {', '.join(parts) or 'nothing changed'}")
    if waiting:
        say(
            console,
            f"All other records of {', '.join(waiting)} stand as the map read them before; a sync waits until they were read"
            " with the map of now: fieldmap replay",
        )


def _show_rejected(report: Report, bundle: Bundle, tags: causes.Tags, outcome: str) -> None:
    """Why records are rejected, the most frequent causes first."""
    from fieldmap.compiler.explain.letters import blamed, without_value
    from fieldmap.runtime.values.outcome import Dead

    titles = {item.id: item.title for item in bundle.catalogue.maps}
    why: Counter[str] = Counter()
    for item in report.retried:
        for one in (item.records or (item,)) if item.outcome == outcome else ():
            # Of one letter the path is not known.
            path = one.path if isinstance(one, Dead) else "?"
            tag = tags.get((titles.get(item.letter.map, ""), blamed(one.code, one.field, path)))
            reason = without_value(one.code, tag) if tag else one.reason
            why[f"{one.code} {f'{one.field}: ' if one.field else ''}{reason}"] += 1
    for words, number in why.most_common(causes.SHOWN):
        say(out(), f"  {plural(number, 'record')}: {words}", indent=4)


def _as_json(report: Report, bundle: Bundle, private: Private, waiting: list[str]) -> dict[str, Any]:
    resources = {item.id: item.resource for item in bundle.catalogue.maps}
    titles = {item.id: item.title for item in bundle.catalogue.maps}
    return {
        "retried": [
            {
                "letter": item.letter.number,
                "map": titles.get(item.letter.map, item.letter.map),
                "record": item.letter.record and private.record(resources.get(item.letter.map, ""), item.letter.record),
                "outcome": item.outcome,
                "code": item.code,
                "field": item.field,
                "rejected": [{"record": one.record_id, "code": one.code, "field": one.field} for one in item.records],
            }
            for item in report.retried
        ],
        "outcomes": dict(Counter(item.outcome for item in report.retried)),
        "entities": {
            name: {"new": c.new, "changed": c.changed, "gone": c.gone} for name, c in report.entities().items()
        },
        "wants_replay": waiting,
        "failed": report.failed,
    }
