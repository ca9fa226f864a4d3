"""A field's value from a member, as an expression of the language, or why there is none."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from fieldmap.compiler import ir, units
from fieldmap.compiler.draft.likeness import UNITS, is_full_name, likeness, part_of_name, said
from fieldmap.compiler.draft.reading import SourceMember
from fieldmap.compiler.infer import dating
from fieldmap.compiler.infer.masking import is_telling, quoted
from fieldmap.compiler.infer.words import tag_of, words_of
from fieldmap.compiler.steps import EACH

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

# Below this a name says too little.
LEAST = 0.62
_BOOLS = (("true", "false"), ("Y", "N"), ("yes", "no"), ("Yes", "No"), ("T", "F"), ("1", "0"), ("X", ""), ("x", ""))
# Of a text; how its digits are grouped is for the reader to say.
_NUMBER = re.compile(r"[-+]?[0-9][0-9.,' ]*")
_CURRENCIES = frozenset(("currency", "curr", "ccy"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """value: the expression, "" where a person has to say more. sure: from 0 to 1. codes: lines of a list that the expression needs."""

    field: str
    member: SourceMember
    value: str
    sure: float
    reason: str
    codes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Known:
    """What proposals may use: the code lists of the project, and the other members."""

    codes: Mapping[str, ir.Table]
    members: Sequence[SourceMember]
    prefix: str


def proposals(
    fields: Sequence[ir.Field], known: Known, refused: Collection[tuple[str, str]] = ()
) -> dict[str, Proposal]:
    """For each field at the most one member, and no member for two: the surest pairs first. refused: pairs of a field and the path of a
    member that do not go together."""
    made: list[tuple[float, int, int, Proposal]] = []
    for place, field in enumerate(fields):
        for number, member in enumerate(known.members):
            found = _pair(field, member, known)
            if found is not None and (field.name, member.path) not in refused:
                made.append((-found.sure, number, place, found))
        whole = _joined(field, fields, known)
        if whole is not None and (field.name, whole.member.path) not in refused:
            made.append((-whole.sure, -1, place, whole))
    made.sort(key=lambda item: item[:3])
    chosen: dict[str, Proposal] = {}
    taken: set[str] = set()
    for _, _, _, proposal in made:
        if proposal.member.path not in taken and proposal.field not in chosen:
            taken.add(proposal.member.path)
            rivals = (
                o for _, _, _, o in made if o.field == proposal.field and o.value and proposal.sure - o.sure < 0.05
            )
            others = [o.value for o in rivals if o is not proposal]
            also = f"; also like it: {', '.join(others[:2])}" if others else ""
            chosen[proposal.field] = replace(proposal, reason=proposal.reason + also)
    return chosen


def _pair(field: ir.Field, member: SourceMember, known: Known) -> Proposal | None:
    """The field from the member, if that is likely enough."""
    if is_full_name(field.name) and part_of_name(member.name, member.within):
        return None
    alike, reason = likeness(field.name, member.name, member.within)
    if alike < LEAST and _measures_the_same(field, member):
        alike, reason = 0.7, "measures the same"
    if alike < LEAST:
        return None
    value = value_of(field, member, known)
    if value is None or round(alike * value.fits, 3) < LEAST:
        return None
    told = f"{reason}{f'; {value.note}' if value.note else ''}"
    return Proposal(
        field=field.name,
        member=member,
        value=value.text,
        sure=round(alike * value.fits, 3),
        reason=told,
        codes=value.codes,
    )


def _measures_the_same(field: ir.Field, member: SourceMember) -> bool:
    """Whether the member is called by nothing but a unit, and the field measures in one of its kind: `miles` for a field in km."""
    words = words_of(member.name)
    unit = getattr(field.type, "unit", None)
    if unit is None or len(words) != 1 or words[0] not in UNITS:
        return False
    return bool(units.parse(UNITS[words[0]]).dimension == unit.dimension)


def _joined(field: ir.Field, fields: Sequence[ir.Field], known: Known) -> Proposal | None:
    """A whole name from its parts, where the entity does not keep them apart."""
    if (
        not isinstance(field.type, ir.TextType)
        or not is_full_name(field.name)
        or any(part_of_name(one.name, "") for one in fields)
    ):
        return None
    for first in known.members:
        if part_of_name(first.name, first.within) != "first" or first.lists:
            continue
        beside = [m for m in known.members if m.steps[:-1] == first.steps[:-1] and isinstance(m.type, ir.TextType)]
        last = next((m for m in beside if part_of_name(m.name, m.within) == "last"), None)
        if last is not None:
            middle = next((m for m in beside if part_of_name(m.name, m.within) == "middle"), None)
            parts = [m.path for m in (first, middle, last) if m is not None]
            return Proposal(
                field=field.name,
                member=first,
                value=f"words({', '.join(parts)})",
                sure=0.9,
                reason="the parts of a name",
            )
    return None


@dataclass(frozen=True, slots=True)
class Value:
    """text: the expression, "" where more must be said. fits: how well the types go together, from 0 to 1. note: what to look at."""

    text: str
    fits: float = 1.0
    note: str = ""
    codes: tuple[str, ...] = ()


def value_of(field: ir.Field, member: SourceMember, known: Known) -> Value | None:
    """The member as the field's type wants it; None where the two cannot go together."""
    type_ = field.type
    if isinstance(type_, ir.ListType):
        if not member.lists:
            return None
        # A list of values is taken as it is.
        path = member.path.removesuffix(EACH) if member.lists == 1 else member.path
        if _is_simple(type_.element, member.type):
            return Value(path)
        return Value(path, 0.7, "confirm the type of its elements")
    if member.lists:
        return Value(f"first({member.path})", 0.8, "the first of several")
    match type_:
        case ir.ReferenceType(key=key):
            made = _scalar(field, key, member, known)
            return (
                made
                if made is None
                else Value(made.text, made.fits * 0.98, made.note or "refers to another row", made.codes)
            )
        case _:
            return _scalar(field, type_, member, known)


def _is_simple(wanted: ir.Type, given: ir.Type) -> bool:
    return type(wanted) is type(given) or isinstance(wanted, ir.JsonType)


def _scalar(field: ir.Field, type_: ir.Type, member: SourceMember, known: Known) -> Value | None:
    path, given = member.path, member.type
    match type_:
        case ir.TextType():
            return _text(field, path, given)
        case ir.DateType() | ir.DatetimeType() | ir.TimeType():
            return _moment(type_, member)
        case ir.BoolType():
            return _bool(member)
        case ir.IntType(unit=unit) | ir.DecimalType(unit=unit) | ir.FloatType(unit=unit):
            return _number(type_, unit, member)
        case ir.MoneyType():
            return _money(type_, member, known)
        case ir.EnumType(values=values):
            return _enum(field, values, member, known)
        case ir.JsonType():
            return Value(path, 0.8)
        case ir.DurationType():
            return Value(path if isinstance(given, ir.DurationType) else f"{path} as duration", 0.8)
        case _:
            return None


def _text(field: ir.Field, path: str, given: ir.Type) -> Value | None:
    match given:
        case ir.TextType():
            is_mail = "email" in said(field.name)
            return Value(f"lower({path})", 1.0, "in lower case") if is_mail else Value(path)
        case ir.IntType() | ir.DecimalType():
            return Value(f"text({path})", 0.97, "a number as text")
        case ir.EnumType() | ir.UnknownType():
            return Value(path, 0.9)
        case _:
            return None


def _moment(type_: ir.Type, member: SourceMember) -> Value | None:
    kind = "date" if isinstance(type_, ir.DateType) else "datetime" if isinstance(type_, ir.DatetimeType) else "time"
    path, given = member.path, member.type
    match given:
        case ir.DateType() | ir.DatetimeType() | ir.TimeType() if type(given) is type(type_):
            return Value(path)
        case ir.DateType() if kind == "datetime":
            return Value(f'datetime({path}, "00:00") at "UTC"', 0.85, "a day alone: confirm its time and the zone")
        case ir.DatetimeType() if kind != "datetime":
            return Value(f'{path} as {kind} at "UTC"', 0.95, "confirm the zone")
        case ir.IntType() | ir.DecimalType() if kind == "datetime" and _dated(member):
            return Value(
                f"{path} as datetime(epoch {'ms' if (member.seen.most or 0) > 10**11 else 's'})",
                0.9,
                "confirm the unit",
            )
        case ir.TextType():
            return _written(kind, member)
        case _:
            return None


def _dated(member: SourceMember) -> bool:
    return member.seen.most is not None and member.seen.most > 10**9


def _written(kind: str, member: SourceMember) -> Value | None:
    """A text read as a date or time, by its samples where there are some."""
    found = _by_samples(kind, member)
    if found is None:
        return None
    odd = member.seen.dated - member.seen.fitting if member.seen.usual_forms else 0
    told = f"{odd} of {member.seen.dated} samples are none" if odd else ""
    undeclared = sorted(text for text in member.texts if dating.is_zero(text) or not text.strip())
    if undeclared:
        told = f"say in the shape: absent when {' or '.join(map(quoted, undeclared))}"
    if not told:
        return found
    return replace(found, note=f"{found.note}; {told}" if found.note else told)


def _by_samples(kind: str, member: SourceMember) -> Value | None:
    path, forms = member.path, member.seen.usual_forms
    plain = Value(f"{path} as {kind}", 0.97, "no sample says how it is written")
    if not member.texts:
        # A name that says nothing of a moment is none.
        return (
            plain
            if set(said(member.name)) & {"date", "from", "to", "start", "end", "time", "born"}
            else Value(plain.text, 0.8, plain.note)
        )
    if not forms:
        # One or two that are none say little against a name that says it.
        few = member.seen.dated <= 2 and "date" in said(member.name)
        return Value(plain.text, 0.9, "the only samples are none") if few else None
    if kind == "time":
        return plain
    if dating.ISO_DAY in forms:
        return Value(f"{path} as date") if kind == "date" else None
    if dating.ODATA in forms:
        return Value(f"{path} as {kind}(odata)")
    if dating.ISO_STAMP in forms:
        return (
            Value(f"{path} as datetime")
            if kind == "datetime"
            else Value(f"{path} as date(as written)", 0.98, "its day as written")
        )
    if dating.ISO_LOCAL in forms:
        return (
            Value(f'{path} as datetime at "UTC"', 0.95, "confirm the zone")
            if kind == "datetime"
            else Value(f"{path} as date(as written)")
        )
    patterns = dating.patterns_of(forms, kind)
    if not patterns:
        return None
    note = "confirm the order: no day is above 12" if dating.clash(patterns) else ""
    zone = ' at "UTC"' if kind == "datetime" else ""
    return Value(
        f"{path} as {kind}({quoted(patterns[0])}){zone}",
        0.9 if note else 0.98,
        note or ("confirm the zone" if zone else ""),
    )


def _bool(member: SourceMember) -> Value | None:
    match member.type:
        case ir.BoolType():
            return Value(member.path)
        case ir.TextType():
            values = {v for v in member.seen.values if isinstance(v, str)}
            for yes, no in _BOOLS:
                if values and values <= {yes, no}:
                    return Value(f"{member.path} as bool({quoted(yes)}, {quoted(no)})")
            return (
                None
                if values
                else Value(f'{member.path} as bool("true", "false")', 0.85, "no sample says how it is written")
            )
        case _:
            return None


def _number(type_: ir.Type, unit: ir.Unit | None, member: SourceMember) -> Value | None:
    path, given = member.path, member.type
    word = "int" if isinstance(type_, ir.IntType) else "decimal"
    if isinstance(given, ir.TextType):
        if not all(_NUMBER.fullmatch(text) for text in member.texts):
            return None
        path, fits = f"{path} as {word}", 0.95
    elif isinstance(given, ir.IntType | ir.DecimalType):
        fits = 1.0
    else:
        return None
    if unit is None:
        return Value(path, fits)
    stated = next((UNITS[one] for one in reversed(words_of(member.name)) if one in UNITS), "")
    if stated:
        return Value(f"{path} in {stated}", fits, "the unit by its name")
    return Value(f"{path} in {unit.text}", fits * 0.9, f"no name says the unit, so {unit.text} is a guess")


def _money(type_: ir.MoneyType, member: SourceMember, known: Known) -> Value | None:
    path = member.path
    match member.type:
        case ir.TextType() if all(_NUMBER.fullmatch(text) for text in member.texts):
            path, fits = f"{path} as decimal", 0.95
        case ir.IntType() | ir.DecimalType():
            fits = 1.0
        case _:
            return None
    period = f" per {type_.period}" if type_.period else ""
    beside = [m for m in known.members if m.steps[:-1] == member.steps[:-1] and set(words_of(m.name)) & _CURRENCIES]
    beside.sort(key=lambda one: not set(words_of(one.name)) & set(words_of(member.name)))
    if beside:
        return Value(f"{path} in {beside[0].path}{period}", fits, f"the currency is in {beside[0].name}")
    if type_.currency:
        return Value(
            f"{path} in {type_.currency}{period}",
            fits * 0.9,
            f"no name says the currency, so {type_.currency} is a guess",
        )
    return Value("", fits * 0.85, "its currency is said nowhere: write in EUR, or the path of the currency")


# -------------------------------------------------------------------------------------------------------------- enums


def _enum(field: ir.Field, values: tuple[str, ...], member: SourceMember, known: Known) -> Value | None:
    if isinstance(member.type, ir.EnumType):
        return Value(member.path, 0.95) if set(member.type.values) <= set(values) else None
    if not isinstance(member.type, ir.TextType):
        return None
    wanted, seen = set(values), set(member.texts)
    fitting = [
        (len(seen & table.entries.keys()), name)
        for name, table in known.codes.items()
        if isinstance(table, ir.CodeTable)
        and not table.table
        and set(table.entries.values()) <= wanted
        and not table.numeric
    ]
    fitting = [(hits, name) for hits, name in fitting if hits == len(seen) or (hits and hits * 5 >= len(seen) * 4)]
    if not seen:
        fitting = [
            (0, name)
            for name, table in known.codes.items()
            if isinstance(table, ir.CodeTable) and set(table.entries.values()) <= wanted
        ]
    if fitting:
        best = min(fitting, key=lambda item: (-item[0], -likeness(f"{field.name}", item[1])[0], item[1]))
        return Value(
            f"{member.path} via {best[1]}", 1.0, "its codes are those of the list" if seen else "confirm the list"
        )
    if not seen:
        return Value("", 0.85, "no sample says its codes: write a code list, and via …")
    if len(seen) > 40 or member.seen.many:
        return None
    return _new_list(field, values, member, known)


def _new_list(field: ir.Field, values: tuple[str, ...], member: SourceMember, known: Known) -> Value | None:
    """A code list of the samples, each with the value of the enum that it is most like."""
    if tag_of(member.name, member.within) or any(is_telling(text) for text in member.texts):
        return Value("", 0.8, "its codes look personal, so none is written here: write a code list, and via …")
    name = f"{known.prefix}_{field.name}"
    lines, hits = [], 0
    for text in sorted(member.texts):
        best = max(values, key=lambda value, text=text: (_same(text, value), value))  # type: ignore[misc]
        sure = _same(text, best)
        if sure > 0.6:
            hits += 1
            lines.append(f"{quoted(text)} -> {best}  # confirm: {sure:.0%}")
        else:
            lines.append(f"# {quoted(text)} -> …  say which: {', '.join(values)}")
    if not hits:
        return Value("", 0.8, "none of its codes is like a value of the enum: write a code list, and via …")
    head = f"codes {name} {quoted(f'What {member.name} means, to be confirmed')} {{"
    return Value(
        f"{member.path} via {name}", 0.95, f"{hits} of {len(lines)} codes by likeness, in {name}", (head, *lines, "}")
    )


def _same(text: str, value: str) -> float:
    from rapidfuzz import fuzz

    one, other = " ".join(words_of(text)), " ".join(words_of(value))
    if one == other:
        return 1.0
    return float(fuzz.ratio(one, other)) / 100
