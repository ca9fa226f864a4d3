"""What was seen at each place of the records: counts and a bounded number of values. Nothing here grows with the number of records."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from fieldmap.compiler.infer.dating import forms_of
from fieldmap.runtime.values.failures import Unreadable

# Values that are told apart at a place; of more only their number beyond is known.
MOST_VALUES = 64
# A longer text is neither a code nor a date.
LONGEST_VALUE = 100
MOST_MEMBERS = 300
DEEPEST = 10


@dataclass(slots=True)
class Seen:
    """A place. times: how often it was there, nulls among them. values: texts and whole numbers, how often each was there; `many` once
    there were more than can be kept. forms: of dates, how many texts fit each; dated: texts that were tried,
    which are all but those that mean "nothing"; fitting: those that fit any. unreadable: values that could not be decoded."""

    times: int = 0
    nulls: int = 0
    texts: int = 0
    ints: int = 0
    decimals: int = 0
    bools: int = 0
    objects: int = 0
    lists: int = 0
    unreadable: int = 0
    values: Counter[str | int] = field(default_factory=Counter)
    many: bool = False
    longest: int = 0
    least: int | Decimal | None = None
    most: int | Decimal | None = None
    forms: Counter[str] = field(default_factory=Counter)
    dated: int = 0
    fitting: int = 0
    members: dict[str, Seen] = field(default_factory=dict)
    element: Seen | None = None
    more_members: int = 0
    most_elements: int = 0

    def add(self, value: Any, depth: int = 0) -> None:
        self.times += 1
        match value:
            case None:
                self.nulls += 1
            case bool():
                self.bools += 1
            case str():
                self._text(value)
            case int() | Decimal():
                self._number(value)
            case dict():
                self._object(value, depth)
            case list():
                self._list(value, depth)
            case Unreadable():
                self.unreadable += 1

    def _text(self, value: str) -> None:
        self.texts += 1
        self.longest = max(self.longest, len(value))
        self._value(value if len(value) <= LONGEST_VALUE else value[:LONGEST_VALUE] + "…")
        # A place whose texts have no form of a date from the start is not tried for ever.
        if self.dated < 50 or self.fitting:
            found = forms_of(value)
            if found is not None:
                self.dated += 1
                self.fitting += bool(found)
                self.forms.update(found)

    def _number(self, value: int | Decimal) -> None:
        if isinstance(value, int):
            self.ints += 1
            self._value(value)
        else:
            self.decimals += 1
        self.least = value if self.least is None else min(self.least, value)
        self.most = value if self.most is None else max(self.most, value)

    def _value(self, value: str | int) -> None:
        if value in self.values or len(self.values) < MOST_VALUES:
            self.values[value] += 1
        else:
            self.many = True

    def _object(self, value: dict[str, Any], depth: int) -> None:
        self.objects += 1
        if depth >= DEEPEST:
            return
        for name, below in value.items():
            place = self.members.get(name)
            if place is None:
                if len(self.members) >= MOST_MEMBERS:
                    self.more_members += 1
                    continue
                place = self.members[name] = Seen()
            place.add(below, depth + 1)

    def _list(self, value: list[Any], depth: int) -> None:
        self.lists += 1
        self.most_elements = max(self.most_elements, len(value))
        if self.element is None:
            self.element = Seen()
        if depth < DEEPEST:
            for below in value:
                self.element.add(below, depth + 1)

    @property
    def usual_forms(self) -> set[str]:
        """The forms of dates that (nearly) all texts fit: of ten, one may be no date. Empty where the texts are no dates."""
        if not self.dated:
            return set()
        most = max(self.forms.values(), default=0)
        return {form for form, times in self.forms.items() if times == most} if most * 10 >= self.dated * 9 else set()

    @property
    def kinds(self) -> tuple[str, ...]:
        """Which kinds of value were there: at most one of a place that a shape can say a type of."""
        found = (
            ("text", self.texts),
            ("number", self.ints + self.decimals),
            ("bool", self.bools),
            ("object", self.objects),
            ("list", self.lists),
            ("unreadable", self.unreadable),
        )
        return tuple(name for name, times in found if times)


def walked(seen: Seen, parent: str = "") -> Iterator[tuple[str, str, Seen]]:
    """Every named place below, with the name of the object that it is in and its own."""
    for name, below in seen.members.items():
        yield parent, name, below
        yield from walked(below, name)
    if seen.element is not None:
        yield from walked(seen.element, parent)
