"""OData `$metadata`, of versions 2 and 4: each set of entities is a resource."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from fieldmap.compiler import edm
from fieldmap.compiler.edmshapes import scalar_of
from fieldmap.compiler.infer import places
from fieldmap.compiler.infer.concluding import codes, writable
from fieldmap.compiler.infer.masking import as_note, quoted
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
    is_name,
    plain_name,
)
from fieldmap.compiler.infer.words import tag_of
from fieldmap.runtime.errors import UsageError

_DEEPEST = 6
# So many of the other properties are named above a resource.
_MOST_NAMED = 40


def of_metadata(path: Path, name: str, wanted: tuple[str, ...], folder: Path) -> Source:
    """The connector. wanted: names of resources or of entity sets; none of them: all. folder: where the map will lie. Raises UsageError."""
    try:
        found = edm.read(edm.text_of(path.read_bytes()))
    except edm.MetadataError as fault:
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
    settings = (base, _file(path, folder, name), auth)
    return Source(name=name, kind=found.version, settings=settings, resources=tuple(resources), notes=notes)


def _file(path: Path, folder: Path, name: str) -> Setting:
    """The line `metadata`: the file as the map can name it, or where it has to be put."""
    beside = Path(os.path.relpath(path.resolve(), folder.resolve()))
    if ".." in beside.parts or beside.is_absolute():
        note = f"put {path.name} beside this file, or fetch it: fieldmap metadata {name}"
        return Setting(word="metadata", text=quoted(path.name), note=note)
    return Setting(word="metadata", text=quoted(beside.as_posix()))


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
    dated = next(
        (
            m
            for m in shape.members
            if isinstance(m.kind, Scalar) and m.kind.type.startswith("datetime") and places.is_changed(m.name)
        ),
        None,
    )
    settings = []
    if dated is not None:
        note = "the time of a change, by its name: confirm"
        settings.append(Setting(word="changed", text=places.path_of((dated.name,)), note=note))
    return Resource(
        name=name,
        settings=tuple(settings),
        shape=shape,
        notes=tuple(_notes(found, item, type_, shape)),
        codes=tuple(reader.codes),
        entity_set=item.name if is_name(item.name) else quoted(item.name),
    )


def _notes(found: edm.Metadata, item: edm.EntitySet, type_: edm.StructType, shape: Object) -> Iterator[str]:
    if item.label:
        yield as_note(item.label)
    names = [one.name for one in shape.members]
    more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
    # A comment is cut at a length: of many names as many lines.
    for first in range(0, min(len(names), _MOST_NAMED), 8):
        last = first + 8 >= min(len(names), _MOST_NAMED)
        yield f"{'Has' if not first else '   '} {', '.join(names[first : min(first + 8, _MOST_NAMED)])}{more + '.' if last else ','}"
    if ways := [one.name for one in found.navigations(type_)]:
        yield f"Leads to {', '.join(ways[:_MOST_NAMED])}: expanded where a map reads them."


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
        word, *form = scalar_of(self._found, replace(one, type=name))
        type_ = f"{word}({form[0]})" if form else word
        return Scalar(type_), as_note(name) if type_ == "json" else ""
