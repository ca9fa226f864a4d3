"""Whether a body is what was asked for, and as much of it decoded as finding the next page needs."""

from __future__ import annotations

from typing import Any

import msgspec

from fieldmap.runtime.plan import Format
from fieldmap.runtime.values.decode import BOM, json_body
from fieldmap.runtime.values.outcome import Failed

_ROUGH = msgspec.json.Decoder(msgspec.Raw)
_TOP = msgspec.json.Decoder(dict[str, msgspec.Raw])
_SHOWN = 40


class Opened(dict[str, Any]):
    """A JSON object whose members are decoded when they are asked for.

    A page is decoded for loading elsewhere, and better; the cursor is one small member beside thousands of records.
    """

    def __getitem__(self, name: str) -> Any:
        return _member(super().__getitem__(name))

    def get(self, name: str, default: Any = None) -> Any:
        found = super().get(name)
        return default if found is None else _member(found)

    def values(self) -> Any:
        return [self[name] for name in self]

    def items(self) -> Any:
        return [(name, self[name]) for name in self]


def _member(raw: Any) -> Any:
    body = json_body(bytes(raw))
    return None if isinstance(body, Failed) else body


def opened(content: bytes) -> Any:
    """The body of a JSON page, which is known to be JSON: an `Opened` if it is an object."""
    content = content.removeprefix(BOM)
    try:
        return Opened(_TOP.decode(content))
    except (msgspec.MsgspecError, RecursionError):
        body = json_body(content)
        return None if isinstance(body, Failed) else body


def misfit(content: bytes, format: Format, content_type: str) -> str | None:
    """What came instead of the format: "an HTML page"; None if it is what was asked for, as far as a glance can tell."""
    start = content.removeprefix(BOM)[:1024].lstrip()
    if start[:1] == b"<" and (format != "csv" or start[:14].lower().startswith((b"<!doctype", b"<html", b"<?xml"))):
        return "an HTML page" if "html" in content_type.lower() or b"<html" in start.lower() else "markup, HTML or XML,"
    if format != "json":
        return None
    if not start and not content.strip():
        return "an empty body"
    try:
        _ROUGH.decode(content.removeprefix(BOM))
    except (msgspec.MsgspecError, RecursionError):
        # The quick decoder is narrower than JSON here and there.
        if isinstance(json_body(content.removeprefix(BOM)), Failed):
            return "a body that is not JSON"
    return None
