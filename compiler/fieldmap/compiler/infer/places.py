"""Where the records of a body are, how more of them are asked for, and which members identify and date a record."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any

from fieldmap.compiler.infer import dating
from fieldmap.compiler.infer.concluding import writable
from fieldmap.compiler.infer.evidence import Seen
from fieldmap.compiler.infer.masking import quoted
from fieldmap.compiler.infer.model import Setting
from fieldmap.compiler.infer.words import listed, tag_of, words_of

Steps = tuple[str, ...]
EACH = "[*]"

_WRAPPERS = frozenset(
    [
        "data",
        "items",
        "results",
        "result",
        "value",
        "values",
        "records",
        "record",
        "entries",
        "entry",
        "rows",
        "list",
        "content",
        "elements",
        "objects",
        "resources",
        "hits",
        "report_entry",
        "report",
    ]
)
_DEEPEST = 4


def path_of(steps: Iterable[str], root: str = "$") -> str:
    """The path as a map writes it, with nothing in it that cannot be seen."""
    return root + "".join(step if step == EACH else _step(step) for step in steps)


def _step(name: str) -> str:
    plain = name.isascii() and name.replace("_", "a").isalnum() and not name[0].isdigit() if name else False
    return f".{name}" if plain else f"[{quoted(name)}]"


# ------------------------------------------------------------------------------------------------------------ records


def records_at(bodies: Iterable[Any]) -> Steps:
    """Where the records are: () for the body itself or the elements of the list that it is, else the way to a list, `("data", "[*]")`."""
    found: Counter[Steps] = Counter()
    alone = False
    order: dict[Steps, int] = {}
    for body in bodies:
        if not isinstance(body, dict):
            return ()
        alone = alone or any(isinstance(value, str | int) and _is_id(name) for name, value in body.items())
        for steps, size in _lists(body, ()):
            found[steps] += size
            order.setdefault(steps, len(order))
    wrapped = [steps for steps in found if is_wrapper(steps[-1])]
    if alone and not wrapped:
        return ()
    chosen = wrapped or list(found)
    if not chosen:
        return ()
    best = max(chosen, key=lambda steps: (found[steps] > 0, -len(steps), found[steps], -order[steps]))
    return (*best, EACH)


def _lists(value: dict[str, Any], before: Steps) -> Iterator[tuple[Steps, int]]:
    for name, below in value.items():
        steps = (*before, name)
        if isinstance(below, list) and (all(isinstance(item, dict) for item in below)):
            if below or is_wrapper(name):
                yield steps, len(below)
        elif isinstance(below, dict) and len(steps) < _DEEPEST:
            yield from _lists(below, steps)


def is_wrapper(name: str) -> bool:
    return "_".join(words_of(name)) in _WRAPPERS


def records_of(body: Any, steps: Steps) -> list[Any]:
    """The records of a body. What is not there gives none."""
    found = [body]
    for step in steps:
        if step == EACH:
            found = [item for value in found if isinstance(value, list) for item in value]
        else:
            found = [value[step] for value in found if isinstance(value, dict) and step in value]
    return found[0] if not steps and isinstance(body, list) else found


def unwrapped(records: Sequence[Any]) -> Steps:
    """The way from records to what they are made of, where each only wraps it: `{"stream": …, "data": {…}}`. () where they do not."""
    steps: Steps = ()
    while len(steps) < _DEEPEST and records and all(isinstance(record, dict) for record in records):
        if any(_is_id(name) for name in records[0]):
            break
        shared = [name for name in records[0] if all(isinstance(record.get(name), dict) for record in records)]
        best = max(shared, key=lambda name: len(records[0][name]), default=None)
        if (
            best is None
            or len(records[0]) - 1 > 3
            or (
                len(records[0][best]) <= 2 * (len(records[0]) - 1)
                and len(steps) + 1 < _DEEPEST
                and not _wraps(records[0][best])
            )
        ):
            break
        steps, records = (*steps, best), [record[best] for record in records]
    return steps


def _wraps(value: dict[str, Any]) -> bool:
    """Whether an object has no id of its own, and another object with more in it."""
    return not any(_is_id(name) for name in value) and any(
        isinstance(below, dict) and len(below) > 3 for below in value.values()
    )


# ------------------------------------------------------------------------------------------------------------- paging

_NEXT_LINKS = frozenset(
    ["next", "next_link", "next_page", "next_page_url", "next_url", "next_href", "next_uri", "odata_next_link"]
)
_CURSORS = frozenset(
    [
        "next",
        "next_cursor",
        "cursor",
        "next_page_token",
        "page_token",
        "next_token",
        "continuation_token",
        "continuation",
        "end_cursor",
        "after",
        "starting_after",
        "scroll_id",
        "next_page_cursor",
        "bookmark",
    ]
)
_TOTALS = frozenset(
    [
        "total",
        "total_count",
        "total_results",
        "totalcount",
        "count",
        "total_records",
        "total_items",
        "total_elements",
        "record_count",
    ]
)
_MORE = frozenset(["has_more", "more", "has_next", "has_next_page", "more_results", "more_available"])
_OFFSETS = frozenset(["offset", "skip", "start", "start_at", "start_index"])
_PAGES = frozenset(
    ["page", "page_number", "page_no", "current_page", "number", "page_index", "total_pages", "page_count"]
)


def paging(bodies: Sequence[Any], records: Steps) -> Setting | None:
    """How a source says that there is more, by what stands beside its records; None if it says nothing."""
    beside = _all_beside(bodies, records)
    if any("odata" in steps[-1] for steps in beside) and records == ("value", EACH):
        return Setting(word="pages", text="odata4")
    if records == ("d", "results", EACH):
        return Setting(word="pages", text="odata2")
    tail = _count_or_more(beside)
    link = _first(beside, _NEXT_LINKS, lambda value: isinstance(value, str) and ("/" in value or value.startswith("?")))
    if link is None:
        link = next(
            (steps for steps in beside if steps[-2:] == ("links", "next") or steps[-2:] == ("_links", "next")), None
        )
    if link:
        return Setting(word="pages", text=f"next at {path_of(link)}{tail}")
    cursor = _first(
        beside, _CURSORS, lambda value: value is None or (isinstance(value, str | int) and not isinstance(value, bool))
    )
    if cursor:
        return Setting(
            word="pages",
            text=f'cursor at {path_of(cursor)} sent as "cursor"{tail}',
            note="confirm the name of the parameter",
        )
    offset = _first(beside, _OFFSETS, _is_count)
    if offset:
        # SCIM counts from 1; a page behind the first says nothing of it.
        first = " from 1" if any(_value(body, offset) == 1 for body in bodies) else ""
        text = f"offset{first} sent as {_sent(offset[-1])}{tail}"
        return Setting(word="pages", text=text, note="confirm the name of the parameter")
    number = _first(beside, _PAGES, _is_count)
    if number:
        zero = any(_value(body, number) == 0 for body in bodies)
        text = f"number{' from 0' if zero else ''} sent as {_sent(number[-1])}{tail}"
        return Setting(word="pages", text=text, note="confirm the name of the parameter")
    if tail:
        note = (
            f"The source says how much there is ({tail.removeprefix(', ')}): say how it is asked for more, as pages …"
        )
        return Setting(word="", text="", note=note)
    return None


def count_or_more(body: Any, records: Steps) -> str:
    """`, total at $.total` or `, more at $.hasMore`, as the body has it; "" if it has neither."""
    return _count_or_more(_all_beside([body], records))


def _count_or_more(beside: dict[Steps, Any]) -> str:
    total = _first(beside, _TOTALS, _is_count)
    if total:
        return f", total at {path_of(total)}"
    more = _first(beside, _MORE, lambda value: isinstance(value, bool))
    return f", more at {path_of(more)}" if more else ""


def _all_beside(bodies: Sequence[Any], records: Steps) -> dict[Steps, Any]:
    """The single values that stand beside the records, of the bodies the first that says something."""
    beside: dict[Steps, Any] = {}
    for body in bodies:
        if isinstance(body, dict):
            for steps, value in _beside(body, records, ()):
                if beside.get(steps) in (None, ""):
                    beside[steps] = value
    return beside


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _sent(name: str) -> str:
    """The parameter, by the name that the answer has for it where that can stand in an address."""
    usable = name.isascii() and name.replace("_", "a").isalnum()
    return quoted(name if usable else "page")


def _beside(value: dict[str, Any], records: Steps, before: Steps) -> Iterator[tuple[Steps, Any]]:
    for name, below in value.items():
        steps = (*before, name)
        if isinstance(below, dict) and len(steps) < _DEEPEST:
            yield from _beside(below, records, steps)
        elif not isinstance(below, list | dict):
            yield steps, below


def _first(beside: dict[Steps, Any], names: frozenset[str], fits: Any) -> Steps | None:
    return next((s for s, value in beside.items() if "_".join(words_of(s[-1])) in names and fits(value)), None)


def _value(body: Any, steps: Steps) -> Any:
    for step in steps:
        body = body.get(step) if isinstance(body, dict) else None
    return body


# ------------------------------------------------------------------------------------------------------------ identity

_KEY_WORDS = frozenset(["id", "key", "code", "number", "no", "nr", "uuid", "guid", "oid", "sku"])
_MOST_KEYS = 100_000
# So many members of a record are looked at, those first whose names say that they identify.
_MOST_MEMBERS = 20


@dataclass
class Identity:
    """Which members tell records apart. Members of the records themselves only; what repeats within a group is none: a group is a sweep or
    a file, since another one may have the same records again."""

    resource: str
    distinct: dict[str, set[int]] = field(default_factory=dict)
    repeated: Counter[str] = field(default_factory=Counter)
    missing: Counter[str] = field(default_factory=Counter)
    pairs: dict[tuple[str, str], set[int]] = field(default_factory=dict)
    repeated_pairs: set[tuple[str, str]] = field(default_factory=set)
    count: int = 0
    whole: bool = True
    _group: str = ""

    def add(self, record: Any, group: str) -> None:
        if not isinstance(record, dict):
            return
        if group != self._group:
            self._group, self.distinct, self.pairs = group, {name: set() for name in self.distinct}, {}
        if self.count == 0:
            names = [name for name, value in record.items() if _is_key(value)]
            kept = set(sorted(names, key=lambda name: not _is_id(name))[:_MOST_MEMBERS])
            self.distinct = {name: set() for name in names if name in kept}
        self.count += 1
        for name, seen in self.distinct.items():
            value = record.get(name)
            if not _is_key(value) or value == "":
                self.missing[name] += 1
            elif hash((name, value)) in seen:
                self.repeated[name] += 1
            elif len(seen) < _MOST_KEYS:
                seen.add(hash((name, value)))
        keyed = [name for name in self.distinct if _is_id(name) and not self.missing[name]][:6]
        for pair in combinations(keyed, 2):
            together = hash((record[pair[0]], record[pair[1]]))
            seen_pair = self.pairs.setdefault(pair, set())
            if together in seen_pair:
                self.repeated_pairs.add(pair)
            elif len(seen_pair) < _MOST_KEYS:
                seen_pair.add(together)

    def setting(self, shape: dict[str, Seen]) -> Setting | None:
        """The line `id`; None if no member can be one."""
        usable = [
            name
            for name in self.distinct
            if not self.missing[name]
            and name in shape
            and writable(name)
            and shape[name].kinds in (("text",), ("number",))
            and not shape[name].decimals
        ]
        unique = [name for name in usable if not self.repeated[name]]
        best = max(unique, key=self.rank, default=None)
        if best is not None and self.rank(best) > 0:
            note = f"different in all {self.count}" if self.count > 1 else "the only record: confirm"
            return Setting(word="id", text=path_of((best,)), note=note)
        for pair in self.pairs:
            if pair not in self.repeated_pairs and all(name in usable for name in pair) and self.count > 1:
                text = f"({path_of(pair[:1])}, {path_of(pair[1:])})"
                return Setting(
                    word="id", text=text, note=f"confirm: neither is different in all {self.count}, together they are"
                )
        if best is not None:
            return Setting(
                word="id",
                text=path_of((best,)),
                note=f"confirm: different in all {self.count}, but its name says nothing of it",
            )
        if usable:
            least = min(usable, key=lambda name: (self.repeated[name], -self.rank(name)))
            return Setting(
                word="id",
                text=path_of((least,)),
                note=f"confirm: {self.repeated[least]} of {self.count} repeat another",
            )
        return None

    def rank(self, name: str) -> int:
        """How much a name says that it identifies. Of equal ones the earlier is meant: `max` gives that."""
        words = words_of(name)
        kin = set(words_of(self.resource)) | {word.removesuffix("s") for word in words_of(self.resource)}
        rank = 0
        if words in (("id",), ("sys", "id"), ("uuid",), ("guid",)):
            rank = 4
        elif words and words[-1] in _KEY_WORDS:
            rank = 3 if set(words[:-1]) & kin else 2
        elif words and words[0] in kin and len(words) == 1:
            rank = 1
        if tag_of(name) == "pii" and rank < 4:
            rank = min(rank, 0) - 1
        return rank


def _is_key(value: Any) -> bool:
    return isinstance(value, str | int) and not isinstance(value, bool)


def _is_id(name: str) -> bool:
    words = words_of(name)
    return bool(words) and words[-1] in _KEY_WORDS


# ------------------------------------------------------------------------------------------------------------- changed

_CHANGED = tuple(
    listed("""
    last_modified last_modified_date last_modified_date_time last_modified_at last_modified_on last_updated
    last_updated_at last_changed last_change_date_time modified modified_at modified_on modified_date
    modified_date_time updated updated_at updated_on update_date updated_date date_modified date_updated
    sys_updated_on system_modstamp changed changed_at changed_on last_update last_update_date last_change_date
    date_last_modified updated_time last_updated_date_time
""")
)


def changed(members: dict[str, Seen], before: Steps = ()) -> Setting | None:
    """The line `changed`, by name and by what was seen; None where no member is an instant of change."""
    named = [(name, seen) for name, seen in members.items() if "_".join(words_of(name)) in _CHANGED]
    for name, seen in sorted(named, key=lambda item: _CHANGED.index("_".join(words_of(item[0])))):
        path = path_of((*before, name))
        forms = seen.usual_forms
        if dating.ISO_STAMP in forms:
            return Setting(word="changed", text=path, note="the time of a change, by its name: confirm")
        if dating.ODATA in forms:
            return Setting(
                word="changed", text=f"{path} as datetime(odata)", note="the time of a change, by its name: confirm"
            )
        if dating.ISO_LOCAL in forms:
            return Setting(word="changed", text=f'{path} as datetime at "UTC"', note="no zone is said: confirm UTC")
        if seen.kinds == ("number",) and not seen.decimals:
            for unit, least in (("s", 10**9), ("ms", 10**12), ("us", 10**15)):
                if seen.least is not None and seen.most is not None and least <= seen.least and seen.most < 4 * least:
                    return Setting(
                        word="changed", text=f"{path} as datetime(epoch {unit})", note="by its name: confirm"
                    )
    for name, seen in members.items():
        if not before and name in ("meta", "metadata") and seen.kinds == ("object",):
            found = changed(seen.members, (name,))
            if found:
                return found
    return None


def is_changed(name: str) -> bool:
    """Whether a name says that it is the time of the last change."""
    return "_".join(words_of(name)) in _CHANGED
