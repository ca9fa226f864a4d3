"""OData `$metadata`, of versions 2 and 4: each set of entities is a resource."""

from __future__ import annotations

from pathlib import Path

from fieldmap.compiler import edm
from fieldmap.compiler.infer import places
from fieldmap.compiler.infer.concluding import codes, writable
from fieldmap.compiler.infer.masking import as_note, template
from fieldmap.compiler.infer.model import (
    Codes,
    Kind,
    Listed,
    Member,
    Object,
    Resource,
    Scalar,
    Setting,
    Source,
    plain_name,
)
from fieldmap.compiler.infer.words import tag_of
from fieldmap.runtime.errors import UsageError

_DEEPEST = 6
_SIMPLE = {
    "Boolean": "bool", "Byte": "int", "SByte": "int", "Int16": "int", "Int32": "int", "Int64": "int", "Decimal": "number", "Double": "number",
    "Single": "number", "Date": "date", "TimeOfDay": "time", "Duration": "duration", "String": "text", "Guid": "text", "Binary": "text",
}  # fmt: skip
# What version 2 writes in a way of its own.
_SECOND = {"DateTime": "datetime(odata)", "DateTimeOffset": "datetime(odata)", "Time": "time(odata)"}


def of_metadata(path: Path, name: str, wanted: tuple[str, ...]) -> Source:
    """The connector. wanted: names of resources or of entity sets; none of them: all. Raises UsageError."""
    try:
        found = edm.read(path.read_bytes().decode("utf-8-sig"))
    except (edm.MetadataError, UnicodeDecodeError) as fault:
        raise UsageError(f"{path} is no $metadata document: {fault}") from None
    resources: list[Resource] = []
    left: list[str] = []
    for item in found.sets.values():
        if wanted and item.name not in wanted and plain_name(item.name, "records") not in wanted:
            continue
        made = _resource(found, item, resources)
        if isinstance(made, Resource):
            resources.append(made)
        else:
            left.append(f"Left out {item.name}: {made}.")
    if not resources:
        raise UsageError(
            f"{path} has no entity set{f' {wanted[0]}' if wanted else ''} with a key; it has: {', '.join(found.sets) or 'none'}"
        )
    notes = (f"Inferred from {path.name}, {'OData V2' if found.version == 'odata2' else 'OData V4'}.", *left)
    base = Setting(word="base", text=f"env.{name.upper()}_URL", note="the address of the service, without $metadata")
    auth = Setting(
        word="auth",
        text=f"basic {{ user env.{name.upper()}_USER; password secret.{name.upper()}_PASSWORD }}",
        note="confirm",
    )
    return Source(name=name, kind="", settings=(base, auth), resources=tuple(resources), notes=notes)


def _resource(found: edm.Metadata, item: edm.EntitySet, taken: list[Resource]) -> Resource | str:
    type_ = found.types.get(item.type)
    if item.single or type_ is None:
        return "it is a single entity" if item.single else "its type is not in the document"
    keys = found.key(type_)
    if not keys or not all(writable(key) for key in keys):
        return "it has no key"
    name = first = plain_name(item.name, "records")
    number = 2
    while any(one.name == name for one in taken):
        name, number = f"{first}_{number}", number + 1
    reader = _Reader(found, name, [])
    shape = reader.shape(type_, frozenset(keys), ())
    second = found.version == "odata2"
    paths = [places.path_of((key,)) for key in keys]
    settings = [
        Setting(word="get", text=template(f"/{item.name}")),
        *([Setting(word="query", text='{ "$format": "json" }')] if second else []),
        Setting(word="pages", text=found.version),
        Setting(word="records", text="$.d.results[*]" if second else "$.value[*]"),
        Setting(word="id", text=paths[0] if len(paths) == 1 else f"({', '.join(paths)})"),
    ]
    dated = next(
        (
            m
            for m in shape.members
            if isinstance(m.kind, Scalar) and m.kind.type.startswith("datetime") and places.is_changed(m.name)
        ),
        None,
    )
    if dated is not None:
        settings.append(
            Setting(
                word="changed", text=places.path_of((dated.name,)), note="the time of a change, by its name: confirm"
            )
        )
    ways = [one.name for one in found.navigations(type_)]
    notes = [as_note(item.label)] if item.label else []
    if ways:
        notes.append(f"Not in the shape, since they come with $expand only: {', '.join(ways)}.")
    return Resource(name=name, settings=tuple(settings), shape=shape, notes=tuple(notes), codes=tuple(reader.codes))


class _Reader:
    """The types of one resource, with the code lists of its enumerations."""

    def __init__(self, found: edm.Metadata, resource: str, made: list[Codes]) -> None:
        self._found = found
        self._resource = resource
        self.codes = made

    def shape(self, type_: edm.StructType, keys: frozenset[str], above: tuple[str, ...]) -> Object:
        members = []
        for one in self._found.properties(type_):
            if not writable(one.name):
                continue
            kind, note = self._kind(one, (*above, type_.name))
            label = as_note(one.label)[:80] if one.label else ""
            tag = tag_of(one.name) or tag_of(one.label or "")
            members.append(
                Member(
                    name=one.name,
                    kind=kind,
                    optional=one.nullable and one.name not in keys,
                    tag=tag if isinstance(kind, Scalar) and one.name not in keys else "",
                    note="; ".join(part for part in (note, label) if part),
                )
            )
        return Object(tuple(members))

    def _kind(self, one: edm.Property, above: tuple[str, ...]) -> tuple[Kind, str]:
        kind, note = self._single(one, above)
        if not one.collection:
            return kind, note
        listed = Listed(kind)
        return (Object((Member(name="results", kind=listed),)) if self._found.version == "odata2" else listed), note

    def _single(self, one: edm.Property, above: tuple[str, ...]) -> tuple[Kind, str]:
        name = self._found.defined.get(one.type, one.type)
        if name in self._found.enums:
            made = codes(self._resource, one.name, self._found.enums[name], {item.name for item in self.codes})
            self.codes.append(made)
            return Scalar("text"), f"via {made.name}"
        if (below := self._found.types.get(name)) is not None:
            if name in above or len(above) > _DEEPEST:
                return Scalar("json"), "the same type again"
            shape = self.shape(below, frozenset(), above)
            return (shape if shape.members else Scalar("json")), ""
        plain = name.removeprefix("Edm.")
        if self._found.version == "odata2" and plain in _SECOND:
            return Scalar("date(odata)" if one.is_date else _SECOND[plain]), ""
        if plain == "DateTimeOffset":
            return Scalar("datetime"), ""
        return Scalar(_SIMPLE.get(plain, "json")), "" if plain in _SIMPLE else as_note(name)
