"""What an operator asks of a sync beside the usual: bounds, a look before, repetition, an orderly end."""

from __future__ import annotations

import contextlib
import os
import re
import signal
from collections.abc import Iterator
from datetime import UTC, datetime
from types import FrameType
from typing import TYPE_CHECKING, Any

from fieldmap.cli.console import out, plural, print_json, table
from fieldmap.runtime.acquire.sweeps import Wanted
from fieldmap.runtime.bundle import Bundle
from fieldmap.runtime.errors import SourceError, UsageError
from fieldmap.runtime.moments import moment
from fieldmap.runtime.plan import DatabaseConnector, FilesConnector, HttpConnector

if TYPE_CHECKING:
    from fieldmap.cli.workspace import Workspace
    from fieldmap.runtime.acquire.sweeps import Preview

_UNITS = {"s": 1, "m": 60, "min": 60, "h": 3600, "d": 86_400}
_LENGTH = re.compile(r"(\d{1,6})\s*([a-z]+)")


def wanted_of(
    bundle: Bundle, resources: list[str], *, full: bool, since: str | None, until: str | None, confirmed: bool
) -> tuple[list[str], Wanted]:
    """The resources to sync, and what is wanted of each. Raises UsageError for options that do not go together."""
    if full and since is not None:
        raise UsageError("--full reads from the beginning, and --since from another moment; give one of the two")
    if confirmed and not full:
        raise UsageError("--confirm-deletes is said of a full sweep; add --full")
    if confirmed and not resources:
        raise UsageError(
            "--confirm-deletes is said of resources by name: fieldmap sync workday.workers --full --confirm-deletes"
        )
    wanted = Wanted(
        full=full,
        since=_moment("--since", since) if since is not None else None,
        until=_moment("--until", until) if until is not None else None,
        confirmed=confirmed,
    )
    if wanted.since is not None and wanted.until is not None and wanted.since >= wanted.until:
        raise UsageError("--since is not before --until; exchange the two")
    if wanted.since is None and wanted.until is None:
        return resources, wanted
    windowed = _windowed(bundle)
    strange = [name for name in resources if name not in windowed]
    if strange or not windowed:
        what = strange[0] if strange else "No resource"
        raise UsageError(
            f"{what} is {'not ' if strange else ''}read by what changed, so --since and --until mean nothing to it;"
            ' give its changed line a: sent as "…"'
        )
    return resources or windowed, wanted


def _windowed(bundle: Bundle) -> list[str]:
    """The resources of which what changed can be asked for."""
    read = dict.fromkeys(item.resource for item in bundle.catalogue.maps)
    found = []
    for name in bundle.catalogue.connectors:
        connector = bundle.connector(name)
        if isinstance(connector, DatabaseConnector):
            found += [one.name for one in connector.resources if one.changed is not None and one.name in read]
        if isinstance(connector, HttpConnector):
            found += [one.name for one in connector.resources if one.delta is not None and one.name in read]
    return found


def _moment(option: str, text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise UsageError(f"{option} {text} is no moment; write 2026-03-01 or 2026-03-01T12:00:00Z") from None
    if moment.tzinfo is None and ("T" in text or " " in text):
        raise UsageError(f"{option} {text} does not say in which zone; write 2026-03-01T12:00:00Z or …+01:00")
    # A day begins where the positions are kept: in UTC.
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def seconds_of(text: str) -> int:
    """The length of time that --every names."""
    found = _LENGTH.fullmatch(text.strip().lower())
    seconds = int(found[1]) * _UNITS.get(found[2], 0) if found else 0
    if not 1 <= seconds <= 366 * 86_400:
        raise UsageError(f"--every {text} is no length of time; write 30s, 5m, 1h or 1d")
    return seconds


def show_previews(workspace: Workspace, bundle: Bundle, resources: list[str], wanted: Wanted, *, json: bool) -> None:
    """What a sync would ask for first, of each resource; nothing is asked."""
    found = [begun for name in resources for begun in _first_asked(workspace, bundle, name, wanted)]
    if json:
        print_json(found)
        return
    rows = [
        (
            one["resource"],
            one["window"] or "all",
            f"goes on after {plural(int(str(one['after_page'])), 'page')}" if one["after_page"] else "begins",
        )
        for one in found
    ]
    table(["resource", "window", ""], rows)
    for one in found:
        out().print(f"{one['resource']}: {one['would_ask']}", soft_wrap=True)
    out().print("Nothing was asked and nothing was written.")


def _first_asked(workspace: Workspace, bundle: Bundle, name: str, wanted: Wanted) -> Iterator[dict[str, Any]]:
    """Of one resource, and then of its feed of deletes."""
    from fieldmap.runtime.acquire.children import preview_children
    from fieldmap.runtime.acquire.deletes import preview as preview_deletes
    from fieldmap.runtime.acquire.family import Family
    from fieldmap.runtime.acquire.fetching import preview
    from fieldmap.runtime.ports import Ports

    connector = bundle.connector(name.split(".")[0])
    if not isinstance(connector, HttpConnector):
        files = isinstance(connector, FilesConnector)
        yield _nothing(
            name, f"reads {'the files that are new' if files else 'what is new in its table, or what was pushed'}"
        )
        return
    resource = next(one for one in connector.resources if one.name == name)
    archive = workspace.archive()
    around: dict[str, Any] = {
        "archive": archive,
        "ports": Ports.real(workspace.state),
        "environ": os.environ,
        "wanted": wanted,
    }
    if resource.parent is not None:
        try:
            seen = preview_children(connector, resource, family=Family(archive, bundle.parent), **around)
        except SourceError as error:
            yield _nothing(name, str(error))
            return
        yield _begun(name, seen)
    elif resource.deletes is not None:
        before, gone = preview_deletes(connector, resource, resource.deletes, **around)
        if before is not None:
            yield _begun(name, before)
        yield _begun(f"{name}, its deletes", gone)
    else:
        yield _begun(name, preview(connector, resource, **around))


def _nothing(name: str, would: str) -> dict[str, Any]:
    return {"resource": name, "would_ask": would, "window": None, "after_page": 0}


def _begun(name: str, seen: Preview) -> dict[str, int | str | None]:
    """What a sweep would begin with."""
    window = f"{_shown(seen.since) or 'the beginning'} to {_shown(seen.until)}" if seen.until is not None else None
    sent = f"{seen.asked} {seen.address}{' ' + seen.said if seen.said else ''}"
    asked = sent if seen.address else "nothing: only the mark of the sweep's end is missing"
    return {"resource": name, "would_ask": asked, "window": window, "after_page": seen.after}


def _shown(at: datetime | None) -> str:
    return "" if at is None else moment(at)


@contextlib.contextmanager
def stopping_when_told() -> Iterator[None]:
    """SIGTERM ends the work as Ctrl-C does: what is durable stays, a transaction under way comes to its end, nothing new begins."""

    def stop(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
