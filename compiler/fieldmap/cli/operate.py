"""Commands of operators that run maps: sync, replay."""

from __future__ import annotations

import contextlib
import os
import time
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any

import typer

from fieldmap.cli.console import Json, about, err, exiting, print_json, say
from fieldmap.cli.ended import as_json, attention_of, show_report
from fieldmap.cli.progress import RunProgress
from fieldmap.cli.workspace import Workspace
from fieldmap.runtime.acquire.sweeps import Wanted
from fieldmap.runtime.bundle import Bundle
from fieldmap.runtime.errors import UsageError
from fieldmap.runtime.run import Run, connected

Resources = Annotated[list[str] | None, typer.Argument(help="Resources such as workday.workers; all if none is named.")]
BundleFolder = Annotated[
    Path | None, typer.Option("--bundle", help="Run this compiled bundle as it is, instead of the sources.")
]


def register(app: typer.Typer) -> None:
    app.command(epilog="Example: fieldmap sync · fieldmap sync workday.workers --full · fieldmap sync --every 5m")(
        exiting(sync)
    )
    app.command(epilog="Example: fieldmap replay · fieldmap replay workday.workers")(exiting(replay))


def sync(
    resources: Resources = None,
    bundle: BundleFolder = None,
    full: Annotated[bool, typer.Option("--full", help="Read all, not only what changed.")] = False,
    since: Annotated[str | None, typer.Option("--since", help="Read what changed from this moment on.")] = None,
    until: Annotated[str | None, typer.Option("--until", help="Read what changed up to this moment.")] = None,
    confirm_deletes: Annotated[
        bool, typer.Option("--confirm-deletes", help="What a full sweep lacks is gone, however much it is.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would be asked for, and ask nothing.")] = False,
    once: Annotated[bool, typer.Option("--once", help="Once, as is usual.")] = False,
    every: Annotated[str | None, typer.Option("--every", help="Again and again: 30s, 5m, 1h.")] = None,
    wait: Annotated[
        bool, typer.Option("--wait", help="Wait for another run of a resource, instead of leaving it out.")
    ] = False,
    json: Json = False,
) -> int:
    """Fetches the sources and loads what is new.

    Every response is archived first and loaded from there. Exit code 1 if a source failed; the others are loaded. A resource that
    another run is at is left to that run, and the rest is done; with --wait it is done too, once that run has ended.
    """
    from fieldmap.cli import sweeping

    if once and every is not None:
        raise UsageError("--once and --every contradict each other; give one of the two")
    pause = sweeping.seconds_of(every) if every is not None else None
    workspace = Workspace.here()
    with sweeping.stopping_when_told():
        while True:
            began = time.monotonic()
            compiled = workspace.bundle(bundle)
            chosen, wanted = sweeping.wanted_of(
                compiled, resources or [], full=full, since=since, until=until, confirmed=confirm_deletes
            )
            if dry_run:
                with contextlib.chdir(workspace.root):
                    sweeping.show_previews(workspace, compiled, connected(compiled, chosen), wanted, json=json)
                return 0
            code = _run(workspace, compiled, "sync", chosen, wanted, wait=wait, json=json)
            if pause is None:
                return code
            time.sleep(max(0.0, began + pause - time.monotonic()))


def replay(resources: Resources = None, bundle: BundleFolder = None, json: Json = False) -> int:
    """Loads the archive with the maps of now.

    Asks no source. Maps that changed start from the beginning of the archive; shows which values changed.
    """
    from fieldmap.cli.sweeping import stopping_when_told

    workspace = Workspace.here()
    with stopping_when_told():
        return _run(workspace, workspace.bundle(bundle), "replay", resources or [], Wanted(), json=json)


def load(workspace: Workspace, bundle: Bundle, resources: list[str], *, json: bool, archived: dict[str, Any]) -> int:
    """Loads what was pushed. archived: what `--json` says of it beside the run."""
    return _run(workspace, bundle, "sync", resources, Wanted(), json=json, archived=archived)


def _run(
    workspace: Workspace,
    bundle: Bundle,
    command: str,
    resources: list[str],
    wanted: Wanted,
    *,
    wait: bool = False,
    json: bool,
    archived: dict[str, Any] | None = None,
) -> int:
    from fieldmap.runtime.handover import Room
    from fieldmap.runtime.ports import Ports
    from fieldmap.runtime.syncing import Options

    # Folders that a map names are relative to the project, wherever in it the command is given.
    ports, settings = Ports.real(workspace.state), workspace.settings
    room = Room(settings.memory_mb << 20)
    titles = {item.title: item.resource for item in bundle.catalogue.maps}
    with (
        contextlib.closing(ports.http),
        workspace.database() as database,
        RunProgress(quiet=json, resources=titles, room=room) as progress,
        contextlib.chdir(workspace.root),
    ):
        limits = limits_of(workspace, bundle)
        a_second = settings.requests_per_second
        options = Options(at_once=settings.resources_at_once, room=room, wait=wait, a_second=a_second)
        run = Run(bundle, workspace.archive(), database, ports, os.environ, progress, limits, settings.workers, options)
        report = run.sync(resources, wanted) if command == "sync" else run.replay(resources)
        attention = attention_of(database, report.run)
    if json:
        told = as_json(report, bundle, attention)
        print_json(told if archived is None else {"archived": archived, "run": told})
    else:
        show_report(report, bundle, attention, detailed=command == "replay")
    for resource, sentence in report.failed.items():
        say(err(), f"error: {about(resource, sentence)}", indent=len("error: "))
    return 1 if report.failed else 0


def limits_of(workspace: Workspace, bundle: Bundle) -> dict[str, Decimal]:
    """By resource, and "" for all others, how many percent of the records may be dead letters. Raises UsageError."""
    known = sorted({item.resource for item in bundle.catalogue.maps})
    for name in workspace.settings.dead_letters_of:
        if name not in known:
            raise UsageError(
                f"No map reads {name}, which dead_letters_of of fieldmap.toml names; there are: {', '.join(known)}"
            )
    return {"": workspace.settings.dead_letters, **workspace.settings.dead_letters_of}
