"""JSON Schema, also as OpenAPI 3.0 and 3.1 write it, as a shape. What a schema promises is taken at its word, and said so."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from fieldmap.compiler.infer import places
from fieldmap.compiler.infer.concluding import codes, writable
from fieldmap.compiler.infer.documents import Document, items_of, reference_of
from fieldmap.compiler.infer.masking import as_note, quoted
from fieldmap.compiler.infer.model import Codes, Kind, Listed, Member, Object, Resource, Scalar, Setting, Source
from fieldmap.compiler.infer.words import tag_of
from fieldmap.runtime.errors import UsageError

_DEEPEST = 8
_MOST_CODES = 200
_TEXTS = {"date-time": "datetime", "date": "date"}


@dataclass
class Reader:
    """Reads schemas of one document. resource: the name that code lists get. open_: references that are being read, so that one that
    leads to itself ends."""

    document: Document
    resource: str
    codes: list[Codes] = field(default_factory=list)
    open_: list[str] = field(default_factory=list)
    depth: int = 0

    def kind(self, node: Any, name: str = "") -> tuple[Kind, bool, str]:
        """The kind of a schema, whether it may be null, and what a comment says."""
        reference = reference_of(node)
        if self.depth > _DEEPEST * 4:
            return Scalar("json"), False, "nested too deeply to look into"
        if reference and reference in self.open_:
            return (
                Scalar("json"),
                False,
                f"the same again: {reference.rpartition('/')[2] if reference != '#' else 'all of it'}",
            )
        if reference:
            self.open_.append(reference)
        self.depth += 1
        try:
            return self._kind(self._merged(self.document.resolved(node)), name)
        finally:
            self.depth -= 1
            if reference:
                self.open_.pop()

    def _kind(self, node: Any, name: str) -> tuple[Kind, bool, str]:
        if not isinstance(node, dict):
            return Scalar("json"), True, ""
        types = self._types(node)
        null = "null" in types or node.get("nullable") is True or None in _listed(node.get("enum"))
        types -= {"null"}
        if types <= {"object"} and (types or isinstance(node.get("properties"), dict)):
            members = tuple(self.members(node, name))
            return (Object(members) if members else Scalar("json")), null, "" if members else "an object of any names"
        if types == {"array"}:
            if len(self.open_) > _DEEPEST:
                return Listed(Scalar("json")), null, "nested too deeply to look into"
            element, _, note = self.kind(node.get("items", {}), name)
            return Listed(element), null, note
        if types == {"string"} or (not types and "enum" in node):
            return self._text(node, name, null)
        simple = {
            frozenset(("boolean",)): "bool",
            frozenset(("integer",)): "int",
            frozenset(("number",)): "number",
            frozenset(("integer", "number")): "number",
        }
        return Scalar(simple.get(frozenset(types), "json")), null, "" if types else "of any kind"

    def _text(self, node: dict[str, Any], name: str, null: bool) -> tuple[Kind, bool, str]:
        values = [value for value in _listed(node.get("enum")) if isinstance(value, str)]
        if "const" in node and isinstance(node["const"], str):
            values = [node["const"]]
        if (
            values
            and len(values) <= _MOST_CODES
            and all(v.isprintable() and len(v) < 100 for v in values)
            and not tag_of(name)
        ):
            made = codes(self.resource, name or "value", dict.fromkeys(values), {one.name for one in self.codes})
            self.codes.append(made)
            return Scalar("text"), null, f"via {made.name}"
        form = node.get("format")
        type_ = _TEXTS.get(form, "text") if isinstance(form, str) else "text"
        return Scalar(type_), null, f"format {form}" if isinstance(form, str) and type_ == "text" else ""

    def members(self, node: dict[str, Any], parent: str) -> list[Member]:
        required = {value for value in _listed(node.get("required")) if isinstance(value, str)}
        found = []
        for name, below in items_of(node, "properties"):
            if not writable(name) or len(self.open_) > _DEEPEST * 2:
                continue
            self.document.count()
            kind, null, note = self.kind(below, name)
            shown = self.document.resolved(below)
            doc = shown.get("description") or shown.get("title") if isinstance(shown, dict) else ""
            note = "; ".join(part for part in (note, as_note(doc)[:80] if isinstance(doc, str) else "") if part)
            tag = tag_of(name, parent) or (
                "pii" if isinstance(shown, dict) and shown.get("format") in ("email", "idn-email") else ""
            )
            found.append(
                Member(
                    name=name,
                    kind=kind,
                    optional=null or name not in required,
                    tag=tag if isinstance(kind, Scalar) else "",
                    note=note,
                )
            )
        return found

    def _types(self, node: dict[str, Any]) -> set[str]:
        stated = node.get("type")
        types = {stated} if isinstance(stated, str) else {one for one in _listed(stated) if isinstance(one, str)}
        if not types and isinstance(node.get("properties"), dict):
            return {"object"}
        return types or ({"array"} if "items" in node else set())

    def _merged(self, node: Any, depth: int = 0) -> Any:
        """The schema with its `allOf` in it, and of `oneOf` and `anyOf` what holds whichever it is."""
        if (
            not isinstance(node, dict)
            or depth > _DEEPEST
            or not any(word in node for word in ("allOf", "oneOf", "anyOf"))
        ):
            return node
        self.document.count()
        made = {key: value for key, value in node.items() if key not in ("allOf", "oneOf", "anyOf")}
        for part in _listed(node.get("allOf")):
            _join(made, self._merged(self.document.resolved(part), depth + 1))
        choices = [
            self._merged(self.document.resolved(one), depth + 1)
            for one in _listed(node.get("oneOf")) + _listed(node.get("anyOf"))
        ]
        nulls = [one for one in choices if isinstance(one, dict) and one.get("type") == "null"]
        real = [one for one in choices if isinstance(one, dict) and one not in nulls]
        if nulls:
            made["nullable"] = True
        if len(real) == 1:
            _join(made, real[0])
        elif real and all(self._types(one) == {"object"} for one in real):
            # Whichever it is: what only some have may be missing.
            both = [set(map(str, _listed(one.get("required")))) for one in real]
            shared = set.intersection(*both)
            for one in real:
                _join(made, {**one, "required": []})
            made["required"] = sorted({*map(str, _listed(made.get("required"))), *shared})
        elif real:
            made["type"] = sorted({kind for one in real for kind in self._types(one)})
        return made


def _join(made: dict[str, Any], part: Any) -> None:
    if not isinstance(part, dict):
        return
    for key, value in part.items():
        if key == "properties" and isinstance(value, dict):
            made["properties"] = {**(made.get("properties") or {}), **value}
        elif key == "required":
            made["required"] = [*_listed(made.get("required")), *_listed(value)]
        else:
            made.setdefault(key, value)


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


# ------------------------------------------------------------------------------------------------------------ records


def records_in(kind: Kind) -> tuple[places.Steps, Object, Object | None] | None:
    """The way to the records of an answer, their shape, and what stands beside them; None where it holds no list of objects."""
    if isinstance(kind, Listed):
        return ((), kind.element, None) if isinstance(kind.element, Object) else None
    if not isinstance(kind, Object):
        return None
    found = list(_lists(kind, ()))
    wrapped = [item for item in found if places.is_wrapper(item[0][-1])]
    chosen = wrapped or (found if len(found) == 1 else [])
    if not chosen:
        return None
    steps, element = min(chosen, key=lambda item: len(item[0]))
    return (*steps, places.EACH), element, kind


def _lists(shape: Object, before: places.Steps) -> list[tuple[places.Steps, Object]]:
    found: list[tuple[places.Steps, Object]] = []
    for member in shape.members:
        steps = (*before, member.name)
        match member.kind:
            case Listed(element=Object() as element):
                found.append((steps, element))
            case Object() as below if len(steps) < 3:
                found.extend(_lists(below, steps))
    return found


def id_and_changed(shape: Object, resource: str) -> list[Setting] | None:
    """The lines `id` and `changed` by names and types; None where nothing can be an id."""
    simple = [
        m
        for m in shape.members
        if isinstance(m.kind, Scalar) and m.kind.type in ("text", "int") and not m.kind.attributes
    ]
    if not simple:
        return None
    identity = places.Identity(resource)
    best = max(simple, key=lambda member: (identity.rank(member.name), not member.optional))
    found = [Setting(word="id", text=places.path_of((best.name,)), note="by its name: confirm")]
    dated = next(
        (
            m
            for m in shape.members
            if isinstance(m.kind, Scalar) and m.kind.type == "datetime" and places.is_changed(m.name)
        ),
        None,
    )
    if dated is not None:
        found.append(
            Setting(
                word="changed", text=places.path_of((dated.name,)), note="the time of a change, by its name: confirm"
            )
        )
    return found


def with_promised(shape: Object, settings: list[Setting]) -> Object:
    """The shape with the member of a single id promised: records cannot be told apart without it."""
    wanted = next((item.text for item in settings if item.word == "id"), "")
    members = []
    for member in shape.members:
        is_key = places.path_of((member.name,)) == wanted
        members.append(
            Member(name=member.name, kind=member.kind, tag=member.tag, note=member.note)
            if is_key and member.optional
            else member
        )
    return Object(tuple(members))


def of_schema(root: dict[str, Any], name: str, file: str, resources: tuple[str, ...]) -> Source:
    """A connector of files whose records are as a JSON Schema says. Raises UsageError where it describes no objects."""
    resource = resources[0] if resources else name
    document = Document(root)
    reader = Reader(document, resource, open_=["#"])
    kind, _, _ = reader.kind(root)
    steps: places.Steps = ()
    shape: Kind = kind
    if (within := records_in(kind)) is not None and (isinstance(kind, Listed) or places.is_wrapper(within[0][-2])):
        steps, shape = within[0], within[1]
    if not isinstance(shape, Object):
        raise UsageError(
            f"{file} describes no objects, so there are no records with members; hand over the schema of a record"
        )
    settings = id_and_changed(shape, resource)
    if settings is None:
        raise UsageError(f"{file} has no text or whole number that could be the id of a record")
    lines = [Setting(word="files", text=f"{quoted(f'{resource}*.json')} as json")]
    if steps:
        lines.append(Setting(word="records", text=places.path_of(steps)))
    made = Resource(
        name=resource,
        settings=(*lines, *settings),
        shape=with_promised(shape, settings),
        codes=tuple(reader.codes),
        notes=_notes(document),
    )
    folder = Setting(word="folder", text=f"env.{name.upper()}_FOLDER")
    return Source(
        name=name,
        kind="files",
        settings=(folder,),
        resources=(made,),
        notes=(f"Inferred from the JSON Schema {file}.",),
    )


def _notes(document: Document) -> tuple[str, ...]:
    return (
        (f"{document.outside} references lead out of the document and were not followed.",) if document.outside else ()
    )
