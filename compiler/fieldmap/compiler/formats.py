"""How a text or number is to be read: what an author writes in the brackets of a conversion, or of a type in a shape."""

from __future__ import annotations

import re
from dataclasses import dataclass

from fieldmap.compiler import ir
from fieldmap.compiler.datehabits import habit
from fieldmap.compiler.report import Report
from fieldmap.dsl import ast
from fieldmap.dsl.diagnostics import Edit
from fieldmap.dsl.source import Span
from fieldmap.runtime.values import dates
from fieldmap.runtime.values.checked import COUNTRY_WORDS
from fieldmap.runtime.values.patterns import SINCE, Kind, PatternError, compile_pattern, fault, tokens, unreadable

TIMES = ("date", "datetime", "time")
_UNITS = ("s", "ms", "us", "ns")
_WEEK, _ORDINAL = ("YYYY-'W'ww-e", "YYYY'W'wwe"), ("yyyy-DDD", "yyyyDDD")
_KNOWN = {
    "date": '"dd.MM.yyyy", odata, as written, week, ordinal, epoch days',
    "datetime": '"dd.MM.yyyy HH:mm", odata, epoch s, epoch ms, epoch us, epoch ns',
    "time": '"hh:mm a", odata, as written, epoch ms, epoch us',
}


@dataclass(frozen=True)
class Written:
    """type: the word behind `as`, or the type of a shape's member. words: joined by blanks."""

    type: str
    patterns: tuple[ast.Text, ...]
    words: str
    since: int | None
    zone: ast.Text | None
    choice: str
    span: Span


def of_conversion(node: ast.Conversion) -> Written:
    words = " ".join(word.text for word in node.words)
    choice = node.choice.text if node.choice is not None else ""
    return Written(node.type.text, node.patterns, words, node.since, node.zone, choice, node.span)


def of_type(node: ast.ScalarType) -> Written:
    words = " ".join(word.text for word in node.words)
    choice = node.choice.text if node.choice is not None else ""
    return Written(node.name.text, node.patterns, words, None, node.zone, choice, node.span)


def how(written: Written, report: Report) -> ir.How | None:
    """What the author says, or None after a diagnostic. `Iso` where nothing is said."""
    zone = _zone(written, report)
    if written.zone is not None and zone is None:
        return None
    if written.since is not None and not any(map(_has_short_year, written.patterns)):
        report.error(
            "FM0308",
            f"since {written.since} says what yy means, and no pattern here has it",
            written.span,
            help="leave it out",
        )
        return None
    match written.type:
        case "date" | "datetime" | "time":
            return _time(written, written.type, zone, report)
        case "decimal" | "number" | "float":
            return _number(written, report)
        case "int":
            return _number(written, report)
        case "bool":
            return _bool(written, report)
        case "country":
            return _country(written, report)
        case _:
            if written.patterns or written.words:
                report.error("FM0308", f"as {written.type} takes nothing in brackets", written.span)
                return None
            return ir.AsText() if written.type == "text" else ir.Iso()


def _has_short_year(pattern: ast.Text) -> bool:
    try:
        return ("letters", "yy") in tokens(pattern.value)
    except PatternError:
        return True  # which is said of the pattern itself


def _bool(written: Written, report: Report) -> ir.How | None:
    texts = [pattern.value for pattern in written.patterns]
    if len(texts) == 2 and not written.words and texts[0] != texts[1]:
        return ir.BoolWords(yes=texts[0], no=texts[1])
    report.error("FM0308", 'say which texts mean true and false: as bool("Y", "N")', written.span)
    return None


def _country(written: Written, report: Report) -> ir.How | None:
    if written.words in COUNTRY_WORDS and not written.patterns:
        return ir.CountryBy(by=written.words)
    if not written.words and not written.patterns:
        return ir.CountryBy(by="alpha2")
    report.error(
        "FM0308",
        "a country is known by its name, alpha2, alpha3 or numeric code",
        written.span,
        help="write as country(name), as country(alpha3) or as country(numeric); as country alone reads DE",
    )
    return None


# ------------------------------------------------------------------------------------------------------------ times


def _time(written: Written, kind: Kind, zone: str | None, report: Report) -> ir.How | None:
    if written.patterns and not written.words:
        return _patterns(written, kind, zone, report)
    if written.patterns:
        report.error("FM0308", "either patterns or words in the brackets, not both", written.span)
        return None
    words = written.words
    if not words:
        return ir.InZone(zone=zone) if kind != "datetime" and zone else ir.Iso(zone=zone, choice=written.choice)
    if words == "odata":
        return ir.OData()
    if words == "as written" and kind != "datetime":
        return ir.AsWritten()
    if words in ("week", "ordinal") and kind == "date":
        return ir.Patterns(patterns=_WEEK if words == "week" else _ORDINAL)
    any_year = words.endswith(" any year") and kind != "time"
    unit = words.removesuffix(" any year").removeprefix("epoch ") if words.startswith("epoch ") else ""
    if unit in (("days",) if kind == "date" else _UNITS):
        return ir.Epoch(unit=unit, zone=zone, choice=written.choice, any_year=any_year)
    message = f"as {written.type} does not know {words}"
    if unit in ("seconds", "milliseconds", "micros", "microseconds", "nanoseconds", "millis", "day", *_UNITS, "days"):
        message = f"a {kind} is not counted in {unit} here"
    report.error("FM0308", message, written.span, help=f"in the brackets stand: {_KNOWN[kind]}")
    return None


def _patterns(written: Written, kind: Kind, zone: str | None, report: Report) -> ir.How | None:
    for pattern in written.patterns:
        if not _pattern_stands(pattern, kind, zone is not None, written.since or SINCE, report):
            return None
    return ir.Patterns(
        patterns=tuple(pattern.value for pattern in written.patterns),
        zone=zone,
        choice=written.choice,
        since=written.since or SINCE,
    )


def _pattern_stands(pattern: ast.Text, kind: Kind, with_zone: bool, since: int, report: Report) -> bool:
    """Whether a pattern can be used; what is wrong with it is reported."""
    known = habit(pattern.value, kind)
    problem = fault(pattern.value, kind)
    if known is not None and (problem is not None or known.what.startswith("has YY")):
        report.error(
            "FM0308",
            f"the pattern {pattern.value} {known.what}",
            pattern.span,
            help=f'write "{known.meant}"',
            edit=Edit(pattern.span, f'"{known.meant}"'),
        )
        return False
    if (
        problem is None
        and kind == "datetime"
        and not with_zone
        and "offset" not in compile_pattern(pattern.value).parts
    ):
        problem = 'names no offset, so the time could be anywhere: add at "Europe/Berlin", or XXX to the pattern'
    if problem is None and (lost := unreadable(pattern.value, kind, since)) is not None:
        problem = f"cannot read its own output: what it writes as {lost[0]} it reads as {lost[1]}"
    if problem is None:
        return True
    example = {"date": "dd.MM.yyyy", "datetime": "dd.MM.yyyy HH:mm", "time": "HH:mm"}[kind]
    report.error(
        "FM0308",
        f"the pattern {pattern.value} {problem}",
        pattern.span,
        help=f'a pattern is written as in "{example}"',
    )
    return False


def zone_of(zone: ast.Text, report: Report) -> str | None:
    """The IANA zone that a text names, or None after a diagnostic."""
    try:
        return dates.zone(zone.value).key
    except ValueError:
        report.error(
            "FM0308", f"there is no time zone {zone.value}", zone.span, help="zones are named as in Europe/Berlin"
        )
        return None


def _zone(written: Written, report: Report) -> str | None:
    if written.zone is None:
        return None
    why = ""
    if written.type not in TIMES:
        why = f"and {written.type} has no time"
    elif written.type != "datetime" and (written.patterns or written.words):
        why = f"and a {written.type} of its own is the same everywhere"
    elif written.words and not written.words.startswith("epoch "):
        why = "and this counts from an instant already"
    if why:
        report.error("FM0308", f"at names the zone of a local time, {why}", written.zone.span, help="leave the at out")
        return None
    if written.choice and written.type != "datetime":
        report.error("FM0308", f"{written.choice} tells two instants apart, and this is none", written.zone.span)
        return None
    return zone_of(written.zone, report)


# ---------------------------------------------------------------------------------------------------------- numbers

_BLANKS = " \u00a0\u202f\u2009"
_SAMPLE = re.compile(
    rf"(?P<open>\()?(?P<groups>\d{{1,3}}(?:(?P<group>[.,'\u2019{_BLANKS}])\d{{2,3}}(?:(?P=group)\d{{2,3}})*)?)"
    r"(?:(?P<point>[.,])(?P<rest>\d+))?(?P<minus>-)?(?(open)\))"
)


def _number(written: Written, report: Report) -> ir.How | None:
    if not written.patterns and not written.words:
        return ir.Iso()
    sample = written.patterns[0].value if len(written.patterns) == 1 and not written.words else ""
    name = written.type
    if re.fullmatch(r"\(?\d{1,3}[.,]\d{3}-?\)?", sample) and name != "int":
        report.error(
            "FM0308",
            f"{sample} could have a group of thousands or three decimals",
            written.span,
            help='show both marks: as decimal("1.234,56"), as decimal("1,234.56")',
        )
        return None
    found = _SAMPLE.fullmatch(sample)
    groups = re.split(r"\D", found["groups"]) if found else []
    group = found["group"] or "" if found else ""
    point = found["point"] or "" if found else ""
    pairs = len(groups) > 2 and all(len(part) == 2 for part in groups[1:-1])
    uneven = any(len(part) != (2 if pairs else 3) for part in groups[1:-1]) or (
        len(groups) > 1 and len(groups[-1]) != 3
    )
    if found is None or uneven or (group and group == point) or (not group and not point and not found["minus"]):
        report.error(
            "FM0308",
            f'show how a number is written: as {name}("{"1.234.567" if name == "int" else "1.234,56"}")',
            written.span,
            help="a sample has its marks between groups and before the decimals: 1'234.50, 12,34,567.80, 1 234,5, 1.234,50-",
        )
        return None
    if point and name == "int":
        report.error(
            "FM0308", f"{sample} has decimals, which an int does not", written.span, help="write as decimal(…)"
        )
        return None
    minus = "behind" if found["minus"] else "brackets" if found["open"] else ""
    plain = {"\u2019": "'", **dict.fromkeys(_BLANKS, " ")}.get(group, group)
    return ir.NumberFormat(point=point, group=plain, pairs=pairs, minus=minus)
