"""Whether a body is what was asked for, and as much of it decoded as finding the next page needs."""

from __future__ import annotations

from typing import Any

import msgspec

from fieldmap.runtime.plan import Format
from fieldmap.runtime.values.decode import BOM, json_body
from fieldmap.runtime.values.outcome import Failed

_ROUGH = msgspec.json.Decoder(msgspec.Raw)
_TOP = msgspec.json.Decoder(dict[str, msgspec.Raw])


FORMATS = {
    "json": "JSON",
    "ndjson": "JSON lines",
    "csv": "CSV",
    "fixed": "lines of fixed width",
    "xml": "XML",
    "excel": "an Excel workbook",
}


class MisfitError(Exception):
    """The body is not what was asked for; the text says what came instead: "an HTML page"."""


class Opened(dict[str, Any]):
    """A JSON object whose members are decoded when they are asked for; MisfitError if one cannot be.

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
    if isinstance(body, Failed):
        # None would be taken for the last page.
        raise MisfitError("a body that is not JSON throughout")
    return body


def page_body(content: bytes, format: Format, content_type: str, *, decode: bool, packed: str = "") -> Any:
    """Checks, as far as a glance can tell, that a body is of the format, or a whole zip or gzip file. Raises MisfitError.

    decode: gives the body of a JSON page, an `Opened` if it is an object; otherwise gives None.
    """
    content = content.removeprefix(BOM)
    start = content[:1024].lstrip()
    if packed and start[:14].lower().startswith((b"<!doctype html", b"<html")):
        raise MisfitError("an HTML page")
    if packed:
        from fieldmap.runtime.values.packed import fault

        if instead := fault(content, packed):
            raise MisfitError(instead)
        return None
    if format == "xml":
        if start[:1] != b"<" and start[:2] not in (b"\xff\xfe", b"\xfe\xff"):
            raise MisfitError("a body that is no markup")
        if start[:14].lower().startswith((b"<!doctype html", b"<html")):
            raise MisfitError("an HTML page")
        return None
    if format == "excel":
        if content[:2] != b"PK":
            raise MisfitError("a body that is no workbook (.xlsx)")
        return None
    if start[:1] == b"<" and (
        format not in ("csv", "fixed") or start[:14].lower().startswith((b"<!doctype", b"<html", b"<?xml"))
    ):
        html = "html" in content_type.lower() or b"<html" in start.lower()
        raise MisfitError("an HTML page" if html else "markup, HTML or XML,")
    if format != "json":
        return None
    if not start and not content.strip():
        raise MisfitError("an empty body")
    try:
        if not decode:
            _ROUGH.decode(content)
            return None
        if start[:1] == b"{":
            return Opened(_TOP.decode(content))
    except (msgspec.MsgspecError, RecursionError):
        pass  # the quick decoders are narrower than JSON here and there
    body = json_body(content)
    if isinstance(body, Failed):
        raise MisfitError("a body that is not JSON")
    return body if decode else None
