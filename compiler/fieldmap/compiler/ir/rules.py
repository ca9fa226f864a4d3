"""Rules of a merge: how one field is chosen among the live claims of one thing, and what a merged row must fulfil.

The claims of a field are those live claims that have a value for it. All rules go over the whole set of them, in one total
order where they would else be equal, so that the order of arrival never decides: the order of the sources (Rule.order), the
newer data time, the record's id bytewise, the place in the list of `each`. A claim without data time is older than any other.
"""

from __future__ import annotations

from fieldmap.compiler.ir.expressions import Expr
from fieldmap.compiler.ir.nodes import Node, Place


class Tolerance(Node, frozen=True):
    """How far values may lie apart and still agree: greatest - smallest <= amount, or <= percent of the larger magnitude. One of
    the two is there, as the text of an exact fraction; an amount is in the field's unit or currency."""

    percent: str | None = None
    amount: str | None = None


class Rule(Node, frozen=True):
    """How one field is chosen. order: the ranks of sources (indexes into Entity.sources) in the order preferred; the claims of
    others are not looked at. place: where it was written, None for the implied rule. text: as explain shows it.

    prefer       the first claim in the total order. hours: only while no claim of the field is newer by more than that; the claims
                 of `preferred` are tried in turn, then the newest of all
    only         as prefer, of the one source named
    newest, oldest   by data time
    min, max     numbers, dates by time, texts by code point, enums in the order declared, bools false first. Money: in several
                 currencies it is a conflict
    longest      by code points
    most common  one vote a record, for its first value in the total order; texts vote alike that are equal in Unicode form NFC but
                 for the case of ASCII letters, and blanks, tabs and line ends at the ends and beyond one
    union        of lists: every element once, by its first occurrence in the total order
    agree        all values equal, or within `tolerance`: then what `value` chooses; else a conflict. Money in several currencies
                 never agrees

    A conflict leaves the field empty and is listed. members, needs: of a group (`together`), whose fields come from one claim: one
    that has a value for each of `needs` and for at least one member; its absent members stay empty.
    null_wins: a claim whose source gave an explicit null takes part, with an empty value.
    """

    kind: str
    order: tuple[int, ...]
    text: str
    place: Place | None = None
    preferred: tuple[int, ...] = ()
    hours: int | None = None
    tolerance: Tolerance | None = None
    value: Rule | None = None
    members: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    null_wins: bool = False


class RowCondition(Node, frozen=True):
    """What a merged row must fulfil (kind must: else it is held back as incomplete) or should (warn: else it is listed). Only false
    fails; an absent answer does not. expr: over fields of the row (RowField)."""

    kind: str
    expr: Expr
    message: str
    place: Place
