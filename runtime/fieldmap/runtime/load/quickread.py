"""Pages of JSON decoded into objects that hold only what a map reads, several times faster than into dicts.

Nothing is taken for granted: an object that names a member twice must be seen, and so must bytes that are not UTF-8. So the
members that nobody reads are learned from the first pages and kept as they are, and the members that went in are counted
against those that came out. A record, or a page, of which this cannot be said is left to the general path.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
import xxhash
from msgspec import UNSET, Raw, UnsetType

from fieldmap.runtime.values.decode import BOM, json_body
from fieldmap.runtime.values.outcome import Failed
from fieldmap.runtime.values.quick import NumberText, is_nameable

Shape = Sequence[tuple[str, str, "Shape"]]

# How often the members that nobody reads are learned anew, and how many there may be.
_LESSONS, _MEMBERS = 8, 2_000
# The regular way is tried on every so manieth page where it failed on the last ones.
_PATIENCE = 16
_spaced = re.compile(b" :").search  # in less than half the time that `in` takes for two bytes


@dataclass
class Records:
    """The records of a page in their order. decoded: None where the general path is to look at one. safe: whether the page has no
    backslash, and so no text of it a character that would have to be escaped."""

    raws: list[Raw]
    decoded: list[Any]
    safe: bool

    @property
    def digests(self) -> list[str]:
        """Of the bytes of each."""
        return [xxhash.xxh3_128_hexdigest(raw) for raw in self.raws]

    def digest(self, index: int) -> str:
        return xxhash.xxh3_128_hexdigest(self.raws[index])


@dataclass
class _Tree:
    """Members by name: those that are objects in every record that has them are trees again. attribute: "" of one that is not read."""

    attribute: str = ""
    whole: bool = False
    members: dict[str, _Tree] = field(default_factory=dict)
    seen: int = 0

    def size(self) -> int:
        return sum(1 + member.size() for member in self.members.values())


def _tree(shape: Shape, attribute: str = "") -> _Tree:
    """Of what is read: a leaf is taken whole."""
    members = {name: _tree(inner, attribute) for name, attribute, inner in shape}
    return _Tree(attribute, not members, members)


class QuickReader:
    """shape, records: SHAPE and RECORDS of a generated module."""

    def __init__(self, shape: Shape, records: tuple[tuple[str, ...], bool]) -> None:
        self._read = _tree(shape)
        self._read.whole = False
        self._path = records[0]
        self._tree = self._read
        self._lessons = 0
        self._failures = 0
        self._build({})

    def read(self, content: bytes) -> Records | None:
        """None where the general path is to take the page."""
        if content.startswith(BOM) or not (content.isascii() or _is_utf8(content)):
            return None
        if not self._lessons:
            self._learn(content)
        for envelope in (self._known_envelope, self._any_envelope):
            try:
                raws, keys, colons = envelope(content)
            except (msgspec.MsgspecError, RecursionError, KeyError):
                continue
            decoded = self._regularly(content, raws, keys) or self._loosely(content, raws, colons)
            if decoded is not None:
                if decoded.count(None) * 2 > len(raws) and self._lessons < _LESSONS:
                    self._learn(content)
                return Records(raws, decoded, b"\\" not in content)
        return None

    def split(self, content: bytes) -> list[Raw] | None:
        """The records as they came, undecoded; None where it is not certain that the page holds nothing beside them and the members
        round them that were learned, each once."""
        if not content.isascii() and not _is_utf8(content):
            return None
        if not self._lessons:
            self._learn(content)
        try:
            found = self._envelope.decode(content)
        except (msgspec.MsgspecError, RecursionError):
            return None
        holder, raws = None, found
        for _ in self._path:
            holder, raws = raws, raws.r
        if holder is not None:
            holder.r = []
        around = 2 if holder is None else len(_ENCODER.encode(found))
        whole = around + sum([len(memoryview(raw)) for raw in raws]) + max(0, len(raws) - 1)
        return raws if whole == len(content) else None

    def one(self, raw: Raw) -> Any:
        """A single record; None where the general path is to look at it."""
        decoded = self._loose_one(raw)
        return decoded if decoded is not None and _is_whole(decoded, bytes(raw)) else None

    # ------------------------------------------------------------------------------------------------------ decoding

    def _known_envelope(self, content: bytes) -> tuple[list[Raw], int, int]:
        """The records, and how many members and colons there are round them, if these are the members that were learned."""
        found = self._envelope.decode(content)
        keys, holder, inner = 0, None, found
        for _ in self._path:
            names = inner.__struct_fields__
            keys += len(names) + sum(bytes(getattr(inner, name)).count(b'":') for name in names[1:])
            holder, inner = inner, inner.r
        if holder is None:
            return inner, 0, 0
        holder.r = []
        return inner, keys, _ENCODER.encode(found).count(b":")

    def _any_envelope(self, content: bytes) -> tuple[list[Raw], int, int]:
        """As the other, whatever members there are; at the price of reading the records twice."""
        keys = colons = 0
        rest: Any = content
        for name in self._path:
            members = _MEMBERS_OF.decode(rest)
            rest = members[name]
            others = [bytes(raw) for other, raw in members.items() if other != name]
            keys += len(members) + sum(raw.count(b'":') for raw in others)
            colons += len(members) + sum(raw.count(b":") for raw in others) + sum(other.count(":") for other in members)
        return _RAWS.decode(rest), keys, colons

    def _regularly(self, content: bytes, raws: list[Raw], keys: int) -> list[Any] | None:
        """The records, if each has every member that was learned: then as many members as there are must have come in."""
        self._failures += 1
        if (self._failures > 3 and self._failures % _PATIENCE) or not _is_compact(content):
            return None
        decode = self._regular.decode
        try:
            decoded = [decode(raw) for raw in raws]
        except (msgspec.MsgspecError, RecursionError, ValueError):
            return None
        if content.count(b'":') != keys + len(raws) * self._keys:
            return None
        self._failures = 0
        return decoded

    def _loosely(self, content: bytes, raws: list[Raw], colons: int) -> list[Any] | None:
        """The records, whatever members they lack. As many colons must go out again as came in."""
        decoded = [self._loose_one(raw) for raw in raws]
        came = content.count(b":")
        if b"\\u003" not in content and None not in decoded and came == colons + _colons(decoded):
            return decoded
        texts = [bytes(raw) for raw in raws]
        if came != colons + sum(text.count(b":") for text in texts):
            return None  # what is round the records names a member twice
        return [
            one if one is not None and _is_whole(one, text) else None for one, text in zip(decoded, texts, strict=True)
        ]

    def _loose_one(self, raw: Raw) -> Any:
        try:
            return self._loose.decode(raw)
        except (msgspec.MsgspecError, RecursionError, ValueError):
            return None

    # ------------------------------------------------------------------------------------------------------ learning

    def _learn(self, content: bytes) -> None:
        """Takes up the members of a page that nobody reads."""
        self._lessons += 1
        body = json_body(content)
        if isinstance(body, Failed):
            return
        around: dict[str, list[str]] = {}
        for depth, name in enumerate(self._path):
            if not isinstance(body, dict) or name not in body:
                return
            around[str(depth)] = [other for other in body if other != name and is_nameable(other)]
            body = body[name]
        if not isinstance(body, list):
            return
        records = [record for record in body if type(record) is dict]
        tree = _tree_with(self._tree, records)
        if tree.size() <= _MEMBERS:
            self._tree = tree
            self._build(around)

    def _build(self, around: dict[str, list[str]]) -> None:
        self._keys = _keys(self._tree)
        self._regular = msgspec.json.Decoder(_struct(self._tree, regular=True), float_hook=NumberText)
        self._loose = msgspec.json.Decoder(_struct(self._tree, regular=False), float_hook=NumberText)
        envelope: Any = list[Raw]
        for depth, name in reversed(list(enumerate(self._path))):
            others = around.get(str(depth), [])
            fields = [("r", envelope), *((f"u{number}", Raw) for number, _ in enumerate(others))]
            rename = {"r": name, **{f"u{number}": other for number, other in enumerate(others)}}
            envelope = msgspec.defstruct("Envelope", fields, rename=rename, gc=False)
        self._envelope = msgspec.json.Decoder(envelope)


def _tree_with(known: _Tree, records: Iterable[dict[str, Any]]) -> _Tree:
    """The tree with the members of these objects. seen: how many of them have each."""
    members = {name: _Tree(one.attribute, one.whole, one.members) for name, one in known.members.items()}
    inner: dict[str, list[dict[str, Any]]] = {}
    records = list(records)
    for record in records:
        for name, value in record.items():
            if name not in members:
                if not is_nameable(name):
                    continue  # it is missed in the count: the general path takes such records
                members[name] = _Tree()
            one = members[name]
            one.seen += 1
            if type(value) is dict:
                inner.setdefault(name, []).append(value)
            elif not one.attribute:
                one.whole = True
    for name, values in inner.items():
        if not members[name].whole:
            members[name].members = _tree_with(members[name], values).members
    for one in members.values():
        one.seen = 1 if one.seen == len(records) else 0
    return _Tree(known.attribute, known.whole, members, known.seen)


def _keys(tree: _Tree) -> int:
    """How many members a regular record has."""
    return sum(1 + _keys(member) for member in tree.members.values() if member.seen)


def _struct(tree: _Tree, *, regular: bool) -> Any:
    """The type of an object. regular: with the members that every object has, all required."""
    fields: list[Any] = []
    rename: dict[str, str] = {}
    for number, (name, member) in enumerate(tree.members.items()):
        if regular and not member.seen and not member.attribute:
            continue
        attribute = member.attribute or f"u{number}"
        rename[attribute] = name
        if member.members:
            kind: Any = _struct(member, regular=regular)
            kind = kind | None
        else:
            kind = Any if member.attribute else Raw
        if regular and member.seen:
            fields.append((attribute, kind))
        else:
            fields.append((attribute, kind | UnsetType if kind is not Any else Any, UNSET))
    fields.sort(key=len)  # those with a default last
    return msgspec.defstruct("Record", fields, rename=rename, gc=False)


def _is_compact(content: bytes) -> bool:
    """Whether a quote before a colon is the end of a member's name, and every name ends so."""
    return not (b"\\" in content or b"\n" in content or b"\t" in content or b"\r" in content or _spaced(content))


def _is_whole(decoded: Any, raw: bytes) -> bool:
    return b"\\u003" not in raw and raw.count(b":") == _colons(decoded)


def _colons(decoded: Any) -> int:
    """How many colons the members make that were decoded, and what is in their values."""
    return _ENCODER.encode(decoded).count(b":")


def _is_utf8(content: bytes) -> bool:
    try:
        content.decode()
    except UnicodeDecodeError:
        return False
    return True


_ENCODER = msgspec.json.Encoder(enc_hook=lambda number: 0)
_MEMBERS_OF = msgspec.json.Decoder(dict[str, Raw])
_RAWS = msgspec.json.Decoder(list[Raw])
