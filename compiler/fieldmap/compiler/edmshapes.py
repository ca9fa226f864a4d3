"""From the metadata of an OData service to shapes: what its JSON looks like, in either version.

Only those navigations are members of a shape that some map reads, since only those are asked for; each member has its place in the
metadata file, so that a message about it points there.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from fieldmap.compiler import edm
from fieldmap.compiler.steps import BELOW, EACH, Steps
from fieldmap.dsl import ast
from fieldmap.dsl.source import Span

# Where version 2 has a collection: `"to_Address": { "results": [ … ] }`.
RESULTS = "results"
_INTS = frozenset(f"Edm.{name}" for name in ("Byte", "SByte", "Int16", "Int32", "Int64"))
_PLAIN = {
    "Edm.String": "text", "Edm.Boolean": "bool", "Edm.Decimal": "decimal", "Edm.Guid": "uuid", "Edm.Binary": "text",
    "Edm.Single": "number", "Edm.Double": "number", "Edm.Date": "date", "Edm.TimeOfDay": "time", "Edm.Duration": "duration",
    "Edm.DateTimeOffset": "datetime",
}  # fmt: skip
# Read as what they are only by version 2, which writes them in a way of its own.
_OF_TWO = {"Edm.DateTime": "datetime", "Edm.DateTimeOffset": "datetime", "Edm.Time": "time"}


@dataclass
class Wanted:
    """What is read of a value: all of it, or the members named. Lists are passed through."""

    whole: bool = False
    members: dict[str, Wanted] = field(default_factory=dict)

    def add(self, steps: Steps, *, whole: bool = True) -> None:
        """whole: whether all that stands at the end of the steps is read, or only that it is there."""
        at = self
        for step in steps:
            if step == BELOW or (step == EACH and at is self):
                at.whole = True
                return
            if step != EACH:
                at = at.members.setdefault(step, Wanted())
        at.whole |= whole


@dataclass(frozen=True)
class Shaper:
    """file: the metadata's, as it is shown."""

    metadata: edm.Metadata
    file: str

    def members(self, struct: edm.StructType, wanted: Wanted, inside: tuple[str, ...] = ()) -> tuple[ast.Member, ...]:
        """inside: the complex types around this one; a type that holds itself ends there."""
        properties, navigations = self.metadata.properties(struct), self.metadata.navigations(struct)
        made = [self._property(one, wanted, inside) for one in properties if one.type != "Edm.Stream"]
        known = {one.name for one in properties} | {one.name for one in navigations}
        # Where a name is not known, the navigations that nothing reads are among those that it may have meant.
        told = not wanted.members.keys() <= known
        for one in navigations:
            below = wanted.members.get(one.name)
            if below is not None and one.type in self.metadata.types:
                made.append(self._navigation(one, below))
            elif told:
                span = self._span(one.place)
                made.append(_member(one.name, _scalar("json", span), optional=True, span=span))
        return tuple(made)

    def _span(self, place: edm.Place) -> Span:
        return Span(self.file, place.start, place.end)

    def _property(self, one: edm.Property, wanted: Wanted, inside: tuple[str, ...]) -> ast.Member:
        span = self._span(one.place)
        type_ = self._type(one, wanted.members.get(one.name, Wanted()), inside, span)
        if one.collection:
            type_ = self._several(type_, span)
        return _member(one.name, type_, optional=one.nullable and not one.collection, span=span)

    def _type(self, one: edm.Property, wanted: Wanted, inside: tuple[str, ...], span: Span) -> ast.TypeExpr:
        struct = self.metadata.types.get(one.type)
        if struct is not None and struct.name not in inside:
            return ast.ObjectType(members=self.members(struct, wanted, (*inside, struct.name)), span=span)
        name, *words = scalar_of(self.metadata, one)
        return _scalar(name, span, *words)

    def _navigation(self, one: edm.Navigation, wanted: Wanted) -> ast.Member:
        span = self._span(one.place)
        below = inner(self.metadata, one, wanted)
        type_: ast.TypeExpr = ast.ObjectType(members=self.members(self.metadata.types[one.type], below), span=span)
        if one.collection:
            type_ = self._several(type_, span)
        # A list that was asked for is there: one that is not must not look like an empty one.
        return _member(one.name, type_, optional=not one.collection and one.nullable, span=span)

    def _several(self, element: ast.TypeExpr, span: Span) -> ast.TypeExpr:
        found = ast.ListType(element=element, bracketed=True, span=span)
        if self.metadata.version == "odata4":
            return found
        return ast.ObjectType(members=(_member(RESULTS, found, optional=False, span=span),), span=span)


def scalar_of(metadata: edm.Metadata, one: edm.Property) -> tuple[str, ...]:
    """The type of a property that is no complex one, as a shape has it: ("text",), or ("date", "odata") of `date(odata)`."""
    if metadata.version == "odata2" and one.type in _OF_TWO:
        return "date" if one.is_date else _OF_TWO[one.type], "odata"
    if one.type in _INTS:
        return ("int",)
    return ("text" if one.type in metadata.enums else _PLAIN.get(one.type, "json"),)


def inner(metadata: edm.Metadata, one: edm.Navigation, wanted: Wanted) -> Wanted:
    """What is read of the entities that a navigation leads to."""
    if metadata.version == "odata4" or not one.collection:
        return wanted
    return Wanted(whole=True) if wanted.whole else wanted.members.get(RESULTS, Wanted())


def overlaid(made: Iterable[ast.Member], written: Iterable[ast.Member]) -> tuple[ast.Member, ...]:
    """The members that the metadata gives, with what the author wrote in their place: of objects member by member."""
    by_name = {one.name.text: one for one in written}
    found = [_over(one, by_name.pop(one.name.text)) if one.name.text in by_name else one for one in made]
    return (*found, *by_name.values())


def _over(made: ast.Member, written: ast.Member) -> ast.Member:
    return replace(written, type=_over_type(made.type, written.type))


def _over_type(made: ast.TypeExpr, written: ast.TypeExpr) -> ast.TypeExpr:
    match made, written:
        case ast.ObjectType(), ast.ObjectType():
            return replace(written, members=overlaid(made.members, written.members))
        case ast.ListType(), ast.ListType():
            return replace(written, element=_over_type(made.element, written.element))
    return written


def _member(name: str, type_: ast.TypeExpr, *, optional: bool, span: Span) -> ast.Member:
    return ast.Member(name=ast.Name(text=name, span=span), type=type_, optional=optional, span=span)


def _scalar(name: str, span: Span, *words: str) -> ast.ScalarType:
    return ast.ScalarType(
        name=ast.Name(text=name, span=span), words=tuple(ast.Name(text=word, span=span) for word in words), span=span
    )
