"""`keeps history`: what rows were at a time, and when we knew it. Checked against a model that knows no SQL and no order of arrival."""

from __future__ import annotations

import random
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from tests.conftest import empty_database
from tests.store.test_faults import CutAtCommit
from tests.support import MemoryPage, Pages, compiled, load, project, ready, rows

from fieldmap.runtime.bundle import Bundle
from fieldmap.runtime.errors import DatabaseError
from fieldmap.runtime.load.merging import remerge
from fieldmap.runtime.store.database import Server
from fieldmap.runtime.store.reconcile import prepare

ONE = """
entity Worker {
  key number : text
  name    : text
  email   : text?
  commute : decimal(8, 1) in km?
  notice  : duration?
  keeps history
}
connector hr {
  base env.HR
  resource people {
    get "/people"
    records $.data[*]
    id $.id
    changed $.at
    deleted when $.gone otherwise false
    shape { id: text, no: text, name: text?, mail: text?, miles: number?, notice: text?, at: datetime, gone: bool? }
  }
}
map hr.people to Worker {
  number  = $.no
  name    = $.name
  email   = $.mail
  commute = $.miles in mi
  notice  = $.notice as duration
}
"""
HR, PAY = "hr_people__worker", "pay_slips__worker"
TWO = (
    ONE
    + """
connector pay is files {
  folder "x"
  resource slips {
    files "*.json" as json
    records $.data[*]
    id $.slip
    changed $.at
    deleted when $.gone otherwise false
    shape { slip: text, no: text, mail: text?, at: datetime, gone: bool? }
  }
}
map pay.slips to Worker partial {
  number = $.no
  email  = $.mail
}
merge Worker {
  same number of hr, pay
  default prefer hr, pay
  email   newest
}
"""
)


@pytest.fixture(scope="module")
def one(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return compiled(tmp_path_factory.mktemp("one"), all=ONE)


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return compiled(tmp_path_factory.mktemp("two"), all=TWO)


def said(pages: Pages, *records: dict[str, Any]) -> MemoryPage:
    """A page of people; `at` is a month of 2026."""
    return pages.page(
        {
            "data": [
                {"no": record["id"], "name": "Ada", **record, "at": f"2026-{record['at']:02}-01T00:00:00Z"}
                for record in records
            ]
        }
    )


def slips(pages: Pages, *records: dict[str, Any]) -> MemoryPage:
    return pages.page({"data": [{**r, "at": f"2026-{r['at']:02}-01T00:00:00Z"} for r in records]})


def months(database: Server) -> list[tuple[Any, ...]]:
    """The timeline as it is known now: key, name, email, first month, month of the end."""
    return rows(
        database,
        "SELECT number, name, email, extract(month FROM true_from)::int, extract(month FROM true_to)::int"
        " FROM provenance.worker_history ORDER BY 1, 4",
    )


def month(number: int) -> datetime:
    return datetime(2026, number, 1, tzinfo=UTC)


def as_of(database: Server, true_at: datetime, known_at: datetime | None = None) -> dict[str, tuple[Any, ...]]:
    known = "_known_to = 'infinity'" if known_at is None else "_known_from <= %s AND _known_to > %s"
    values = [true_at, *([known_at] * 2 if known_at is not None else [])]
    found = rows(
        database,
        "SELECT * FROM (SELECT DISTINCT ON (number) number, name, email, _gone FROM history.worker"
        f" WHERE _true_from <= %s AND {known} ORDER BY number, _true_from DESC) x WHERE NOT _gone",
        *values,
    )
    return {number: (name, email) for number, name, email, _ in found}


def now(database: Server) -> datetime:
    moment = rows(database, "SELECT clock_timestamp()")[0][0]
    assert isinstance(moment, datetime)
    return moment


# ------------------------------------------------------------------------------------------- the two axes


def test_a_change_ends_the_row_before_it(one: Bundle, database: Server) -> None:
    ready(database, one)
    pages = Pages()
    load(database, one, HR, [said(pages, {"id": "1", "at": 1, "mail": "a@x"}, {"id": "2", "at": 2})])
    load(database, one, HR, [said(pages, {"id": "1", "at": 3, "mail": "b@x"})])
    assert months(database) == [("1", "Ada", "a@x", 1, 3), ("1", "Ada", "b@x", 3, None), ("2", "Ada", None, 2, None)]
    assert as_of(database, month(2)) == {"1": ("Ada", "a@x"), "2": ("Ada", None)}


def test_what_came_late_is_part_of_the_past_from_then_on(one: Bundle, database: Server) -> None:
    ready(database, one)
    pages = Pages()
    load(database, one, HR, [said(pages, {"id": "1", "at": 5, "name": "May"})])
    before = now(database)
    load(database, one, HR, [said(pages, {"id": "1", "at": 2, "name": "February"})])
    assert rows(database, "SELECT name FROM canonical.worker") == [("May",)]
    assert months(database) == [("1", "February", None, 2, 5), ("1", "May", None, 5, None)]
    assert as_of(database, month(3)) == {"1": ("February", None)}
    assert as_of(database, month(3), before) == {}
    assert as_of(database, month(6), before) == {"1": ("May", None)}


def test_a_correction_of_the_past_keeps_what_was_known(one: Bundle, database: Server) -> None:
    ready(database, one)
    pages = Pages()
    load(database, one, HR, [said(pages, {"id": "1", "at": 1, "name": "Wrong"})])
    before = now(database)
    load(database, one, HR, [said(pages, {"id": "1", "at": 1, "name": "Right"})])
    assert months(database) == [("1", "Right", None, 1, None)]
    assert as_of(database, month(2), before) == {"1": ("Wrong", None)}
    assert rows(database, "SELECT count(*), count(DISTINCT _claims) FROM history.worker") == [(2, 2)]


def test_a_delete_ends_the_row_and_a_return_begins_another(one: Bundle, database: Server) -> None:
    ready(database, one)
    pages = Pages()
    load(database, one, HR, [said(pages, {"id": "1", "at": 1})])
    load(database, one, HR, [said(pages, {"id": "1", "at": 3, "gone": True})])
    assert months(database) == [("1", "Ada", None, 1, 3)]
    load(database, one, HR, [said(pages, {"id": "1", "at": 6, "name": "Ada L"})])
    assert months(database) == [("1", "Ada", None, 1, 3), ("1", "Ada L", None, 6, None)]
    assert as_of(database, month(4)) == {}


def test_a_record_that_becomes_another_key_ends_its_row_there(one: Bundle, database: Server) -> None:
    ready(database, one)
    pages = Pages()
    load(database, one, HR, [said(pages, {"id": "r", "no": "1", "at": 1})])
    load(database, one, HR, [said(pages, {"id": "r", "no": "2", "at": 4})])
    load(database, one, HR, [said(pages, {"id": "r", "no": "3", "at": 2})])
    assert months(database) == [("1", "Ada", None, 1, 2), ("2", "Ada", None, 4, None), ("3", "Ada", None, 2, 4)]


def test_a_time_in_which_a_required_field_was_empty_is_a_gap(one: Bundle, database: Server) -> None:
    ready(database, one)
    pages = Pages()
    for at, name in ((1, "A"), (2, None), (3, "A")):
        load(database, one, HR, [said(pages, {"id": "1", "at": at, "name": name})])
    assert months(database) == [("1", "A", None, 1, 2), ("1", "A", None, 3, None)]


def test_a_version_that_changes_nothing_begins_no_row(one: Bundle, database: Server) -> None:
    ready(database, one)
    pages = Pages()
    load(database, one, HR, [said(pages, {"id": "1", "at": 1, "notice": "P1M"})])
    load(database, one, HR, [said(pages, {"id": "1", "at": 2, "notice": "P1M"})])
    assert months(database) == [("1", "Ada", None, 1, None)]
    load(database, one, HR, [said(pages, {"id": "1", "at": 3, "notice": "P30D"})])
    assert months(database) == [("1", "Ada", None, 1, 3), ("1", "Ada", None, 3, None)]


# ------------------------------------------------------------------------------------- against a model, in any order


class Version(dict[str, Any]):
    """One version of a record: id, at (month), no, name, mail, gone."""


def modelled(people: list[Version], paid: list[Version]) -> dict[int, dict[str, tuple[Any, ...]]]:
    """Rows by month: of each record the newest version until then; the email of the newest of both sources, hr first in a tie."""

    def standing(versions: list[Version], at: int) -> list[Version]:
        newest: dict[str, Version] = {}
        for version in sorted(versions, key=lambda v: int(v["at"])):
            if version["at"] <= at:
                newest[version["id"]] = version
        return [v for v in newest.values() if not v["gone"]]

    found: dict[int, dict[str, tuple[Any, ...]]] = {}
    for at in range(1, 13):
        mine: dict[str, tuple[Any, ...]] = {}
        live, also = standing(people, at), standing(paid, at)
        for number in {v["no"] for v in live}:
            claims = [v for v in live if v["no"] == number]
            names = sorted((v for v in claims if v["name"]), key=lambda v: (-v["at"], v["id"]))
            mails = [(-v["at"], 0, v["id"], v["mail"]) for v in claims if v["mail"]]
            mails += [(-v["at"], 1, v["id"], v["mail"]) for v in also if v["no"] == number and v["mail"]]
            if names:
                mine[number] = (names[0]["name"], min(mails)[3] if mails else None)
        found[at] = mine
    return found


def drawn(dice: random.Random, prefix: str) -> list[Version]:
    """Eight versions, no two of one record and time: which of two such counts, the archive alone can say."""
    places = [(f"{prefix}{record}", at) for record in (1, 2, 3) for at in range(1, 13)]
    return [
        Version(
            id=record,
            at=at,
            no=str(dice.randint(1, 2)),
            name=dice.choice(["Ada", "Bea", None]),
            mail=dice.choice(["a@x", "b@x", None]),
            gone=dice.random() < 0.2,
        )
        for record, at in dice.sample(places, 8)
    ]


def told(pages: Pages, map_id: str, part: list[Version]) -> MemoryPage:
    return said(pages, *part) if map_id == HR else slips(pages, *[{**v, "slip": v["id"]} for v in part])


@pytest.mark.parametrize("seed", range(6))
def test_the_past_is_a_function_of_the_versions(two: Bundle, server: Server, seed: int) -> None:
    dice = random.Random(seed)  # noqa: S311
    people, paid = drawn(dice, "p"), drawn(dice, "s")
    wanted = modelled(people, paid)
    for _ in range(2):
        todo = [(HR, people[n : n + 2]) for n in range(0, 8, 2)] + [(PAY, paid[n : n + 3]) for n in range(0, 8, 3)]
        dice.shuffle(todo)
        with empty_database(server) as database:
            ready(database, two)
            pages = Pages()
            for map_id, part in todo:
                load(database, two, map_id, [told(pages, map_id, part)])
            assert {at: as_of(database, month(at)) for at in range(1, 13)} == wanted
            canonical = rows(database, "SELECT number, name, email FROM canonical.worker")
            assert {key: (name, mail) for key, name, mail in canonical} == wanted[12]
            # Delivered again, in yet another order: not one row version is written.
            before = written(database)
            dice.shuffle(todo)
            for map_id, part in todo:
                load(database, two, map_id, [told(pages, map_id, part)])
            assert written(database) == before
            assert rows(database, "SELECT FROM history.worker WHERE _known_from >= _known_to") == []


def written(database: Server) -> list[tuple[Any, ...]]:
    """Every row version of the history and of what it is made from."""
    return [
        row
        for table in ("history.worker", "versions.hr_people__worker", "versions.pay_slips__worker")
        for row in rows(database, f"SELECT ctid::text, xmin::text, h::text FROM {table} h ORDER BY 1")
    ]


# --------------------------------------------------------------------------------------------- ways of loading


def test_a_first_load_goes_the_direct_way_and_says_the_same(one: Bundle, server: Server) -> None:
    """New keys of the one source go straight from the stage; the same records one by one take the way of the merge."""
    assert "fresh_history" in one.steps("sql/merge/worker.sql")
    records = [{"id": str(n), "at": 1 + n % 12, "mail": f"{n}@x", "name": None if n == 7 else "Ada"} for n in range(30)]
    found = []
    for pages_of in ([records], [records[n : n + 1] for n in range(30)], [[*records, records[0]]]):
        with empty_database(server) as database:
            ready(database, one)
            pages = Pages()
            for part in pages_of:
                load(database, one, HR, [said(pages, *part)])
            found.append(months(database))
            assert rows(
                database,
                "SELECT count(*) FROM history.worker h WHERE NOT h._claims <@ ARRAY(SELECT _claim FROM versions.hr_people__worker)",
            ) == [(0,)]
    assert found[0] == found[1] == found[2]
    assert len(found[0]) == 29


LINES = """
entity Line {
  key (no, line)
  no : text
  line : int
  article : text
  keeps history
}
entity Order {
  key no : text
}
connector shop {
  base env.SHOP
  resource orders {
    get "/orders"
    records $.data[*]
    id $.no
    changed $.at
    shape { no: text, at: datetime, lines: [ { n: int, article: text? } ] }
  }
}
map shop.orders as order to Order {
  no = order.no
  each order.lines[*] as line to Line {
    no = order.no
    line = line.n
    article = line.article
  }
}
"""


def test_elements_of_a_record_have_a_history_of_their_own(tmp_path: Path, database: Server) -> None:
    bundle = compiled(tmp_path, all=LINES)
    ready(database, bundle)
    pages = Pages()

    def order(at: int, *lines: tuple[int, str]) -> MemoryPage:
        made = [{"n": n, "article": article} for n, article in lines]
        return pages.page({"data": [{"no": "A", "at": f"2026-{at:02}-01T00:00:00Z", "lines": made}]})

    (map_id,) = [item.id for item in bundle.catalogue.maps]
    for page in (order(1, (1, "x"), (2, "y")), order(5, (1, "x")), order(3, (1, "z"), (2, "y"))):
        load(database, bundle, map_id, [page])
    found = rows(
        database,
        "SELECT line, article, extract(month FROM true_from)::int, extract(month FROM true_to)::int FROM provenance.line_history ORDER BY 1, 3",
    )
    assert found == [(1, "x", 1, 3), (1, "z", 3, 5), (1, "x", 5, None), (2, "y", 1, 5)]
    # Orders keep none, and pay for none but the times of their records.
    assert rows(database, "SELECT to_regclass('history.order')") == [(None,)]
    assert [t.columns for t in bundle.catalogue.tables if t.schema == "versions" and t.name == map_id] == [()]


def test_an_entity_without_history_has_no_part_of_it(tmp_path: Path, database: Server) -> None:
    bundle = compiled(tmp_path, all=ONE.replace("  keeps history\n", ""))
    ready(database, bundle)
    assert not {table.schema for table in bundle.catalogue.tables} & {"versions", "history"}
    assert not any("history" in step for step in bundle.steps("sql/merge/worker.sql"))
    assert "versions." not in bundle.parts[f"sql/apply/{HR}.sql"].decode()
    assert rows(database, "SELECT to_regclass('provenance.worker_history')") == [(None,)]


# ------------------------------------------------------------------------------------------------- replays, changed models


def replayed(database: Server, bundle: Bundle, pages: list[MemoryPage]) -> None:
    """As `fieldmap replay`: what the run is called is what the rows say of it."""
    reconciled = prepare(database, bundle, replay=True)
    run = rows(database, "INSERT INTO fieldmap.runs (command, bundle) VALUES ('replay', '') RETURNING id")[0][0]
    remerge(database, bundle, reconciled.remerge, run)
    load(database, bundle, HR, pages, run)


def test_a_replay_says_that_it_was_one(one: Bundle, tmp_path: Path, database: Server) -> None:
    ready(database, one)
    pages = Pages()
    made = [said(pages, {"id": "1", "at": n, "mail": f"{n}@x", "miles": n}) for n in (1, 3)]
    for page in made:
        load(database, one, HR, [page])
    before, kept = now(database), written_of(database, "history.worker")
    replayed(database, one, made)
    assert written_of(database, "history.worker") == kept  # the same maps: there is nothing to learn
    other = compiled(tmp_path, all=ONE.replace("$.miles in mi", "$.miles in km"))
    replayed(database, other, made)
    shown = rows(database, "SELECT email, commute::text, known_by FROM provenance.worker_history ORDER BY true_from")
    assert shown == [("1@x", "1.0", "replay"), ("3@x", "3.0", "replay")]
    # What was known before is as it was known, by the map of then.
    assert as_of(database, month(2), before) == {"1": ("Ada", "1@x")}
    then = rows(
        database,
        "SELECT commute::text FROM history.worker WHERE _known_from <= %s AND _known_to > %s ORDER BY 1",
        before,
        before,
    )
    assert then == [("1.6",), ("4.8",)]


def test_history_that_is_asked_for_later_is_read_from_the_archive(
    one: Bundle, tmp_path: Path, database: Server
) -> None:
    without = compiled(tmp_path, all=ONE.replace("  keeps history\n", ""))
    ready(database, without)
    pages = Pages()
    made = [said(pages, {"id": "1", "at": n, "mail": f"{n}@x"}) for n in (1, 3)]
    for page in made:
        load(database, without, HR, [page])
    assert prepare(database, one, replay=False).changed == ("hr.people to Worker",)
    replayed(database, one, made)
    assert months(database) == [("1", "Ada", "1@x", 1, 3), ("1", "Ada", "3@x", 3, None)]
    assert rows(database, "SELECT DISTINCT known_by FROM provenance.worker_history") == [("replay",)]


def test_a_model_that_stops_keeping_history_leaves_what_was_known(
    one: Bundle, tmp_path: Path, database: Server
) -> None:
    ready(database, one)
    pages = Pages()
    made = [said(pages, {"id": "1", "at": 1})]
    load(database, one, HR, made)
    before = now(database)
    without = compiled(tmp_path / "without", all=ONE.replace("  keeps history\n", ""))
    replayed(database, without, made)
    assert as_of(database, month(2), before) == {"1": ("Ada", None)}
    assert as_of(database, month(2)) == {}
    replayed(database, one, made)
    assert as_of(database, month(2)) == {"1": ("Ada", None)}
    assert as_of(database, month(2), before) == {"1": ("Ada", None)}


def test_a_field_that_comes_or_changes_its_type_is_filled_for_all_times(
    one: Bundle, tmp_path: Path, database: Server
) -> None:
    ready(database, one)
    pages = Pages()
    made = [said(pages, {"id": "1", "at": n, "miles": n}) for n in (1, 3)]
    for page in made:
        load(database, one, HR, [page])
    text = ONE.replace("commute : decimal(8, 1) in km?", "commute : decimal(8, 1) in mi?\n  twice : text?").replace(
        "  notice  = ", "  twice = $.id\n  notice  = "
    )
    replayed(database, compiled(tmp_path, all=text), made)
    shown = rows(database, "SELECT commute::text, twice FROM provenance.worker_history ORDER BY true_from")
    assert shown == [("1.0", "1"), ("3.0", "1")]
    assert rows(
        database,
        "SELECT count(*) FROM pg_description WHERE objoid = 'history.worker'::regclass AND description = 'in mi'",
    ) == [(1,)]


def written_of(database: Server, table: str) -> list[tuple[Any, ...]]:
    return rows(database, f"SELECT ctid::text, xmin::text, h::text FROM {table} h ORDER BY 1")


# ------------------------------------------------------------------------------------------------------- faults


@pytest.mark.parametrize("after", [False, True])
def test_a_lost_answer_doubles_no_history(one: Bundle, database: Server, after: bool) -> None:
    ready(database, one)
    pages = Pages()
    load(database, one, HR, [said(pages, {"id": "1", "at": 1})])
    load(CutAtCommit(database, after), one, HR, [said(pages, {"id": "1", "at": 2, "name": "Bea"})], run=1)
    assert months(database) == [("1", "Ada", None, 1, 2), ("1", "Bea", None, 2, None)]
    assert rows(database, "SELECT count(*) FROM history.worker") == [(2,)]


def test_what_is_not_committed_is_in_no_history(one: Bundle, database: Server) -> None:
    ready(database, one)
    pages = Pages()
    load(database, one, HR, [said(pages, {"id": "1", "at": 1})])
    with pytest.raises(DatabaseError):
        load(CutAtCommit(database, False, times=9), one, HR, [said(pages, {"id": "1", "at": 2, "name": "Bea"})], run=1)
    assert months(database) == [("1", "Ada", None, 1, None)]
    assert rows(database, "SELECT name FROM canonical.worker") == [("Ada",)]
    assert rows(database, "SELECT count(*) FROM versions.hr_people__worker") == [(1,)]


def test_a_clock_that_goes_back_makes_no_time_that_ends_before_it_begins(one: Bundle, database: Server) -> None:
    ready(database, one)
    pages = Pages()
    load(database, one, HR, [said(pages, {"id": "1", "at": 1})])
    with database.connect() as connection:
        connection.execute("UPDATE history.worker SET _known_from = now() + interval '1 day'")
    for name in ("Bea", "Cora"):
        load(database, one, HR, [said(pages, {"id": "1", "at": 1, "name": name})])
    found = rows(database, "SELECT name FROM history.worker WHERE _known_from < _known_to ORDER BY _known_from")
    assert found == [("Ada",), ("Bea",), ("Cora",)]


# ----------------------------------------------------------------------------------------------------- what is refused


MATCHED = TWO.replace("same number of hr, pay", "match pay to hr on email when unique")
REFERS = (
    MATCHED.replace("  keeps history\n", "").replace(
        "connector pay",
        """entity Note {
  key no : text
  about  : Worker?
  keeps history
}
map hr.notes to Note {
  no    = $.id
  about = $.about
}
connector pay""",
    )
).replace(
    "  resource people {",
    """  resource notes {
    get "/notes"
    records $.data[*]
    id $.id
    changed $.at
    shape { id: text, about: text?, at: datetime }
  }
  resource people {""",
)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (
            ONE.replace("    changed $.at\n", ""),
            "Worker keeps history, and hr.people does not say when its records change",
        ),
        (MATCHED, "Worker keeps no history while its sources are matched: who is who is known of today only"),
        (
            REFERS,
            "Note keeps no history while hr.notes gives about in numbers that a `match` has to tell the meaning of",
        ),
    ],
    ids=["no time", "match", "reference to what is matched"],
)
def test_what_would_make_the_past_depend_on_today_is_refused(text: str, says: str, tmp_path: Path) -> None:
    found = project(tmp_path, all=text).diagnostics
    assert [item.code for item in found] == ["FM0610"], [item.message for item in found]
    assert says in found[0].message


def test_a_source_whose_times_nobody_knows_was_always_so(tmp_path: Path, database: Server) -> None:
    bundle = compiled(tmp_path, all=ONE.replace("    changed $.at\n", "    changed unknown\n"))
    ready(database, bundle)
    pages = Pages()
    load(database, bundle, HR, [said(pages, {"id": "1", "at": 1, "name": "Ada"})])
    before = now(database)
    load(database, bundle, HR, [said(pages, {"id": "1", "at": 1, "name": "Bea"})])
    assert rows(database, "SELECT name, true_from, true_to FROM provenance.worker_history") == [("Bea", None, None)]
    assert as_of(database, month(2), before) == {"1": ("Ada", None)}
    assert as_of(database, month(2)) == {"1": ("Bea", None)}


def test_tables_and_views_tell_what_they_are(one: Bundle, database: Server) -> None:
    """A SQL user reads what a view and each of its columns means, units and the author's words included, without a manual."""
    ready(database, one)
    silent = rows(
        database,
        "SELECT c.relname, a.attname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0"
        " WHERE n.nspname = 'provenance' AND col_description(c.oid, a.attnum) IS NULL AND a.attname NOT IN ('number', 'name', 'email', 'notice')",
    )
    assert silent == []
    nameless = rows(
        database,
        "SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname IN ('provenance', 'history', 'versions')"
        " AND c.relkind IN ('r', 'v') AND obj_description(c.oid) IS NULL",
    )
    assert nameless == []
    units = rows(
        database,
        "SELECT n.nspname, col_description(c.oid, a.attnum) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
        " JOIN pg_attribute a ON a.attrelid = c.oid WHERE a.attname = 'commute' AND c.relname ~ '^worker' ORDER BY 1",
    )
    assert units == [("canonical", "in km"), ("history", "in km"), ("provenance", "in km")]
