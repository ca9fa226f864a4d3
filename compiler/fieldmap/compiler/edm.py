"""What a `$metadata` document of OData says, of version 2 (EDMX 1.0, as SAP Gateway and SuccessFactors write it) and of version 4.

The document is untrusted: no document type is read, so that there are no entities; nothing is fetched; size and depth are bounded.
Every declaration knows its place in the text, so that a message about a map can point at it.

    metadata = edm.read(path.read_text("utf-8"))
    type_ = metadata.type_of("A_Supplier")      # by the name of an entity set
    for one in metadata.properties(type_): print(one.name, one.type, one.nullable)
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import Literal
from xml.parsers import expat

Version = Literal["odata2", "odata4"]

LARGEST = 32 << 20
_DEPTH = 64
_MOST_BASES = 32
_COLLECTION = re.compile(r"Collection\((.*)\)")
# A date is written as a moment by version 2; SAP says that only its day counts.
_DATE_ONLY = "Date"


class MetadataError(ValueError):
    """The text is no metadata document; says why in words for a user, without a full stop."""


@dataclass(frozen=True, slots=True)
class Place:
    """The characters [start, end) of the document that declare something."""

    start: int
    end: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Property:
    """type: "Edm.String", or the full name of a complex type or enumeration; of a collection that of its elements.

    scale: digits behind the point; None where unsaid or variable. is_date: of a V2 Edm.DateTime of which only the day counts.
    filterable: False where the service says that it cannot be asked for by this. label: what people call it.
    """

    name: str
    type: str
    nullable: bool
    collection: bool
    place: Place
    precision: int | None = None
    scale: int | None = None
    max_length: int | None = None
    is_date: bool = False
    filterable: bool = True
    label: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Navigation:
    """What leads to other entities. type: the full name of their type. nullable: of one that may lead nowhere."""

    name: str
    type: str
    nullable: bool
    collection: bool
    place: Place


@dataclass(slots=True, kw_only=True)
class StructType:
    """An entity type or a complex type, without what it inherits. key: of the entity type itself, in order."""

    name: str
    place: Place
    is_entity: bool
    base: str | None = None
    key: tuple[str, ...] = ()
    properties: dict[str, Property] = field(default_factory=dict)
    navigations: dict[str, Navigation] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class EntitySet:
    """type: the full name of its entities' type. single: a singleton of version 4."""

    name: str
    type: str
    place: Place
    single: bool = False
    label: str | None = None


@dataclass(slots=True, kw_only=True)
class Metadata:
    """types: entity and complex types by full name. enums: the names of their members. defined: type definitions, by what they stand for.
    sets: by name, in the order of the document."""

    version: Version
    types: dict[str, StructType] = field(default_factory=dict)
    enums: dict[str, tuple[str, ...]] = field(default_factory=dict)
    defined: dict[str, str] = field(default_factory=dict)
    sets: dict[str, EntitySet] = field(default_factory=dict)

    def type_of(self, entity_set: str) -> StructType | None:
        """The type of a set's entities; None where the document does not have it."""
        found = self.sets.get(entity_set)
        return self.types.get(found.type) if found is not None else None

    def properties(self, type_: StructType) -> list[Property]:
        """With those that it inherits, which come first."""
        return [one for each in self._line(type_) for one in each.properties.values()]

    def navigations(self, type_: StructType) -> list[Navigation]:
        """With those that it inherits, which come first."""
        return [one for each in self._line(type_) for one in each.navigations.values()]

    def key(self, type_: StructType) -> tuple[str, ...]:
        """The names of the properties that tell its entities apart; empty for a complex type."""
        return next((each.key for each in self._line(type_) if each.key), ())

    def property_at(self, entity_set: str, path: str) -> Property | None:
        """The property of a set's entities, or with navigations before it (`to_Address/City`); None where there is none."""
        *steps, last = path.split("/")
        type_ = self.type_of(entity_set)
        for step in steps:
            found = next((one for one in self.navigations(type_) if one.name == step), None) if type_ else None
            type_ = self.types.get(found.type) if found is not None else None
        return next((one for one in self.properties(type_) if one.name == last), None) if type_ else None

    def _line(self, type_: StructType) -> list[StructType]:
        """The type behind those that it extends."""
        line = [type_]
        while (base := line[0].base) is not None and base in self.types and len(line) < _MOST_BASES:
            line.insert(0, self.types[base])
        return line


def text_of(content: bytes) -> str:
    """The text of a document; raises MetadataError if it is in no encoding that metadata comes in."""
    try:
        return content.decode("utf-16" if content[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig")
    except UnicodeDecodeError:
        raise MetadataError("it is not written in UTF-8") from None


def read(text: str) -> Metadata:
    """The document; raises MetadataError if it is none, or is too large or too deep."""
    if len(text) > LARGEST:
        raise MetadataError(f"it has {len(text) >> 20} MB, and {LARGEST >> 20} MB are read")
    reader = _Reader(text)
    return reader.read()


@dataclass(slots=True)
class _Element:
    """A start tag with its attributes, whose names have lost their namespace: sap:label is "sap:label", m:Type is "Type"."""

    name: str
    attributes: dict[str, str]
    place: Place


@dataclass(slots=True)
class _Pending:
    """A navigation of version 2, whose type stands in an association."""

    type: StructType
    name: str
    relationship: str
    role: str
    place: Place


class _Reader:
    def __init__(self, text: str) -> None:
        self._text = text
        self._bytes = text.encode("utf-8", "surrogatepass")
        self._plain = len(self._bytes) == len(text)
        self._counted = (0, 0)
        self._open: list[_Element] = []
        self._type: StructType | None = None
        self._namespace = ""
        self._aliases: dict[str, str] = {}
        self._association = ""
        self._ends: dict[tuple[str, str], tuple[str, str]] = {}
        self._pending: list[_Pending] = []
        self._enum: list[str] | None = None
        self._version: Version | None = None
        self._made = Metadata(version="odata4")
        self._labels: dict[str, str] = {}

    def read(self) -> Metadata:
        parser = expat.ParserCreate("utf-8")
        parser.buffer_text = True
        parser.StartDoctypeDeclHandler = self._doctype
        parser.StartElementHandler = lambda name, attributes: self._start(parser.CurrentByteIndex, name, attributes)
        parser.EndElementHandler = self._end
        try:
            parser.Parse(self._bytes, True)
        except expat.ExpatError as error:
            said = expat.ErrorString(error.code) or "it is cut off"
            raise MetadataError(f"line {error.lineno} is not XML: {said}") from None
        if self._version is None:
            raise MetadataError("it is no metadata of OData: no edmx:Edmx stands at its root")
        self._made.version = self._version
        self._resolve()
        if not self._made.sets:
            raise MetadataError("it names no entity set")
        return self._made

    # ------------------------------------------------------------------------------------------------- elements

    def _doctype(self, *_: object) -> None:
        raise MetadataError("it has a document type, which no metadata has")

    def _start(self, at: int, tag: str, attributes: dict[str, str]) -> None:
        if len(self._open) >= _DEPTH:
            raise MetadataError(f"it is nested deeper than {_DEPTH} elements")
        named = {
            name if name.startswith("sap:") else name.rpartition(":")[2]: value for name, value in attributes.items()
        }
        element = _Element(tag.rpartition(":")[2], named, self._place(at))
        if not self._open and element.name == "Edmx":
            self._version = "odata4" if named.get("Version", "").startswith("4") else "odata2"
        self._open.append(element)
        handle = getattr(self, f"_on_{element.name.lower()}", None)
        if handle is not None and self._version is not None:
            handle(element)

    def _end(self, _: str) -> None:
        element = self._open.pop()
        if element.name in ("EntityType", "ComplexType"):
            self._type = None
        elif element.name == "EnumType" and self._enum is not None:
            self._made.enums[self._full(element)] = tuple(self._enum)
            self._enum = None

    def _on_schema(self, element: _Element) -> None:
        self._namespace = element.attributes.get("Namespace", "")
        alias = element.attributes.get("Alias")
        if alias:
            self._aliases[alias] = self._namespace

    def _on_entitytype(self, element: _Element) -> None:
        self._struct(element, is_entity=True)

    def _on_complextype(self, element: _Element) -> None:
        self._struct(element, is_entity=False)

    def _struct(self, element: _Element, *, is_entity: bool) -> None:
        base = element.attributes.get("BaseType")
        name = self._full(element)
        self._type = StructType(name=name, place=element.place, is_entity=is_entity, base=base)
        self._made.types[name] = self._type

    def _on_propertyref(self, element: _Element) -> None:
        inside = len(self._open) > 1 and self._open[-2].name == "Key"
        if self._type is not None and inside:
            # A path into a complex property (version 4) is no member of the record.
            self._type.key += (element.attributes.get("Name", ""),)

    def _on_property(self, element: _Element) -> None:
        said = element.attributes
        if self._type is None or not said.get("Name"):
            return
        type_ = said.get("Type", "Edm.String")
        collection = _COLLECTION.fullmatch(type_)
        self._type.properties[said["Name"]] = Property(
            name=said["Name"],
            type=collection[1] if collection else type_,
            nullable=said.get("Nullable", "true") != "false",
            collection=collection is not None or said.get("CollectionKind") in ("List", "Bag"),
            place=element.place,
            precision=_number(said.get("Precision")),
            scale=_number(said.get("Scale")),
            max_length=_number(said.get("MaxLength")),
            is_date=type_ == "Edm.DateTime" and said.get("sap:display-format") == _DATE_ONLY,
            filterable=said.get("sap:filterable", "true") != "false",
            label=said.get("sap:label"),
        )

    def _on_navigationproperty(self, element: _Element) -> None:
        said = element.attributes
        name = said.get("Name")
        if self._type is None or not name:
            return
        if "Relationship" in said:
            pending = _Pending(self._type, name, said["Relationship"], said.get("ToRole", ""), element.place)
            self._pending.append(pending)
            return
        type_ = said.get("Type", "")
        collection = _COLLECTION.fullmatch(type_)
        self._type.navigations[name] = Navigation(
            name=name,
            type=collection[1] if collection else type_,
            nullable=said.get("Nullable", "true") != "false",
            collection=collection is not None,
            place=element.place,
        )

    def _on_association(self, element: _Element) -> None:
        self._association = self._full(element)

    def _on_end(self, element: _Element) -> None:
        if len(self._open) > 1 and self._open[-2].name == "Association":
            said = element.attributes
            role = self._association, said.get("Role", "")
            self._ends[role] = said.get("Type", ""), said.get("Multiplicity", "*")

    def _on_enumtype(self, element: _Element) -> None:
        self._enum = []

    def _on_member(self, element: _Element) -> None:
        if self._enum is not None and element.attributes.get("Name"):
            self._enum.append(element.attributes["Name"])

    def _on_typedefinition(self, element: _Element) -> None:
        self._made.defined[self._full(element)] = element.attributes.get("UnderlyingType", "Edm.String")

    def _on_entityset(self, element: _Element) -> None:
        self._set(element, element.attributes.get("EntityType", ""), single=False)

    def _on_singleton(self, element: _Element) -> None:
        self._set(element, element.attributes.get("Type", ""), single=True)

    def _set(self, element: _Element, type_: str, *, single: bool) -> None:
        name = element.attributes.get("Name")
        if name:
            label = element.attributes.get("sap:label")
            self._made.sets[name] = EntitySet(name=name, type=type_, place=element.place, single=single, label=label)

    def _on_annotation(self, element: _Element) -> None:
        """`<Annotation Term="Common.Label" String="…"/>` within a property, or within Annotations that name one."""
        term, text = element.attributes.get("Term", ""), element.attributes.get("String")
        if not term.endswith(".Label") or text is None or len(self._open) < 2:
            return
        around = self._open[-2]
        if around.name == "Annotations":
            self._labels[around.attributes.get("Target", "")] = text
        elif around.name == "Property" and self._type is not None:
            self._labels[f"{self._type.name}/{around.attributes.get('Name', '')}"] = text

    # ------------------------------------------------------------------------------------------------- names, places

    def _full(self, element: _Element) -> str:
        return f"{self._namespace}.{element.attributes.get('Name', '')}"

    def _named(self, name: str) -> str:
        """A full name whose alias is replaced by the namespace that it stands for."""
        before, _, last = name.rpartition(".")
        return f"{self._aliases[before]}.{last}" if before in self._aliases else name

    def _resolve(self) -> None:
        made = self._made
        for one in self._pending:
            type_, multiplicity = self._ends.get((self._named(one.relationship), one.role), ("", "*"))
            one.type.navigations[one.name] = Navigation(
                name=one.name,
                type=type_,
                nullable=multiplicity != "1",
                collection=multiplicity == "*",
                place=one.place,
            )
        labels = {self._named_target(target): text for target, text in self._labels.items()}
        for struct in made.types.values():
            struct.base = self._named(struct.base) if struct.base is not None else None
            for name, property_ in struct.properties.items():
                type_ = self._named(property_.type)
                label = property_.label or labels.get(f"{struct.name}/{name}")
                struct.properties[name] = replace(property_, type=made.defined.get(type_, type_), label=label)
            for name, navigation in struct.navigations.items():
                struct.navigations[name] = replace(navigation, type=self._named(navigation.type))
        for name, set_ in made.sets.items():
            made.sets[name] = replace(set_, type=self._named(set_.type))

    def _named_target(self, target: str) -> str:
        type_, slash, name = target.partition("/")
        return f"{self._named(type_)}{slash}{name}"

    def _place(self, at: int) -> Place:
        start = self._characters(at)
        end = self._text.find(">", start)
        # A sign within an attribute's quotes does no harm: the place is for being shown.
        return Place(start, len(self._text) if end < 0 else end + 1)

    def _characters(self, at: int) -> int:
        """The character at a byte. The parser goes forward only, so that counting does too."""
        if self._plain:
            return at
        bytes_, characters = self._counted
        characters += len(self._bytes[bytes_:at].decode("utf-8", "replace"))
        self._counted = at, characters
        return characters


def _number(text: str | None) -> int | None:
    """None too for "max", "variable" and "floating"."""
    return int(text) if text is not None and text.isascii() and text.isdigit() and len(text) <= 6 else None
