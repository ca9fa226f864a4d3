"""What is known of a source as a `.map` in the canonical layout. All that came from outside passes through `quoted` or `as_note`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

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
    members_of,
)
from fieldmap.dsl.format import Unformattable, format_source
from fieldmap.dsl.limits import LARGEST_FILE
from fieldmap.dsl.source import Source as Text
from fieldmap.runtime.errors import UsageError


def written(source: Source) -> str:
    """The file. Raises UsageError if it would be longer than what is read."""
    for with_notes in (True, False):
        text = "".join(f"{line}\n" for line in _file(source, with_notes=with_notes))
        if len(text.encode()) < LARGEST_FILE * 3 // 4:
            break
    else:
        less = (
            "infer less at a time, with --resource"
            if len(source.resources) > 1
            else "hand over fewer members or columns"
        )
        raise UsageError(f"What was inferred fills more than the {LARGEST_FILE >> 10} KB that a file may have; {less}")
    try:
        return format_source(Text("inferred.map", text))
    except Unformattable as fault:
        raise UsageError(f"What was inferred cannot be written as a map: {fault.diagnostics[0].message}") from None


def _file(source: Source, *, with_notes: bool) -> Iterator[str]:
    for note in source.notes:
        yield f"# {as_note(note)}"
    yield f"connector {source.name} {f'is {source.kind} ' if source.kind else ''}{{"
    for setting in source.settings:
        yield from _setting(setting)
    for resource in source.resources:
        yield ""
        yield from _resource(resource, with_notes=with_notes)
    yield "}"
    for resource in source.resources:
        for codes in resource.codes:
            yield ""
            yield from _codes(codes)


def _setting(setting: Setting) -> Iterator[str]:
    if not setting.word:
        yield f"# {as_note(setting.note)}"
        return
    # The text of a setting is written by ourselves, quoted where it came from outside.
    yield f"{setting.word} {setting.text}{f'  # {as_note(setting.note)}' if setting.note else ''}"


def _resource(resource: Resource, *, with_notes: bool) -> Iterator[str]:
    for note in resource.notes:
        yield f"# {as_note(note)}"
    members = resource.shape.members
    if resource.entity_set:
        members = tuple(_said(members))
        if not resource.settings and not members:
            yield f"resource {resource.name} is {resource.entity_set}"
            return
    yield f"resource {resource.name} {f'is {resource.entity_set} ' if resource.entity_set else ''}{{"
    for setting in resource.settings:
        yield from _setting(setting)
    if members:
        if resource.settings:
            yield ""
        yield "shape {"
        if resource.shared:
            yield f"all text? absent when {' or '.join(resource.shared)}"
        for member in members:
            yield from _member(member, with_notes=with_notes)
        yield "}"
    yield "}"


def _said(members: Iterable[Member]) -> Iterator[Member]:
    """The members that say more than the metadata: a tag, or a code list."""
    for member in members:
        kind = member.kind
        below = tuple(_said(members_of(kind)))
        if below:
            kept: Kind = Object(below)
            while isinstance(kind, Listed):
                kept, kind = Listed(kept), kind.element
            yield replace(member, kind=kept)
        elif member.tag or member.note.startswith("via "):
            yield member


def _member(member: Member, *, with_notes: bool) -> Iterator[str]:
    note = as_note(member.note) if with_notes and member.note else ""
    head, tail = _name(member.name), _tail(member)
    lines = list(_kind(member.kind, with_notes=with_notes))
    if len(lines) > 1 and note:
        yield f"# {note}"
    lines[0] = f"{head} : {lines[0]}"
    lines[-1] += tail + (f"  # {note}" if len(lines) == 1 and note else "")
    yield from lines


def _tail(member: Member) -> str:
    absent = f" absent when {' or '.join(member.sentinels)}" if member.sentinels else ""
    return f"{'?' if member.optional else ''}{absent}{f' {member.tag}' if member.tag else ''}"


def _kind(kind: Kind, *, with_notes: bool) -> Iterator[str]:
    match kind:
        case Scalar(type=type_, attributes=()):
            yield type_
        case Scalar(type=type_, attributes=attributes):
            parts = ", ".join(f"{_name(one.name)}: {type_text(one.kind)}{_tail(one)}" for one in attributes)
            yield f"{type_} with {{ {parts} }}"
        case Object(members=members):
            yield "{"
            for member in members:
                yield from _member(member, with_notes=with_notes)
            yield "}"
        case Listed(element=element):
            lines = list(_kind(element, with_notes=with_notes))
            lines[0] = f"[ {lines[0]}"
            lines[-1] += " ]"
            yield from lines


def type_text(kind: Kind) -> str:
    return kind.type if isinstance(kind, Scalar) else "json"


def _name(name: str) -> str:
    plain = name.isascii() and name.replace("_", "a").isalnum() and not name[0].isdigit() if name else False
    return name if plain else quoted(name)


def _codes(codes: Codes) -> Iterator[str]:
    if codes.note:
        yield f"# {as_note(codes.note)}"
    yield f"codes {codes.name} {quoted(codes.doc)} {{"
    for value, answer in codes.answers:
        yield f"{quoted(value)} -> {answer}"
    yield "}"
