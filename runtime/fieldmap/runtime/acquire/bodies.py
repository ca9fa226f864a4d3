"""Bodies of requests, put together from a plan's template: as they are sent, as they may be shown, and as they are told apart."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final
from urllib.parse import quote_plus
from xml.sax.saxutils import escape

from fieldmap.runtime.acquire.holes import Known, filled, names
from fieldmap.runtime.plan import (
    Body,
    Composed,
    FormBody,
    JsonBody,
    JsonConstant,
    JsonList,
    JsonObject,
    JsonValue,
    SweepRef,
    TextBody,
)
from fieldmap.runtime.secrets import REDACTED, Secret, hole

_ABSENT: Final = object()


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """sent: the body itself. shown: without secrets, and without the values that are not shown. identity: without secrets only."""

    sent: Secret
    shown: str
    identity: str = field(repr=False)


def content_type(body: Body) -> str:
    match body:
        case JsonBody():
            return "application/json"
        case FormBody():
            return "application/x-www-form-urlencoded"
        case TextBody(xml=xml):
            return f"text/{'xml' if xml else 'plain'}; charset=utf-8"


def settings(body: Body) -> list[tuple[str, Composed]]:
    """Every text of a body that is resolved with the environment, by a name for messages, in order."""
    return [(f"body {name}".strip(), composed) for name, composed in _composed(body)]


def _composed(value: Body | JsonValue, name: str = "") -> Iterator[tuple[str, Composed]]:
    match value:
        case Composed():
            yield name, value
        case JsonBody(value=whole):
            yield from _composed(whole)
        case JsonObject(members=members):
            for member, below in members:
                yield from _composed(below, member)
        case JsonList(items=items):
            for item in items:
                yield from _composed(item, name)
        case FormBody(fields=fields):
            yield from fields
        case TextBody(lines=lines):
            # Part by part: within XML what comes from outside is written otherwise than what the author wrote.
            for line in lines:
                for part in line.parts:
                    yield "text", Composed((part,))


class Template:
    """A body whose settings are resolved. values: theirs, in the order of `settings`."""

    def __init__(self, body: Body, values: list[str | Secret]) -> None:
        self._body = body
        self._values = values

    def write(self, known: Known, hidden: frozenset[str]) -> Written:
        """known: what the sweep knows. hidden: the names of it whose values are not shown."""
        shown = {name: REDACTED if name in hidden else value for name, value in known.items()}
        sent = self._render(known, lambda secret: secret.reveal())
        return Written(
            sent=Secret(sent),
            shown=self._render(shown, lambda secret: REDACTED),
            identity=self._render(known, lambda secret: REDACTED),
        )

    # ------------------------------------------------------------------------------------------------- parts

    def _render(self, known: Known, reveal: Callable[[Secret], str]) -> str:
        return _Rendering(iter(self._values), known, reveal).body(self._body)


class _Rendering:
    """One writing of a body. values: taken in the order of `settings`, which is that of the body."""

    def __init__(self, values: Iterator[str | Secret], known: Known, reveal: Callable[[Secret], str]) -> None:
        self._values, self._known, self._reveal = values, known, reveal

    def body(self, body: Body) -> str:
        match body:
            case JsonBody(value=value):
                return _text(self._json(value))
            case FormBody(fields=fields):
                pairs = [(name, self._filled()) for name, _ in fields]
                return "&".join(f"{quote_plus(name)}={quote_plus(text)}" for name, text in pairs if text is not None)
            case TextBody(lines=lines, xml=xml):
                return "\n".join("".join(self._part(part, xml) for part in line.parts) for line in lines)

    def _part(self, part: object, xml: bool) -> str:
        text = self._filled() or ""
        return _escaped(text) if xml and not isinstance(part, str) else text

    def _json(self, value: JsonValue) -> Any:
        match value:
            case JsonConstant(text=text):
                return _Written(text)
            case JsonObject(members=members):
                made = [(name, self._json(below)) for name, below in members]
                return {name: below for name, below in made if below is not _ABSENT}
            case JsonList(items=items):
                return [below for below in [self._json(item) for item in items] if below is not _ABSENT]
            case SweepRef(name=name, default=default):
                found = self._known.get(name, default)
                return _ABSENT if found is None else found
            case Composed():
                found = self._filled()
                return _ABSENT if found is None else found

    def _filled(self) -> str | None:
        value = next(self._values)
        if not isinstance(value, Secret):
            done = filled(value, self._known)
            return None if done is None else str(done)
        revealed = self._reveal(value)
        # Of a text with a secret in it only what the sweep knows is told, so that two pages are told apart.
        text = revealed if revealed != REDACTED else REDACTED + "".join(hole(name) for name in names(value))
        done = filled(text, self._known)
        return None if done is None else str(done)


class _Written(str):
    """JSON that is written already."""

    __slots__ = ()


def _text(value: Any) -> str:
    match value:
        case _Written():
            return str(value)
        case dict():
            return "{" + ",".join(f"{json.dumps(name)}:{_text(below)}" for name, below in value.items()) + "}"
        case list():
            return "[" + ",".join(map(_text, value)) + "]"
        case Decimal():
            return format(value, "f")
        case _:
            return json.dumps(value)


def _escaped(text: str) -> str:
    return escape(text, {'"': "&quot;", "'": "&apos;"})
