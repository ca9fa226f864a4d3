"""`changed … sent as …`: whether a resource is read in windows of time, and how their bounds are written."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from fieldmap.compiler.report import Report
from fieldmap.compiler.requests import named_in
from fieldmap.dsl import ast
from fieldmap.runtime import plan
from fieldmap.runtime.acquire.windows import precision
from fieldmap.runtime.values import patterns

_EPOCHS = ("epoch s", "epoch ms")


# Of a sweep that lacks more than this much of what was there before, somebody has to say that it is right.
MOST_ABSENT = "20"


def most_absent(node: ast.Resource) -> str | None:
    """How many percent of its records a full sweep may lack; None where absence means nothing."""
    if node.absence is None:
        return None
    return format(node.absence.share.value, "f") if node.absence.share is not None else MOST_ABSENT


def check_absence(node: ast.Resource, format_: str, report: Report) -> None:
    if node.absence is None:
        return
    if format_ != "json":
        report.error(
            "FM0402",
            f"deleted by absence needs records that are counted, and this is {format_}",
            node.absence.span,
            help="leave the line out, or ask for JSON",
        )
    check_share(node.absence, report)


def check_share(absence: ast.Absence, report: Report) -> None:
    share = absence.share
    if share is not None and (share.unit is None or share.unit.text != "%" or not 0 <= share.value <= 100):
        report.error("FM0403", "a share is 0 % to 100 %", share.span, help="write: refuse above 20 %")


def lower_delta(node: ast.Resource, report: Report) -> plan.Delta | None:
    """None for a resource of which every sweep reads all, or after a diagnostic."""
    window = node.window
    holes = bounds_named(node)
    if window is None and not holes:
        return None
    sent = window.since if window is not None else None
    if window is not None and sent is None and "since" not in holes:
        if report.broken(node.span):
            return None  # the line that says so may be the one that did not read
        report.error(
            "FM0401",
            f"{node.name.text} does not say how the source is asked for what changed",
            window.span,
            help='add: sent as "updated_since", or write "{since}" into the query',
        )
        return None
    if "since" not in holes and sent is None:
        report.error(
            "FM0401",
            f"the query of {node.name.text} has an end and no beginning",
            node.name.span,
            help='write "{since}" into the query too',
        )
        return None
    if window is None:
        return plan.Delta()
    written = written_form(window, report)
    if written is None:
        return None
    form, zone = written
    if window.step is not None and not _check_steps(node, window, window.step, form, holes, report):
        return None
    default = plan.Delta()
    return plan.Delta(
        since=sent.value if sent is not None else None,
        until=window.until.value if window.until is not None else None,
        written=form,
        zone=zone,
        settles_ms=window.settles.milliseconds if window.settles is not None else default.settles_ms,
        overlap_ms=window.overlap.milliseconds if window.overlap is not None else default.overlap_ms,
        step_ms=window.step.milliseconds if window.step is not None else None,
        begins=_beginning(window.begins, zone) if window.begins is not None else None,
    )


def _check_steps(
    node: ast.Resource, window: ast.Window, step: ast.Duration, form: str, holes: set[str], report: Report
) -> bool:
    wrong: tuple[str, str, str] | None = None
    if window.until is None and "until" not in holes:
        wrong = (
            "FM0401",
            f"{node.name.text} is read in steps, and does not say how the source is told where one ends",
            'add: until sent as "updated_before", or name until in the request',
        )
    elif node.absence is not None:
        wrong = (
            "FM0402",
            "deleted by absence needs all records in one sweep, and this one is read in steps",
            "leave one of the two out",
        )
    elif step.milliseconds < precision(form):
        wrong = ("FM0403", "a step is shorter than what a bound can say as it is written", "make the steps longer")
    elif window.begins is not None and _beginning(window.begins, "UTC") is None:
        wrong = (
            "FM0403",
            f"{window.begins.value} is no moment",
            'write a day, from "2024-01-01", or a moment with its offset, from "2024-01-01T00:00:00+01:00"',
        )
    if wrong is not None:
        report.error(wrong[0], wrong[1], window.span, help=wrong[2])
    return wrong is None


def _beginning(text: ast.Text, zone: str | None) -> str | None:
    """The moment with its offset; a day begins in the zone of the bounds. None for what is neither."""
    try:
        moment = datetime.fromisoformat(text.value)
    except ValueError:
        return None
    if moment.tzinfo is None:
        if "T" in text.value or " " in text.value:
            return None
        moment = moment.replace(tzinfo=ZoneInfo(zone) if zone else UTC)
    return moment.isoformat()


def bounds_named(node: ast.Resource) -> set[str]:
    """The bounds that the request names."""
    return named_in(node) & {"since", "until"} if node.changed is not None else set()


def written_form(window: ast.Window, report: Report) -> tuple[str, str | None] | None:
    """The form of the bounds and its zone; None after a diagnostic."""
    form = window.form
    if form is None:
        return "iso", None
    if isinstance(form, ast.Name):
        if form.text in _EPOCHS:
            return form.text, None
        report.error(
            "FM0403",
            f"written {form.text} is no form of an instant",
            form.span,
            help='written epoch s, written epoch ms, or a pattern such as written "yyyy-MM-dd HH:mm:ss" at "Europe/Berlin"',
        )
        return None
    try:
        names_offset = "offset" in patterns.compile_pattern(form.value).parts
        fault = patterns.fault(form.value, "date" if not _has_time(form.value) else "datetime")
    except patterns.PatternError as error:
        names_offset, fault = False, str(error)
    if fault is not None:
        report.error("FM0308", f"the pattern {fault}", form.span)
        return None
    zone = window.zone
    if zone is not None and not _is_zone(zone.value):
        report.error("FM0308", f"there is no zone {zone.value}", zone.span, help='write one such as "Europe/Berlin"')
        return None
    if zone is None and not names_offset and "'Z'" not in form.value:
        report.error(
            "FM0308",
            "the pattern names no zone, and the source has to know which one is meant",
            form.span,
            help='add: at "UTC", or the zone that the source keeps its times in',
        )
        return None
    return form.value, zone.value if zone is not None else None


def _has_time(pattern: str) -> bool:
    letters = {text[0] for text, is_field in patterns.pieces(pattern) if is_field}
    return bool(letters & set("HhKkmsSXxZ"))


def _is_zone(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (ValueError, OSError, LookupError):
        return False
    return True
