"""Shows an explanation and a dead letter as text."""

from __future__ import annotations

from rich.text import Text

from fieldmap.cli.console import count, out, plural, safe, say
from fieldmap.compiler.explain import Candidate, Explanation, Withdrawal
from fieldmap.compiler.explain.letters import Letter
from fieldmap.compiler.explain.private import HIDDEN
from fieldmap.runtime.archive import spelled
from fieldmap.runtime.moments import exactly, moment

_LEFT = 12


def show(explanation: Explanation) -> None:
    """One value: what it is, how it was made, where it came from, who lost."""
    unit = f" {explanation.unit}" if explanation.unit and explanation.value is not None else ""
    _line(
        Text(
            f"{explanation.entity} {explanation.key} · {explanation.field} = {_value(explanation.value)}{unit}",
            style="bold",
        )
    )
    if explanation.note:
        _pair("", explanation.note)
    if explanation.hidden:
        _pair("", "--reveal shows what is hidden and how it was made, and is logged")
    for step in reversed(explanation.steps):
        _pair(step.value, step.how)
    for raw in explanation.raw:
        where = (
            f", body bytes {raw.body_start}–{raw.body_end - 1}"
            if raw.body_start is not None and raw.body_end is not None
            else ""
        )
        _pair(raw.text, f"{raw.path}, as received{where}")
    for assumption in explanation.assumed:
        _pair("assumed", f"the currency, which the source does not name: {assumption}")
    _origin(explanation)
    if explanation.winner is not None or explanation.lost:
        _pair("chosen by", f"{explanation.rule}    {explanation.rule_file}:{explanation.rule_line}")
    if explanation.winner is None and _checked(explanation):
        _pair("", _checked(explanation))
    if explanation.winner is not None:
        _pair("map version", f"{explanation.map_version}; {_checked(explanation)}")
    for number, candidate in enumerate(explanation.lost):
        _pair("lost" if number == 0 else "", _candidate(candidate, explanation.unit))
    for gone in explanation.withdrawn:
        _withdrawal(gone)


def _checked(explanation: Explanation) -> str:
    if explanation.differs and explanation.winner is None:
        return f"it DIFFERS: {explanation.differs}"
    if explanation.differs:
        return f"recomputed from the archive just now, and it DIFFERS: {explanation.differs}"
    if explanation.pending:
        return explanation.pending
    return "recomputed from the archive just now: equal" if explanation.winner is not None else ""


def _withdrawal(gone: Withdrawal) -> None:
    changed = f", changed {exactly(gone.changed)}" if gone.changed else ""
    _pair("withdrawn", f"{gone.source}, record {gone.record}{changed}: {gone.how}")
    response = gone.response
    if response.url:
        status = f" → {response.status}" if response.status is not None else ""
        _pair("", f"{response.url}{status} at {moment(response.fetched_at)}")
    if gone.record_index is None:
        _pair("", f"archive {response.archive}, mark at byte {count(response.offset)}")
        return
    _pair(
        "", f"archive {response.archive}, record {gone.record_index} of the response at byte {count(response.offset)}"
    )
    _pair("", f"fieldmap archive cat {gone.source} {spelled(response.position)} --record {gone.record_index}")


def _origin(explanation: Explanation) -> None:
    winner, response = explanation.winner, explanation.response
    if winner is not None:
        changed = f", changed {exactly(winner.changed)}" if winner.changed else ""
        _pair("claimed by", f"{winner.source}, record {_record(winner)}{changed}")
        if winner.joined:
            _pair("joined as", winner.joined)
        _pair("", f"{winner.file}:{winner.line}    {winner.statement}")
        if winner.stale:
            _pair("", winner.stale)
    if response is not None:
        status = f" → {response.status}" if response.status is not None else ""
        _pair("received", f"{response.url}{status} at {moment(response.fetched_at)}")
        _pair("", f"archive {response.archive}, record at byte {count(response.offset)}")
        if winner is not None:
            _pair("", f"fieldmap archive cat {winner.source} {spelled(response.position)}")


def _candidate(candidate: Candidate, unit: str) -> str:
    value = f" {candidate.value}{unit and f' {unit}'}" if candidate.value is not None else ""
    changed = f" ({exactly(candidate.changed)})" if candidate.changed and candidate.value is not None else ""
    joined = f" (joined as {candidate.joined})" if candidate.joined else ""
    outcome = (
        candidate.outcome
        + (candidate.absence and f": {candidate.absence}")
        + (candidate.stale and f"; {candidate.stale}")
    )
    what = f"{candidate.source}, record {_record(candidate)}{value and f' says{value}'}{changed}: {outcome}{joined}"
    return f"{what}    {candidate.file}:{candidate.line}"


def _record(candidate: Candidate) -> str:
    """The id of a record; where it is hidden, with the command that shows the record."""
    if not candidate.record.startswith(HIDDEN) or candidate.archive_position is None:
        return candidate.record
    return f"{candidate.record} (fieldmap archive cat {candidate.source} {spelled(candidate.archive_position)} --record {candidate.record_index})"


def _value(value: str | None) -> str:
    return "absent" if value is None else safe(value)


def _pair(left: str, right: str) -> None:
    shown = safe(left)
    gap = f"  {shown:<{_LEFT}} " if len(shown) <= _LEFT else f"  {shown}\n{' ' * (_LEFT + 3)}"
    _line(
        Text(
            gap,
            style="dim"
            if left
            in ("chosen by", "claimed by", "received", "map version", "joined as", "lost", "assumed", "withdrawn")
            else "",
        ).append(safe(right), style=""),
        indent=_LEFT + 3,
    )


def _line(text: Text, indent: int = 2) -> None:
    say(out(), text, indent=indent)


def show_letter(letter: Letter, *, reveal: bool) -> None:
    """One dead letter: the statement with the step that failed, and the record as received. Its values are hidden already unless
    revealed."""
    console = out()
    _line(Text(f"{letter.code}  {letter.field + ': ' if letter.field else ''}{safe(letter.reason)}", style="bold"))
    head = f"  {letter.file}:{letter.line}   "
    _line(Text(f"{head}{safe(letter.statement)}"))
    begin, end = letter.step
    if letter.statement.isprintable() and len(head) + end < (console.width or 0):
        _line(Text(f"{' ' * (len(head) + begin)}{'^' * (end - begin)} {safe(letter.value)}".rstrip(), style="red"))
    others = letter.same_cause - 1
    same = f"; {plural(others, 'more record has', 'more records have')} it" if others else ""
    _line(Text(f"  first seen {moment(letter.first_seen)}, last seen {moment(letter.last_seen)}{same}"))
    record = "" if letter.whole else f", record {letter.record_index} of the response"
    _line(Text(f"  received from {safe(letter.url)}{record}"))
    one = "" if letter.whole else f" --record {letter.record_index}"
    _line(Text(f"  fieldmap archive cat {letter.archive} {spelled(letter.position)}{one}"))
    if letter.members:
        what = "what could not be taken apart" if letter.whole else "raw record"
        console.print(f"  {what}{f' {safe(letter.record)}' if letter.record else ''}:")
    for name, value in letter.members:
        marked = f" ({letter.tagged[name]})" if name in letter.tagged and not reveal else ""
        _line(Text(f"    {safe(name) + ': ' if name else ''}{safe(value)}{marked}"))
    if letter.hides and not reveal:
        console.print("  --reveal shows what is hidden, and is logged")
    console.print(
        f"  after a fix: fieldmap dlq retry {letter.number}      (reads the archive; asks the source nothing)"
    )
