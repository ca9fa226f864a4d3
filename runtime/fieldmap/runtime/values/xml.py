"""XML as values, guided by what the resource's shape says: never by the number of elements in today's file.

The schema is made of plain values: "text" and "bool" are elements used as a value, "any" is kept whole for a json field, an object
maps the names of members to schemas ("@id" for attributes, "#text" for the text beside them), `[schema]` is a list that is
there even if it is empty, `[schema, "?"]` one that may be absent. Elements that it does not name are passed over and cost no memory.

No document type is read, so that there are no entities; nothing is fetched; depth and the length of a text are bounded by libxml2.
"""

from __future__ import annotations

import functools
from typing import Any

from lxml import etree

from fieldmap.runtime.values.failures import Unreadable, shorten
from fieldmap.runtime.values.outcome import Failed
from fieldmap.runtime.values.reading import TEXT, Reading

_NIL = "{http://www.w3.org/2001/XMLSchema-instance}nil"
_CHUNK = 1 << 16
_BOOLS = {"true": True, "1": True, "false": False, "0": False}
# libxml2 stops at this depth; the message of its own names an option that nobody here can set.
DEPTH = 256


class _RefusedError(Exception):
    pass


def xml_body(content: bytes, reading: Reading) -> Any | Failed:
    """The root element as its schema says, or a Failed (FM2120) that says why the page is no XML."""
    builder: Any = _Builder(reading)
    parser = etree.XMLParser(
        target=builder, resolve_entities=False, no_network=True, load_dtd=False, dtd_validation=False, huge_tree=False
    )
    try:
        for start in range(0, len(content), _CHUNK):
            parser.feed(content[start : start + _CHUNK])
        return parser.close()
    except _RefusedError as error:
        return Failed("FM2120", str(error))
    except etree.XMLSyntaxError as error:
        return Failed("FM2120", _words(error))
    except (LookupError, ValueError, AssertionError) as error:
        return Failed("FM2120", f"the page is not XML: {shorten(str(error))}")


def _words(error: etree.XMLSyntaxError) -> str:
    message = error.msg or "it is empty"
    if "depth" in message.lower():
        return f"the page is nested deeper than {DEPTH} elements"
    return f"the page is not XML: {shorten(message[:1].lower() + message[1:])}"


def local(tag: str) -> str:
    return tag.rpartition("}")[2]


class _Frame:
    """An element under construction."""

    __slots__ = ("mixed", "name", "nil", "schema", "texts", "value")

    def __init__(self, name: str, schema: Any) -> None:
        self.name = name
        self.schema = schema
        self.texts: list[str] = []
        self.mixed = False
        self.nil = False
        self.value: dict[str, Any] = {}
        if isinstance(schema, dict):
            for member, below in schema.items():
                if isinstance(below, list) and len(below) == 1:
                    self.value[member] = []


class _Builder:
    """The target of the parser: called for each start, end and text."""

    def __init__(self, reading: Reading) -> None:
        self._reading = reading
        self._name = (lambda tag: tag) if reading.namespaces else functools.lru_cache(maxsize=4096)(local)
        self._open: list[_Frame] = []
        self._skipped = 0
        self._root: Any = None

    def doctype(self, *_: Any) -> None:
        raise _RefusedError("the page declares a document type (DOCTYPE), and none is read: entities can be bombs")

    def start(self, tag: str, attributes: Any) -> None:
        if self._skipped:
            self._skipped += 1
            return
        name = self._name(tag)
        if not self._open:
            wanted = self._reading.root
            if wanted and name != wanted:
                raise _RefusedError(f"the root element is {shorten(name)}, and {shorten(wanted)} is needed")
            self._push(name, self._reading.tree, attributes)
            return
        parent = self._open[-1]
        parent.mixed = True
        if parent.schema == "any":
            self._push(name, "any", attributes)
            return
        below = parent.schema.get(name) if isinstance(parent.schema, dict) else None
        if below is None:
            self._skipped = 1
            return
        self._push(name, below[0] if isinstance(below, list) else below, attributes)

    def _push(self, name: str, schema: Any, attributes: Any) -> None:
        frame = _Frame(name, schema)
        for attribute, value in attributes.items():
            if attribute == _NIL:
                frame.nil = value.strip() in ("true", "1")
            member = f"@{self._name(attribute)}"
            if schema == "any" or (isinstance(schema, dict) and member in schema):
                frame.value[member] = value
        self._open.append(frame)

    def data(self, text: str) -> None:
        if self._open and not self._skipped:
            self._open[-1].texts.append(text)

    def end(self, tag: str) -> None:
        if self._skipped:
            self._skipped -= 1
            return
        frame = self._open.pop()
        value = _value(frame)
        if not self._open:
            self._root = value
            return
        parent = self._open[-1]
        below = ["any"] if parent.schema == "any" else parent.schema[frame.name]
        if isinstance(below, list):
            parent.value.setdefault(frame.name, []).append(value)
        elif frame.name in parent.value:
            parent.value[frame.name] = Unreadable(
                "FM2134",
                f"{shorten(frame.name)} stands more than once in {shorten(parent.name)}, and the shape says one",
            )
        else:
            parent.value[frame.name] = value

    def close(self) -> Any:
        return self._root


def _value(frame: _Frame) -> Any:
    if frame.nil:
        return None
    schema = frame.schema
    if isinstance(schema, dict):
        if TEXT in schema:
            frame.value[TEXT] = "".join(frame.texts)
        return frame.value
    text = "".join(frame.texts)
    if schema == "any":
        if text.strip() or not frame.value:
            frame.value[TEXT] = text
        return frame.value
    if frame.mixed:
        return Unreadable("FM2101", f"a text is needed, and the element {shorten(frame.name)} has others in it")
    return _BOOLS.get(text.strip(), text) if schema == "bool" else text
