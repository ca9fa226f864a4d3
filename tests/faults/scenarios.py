"""What is run with death at every point: a source in two or more states, and the command that goes from one to the next."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.faults import fetching
from tests.faults.fetching import WAYS, Answer, Way

ORDERS = """
entity Order {
  key number : text
  buyer      : text?
  keeps history
}
entity Line {
  key (order_no, line_no)
  order_no : Order
  line_no  : int
  amount   : decimal(8, 2)
  keeps history
}
connector drop is files {
  folder env.FILES
  resource orders {
    files "orders*.jsonl" as ndjson
    id $.no
    changed $.at
    deleted when $.gone otherwise false
    shape { no: text, at: datetime, gone: bool?, buyer: text?, skip: bool?, lines: [ { n: int, amount: number } ] }
  }
}
map drop.orders as order to Order {
  when not ($.skip otherwise false)
  number = $.no
  buyer  = $.buyer
  each order.lines[*] as line to Line {
    order_no = order.no
    line_no  = line.n
    amount   = line.amount
  }
}
merge Order { default newest }
"""
WORKERS = """
entity Worker {
  key number : text
  name    : text
  email   : text?
  commute : decimal(8, 1) in km?
  grade   : int?
}
connector hr {
  base env.HR
  resource people {
    get "/people"
    pages cursor at $.next sent as "page"
    records $.data[*]
    id $.id
    changed $.at
    deleted when $.gone otherwise false
    shape { id: text, name: text?, mail: text?, miles: number?, grade: text?, at: datetime, gone: bool?, skip: bool? }
  }
}
connector pay is files {
  folder env.FILES
  resource slips {
    files "slips*.jsonl" as ndjson
    id $.slip
    changed $.at
    deleted when $.gone otherwise false
    shape { slip: text, id: text, mail: text?, km: number?, at: datetime, gone: bool? }
  }
}
map hr.people to Worker {
  when not ($.skip otherwise false)
  number  = $.id
  name    = $.name
  email   = $.mail
  commute = $.miles in mi
  grade   = $.grade as int if invalid hold up to 100 %
}
map pay.slips to Worker partial {
  number  = $.id
  email   = $.mail
  commute = $.km in km
}
merge Worker {
  same number of hr, pay
  default prefer hr, pay
  email   newest
}
"""
# Another meaning of the same records: a value is made otherwise, more is filtered, and another source wins.
WORKERS_CHANGED = (
    WORKERS.replace("$.mail\n  commute = $.miles", "lower($.mail)\n  commute = $.miles")
    .replace("when not ($.skip otherwise false)", 'when ($.name != "Zoe" otherwise true)')
    .replace("email   newest", "email   prefer pay, hr")
)


def _people_maps() -> str:
    text = (
        (Path(__file__).parents[1] / "identity" / "people.map")
        .read_text("utf-8")
        .replace('folder "x"', "folder env.FILES")
    )
    for resource in ("staff", "users", "leave", "slips"):
        head, tail = text.split(f"resource {resource} {{", 1)
        text = f"{head}resource {resource} {{" + tail.replace('"*.json"', f'"{resource}*.json"', 1)
    return text


PEOPLE = _people_maps()

Record = dict[str, Any]


@dataclass(frozen=True)
class Source:
    """people: the pages that the HTTP source has. files: by name the records of each; `.json` ones in a `data` list. answer: what
    answers over HTTP instead. now: where the clock stands, if it does."""

    people: tuple[tuple[Record, ...], ...] = ((),)
    files: dict[str, list[Record]] = field(default_factory=dict)
    answer: Answer | None = None
    now: str = ""


@dataclass(frozen=True)
class Step:
    """records: of a batch."""

    command: str
    maps: str
    source: Source
    records: int = 3


@dataclass(frozen=True)
class Scenario:
    """before: run undisturbed; then death falls into `step`. fetches: a way to fetch, so that death in fetching is what counts."""

    name: str
    before: tuple[Step, ...]
    step: Step
    fetches: bool = False


def at(day: int) -> str:
    return f"2026-01-{day:02}T00:00:00Z"


def order(number: int, day: int | None = None, **more: Any) -> Record:
    lines = [{"n": n, "amount": n + number / 4} for n in range(number % 3)]
    return {"no": f"N{number}", "at": at(day or 1 + number), "buyer": f"b{number}", "lines": lines, **more}


def person(number: int, day: int = 1, **more: Any) -> Record:
    return {
        "id": f"W{number}",
        "name": f"n{number}",
        "mail": f"P{number}@x.org",
        "miles": number,
        "grade": str(number),
        "at": at(day),
        **more,
    }


def slip(number: int, day: int = 1, **more: Any) -> Record:
    return {
        "slip": f"s{number}",
        "id": f"W{number}",
        "mail": f"s{number}@x.org",
        "km": number * 2,
        "at": at(day),
        **more,
    }


_ORDERS_1 = {"orders1.jsonl": [order(n) for n in range(5)]}
_ORDERS_2 = {
    **_ORDERS_1,
    "orders2.jsonl": [
        order(1, 20, buyer="new", lines=[]),
        order(2, 20, skip=True),
        order(9, lines=[{"n": None, "amount": 1}]),
    ],
    "orders3.jsonl": [order(3, 20, gone=True), order(4, 20, buyer=7), order(0, 1, buyer="old"), order(5, 20)],
}
_PEOPLE_1 = Source(
    ((person(1), person(2), person(3)), (person(4), person(5, skip=True)), (person(6), person(7, name="Zoe"))),
    {"slips1.jsonl": [slip(n, 2) for n in range(2, 6)]},
)
_PEOPLE_2 = Source(
    (
        (person(1), person(2, 9, mail="New@x.org"), person(3)),
        (person(4, 9, miles=40), person(5), person(8, 9)),
        (person(6, 9, name="six"), person(7, name="Zoe"), person(1, mail="late@x.org", at="2025-06-01T00:00:00Z")),
    ),
    {**_PEOPLE_1.files, "slips2.jsonl": [slip(2, 8, km=77), slip(6, 8), slip(3, 1, mail="old@x.org")]},
)
_GONE = Source(
    ((person(1, 9, gone=True), person(2), person(3, 9, skip=True)), (person(4, 9, gone=True), person(6))),
    {**_PEOPLE_1.files, "slips2.jsonl": [slip(2, 8, gone=True), slip(4, 1, gone=True), slip(5, 8, id="W2")]},
)
_BROKEN = Source(
    (
        (person(1), person(2, grade="x"), person(3, id=None)),
        (person(4, at="someday"), person(5, miles="far"), person(6)),
    ),
    {"slips1.jsonl": [slip(1), slip(2, at="never"), slip(3)]},
)
_MENDED = Source(
    (
        (person(1, 9, miles="bad"), person(2, 9), person(3, id=None)),
        (person(4, 9), person(5, 9, grade="y"), person(6, 9, name=None)),
    ),
    {**_BROKEN.files, "slips2.jsonl": [slip(2, 9), slip(3, 9, km="bad")]},
)


def _key(number: int, day: int, **more: Any) -> Record:
    return {"rec": f"r{number}", "no": str(number), "at": at(day), **more}


_STAFF = {
    "staff1.json": [
        _key(1, 1, name="Ada", mail="a@x"),
        _key(2, 1, name="Bob", badge=2),
        _key(3, 1, name="Cy", boss="1"),
    ],
    "users1.json": [_key(10, 1, name="Ada", mail="a@x"), _key(11, 1, name="Bob", badge=2, team=["10"])],
    "leave1.json": [{"rec": "l1", "who": "10", "day": 1, "cover": "r11", "note": "x", "at": at(1)}],
    "slips1.json": [_key(20, 1, mail="a@x"), _key(21, 1, name="Cy", mail="none@x")],
}
_STAFF_2 = {
    **_STAFF,
    "staff2.json": [_key(1, 5, name="Ada", mail="new@x"), _key(4, 5, name="Dee", mail="d@x"), _key(2, 5, gone=True)],
    "users2.json": [_key(10, 6, name="Dee", mail="d@x"), _key(12, 6, name="Ada", mail="new@x")],
    "leave2.json": [{"rec": "l1", "who": "11", "day": 1, "cover": "r12", "note": "y", "at": at(6)}],
}


def _sync(maps: str, source: Source) -> Step:
    return Step("sync", maps, source)


def _fetched(way: Way) -> Scenario:
    maps = fetching.maps(way)
    before = Step("sync", maps, Source(answer=way.earlier, now=way.now and way.then), 6)
    step = Step("sync", maps, Source(answer=way.answer, now=way.now), 6)
    return Scenario(way.name, (before,) if way.before else (), step, fetches=True)


def _files(name: str, more: str) -> Scenario:
    text = DROPPED.replace("<MORE>", more)
    before, step = (Step("sync", text, Source(files=files), 6) for files in (_DROP_1, _DROP_2))
    return Scenario(name, (before,), step, fetches=True)


DROPPED = fetching.MAPS.replace(
    "connector shop {\n  base env.HR\n  <CONNECTOR>", "connector shop is files {\n  folder env.FILES"
).replace("<LINES>", 'files "*.jsonl" as ndjson\nchanged $.at\n<MORE>')
_DROP_1 = {f"items{n}.jsonl": [fetching.item(10 * n + one) for one in range(3)] for n in range(3)}
# One file is as it was, one is gone, one is another, and two are new.
_DROP_2 = {
    "items0.jsonl": _DROP_1["items0.jsonl"],
    "items2.jsonl": [fetching.item(20, 2, name="new"), fetching.item(29, 2)],
    "items3.jsonl": [fetching.item(30), fetching.item(10, 2, name="moved")],
    "items4.jsonl": [fetching.item(40)],
}

SCENARIOS = (
    Scenario("first load", (), _sync(ORDERS, Source(files=_ORDERS_2))),
    Scenario("incremental", (_sync(WORKERS, _PEOPLE_1),), _sync(WORKERS, _PEOPLE_2)),
    Scenario("deletes", (_sync(WORKERS, _PEOPLE_1),), _sync(WORKERS, _GONE)),
    Scenario("dead letters", (_sync(WORKERS, _BROKEN),), _sync(WORKERS, _MENDED)),
    Scenario("two streams", (), _sync(WORKERS, _PEOPLE_1)),
    Scenario(
        "replay",
        (_sync(WORKERS, _PEOPLE_1), _sync(WORKERS, _MENDED)),
        Step("replay", WORKERS_CHANGED, _MENDED),
    ),
    Scenario("identity", (_sync(PEOPLE, Source(files=_STAFF)),), _sync(PEOPLE, Source(files=_STAFF_2))),
    *(_fetched(way) for way in WAYS),
    _files("files in a folder", ""),
    _files("files, deleted by absence", "deleted by absence, refuse above 90 %"),
)
