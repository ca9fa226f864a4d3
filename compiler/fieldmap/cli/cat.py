"""Shows an archived response: as it came, or with the members hidden that feed personal and restricted fields."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from fieldmap.cli.console import err, plural, print_json, safe, say
from fieldmap.cli.masking import project_of
from fieldmap.cli.workspace import Workspace
from fieldmap.compiler import interpret, ir
from fieldmap.compiler.deletes import of_page
from fieldmap.compiler.explain.jsontext import json_text
from fieldmap.compiler.explain.letters import tagged_members
from fieldmap.compiler.explain.locate import find_record
from fieldmap.compiler.explain.private import HIDDEN
from fieldmap.compiler.readings import reading_of
from fieldmap.runtime.archive import Archived, spelled
from fieldmap.runtime.errors import ArchiveError, UsageError
from fieldmap.runtime.moments import moment
from fieldmap.runtime.values.decode import bodies
from fieldmap.runtime.values.outcome import Failed

_TEXTS = ("json", "ndjson", "csv", "fixed", "xml")


def show(workspace: Workspace, page: Archived, record: int | None, *, reveal: bool, json: bool) -> None:
    """Prints a response, or one record of it. Where it came from goes to the stream of messages, so that a pipe gets the body alone."""
    project = project_of(workspace)
    maps = [item for item in project.maps if f"{item.connector}.{item.resource}" == page.resource]
    tagged = {} if reveal else tagged_members(project, maps)
    if not maps and not reveal:
        raise UsageError(
            f"No map reads {page.resource}, so nobody knows what of it is personal; --reveal shows all of it, and is logged"
        )
    if record is None and not tagged and not json:
        _head(page, "")
        _raw(page)
        return
    if not maps:
        raise UsageError(f"No map reads {page.resource}; only its bytes can be shown, without --record and --json")
    apart = True
    if record is not None:
        one = _record(maps[0], page, record)
        found, apart = [_masked(one, tagged)], isinstance(one, dict)
    else:
        found, apart = _bodies(page, maps[0], tagged)
    if json:
        print_json(_as_json(page, found))
        return
    hidden = sorted(tagged)
    note = f"hidden: {', '.join(hidden)}; --reveal shows them, and is logged"
    if not apart:
        note = "hidden: all of it, since it cannot be taken apart; --reveal shows it, and is logged"
    _head(page, note if hidden else "")
    for body in found:
        sys.stdout.write(_indented(body) + "\n")


def _record(map_: ir.Map, page: Archived, number: int) -> Any:
    """A record of a page. Raises UsageError if it has no such one."""
    page.content()  # what cannot be decoded is another matter
    try:
        return find_record(map_, page, number).record
    except ArchiveError:
        raise UsageError(
            f"The response {spelled(page.position)} of {page.resource} has no record {number}; they are counted from 0"
        ) from None


def _head(page: Archived, note: str) -> None:
    status = f" → {page.status}" if page.status is not None else ""
    if page.revisited is not None:
        status = f" → 304, not modified since the response {spelled(page.revisited.position)}, which is shown,"
    say(
        err(),
        f"{safe(page.url)}{status} at {moment(page.fetched_at)}, {spelled(page.position)}, {plural(len(page.body), 'byte')}",
    )
    if note:
        say(err(), safe(note))


def _raw(page: Archived) -> None:
    """The body without its content coding, byte for byte; a file of a spreadsheet program only where no person looks on."""
    if (page.format not in _TEXTS or page.content()[:2] in (b"PK", b"\x1f\x8b")) and sys.stdout.isatty():
        raise UsageError(
            f"The response is {page.format if page.format not in _TEXTS else 'a packed file'}, which no terminal shows; send it to a file, or name a record: --record 0"
        )
    if sys.stdout.isatty():
        text = page.content().decode("utf-8", "replace")
        sys.stdout.write("".join(c if c.isprintable() or c in "\n\t" else repr(c)[1:-1] for c in text) + "\n")
        return
    sys.stdout.flush()
    buffer = getattr(sys.stdout, "buffer", None)
    if buffer is not None:
        buffer.write(page.content())
        buffer.flush()
    else:
        sys.stdout.write(page.content().decode("utf-8", "replace"))


def _bodies(page: Archived, map_: ir.Map, tagged: Mapping[str, str]) -> tuple[list[Any], bool]:
    """The bodies of a page (one, or a line or row each) with the tagged members of its records hidden; and whether any could be taken
    apart."""
    found: list[Any] = []
    apart = False
    map_ = of_page(map_, page.part)
    for _, body in bodies(page.content(), page.format, reading_of(map_)):
        try:
            if isinstance(body, Failed):
                raise body
            for keys, value in interpret.places(map_, body):
                body = _put(body, keys, _masked(value, tagged))
            found.append(body)
            apart = True
        except Failed as failed:
            # What cannot be taken apart cannot be hidden in parts.
            unread = isinstance(body, Failed)
            found.append(f"({failed.reason}; --reveal shows it as it came)" if tagged or unread else body)
    return found, apart or not found


def _masked(record: Any, tagged: Mapping[str, str]) -> Any:
    if isinstance(record, Failed):
        return f"({record.reason}; --reveal shows it as it came)"
    if not tagged:
        return record
    if not isinstance(record, dict):
        return f"{HIDDEN} (of a kind in which single members cannot be told)"
    return {name: f"{HIDDEN} ({tagged[name]})" if name in tagged else value for name, value in record.items()}


def _put(body: Any, keys: Sequence[str | int], value: Any) -> Any:
    """The body with another value at a place, changed where it stands: it was decoded for this alone."""
    if not keys:
        return value
    parent = body
    for key in keys[:-1]:
        parent = parent[key]
    parent[keys[-1]] = value
    return body


def _indented(body: Any) -> str:
    return msgspec.json.format(json_text(body).encode(), indent=2).decode()


def _as_json(page: Archived, found: list[Any]) -> dict[str, Any]:
    return {
        "resource": page.resource,
        "position": page.position,
        "url": page.url,
        "status": page.status,
        **({"not_modified_since": page.revisited.position} if page.revisited else {}),
        "fetched_at": page.fetched_at,
        "headers": dict(page.headers),
        "format": page.format,
        "bodies": [msgspec.Raw(json_text(body).encode()) for body in found],
    }
