"""Quantities written as text: `12.5 kg`, `3-1/2"`, `5' 10"`, `17-22 in`. docs/language.md publishes the shapes that are read.

A text is scanned once from left to right, then judged: what is not one of the published shapes fails with the reason that fits
it. Numbers are fractions throughout. Which words name a unit is data of the bundle (`Spellings`).
"""

from __future__ import annotations

import re
from decimal import Decimal
from fractions import Fraction
from typing import Any, NamedTuple

from fieldmap.runtime.values.failures import Unreadable, quote, wrong
from fieldmap.runtime.values.numbers import Exact
from fieldmap.runtime.values.outcome import Failed, Quantity
from fieldmap.runtime.values.spellings import Measured, Spellings

LONGEST = 200
# Below the fraction stroke: the parts into which things are measured. `12/24 V` names two voltages, not a half.
_DENOMINATORS = frozenset({2, 3, 4, 5, 6, 8, 10, 16, 32, 64, 100, 128})
_LARGEST_PART = 1_000

# How many of the smaller unit make one of the larger where the smaller goes unsaid: `5' 10`, `10 st 4`, `1 h 30`, `1 m 20`.
_STEPS = frozenset({12, 14, 16, 60, 100})

_BLANKS = dict.fromkeys([0x09, 0x0A, 0x0D, 0xA0, 0x1680, *range(0x2000, 0x200B), 0x202F, 0x205F, 0x3000], " ")
_NOTHING = dict.fromkeys([0x200B, 0x200C, 0x200D, 0x200E, 0x200F, 0x2060, 0xFEFF], "")
_DASHES = dict.fromkeys([*range(0x2010, 0x2016), 0x2212, 0xFE63, 0xFF0D], "-")
_FRACTIONS = dict(
    zip(
        "¼½¾⅐⅑⅒⅓⅔⅕⅖⅗⅘⅙⅚⅛⅜⅝⅞",
        [
            " 1/4",
            " 1/2",
            " 3/4",
            " 1/7",
            " 1/9",
            " 1/10",
            " 1/3",
            " 2/3",
            " 1/5",
            " 2/5",
            " 3/5",
            " 4/5",
            " 1/6",
            " 5/6",
            " 1/8",
            " 3/8",
            " 5/8",
            " 7/8",
        ],
        strict=True,
    )
)
_SAME = str.maketrans(
    {chr(point): text for point, text in (_BLANKS | _NOTHING | _DASHES).items()}
    | _FRACTIONS
    | dict.fromkeys("′‘’‛`´ʹʼ", "'")
    | dict.fromkeys("″“”„‟ʺ", '"')
    | dict.fromkeys("×✕✖", "x")
    | dict.fromkeys("⁄∕", "/")
    | dict.fromkeys("º˚", "°")
    | dict.fromkeys("µμ", "u")
    | {"\u2126": "\u03a9", "²": "^2", "³": "^3", "℃": "°C", "℉": "°F", "…": "..", "·": "*", "⋅": "*"}
)

_NUMBER = re.compile(r"[0-9]*\.[0-9]+|[0-9]+")
_GROUPED = re.compile(r"[0-9]{1,3}(?:,[0-9]{3})+(?![0-9])")
_POINT = re.compile(r"\.[0-9]+")
_STROKE = re.compile(r"/([0-9]{1,4})(?![0-9/]|\.(?!\.)|,[0-9])")
# `ft2`, `m3/h`; not the 2 of `5ft2in` or of `in 2/4`.
_POWER = re.compile(r"\^?([23])(?![^\W_]|['\"^]|\.[0-9]|/ *[0-9])")

_NEAR = frozenset(
    [
        "approx",
        "approximate",
        "approximately",
        "appx",
        "about",
        "around",
        "circa",
        "ca",
        "roughly",
        "nearly",
        "almost",
        "est",
        "estimated",
        "nominal",
    ]
)
_UPPER = frozenset(
    ["up to", "upto", "max", "maximum", "at most", "under", "below", "less than", "no more than", "or less"]
)
_LOWER = frozenset(
    ["min", "minimum", "at least", "over", "above", "more than", "from", "starting at", "or more", "and up"]
)
_SIGNS = {"~": "near", "≈": "near", "≅": "near", "±": "near", "<": "upper", "≤": "upper", ">": "lower", "≥": "lower"}
_BETWEEN = frozenset({"to", "thru", "through", "until"})
_TIMES = frozenset({"x", "by", "*"})
_AND = frozenset({"and", "or", "&", ";", ",", "/", "+", ":", "("})


class Token(NamedTuple):
    """kind: "number", "word" or "mark". glued: no blank stands before it. whole: a number without point or stroke; stroke: n/m."""

    kind: str
    text: str
    value: Fraction = Fraction(0)
    glued: bool = False
    whole: bool = False
    stroke: bool = False


class Bare(NamedTuple):
    """The unit that the author gives to bare numbers."""

    factor: Fraction
    offset: Fraction


class Ends(NamedTuple):
    """What a text says: the lower and the upper end (both the same for one quantity; None where a hedge leaves it open), in the
    base unit of the dimension. bare: a number had no unit of its own."""

    lower: Fraction | None
    upper: Fraction | None
    bare: bool


def read_quantity(
    value: Any,
    table: Spellings,
    unit: Bare,
    bare: Bare | None,
    ends: str | None,
    path: str,
    noted: list[str] | None = None,
) -> Exact | list[Exact]:
    """The quantity in `unit`; of a range the end that `ends` names (lower, upper), or a list of both. FM2101, FM2145 to FM2150.

    noted: gets the path if the text has a number without a unit, so that the run can count them."""
    found = measured(value, table, bare, ends, path)
    if ends is None:
        _note(noted, found, path)
        return _plain(found.lower, unit)
    chosen = {"lower": [found.lower], "upper": [found.upper]}.get(ends, [found.lower, found.upper])
    if None in chosen:
        raise Failed("FM2148", f"{quote(value)} has no {'lower' if found.lower is None else 'upper'} end", path)
    _note(noted, found, path)
    answers = [_plain(end, unit) for end in chosen]
    return answers if ends == "both" else answers[0]


def _note(noted: list[str] | None, found: Ends, path: str) -> None:
    if found.bare and noted is not None:
        noted.append(path)


def read_any_quantity(
    value: Any,
    readings: tuple[tuple[str, Spellings, Bare, Bare | None], ...],
    ends: str | None,
    path: str,
    noted: list[str] | None = None,
) -> Quantity:
    """The quantity in the one of several units that measures what the text says. readings: (unit, spellings, unit, bare) of each.
    Codes as of read_quantity; FM2150 where the text could be in several of them."""
    found: list[Quantity] = []
    refused: list[Failed] = []
    seen: list[str] = []
    for unit, table, size, bare in readings:
        try:
            found.append(Quantity(read_quantity(value, table, size, bare, ends, path, seen), unit))
        except Failed as failed:
            refused.append(failed)
    if len(found) > 1:
        could = " or ".join(one.unit for one in found)
        raise Failed("FM2150", f"{quote(value)} could be in {could}", path)
    if not found:
        raise next((failed for failed in refused if failed.code != "FM2147"), refused[0])
    if noted is not None:
        noted += seen
    return found[0]


def measured(value: Any, table: Spellings, bare: Bare | None, ends: str | None, path: str) -> Ends:
    """What a text (or a JSON number, which is bare) says, in the base unit. Without `ends` a range or a hedge fails."""
    if isinstance(value, Unreadable):
        raise wrong(value, "a text", path)
    if type(value) is not str:
        return _number(value, table, bare, path)
    if len(value) > LONGEST:
        raise Failed("FM2145", f"{quote(value)} is longer than {LONGEST} characters", path)
    try:
        return _Reading(value, table, bare, ends is not None).ends()
    except Failed as failed:
        raise Failed(failed.code, failed.reason, path) from None


def _number(value: Any, table: Spellings, bare: Bare | None, path: str) -> Ends:
    if type(value) not in (int, Decimal, Fraction):
        raise wrong(value, "a text with a quantity", path)
    if bare is None:
        raise Failed("FM2146", f"{quote(value)} has no unit, and {table.needed} is needed", path)
    base = Fraction(value) * bare.factor + bare.offset
    return Ends(base, base, True)


def _plain(base: Fraction | None, unit: Bare) -> Exact:
    answer = ((base or Fraction(0)) - unit.offset) / unit.factor
    return answer.numerator if answer.denominator == 1 else answer


def normal(text: str) -> str:
    """The text with one spelling for each kind of blank, dash, prime, fraction and sign."""
    return text.translate(_SAME).replace("''", '"').strip(" ")


def tokens(text: str) -> list[Token]:
    """The numbers, words and marks of a normalised text."""
    found: list[Token] = []
    at = 0
    while at < len(text):
        if text[at] == " ":
            at += 1
            continue
        glued = at > 0 and text[at - 1] != " "
        if text[at] == "." and at > 0 and text[at - 1].isalpha() and _POINT.match(text, at):
            token, at = Token("mark", ".", glued=glued), at + 1  # `5ft.5` is 5 ft 5, or 5 ft 0.5
        elif _NUMBER.match(text, at):
            token, at = _scan_number(text, at, glued)
        elif text[at].isalpha() or text[at] in "°%":
            token, at = _scan_word(text, at, glued, powers=any(token.kind == "number" for token in found))
        elif text[at] in "'\"":
            token, at = Token("word", text[at], glued=glued), at + 1
        elif text.startswith("..", at):
            token, at = Token("mark", "..", glued=glued), at + 2
        elif text[at] == "." and found and found[-1].kind == "word" and glued:
            at += 1  # the point of an abbreviation
            continue
        else:
            token, at = Token("mark", text[at], glued=glued), at + 1
        found.append(token)
    return found


def _scan_number(text: str, at: int, glued: bool) -> tuple[Token, int]:
    grouped = _GROUPED.match(text, at)
    start = at
    if grouped:
        at = grouped.end()
        whole = grouped.group().replace(",", "")
        point = _POINT.match(text, at)
        digits, at = (whole + point.group(), point.end()) if point else (whole, at)
    else:
        match = _NUMBER.match(text, at)
        digits, at = (match.group(), match.end()) if match else ("0", at)
    is_whole = "." not in digits
    if is_whole:
        stroke = _STROKE.match(text, at)
        if stroke and not grouped and int(stroke[1]) > 0:
            value = Fraction(int(digits), int(stroke[1]))
            return Token("number", text[start : stroke.end()], value, glued, stroke=True), stroke.end()
        if text.startswith(".", at) and not text.startswith("..", at):
            at, is_whole = at + 1, False  # `97.`
    return Token("number", text[start:at], Fraction(digits), glued, whole=is_whole), at


def _scan_word(text: str, at: int, glued: bool, *, powers: bool) -> tuple[Token, int]:
    start = at
    while at < len(text) and (text[at].isalpha() or text[at] in "°%"):
        at += 1
    word = text[start:at]
    if powers and word.lower() not in _TIMES | _BETWEEN:
        power = _POWER.match(text, at)
        if power:
            word, at = word + power[1], power.end()
    return Token("word", word, glued=glued), at


class _Reading:
    """One text. ranges: whether a range or a hedge is read."""

    def __init__(self, value: str, table: Spellings, bare: Bare | None, ranges: bool) -> None:
        self.value = value
        self.table = table
        self.bare = bare
        self.ranges = ranges
        self.was_bare = False

    def fail(self, code: str, reason: str) -> Failed:
        return Failed(code, f"{quote(self.value)} {reason}")

    def ends(self) -> Ends:
        found = tokens(normal(self.value))
        while found and found[-1].text in (",", ";"):
            found.pop()
        numbers = [index for index, token in enumerate(found) if token.kind == "number"]
        if not numbers:
            foreign = any(character.isdecimal() for character in self.value)
            raise self.fail("FM2145", "has digits other than 0 to 9" if foreign else "has no number")
        if any(token.text.lower() in _TIMES for token in found[numbers[0] : numbers[-1]]):
            raise self.fail("FM2149", "has several dimensions")
        found, hedge = self._hedge(found)
        split = self._range(found)
        if (split or hedge) and not self.ranges:
            what = "a range" if split else "hedged"
            raise self.fail("FM2148", f"is {what}, and nothing says which end counts")
        if split is not None:
            return self._both(found, *split, hedge)
        one = self._one(found)
        return Ends(None if hedge == "upper" else one, None if hedge == "lower" else one, self.was_bare)

    # ---------------------------------------------------------------------------------------------- hedges, ranges

    def _hedge(self, found: list[Token]) -> tuple[list[Token], str | None]:
        """The text without `up to`, `~`, `10+`, `max` …, and what that leaves open."""
        first = next(index for index, token in enumerate(found) if token.kind == "number")
        if first and found[first - 1].text in ("+", "-"):
            first -= 1
        kind = self._leading(found[:first])
        rest = found[first:]
        for index in range(1, len(rest)):
            last = index == len(rest) - 1
            if rest[index].text == "+" and (last or (rest[index + 1].kind == "word" and rest[index].glued)):
                if kind not in (None, "lower"):
                    raise self.fail("FM2149", "is hedged twice")
                return [*rest[:index], *rest[index + 1 :]], "lower"
        for length in (1, 2):
            tail = rest[len(rest) - length :]
            # `5 min` is five minutes; behind a unit the same word is a hedge.
            if len(rest) > length + 1 and rest[-length - 1].kind == "word" and (late := _hedge_kind(tail)):
                if kind is not None:
                    raise self.fail("FM2149", "is hedged twice")
                return rest[:-length], late
        return rest, kind

    def _leading(self, head: list[Token]) -> str | None:
        if not head:
            return None
        if len(head) == 2 and head[1].text == "=" and head[0].text in "<>":
            head = head[:1]
        kind = (_SIGNS.get(head[0].text) if len(head) == 1 else None) or _hedge_kind(head)
        if kind is None:
            raise self.fail("FM2145", f"has more than a quantity: {quote(_joined(head))}")
        return kind

    def _range(self, found: list[Token]) -> tuple[int, int] | None:
        """From where to where the word or marks stand that make a range of the text; a tolerance is one too."""
        places: list[tuple[int, int]] = []
        for index in range(1, len(found) - 1):
            token, after = found[index], found[index + 1]
            if token.text in ("-", "+") and after.glued and places and index == places[-1][1]:
                continue  # the sign of the upper end
            signed = (
                after.text == "-" and index + 2 < len(found) and found[index + 2].glued and _numeric(found, index + 2)
            )
            if token.text == "±":
                places.append((index, index + 1))
            elif token.text == "+" and after.text in ("/", "-") and found[index + 1 :][:2][-1].text == "-":
                places.append((index, index + (3 if after.text == "/" else 2)))
            elif token.text.lower() in _BETWEEN or (
                token.text in ("..", "-") and (signed or self._numbers_meet(found, index))
            ):
                places.append((index, index + 1))
        if places and places[0][1] - places[0][0] > 1:
            places = places[:1] + [place for place in places[1:] if place[0] >= places[0][1]]
        if len(places) > 1:
            raise self.fail("FM2149", "has several ranges")
        return places[0] if places else None

    @staticmethod
    def _numbers_meet(found: list[Token], dash: int) -> bool:
        """Whether a dash stands before a number, and joins no whole number and proper fraction."""
        before, after = found[dash - 1], found[dash + 1]
        mixed = (
            found[dash].text == "-" and before.kind == "number" and before.whole and after.stroke and after.value < 1
        )
        return after.kind == "number" and not mixed

    def _both(self, found: list[Token], start: int, end: int, hedge: str | None) -> Ends:
        left, right = found[:start], found[end:]
        unit = _phrase(right)
        if left[-1].kind == "number" and unit:
            left = [*left, *unit]
        if hedge == "upper":
            raise self.fail("FM2149", "is hedged twice")
        lower, upper = self._one(left), self._one(right)
        if lower == 0 and found[start].text == "-" and self._last_unit(left) != self._last_unit(right):
            raise self.fail("FM2149", "could be one measure in two units, or a range")  # `0'-8"`
        if found[start].text in ("±", "+"):
            lower, upper = self._within(lower, upper, left, right)
        if lower > upper:
            raise self.fail("FM2149", "is a range whose ends stand the wrong way round")
        return Ends(lower, upper, self.was_bare)

    def _last_unit(self, found: list[Token]) -> Bare | Measured | None:
        words = [token.text for token in _phrase(found)]
        return self._unit(words) if words else self.bare

    def _within(
        self, middle: Fraction, around: Fraction, left: list[Token], right: list[Token]
    ) -> tuple[Fraction, Fraction]:
        """`5 ± 1 in`. A tolerance is a difference, which a unit with an offset cannot name."""
        zero = self._one([Token("number", "0", Fraction(0), whole=True), *_phrase(right)])
        if not _phrase(right) and _phrase(left):
            raise self.fail("FM2149", "has a tolerance without a unit")
        return middle - (around - zero), middle + (around - zero)

    # ------------------------------------------------------------------------------------------------ one quantity

    def _one(self, found: list[Token]) -> Fraction:
        """The value in the base unit."""
        negative = False
        if found and found[0].text in ("-", "+"):
            if len(found) < 2 or not found[1].glued:
                raise self.fail("FM2145", "has a sign that touches no number")
            negative = found[0].text == "-"
            found = found[1:]
        parts = self._parts(found)
        if not parts:
            raise self.fail("FM2145", "has half a range")
        if len(parts) == 1:
            return self._simple(*parts[0], negative)
        return self._compound(parts) * (-1 if negative else 1)

    def _simple(self, number: Fraction, words: list[str], negative: bool) -> Fraction:
        number = -number if negative else number
        if words:
            unit = self._unit(words)
            return number * unit.factor + unit.offset
        if self.bare is None:
            raise self.fail("FM2146", f"has no unit, and {self.table.needed} is needed")
        self.was_bare = True
        return number * self.bare.factor + self.bare.offset

    def _parts(self, found: list[Token]) -> list[tuple[Fraction, list[str]]]:
        """Numbers, each with the words behind it."""
        parts: list[tuple[Fraction, list[str]]] = []
        at = 0
        while at < len(found):
            number, at = self._written(found, at)
            words: list[str] = []
            if at + 1 < len(found) and found[at].text == "-" and found[at + 1].kind == "word":
                at += 1  # `48-in`
            while at < len(found) and (found[at].kind == "word" or _joins(found, at)):
                if words and (found[at].text in "'\"" or words[-1] in "'\""):
                    raise self.fail("FM2145", f"says more than its unit: {quote(found[at].text)}")
                if found[at].text.lower() in _AND and found[at].kind == "word":
                    raise self.fail("FM2149", "has several values")
                words.append(found[at].text)
                at += 1
            parts.append((number, words))
            if at + 1 < len(found) and found[at].text == "," and words and found[at + 1].kind == "number":
                at += 1  # `6 lb, 4 oz`
        return parts

    def _written(self, found: list[Token], at: int) -> tuple[Fraction, int]:
        """A number, a fraction, or a whole number and a proper fraction."""
        token = found[at] if at < len(found) else Token("mark", "")
        if token.kind != "number":
            more = any(later.kind == "number" for later in found[at:])
            several = token.text.lower() in _AND and at > 0 and more
            reason = "has several values" if several else f"has {quote(token.text)}, which is no part of a quantity"
            raise self.fail("FM2149" if several else "FM2145", reason)
        if token.stroke:
            self._check_fraction(token)
        if not token.whole:
            return token.value, at + 1
        step = 2 if at + 2 < len(found) and found[at + 1].text == "-" else 1
        after = found[at + step] if at + step < len(found) else None
        if after is not None and after.stroke and after.value < 1:
            self._check_fraction(after)
            return token.value + after.value, at + step + 1
        return token.value, at + 1

    def _check_fraction(self, token: Token) -> None:
        below = int(token.text.partition("/")[2])
        above = int(token.text.partition("/")[0])
        if below not in _DENOMINATORS and not (above == 1 and below <= _LARGEST_PART):
            raise self.fail("FM2149", f"has {token.text}, which is no fraction that things are measured in")

    def _unit(self, words: list[str]) -> Measured:
        found = self.table.find(words)
        if isinstance(found, Measured):
            return found
        raise self.fail(*found)

    def _compound(self, parts: list[tuple[Fraction, list[str]]]) -> Fraction:
        """`5' 10"`: units that divide each other, whole numbers before the last, and none that holds one of the unit before. Of
        `5' 10` the last has the unit of bare numbers, if that is the next smaller one."""
        if any(not words for _, words in parts[:-1]) or (not parts[-1][1] and self.bare is None):
            raise self.fail("FM2149", "has several numbers")
        units = [self._unit(words) for _, words in parts if words]
        if self.bare is not None and len(units) < len(parts):
            if units[-1].factor / self.bare.factor not in _STEPS:
                raise self.fail("FM2149", "has several numbers")
            units.append(Measured(*self.bare))
            self.was_bare = True
        total = Fraction(0)
        for index, ((number, _), unit) in enumerate(zip(parts, units, strict=True)):
            last = index == len(parts) - 1
            if not last:
                ratio = unit.factor / units[index + 1].factor
                fits = ratio > 1 and ratio.denominator == 1 and parts[index + 1][0] < ratio
                if number.denominator != 1 or not fits:
                    raise self.fail("FM2149", "has several measures")
            if unit.offset:
                raise self.fail("FM2149", "has several measures")
            total += number * unit.factor
        return total


def _joins(found: list[Token], at: int) -> bool:
    """Whether a mark stands within the words of a unit: `ft-lb`, `km/h`, `N*m`."""
    return (
        found[at].text in ("-", "/", "*")
        and found[at - 1].kind == "word"
        and at + 1 < len(found)
        and found[at + 1].kind == "word"
    )


def _numeric(found: list[Token], at: int) -> bool:
    return found[at].kind == "number"


def _phrase(found: list[Token]) -> list[Token]:
    """The words behind the only number of a text, the dash before them left out."""
    last = max((index for index, token in enumerate(found) if token.kind == "number"), default=-1)
    tail = found[last + 1 :]
    return tail[1:] if len(tail) > 1 and tail[0].text == "-" else tail


def _hedge_kind(words: list[Token]) -> str | None:
    text = " ".join(token.text.lower() for token in words)
    return "near" if text in _NEAR else "upper" if text in _UPPER else "lower" if text in _LOWER else None


def _joined(words: list[Token]) -> str:
    return " ".join(token.text for token in words)
