"""What a map reads of a record, as a tree of members: the object that the quick path decodes a record into, and the walk through it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from fieldmap.compiler import ir
from fieldmap.compiler.emit import reads
from fieldmap.compiler.emit.python import Atom, literal, tuple_of

if TYPE_CHECKING:
    from fieldmap.compiler.emit.expressions import Emitter

Names = tuple[str, ...]


@dataclass
class Member:
    """attribute: its name in Python. members: those within it that the map reads, by their own names; empty where the value is
    taken as it is."""

    attribute: str
    members: dict[str, Member] = field(default_factory=dict)


def leading(segments: Sequence[ir.Segment]) -> tuple[ir.Member, ...]:
    """The members before the first step of another kind."""
    found: list[ir.Member] = []
    for segment in segments:
        if not isinstance(segment, ir.Member):
            break
        found.append(segment)
    return tuple(found)


def tree(paths: Iterable[Names]) -> Member:
    """The tree of these paths. Where one path ends, its value is taken whole, and longer paths go on within it."""
    root, number = Member(""), 0
    ends = set(paths)
    for path in dict.fromkeys(paths):
        node = root
        for depth, name in enumerate(path, 1):
            if name not in node.members:
                node.members[name] = Member(f"m{number}")
                number += 1
            node = node.members[name]
            if path[:depth] in ends:
                node.members.clear()
                break
    return root


def shape(node: Member) -> str:
    """The tree as the runtime takes it: (name, attribute, members) each."""
    return tuple_of(
        [f"({literal(name)}, {literal(one.attribute)}, {shape(one)})" for name, one in node.members.items()]
    )


class Record:
    """The walk through a decoded record. Objects within it stand in locals of their own, made at the top of the loop."""

    def __init__(self, tree: Member, roots: frozenset[str]) -> None:
        self.tree = tree
        self.roots = roots

    def hoist(self, emitter: Emitter) -> None:
        """Writes the locals of the objects within the record; None for one that is not there."""
        self._hoist(emitter, self.tree, emitter.roots["$"], "$", present=True)

    def _hoist(self, emitter: Emitter, node: Member, local: str, at: str, *, present: bool) -> None:
        for name, member in node.members.items():
            if not member.members:
                continue
            inner, path = emitter.new(), f"{at}.{name}"
            taken = f"{local}.{member.attribute}"
            emitter.body.line(f"{inner} = {taken}" if present else f"{inner} = None if {local} is None else {taken}")
            with emitter.body.block(f"if {inner} is UNSET:"):
                emitter.body.line(f"{inner} = None")
            # Among the roots, it is handed to every part of an expression that is set apart.
            emitter.roots[path] = inner
            self._hoist(emitter, member, inner, path, present=False)

    def leaf(self, emitter: Emitter, segments: Sequence[ir.Segment], text: str) -> tuple[str, str, Member, int]:
        """The local of the object that holds the leaf, its path, the leaf, and how many segments lead to it. Raises at run time
        if a required object on the way is not there."""
        node, local, at, maybe = self.tree, emitter.roots["$"], "$", False
        for place, segment in enumerate(segments):
            if not isinstance(segment, ir.Member):
                break
            member = node.members[segment.name]
            if not member.members:
                return local, at, member, place
            inner, at = emitter.roots[f"{at}.{segment.name}"], f"{at}.{segment.name}"
            if segment.required:
                absent = f"{inner} is None" + (f" and {local} is not None" if maybe else "")
                with emitter.body.block(f"if {absent}:"):
                    emitter.body.line(f"raise lacking({literal(at)}, {literal(text)})")
            node, local, maybe = member, inner, True
        raise ValueError(f"{text} takes an object whole")

    def fetch(self, emitter: Emitter, segments: Sequence[ir.Segment], text: str) -> tuple[str, int]:
        """A local with the raw value of the leaf: UNSET or None where there is none, NO_PARENT where its object is not there."""
        holder, at, member, place = self.leaf(emitter, segments, text)
        name, taken = emitter.new(), f"{holder}.{member.attribute}"
        emitter.body.line(f"{name} = {taken}" if at == "$" else f"{name} = NO_PARENT if {holder} is None else {taken}")
        return name, place

    def walk(self, emitter: Emitter, segments: Sequence[ir.Segment], text: str) -> Atom:
        """As `reads.walk`, from the record."""
        name, place = self.fetch(emitter, segments, text)
        return settle(emitter, name, segments, place, text)


class Value:
    """The walk of an expression that reads one leaf only, which is at hand as a parameter."""

    def __init__(self, local: str, depth: int, roots: frozenset[str]) -> None:
        self.local = local
        self.depth = depth
        self.roots = roots

    def walk(self, emitter: Emitter, segments: Sequence[ir.Segment], text: str) -> Atom:
        name = emitter.new()
        emitter.body.line(f"{name} = {self.local}")
        return settle(emitter, name, segments, self.depth, text)


def settle(emitter: Emitter, name: str, segments: Sequence[ir.Segment], place: int, text: str) -> Atom:
    """Makes of a raw leaf what `transform` finds at that place, and goes on from there."""
    member = segments[place]
    at = "$" + "".join(f".{segment.name}" for segment in leading(segments[: place + 1]))
    required = isinstance(member, ir.Member) and member.required
    body = emitter.body
    with body.block(f"if {name} is UNSET:"):
        body.line(f"{name} = None")
    if required:
        with body.block(f"if {name} is None:"):
            body.line(f"raise lacking({literal(at)}, {literal(text)})")
    maybe = not required or place > 0
    if place > 0:
        with body.block(f"if {name} is NO_PARENT:"):
            body.line(f"{name} = None")
    with body.block(f"if type({name}) is not str and {name} is not None:"):
        body.line(f"{name} = exact({name})")
    rest = segments[place + 1 :]
    if not rest:
        return Atom(name, maybe=maybe, own=True)
    if not maybe:
        emitter.present.add(name)
    return reads.walk(emitter, name, at, rest, text)
