"""Paths: the steps from a value to others, and the filters of RFC 9535."""

from __future__ import annotations

from fieldmap.compiler.ir.nodes import Node


class Member(Node, frozen=True):
    """A step to a member of an object.

    required: where the object is there and the member is missing or null, the whole record is rejected (FM2102).
    A step from something that is no object fails (FM2101).
    """

    name: str
    required: bool = False


class Index(Node, frozen=True):
    """A step to an element, from the end if negative; past the end is absent; from something that is no list fails."""

    index: int


class All(Node, frozen=True):
    """A step to every element of a list (or value of an object). From here on the path gives a list, nulls left out."""


class Slice(Node, frozen=True):
    """Elements from start to end by step, as RFC 9535 2.3.4 counts; a step of 0 takes none."""

    start: int | None = None
    end: int | None = None
    step: int | None = None


class Filter(Node, frozen=True):
    """The elements of a list (or values of an object) for which the condition holds."""

    condition: Condition


Selector = Member | Index | All | Slice | Filter


class Choice(Node, frozen=True):
    """Several selectors, or one that may take several: their nodes one selector after the other, repetitions kept.

    Not descendant: a step from something that is neither list nor object fails (FM2101); a selector that does not fit the
    kind of value (a name of a list, an index of an object) takes nothing. From here on the path gives a list.
    descendant: of the value and of everything within it, before what it holds (RFC 9535 2.5.2); this step and all steps
    after it are as in the RFC: where a step does not fit, nothing is found, and nothing fails.
    """

    selectors: tuple[Selector, ...]
    descendant: bool = False


Segment = Member | Index | All | Choice


# ------------------------------------------------------------------------------------------------- within a filter
#
# RFC 9535 2.3.5: no step fails, a JSON null is a value, and what a path does not find is Nothing: equal to Nothing only, and
# never less than anything. Texts compare by code point, numbers exactly, lists and objects as a whole; values of different
# kinds are unequal and in no order. Values are as received: sentinels and declared types of a shape play no part.


class FilterQuery(Node, frozen=True):
    """A path within a filter. root: "@" the element at hand, "$" the record (in `records`, the body).

    As a condition: whether it finds anything. As an operand of a comparison (it then has Members and Indexes only): the value
    found, or Nothing. In it Member.required has no meaning."""

    root: str
    segments: tuple[Segment, ...]


class FilterConstant(Node, frozen=True):
    """A text, true, false or null; a number is in `FilterNumber`."""

    value: str | bool | None


class FilterNumber(Node, frozen=True):
    """value: plain decimal text, "12.50"; an int if it has no point."""

    value: str


class FilterCall(Node, frozen=True):
    """length: code points of a text, elements of a list, members of an object, else Nothing. count: of the nodes. value: the
    one node, else Nothing. match, search: whether a text as a whole, or a part of it, is matched by a regular expression; false
    where either is no text, or RE2 refuses the expression. In it `.` outside brackets is anything but a line's end.
    """

    function: str
    arguments: tuple[Operand, ...]


class FilterComparison(Node, frozen=True):
    """operator: == != < <= > >=; `<=` is `<` or `==`, so that Nothing <= Nothing."""

    operator: str
    left: Operand
    right: Operand


class FilterLogic(Node, frozen=True):
    """operator: "and", "or"."""

    operator: str
    parts: tuple[Condition, ...]


class FilterNot(Node, frozen=True):
    value: Condition


Operand = FilterQuery | FilterConstant | FilterNumber | FilterCall
Condition = FilterQuery | FilterCall | FilterComparison | FilterLogic | FilterNot
