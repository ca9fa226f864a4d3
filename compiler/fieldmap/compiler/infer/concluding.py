"""From what was seen to a shape: types, what may be missing, what means "nothing", and the evidence in words."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal

from fieldmap.compiler.infer import dating
from fieldmap.compiler.infer.evidence import Seen, walked
from fieldmap.compiler.infer.masking import is_telling, masked, quoted, template
from fieldmap.compiler.infer.model import Codes, Kind, Listed, Member, Object, Scalar, plain_name
from fieldmap.compiler.infer.words import tag_of, tells_nothing, words_of
from fieldmap.runtime.values.reading import TEXT

_LONGEST_NAME = 200
_MOST_CODES = 20
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]{0,17})(?:\.[0-9]{1,12})?")
_COMMA = re.compile(r"-?[0-9]{1,3}(?:\.[0-9]{3})*,[0-9]{1,4}")
_BOOLS = (
    ("true", "false"),
    ("Y", "N"),
    ("yes", "no"),
    ("Yes", "No"),
    ("T", "F"),
    ("1", "0"),
    ("X", ""),
    ("x", ""),
    ("Y", ""),
)
_INT = 2**63
# Words of a member whose whole numbers are instants, and the least count of seconds that is one: the year 2001.
_WHEN = frozenset(
    [
        "at",
        "on",
        "time",
        "date",
        "timestamp",
        "modified",
        "updated",
        "created",
        "changed",
        "since",
        "until",
        "start",
        "end",
    ]
)
# A member that ends so has the number of one thing, however few things there are in the samples.
_NUMBERS = {("id",), ("ids",), ("uuid",), ("guid",), ("number",), ("no",), ("nr",)}
_EPOCH = 1_000_000_000


@dataclass
class Concluder:
    """Makes the shape of one resource. name: of the resource, for its code lists. hidden: values that stand in personal members,
    which no comment shows wherever they are."""

    name: str
    hidden: frozenset[str] = frozenset()
    codes: list[Codes] = field(default_factory=list)

    @classmethod
    def of(cls, name: str, seen: Seen) -> Concluder:
        personal = [place for parent, member, place in walked(seen) if tag_of(member, parent) == "pii"]
        return cls(name, frozenset(value for place in personal for value in place.values if isinstance(value, str)))

    def shape(self, seen: Seen) -> tuple[Object, tuple[str, ...]]:
        """The shape of the records, and the sentinels that all its optional texts may have."""
        made = self._object("", seen, "")
        shared = _shared(made)
        return (_without(made, shared), shared) if shared else (made, ())

    # ------------------------------------------------------------------------------------------------------ members

    def _object(self, parent: str, seen: Seen, inherited: str) -> Object:
        members = []
        for name, place in seen.members.items():
            if writable(name):
                members.append(self._member(parent, name, place, seen.objects, inherited))
        return Object(tuple(members))

    def _member(self, parent: str, name: str, seen: Seen, of: int, inherited: str) -> Member:
        tag = tag_of(name, parent) or inherited
        sentinels = tuple(_sentinels(seen))
        absent = of - seen.times + seen.nulls
        kind, remarks = self._kind(name, seen, tag)
        is_leaf = isinstance(kind, Scalar) and kind.type != "json"
        nothing = sentinels if is_leaf else ()
        present = seen.times - seen.nulls
        many = f"in {present} of {of}" if present < of else f"in all {of}" if of > 1 else "in the only one"
        counts = [f"{quoted(str(v)) if isinstance(v, str) else v} in {seen.values[v]}" for v in nothing]
        note = "; ".join(part for part in (many, *counts, *remarks) if part)
        return Member(
            name=name,
            kind=kind,
            optional=bool(absent or nothing or seen.unreadable),
            sentinels=tuple(quoted(v) if isinstance(v, str) else str(v) for v in nothing),
            tag=tag if isinstance(kind, Scalar) else "",
            note=note,
        )

    def _kind(self, name: str, seen: Seen, tag: str) -> tuple[Kind, list[str]]:
        """The kind of a place, and what else a comment says."""
        kinds = seen.kinds
        if kinds == ("object",):
            if TEXT in seen.members:
                return self._attributed(seen, tag), []
            made = self._object(name, seen, tag)
            if seen.more_members or _is_dictionary(seen):
                return Scalar("json"), [f"{len(seen.members)} names or more, which look like data"]
            if not made.members:
                return Scalar("json"), [
                    "an object without members" if not seen.members else "nested too deeply to look into"
                ]
            return made, []
        if kinds == ("list",):
            return self._list(name, seen, tag)
        if len(kinds) > 1:
            return Scalar("json"), [f"of several kinds: {', '.join(kinds)}"]
        if not kinds:
            return Scalar("json"), ["null, so its type is unknown"]
        match kinds[0]:
            case "bool":
                return Scalar("bool"), []
            case "number":
                return self._number(name, seen, tag)
            case "text":
                return Scalar("text"), self._of_text(name, seen, tag)
            case _:
                return Scalar("json"), ["not all of it could be decoded"]

    def _attributed(self, seen: Seen, tag: str) -> Kind:
        """An element of XML with attributes beside its text."""
        beside = [(name, place) for name, place in seen.members.items() if name != TEXT and writable(name)]
        attributes = (
            Member(name=name, kind=Scalar("text"), optional=place.times < seen.objects, tag=tag)
            for name, place in beside
        )
        return Scalar("text", tuple(attributes))

    def _list(self, name: str, seen: Seen, tag: str) -> tuple[Kind, list[str]]:
        element = seen.element
        if element is None or not element.times:
            return Listed(Scalar("json")), ["always empty, so what is in it is unknown"]
        kind, remarks = self._kind(name, element, tag)
        return Listed(kind), [
            f"up to {seen.most_elements} {'element' if seen.most_elements == 1 else 'elements'}",
            *remarks,
        ]

    def _number(self, name: str, seen: Seen, tag: str) -> tuple[Kind, list[str]]:
        whole = not seen.decimals and seen.least is not None and seen.most is not None
        small = whole and _whole(seen.least) >= -_INT and _whole(seen.most) < _INT
        remarks = []
        if not (tells_nothing(name) or tag):
            usual = [v for v in seen.values if isinstance(v, int) and v not in _sentinels(seen)]
            least = min(usual, default=seen.least) if whole and not seen.many else seen.least
            remarks.append(f"{least} to {seen.most}" if least != seen.most else f"{least}")
            remarks.extend(_epoch(name, seen))
        return Scalar("int" if small else "number"), remarks

    def _of_text(self, name: str, seen: Seen, tag: str) -> list[str]:
        values = [v for v in seen.values if isinstance(v, str) and v not in _sentinels(seen)]
        if not values:
            return []
        if forms := seen.usual_forms:
            said = dating.proposal(forms)
            odd = seen.dated - max(seen.forms.values())
            said += f"; {odd} of {seen.dated} are none" if odd else ""
            dates = [value for value in values if dating.forms_of(value)]
            shown = "" if tag or tells_nothing(name) or seen.many or not dates else _range(dates)
            return [shown, said]
        if tag or tells_nothing(name):
            return [f"up to {seen.longest} characters"]
        pairs = [pair for pair in _BOOLS if set(seen.values) == set(pair) and not seen.many]
        if pairs:
            yes, no = pairs[0]
            return [f"read it: as bool({quoted(yes)}, {quoted(no)})"]
        if not seen.many and all(_NUMBER.fullmatch(v) for v in values) and not _is_number_of(name):
            return ["read it: as decimal" if any("." in v for v in values) else "read it: as int"]
        if not seen.many and all(_COMMA.fullmatch(v) for v in values):
            return ['read it: as decimal("1.234,56")']
        if words_of(name)[-1:] not in _NUMBERS and self._is_few(seen, values):
            return [self._listed(name, values)]
        different = (
            "many different" if seen.many else f"{len(values)} different" if len(values) > 1 else "always the same"
        )
        return [f"written like {masked(values[0])}, {different}"]

    # ------------------------------------------------------------------------------------------------------- codes

    def _is_few(self, seen: Seen, values: list[str]) -> bool:
        """Whether texts are answers of a list rather than anything: few, short, each met again, and none that tells of a person."""
        if seen.many or len(values) > _MOST_CODES or sum(seen.values[v] for v in values) < max(4, 2 * len(values)):
            return False
        return not any(is_telling(v) or v in self.hidden or not v.isprintable() for v in values)

    def _listed(self, name: str, values: list[str]) -> str:
        made = codes(self.name, name, sorted(values), {one.name for one in self.codes})
        self.codes.append(made)
        return f"{len(values)} different: via {made.name}"


def codes(resource: str, member: str, values: Iterable[str], taken: set[str]) -> Codes:
    """A code list of the values, each with a name of the language where all of them make one, else as they are."""
    values = list(values)
    name = first = plain_name(f"{resource} {member}", "codes")
    number = 2
    while name in taken:
        name, number = f"{first}_{number}", number + 1
    names = [plain_name(value, "code") for value in values]
    proper = len(set(names)) == len(names) and all(any(c.isalpha() for c in value) for value in values)
    answers = zip(values, names if proper else map(template, values), strict=True)
    return Codes(name=name, doc=f"What {resource} sends as {member}", answers=tuple(answers))


def writable(name: str) -> bool:
    """Whether a member can be named in a map: not endless, and text that a database keeps."""
    if len(name) > _LONGEST_NAME or "\0" in name:
        return False
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


# ---------------------------------------------------------------------------------------------------------- sentinels


def _sentinels(seen: Seen) -> list[str | int]:
    """What means "nothing" at a place."""
    if seen.kinds == ("text",):
        texts = [v for v in seen.values if isinstance(v, str)]
        rest = [v for v in texts if v not in dating.NOTHING]
        # "" beside nothing but one mark is its other answer.
        if len(rest) == 1 and rest[0] in ("X", "x", "Y") and not seen.many:
            return []
        found: list[str | int] = sorted(v for v in texts if v in dating.NOTHING)
        dated = seen.usual_forms or not seen.dated
        found += sorted(v for v in texts if (dating.is_no_date(v) if dated else dating.is_zero(v)))
        return found
    if seen.kinds == ("number",) and seen.ints and -1 in seen.values and seen.least == -1 and (seen.most or 0) > 0:
        return [-1]
    return []


def _shared(shape: Object) -> tuple[str, ...]:
    """The sentinels that stand at two texts or more, for the line `all text?`; none where a text has one as an answer."""
    usual = {quoted(value) for value in dating.NOTHING}
    found: Counter[str] = Counter()
    for member in _texts(shape):
        if member.optional and any(f"as bool({mark}, " in member.note for mark in ('"X"', '"x"', '"Y"')):
            return ()
        found.update(s for s in member.sentinels if s in usual)
    return tuple(sorted(value for value, times in found.items() if times > 1))


def _texts(kind: Kind) -> Iterable[Member]:
    while isinstance(kind, Listed):
        kind = kind.element
    for member in kind.members if isinstance(kind, Object) else ():
        if member.kind == Scalar("text"):
            yield member
        else:
            yield from _texts(member.kind)


def _without(shape: Object, shared: tuple[str, ...]) -> Object:
    def kind_of(kind: Kind) -> Kind:
        match kind:
            case Object():
                return _without(kind, shared)
            case Listed(element=element):
                return Listed(kind_of(element))
            case Scalar():
                return kind

    return Object(tuple(_bare(member, shared, kind_of(member.kind)) for member in shape.members))


def _bare(member: Member, shared: tuple[str, ...], kind: Kind) -> Member:
    left = tuple(s for s in member.sentinels if s not in shared) if member.kind == Scalar("text") else member.sentinels
    return Member(
        name=member.name, kind=kind, optional=member.optional, sentinels=left, tag=member.tag, note=member.note
    )


# ------------------------------------------------------------------------------------------------------------ numbers


def _whole(value: int | Decimal | None) -> int:
    return value if isinstance(value, int) else 0


def _epoch(name: str, seen: Seen) -> list[str]:
    if not set(words_of(name)) & _WHEN or seen.decimals or seen.most is None:
        return []
    least = min((v for v in seen.values if isinstance(v, int) and v > 0), default=0)
    for unit, factor in (("s", 1), ("ms", 1000), ("us", 1_000_000)):
        if _EPOCH * factor <= least and seen.most < 4 * _EPOCH * factor:
            return [f"read it: as datetime(epoch {unit})"]
    return []


def _range(values: list[str]) -> str:
    return f"{quoted(min(values))} to {quoted(max(values))}" if len(values) > 1 else quoted(values[0])


def _is_number_of(name: str) -> bool:
    """Whether digits below this name are a number of something, such as a postcode, and no quantity."""
    return bool(
        set(words_of(name))
        & frozenset(
            [
                "id",
                "ids",
                "no",
                "nr",
                "number",
                "code",
                "key",
                "ref",
                "postcode",
                "zip",
                "phone",
                "account",
                "year",
                "uuid",
            ]
        )
    )


def _is_dictionary(seen: Seen) -> bool:
    """Whether the names of an object are data: many, and most of them in few objects."""
    rare = sum(place.times * 5 < seen.objects for place in seen.members.values())
    return len(seen.members) > 40 and rare * 10 > 9 * len(seen.members)
