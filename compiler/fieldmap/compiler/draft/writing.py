"""The proposed map as text, checked with the project that it is for: a line that would not compile becomes a comment that says why."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from fieldmap.compiler import ir
from fieldmap.compiler.draft.proposing import Known, Proposal, proposals
from fieldmap.compiler.draft.reading import SourceMember
from fieldmap.compiler.infer.masking import as_note
from fieldmap.compiler.project import Checked, check
from fieldmap.dsl.diagnostics import Severity
from fieldmap.dsl.format import format_source
from fieldmap.dsl.source import Source
from fieldmap.runtime.errors import FindingsError

_MOST_REFUSED = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """proposed: the lines that stand. refused: fields whose line does not compile, with the reason. missing: fields without a proposal,
    required ones first. text: the file."""

    proposed: tuple[Proposal, ...]
    refused: tuple[tuple[Proposal, str], ...]
    missing: tuple[ir.Field, ...]
    text: str


def drafted(
    root: Path,
    paths: Sequence[Path],
    resource: str,
    entity: str,
    fields: Sequence[ir.Field],
    known: Known,
    ids: Sequence[str],
) -> Draft:
    """The draft. root, paths: the project that it is checked with. ids: the paths by which the resource tells records apart."""
    refused: dict[tuple[str, str], tuple[Proposal, str]] = {}
    while True:
        made = proposals(fields, known, refused)
        for field in fields:
            if (
                field.is_key
                and field.name not in made
                and len(ids) == 1
                and (member := _member(known, ids[0])) is not None
            ):
                made[field.name] = _by_id(field, member)
        # The last line of a field that did not compile is shown where no other one is left.
        shown = {one.field: (one, why) for one, why in refused.values() if one.field not in made}
        text, lines = _text(resource, entity, fields, made, shown, known)
        fault = _fault(root, paths, text, lines)
        if fault is None:
            break
        name, why = fault
        if name not in made or (name, made[name].member.path) in refused or len(refused) == _MOST_REFUSED:
            raise FindingsError(
                f"The draft of {resource} to {entity} does not compile: {why}; mend the project first: fieldmap check"
            )
        refused[name, made[name].member.path] = (made[name], why)
    return Draft(
        proposed=tuple(made[f.name] for f in fields if f.name in made and made[f.name].value),
        refused=tuple(shown.values()),
        missing=tuple(field for field in fields if field.name not in made and field.name not in shown),
        text=format_source(Source("draft.map", text)),
    )


def _member(known: Known, path: str) -> SourceMember | None:
    return next((member for member in known.members if member.path == path), None)


def _by_id(field: ir.Field, member: SourceMember) -> Proposal:
    value = (
        member.path
        if isinstance(member.type, ir.TextType) or not isinstance(field.type, ir.TextType)
        else f"text({member.path})"
    )
    return Proposal(
        field=field.name, member=member, value=value, sure=0.5, reason="what tells the records apart, whatever its name"
    )


def _text(
    resource: str,
    entity: str,
    fields: Sequence[ir.Field],
    made: dict[str, Proposal],
    refused: dict[str, tuple[Proposal, str]],
    known: Known,
) -> tuple[str, dict[int, str]]:
    """The file, and by the number of a line (from 1) the field that it is for."""
    out: list[str] = []
    lines: dict[int, str] = {}
    standing = [f for f in fields if f.name in made and made[f.name].value]
    lacking = [f for f in fields if f not in standing and not (f.optional or isinstance(f.type, ir.ListType))]
    for field in standing:
        for line in made[field.name].codes:
            out.append(line)
            lines[len(out)] = field.name
        if made[field.name].codes:
            out.append("")
    partial = bool(lacking) and not any(field.is_key for field in lacking)
    out.append(
        f"# Proposed by likeness: look at every line, and take its comment away. {len(standing)} of {len(fields)} fields have one."
    )
    if lacking:
        out.append(
            f"# Without a value, though {entity} needs one: {', '.join(field.name for field in lacking)}{'; so the map is partial.' if partial else '.'}"
        )
    out.append(f"map {resource} to {entity} {'partial ' if partial else ''}{{")
    for field in standing:
        one = made[field.name]
        out.append(f"{field.name} = {one.value}  # confirm: {one.sure:.0%}, {as_note(one.reason)}")
        lines[len(out)] = field.name
    out.extend(_comments(fields, made, refused))
    rest = _unread(known.members, standing, made)
    if rest:
        out.append("")
        out.extend(f"ignore {', '.join(rest[at : at + 4])}" for at in range(0, len(rest), 4))
    out.append("}")
    return "".join(f"{line}\n" for line in out), lines


def _comments(
    fields: Sequence[ir.Field], made: dict[str, Proposal], refused: dict[str, tuple[Proposal, str]]
) -> Iterator[str]:
    """The fields without a line that stands."""
    first = True
    for field in fields:
        one = made.get(field.name)
        if field.name in refused:
            last, why = refused[field.name]
            text = f"# {field.name} = {as_note(last.value)}  # does not compile: {as_note(why)}"
        elif one is None:
            text = f"# {field.name} = …  # no member is like it"
        elif not one.value:
            text = f"# {field.name} = {as_note(one.member.path)} …  # {one.sure:.0%}, {as_note(one.reason)}"
        else:
            continue
        if first:
            yield ""
            first = False
        yield text


def _unread(members: Iterable[SourceMember], standing: Sequence[ir.Field], made: dict[str, Proposal]) -> list[str]:
    """The paths of the members that no line reads."""
    values = [made[field.name] for field in standing]
    used = {one.member.path for one in values}
    texts = " ".join(one.value for one in values)
    return [m.path for m in members if m.path not in used and not re.search(rf"{re.escape(m.path)}(?![\w.\[])", texts)]


def _fault(root: Path, paths: Sequence[Path], text: str, lines: dict[int, str]) -> tuple[str, str] | None:
    """The field of the first mistake in the draft, and what it is; None if the project compiles with it."""
    folder = root / ".fieldmap" / "draft"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"draft-{os.getpid()}.map"
    try:
        path.write_text(text, "utf-8")
        checked = check(root, [*paths, path])
    finally:
        path.unlink(missing_ok=True)
        with contextlib.suppress(OSError):
            folder.rmdir()
    shown = path.relative_to(root).as_posix()
    for mistake in checked.diagnostics:
        if mistake.severity is Severity.ERROR and mistake.span.path == shown:
            return _line_of(checked, mistake.span.start, shown, lines), f"{mistake.message} ({mistake.code})"
    # A mistake that the draft's lines make elsewhere is told at the other place.
    return None


def _line_of(checked: Checked, start: int, shown: str, lines: dict[int, str]) -> str:
    number = checked.sources[shown].text.count("\n", 0, start) + 1
    return lines.get(number, "")
