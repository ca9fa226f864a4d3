"""The canonical row is a function of the set of live claims: order of arrival, batching and repetition never matter."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import pytest
from tests.support import MemoryPage, Pages, compiled, load, ready, rows

from fieldmap.runtime.bundle import Bundle
from fieldmap.runtime.store.database import Server

MAPS = """
entity Worker {
  key number : text
  name    : text
  email   : text?
  commute : decimal(8, 1) in km?
  pay     : money(12, 2)?
  skills  : list of text
}
connector hr {
  base env.HR
  resource people {
    get "/people"
    records $.data[*]
    id $.id
    changed $.at
    deleted when $.gone otherwise false
    shape { id: text, name: text?, mail: text?, miles: number?, at: datetime, gone: bool?, skip: bool?, skills: [ text ]? }
  }
}
connector pay is files {
  folder "x"
  resource slips {
    files "*.json" as json
    records $.data[*]
    id $.slip
    changed $.at
    shape { slip: text, id: text, mail: text?, km: number?, amount: number?, cur: text?, at: datetime }
  }
}
map hr.people to Worker {
  when not ($.skip otherwise false)
  number  = $.id
  name    = $.name
  email   = $.mail
  commute = $.miles in mi
  skills  = $.skills[*]
}
map pay.slips to Worker partial {
  number  = $.id
  email   = $.mail
  commute = $.km in km
  pay     = $.amount in $.cur
}
merge Worker {
  same number of hr, pay
  default prefer hr, pay
  email   newest
  commute prefer pay, hr
  pay     only pay
}
"""
HR, PAY = "hr_people__worker", "pay_slips__worker"


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return compiled(tmp_path_factory.mktemp("maps"), all=MAPS)


def hr(pages: Pages, *records: dict[str, Any]) -> MemoryPage:
    return pages.page({"data": [{"name": "Ada", "at": "2026-01-01T00:00:00Z", **record} for record in records]})


def slips(pages: Pages, *records: dict[str, Any]) -> MemoryPage:
    return pages.page({"data": [{"at": "2026-01-01T00:00:00Z", **record} for record in records]})


def canonical(database: Server) -> list[tuple[Any, ...]]:
    return rows(
        database,
        "SELECT number, name, email, commute::text, pay::text, pay_currency, skills FROM canonical.worker ORDER BY number",
    )


def test_rules_choose_per_field(bundle: Bundle, database: Server) -> None:
    ready(database, bundle)
    pages = Pages()
    load(database, bundle, HR, [hr(pages, {"id": "1", "mail": "old@x", "miles": 12, "skills": ["a", "b"]})])
    load(
        database,
        bundle,
        PAY,
        [
            slips(
                pages,
                {"slip": "s1", "id": "1", "mail": "new@x", "at": "2026-02-01T00:00:00Z", "amount": 10.5, "cur": "EUR"},
            )
        ],
    )
    assert canonical(database) == [("1", "Ada", "new@x", "19.3", "10.50", "EUR", ["a", "b"])]
    load(database, bundle, PAY, [slips(pages, {"slip": "s2", "id": "1", "km": 7, "at": "2026-01-05T00:00:00Z"})])
    assert canonical(database) == [("1", "Ada", "new@x", "7.0", "10.50", "EUR", ["a", "b"])]


def test_partial_claims_make_no_row(bundle: Bundle, database: Server) -> None:
    ready(database, bundle)
    load(database, bundle, PAY, [slips(Pages(), {"slip": "s1", "id": "9", "mail": "x@x"})])
    assert canonical(database) == []
    assert rows(database, "SELECT * FROM fieldmap.incomplete") == []


def test_a_row_without_a_required_field_is_held_back_and_listed(bundle: Bundle, database: Server) -> None:
    ready(database, bundle)
    pages = Pages()
    load(database, bundle, HR, [hr(pages, {"id": "1", "name": None})])
    assert canonical(database) == []
    assert rows(database, "SELECT entity, key, missing FROM fieldmap.incomplete") == [("Worker", "1", ["name"])]
    load(database, bundle, HR, [hr(pages, {"id": "1", "at": "2026-01-02T00:00:00Z"})])
    assert [row[0] for row in canonical(database)] == ["1"]
    assert rows(database, "SELECT * FROM fieldmap.incomplete") == []


def test_an_older_version_never_overwrites(bundle: Bundle, database: Server) -> None:
    ready(database, bundle)
    pages = Pages()
    load(database, bundle, HR, [hr(pages, {"id": "1", "name": "new", "at": "2026-03-01T00:00:00Z"})])
    load(database, bundle, HR, [hr(pages, {"id": "1", "name": "old", "at": "2026-02-01T00:00:00Z"})])
    assert [row[1] for row in canonical(database)] == ["new"]


def test_S19_a_stale_delete_does_not_delete(bundle: Bundle, database: Server) -> None:
    ready(database, bundle)
    pages = Pages()
    load(database, bundle, HR, [hr(pages, {"id": "1", "at": "2026-03-01T00:00:00Z"})])
    load(database, bundle, HR, [hr(pages, {"id": "1", "gone": True, "at": "2026-02-01T00:00:00Z"})])
    assert len(canonical(database)) == 1
    load(database, bundle, HR, [hr(pages, {"id": "1", "gone": True, "at": "2026-04-01T00:00:00Z"})])
    assert canonical(database) == []
    load(database, bundle, HR, [hr(pages, {"id": "1", "at": "2026-03-15T00:00:00Z"})])
    assert canonical(database) == []


def test_a_filtered_version_withdraws_the_claims(bundle: Bundle, database: Server) -> None:
    ready(database, bundle)
    pages = Pages()
    load(database, bundle, HR, [hr(pages, {"id": "1"})])
    load(database, bundle, HR, [hr(pages, {"id": "1", "skip": True, "at": "2026-02-01T00:00:00Z"})])
    assert canonical(database) == []


def test_a_changed_key_moves_the_row(bundle: Bundle, database: Server) -> None:
    ready(database, bundle)
    pages = Pages()
    load(database, bundle, PAY, [slips(pages, {"slip": "s1", "id": "1", "km": 5})])
    load(database, bundle, HR, [hr(pages, {"id": "1"}, {"id": "2"})])
    load(database, bundle, PAY, [slips(pages, {"slip": "s1", "id": "2", "km": 6, "at": "2026-02-01T00:00:00Z"})])
    assert [(row[0], row[3]) for row in canonical(database)] == [("1", None), ("2", "6.0")]


def test_two_records_with_one_key_are_decided_and_listed(bundle: Bundle, database: Server) -> None:
    ready(database, bundle)
    pages = Pages()
    load(database, bundle, HR, [hr(pages, {"id": "1"})])
    load(database, bundle, PAY, [slips(pages, {"slip": "b", "id": "1", "km": 5}, {"slip": "a", "id": "1", "km": 6})])
    assert [row[3] for row in canonical(database)] == ["6.0"], "same source, same time: the first record in order"
    assert rows(database, "SELECT key, map, records FROM provenance.worker_duplicates") == [("1", PAY, ["a", "b"])]


def test_I4_order_of_arrival_never_matters(bundle: Bundle, database: Server) -> None:
    """All orders of six claims of two sources, in one batch or one by one, end in the same row."""
    ready(database, bundle)
    claims = [
        (HR, {"id": "1", "name": "a", "mail": "a@x", "miles": 1, "at": "2026-01-03T00:00:00Z"}),
        (HR, {"id": "1", "name": "b", "mail": "b@x", "miles": 2, "at": "2026-01-05T00:00:00Z"}),
        (PAY, {"slip": "p", "id": "1", "mail": "p@x", "km": 5, "at": "2026-01-04T00:00:00Z"}),
        (PAY, {"slip": "q", "id": "1", "mail": "q@x", "at": "2026-01-05T00:00:00Z", "amount": 1, "cur": "USD"}),
    ]
    seen = set()
    for order in itertools.permutations(claims):
        with database.connect() as connection:
            for table in (
                "claims.hr_people__worker",
                "claims.pay_slips__worker",
                "canonical.worker",
                "fieldmap.ledger",
            ):
                connection.execute(f"DELETE FROM {table}".encode())
            connection.execute("UPDATE fieldmap.positions SET applied_through = -1")
        pages = Pages()
        for map_id, record in order:
            load(database, bundle, map_id, [hr(pages, record) if map_id == HR else slips(pages, record)])
        seen.add(str(canonical(database)))
    assert len(seen) == 1, seen
    assert "b@x" in seen.pop(), "equal times: the source named first"


@pytest.mark.parametrize("tolerance", ["3", "1 %", "200 %"])
def test_whole_numbers_at_the_ends_of_their_range_are_compared(
    tolerance: str, tmp_path: Path, database: Server
) -> None:
    bundle = compiled(
        tmp_path,
        all="entity Part { key no : text; count : int? }\n"
        'connector c is files { folder "x"; resource a { files "a" as json; id $.no; changed unknown }\n'
        '  resource b { files "b" as json; id $.no; changed unknown } }\n'
        "map c.a to Part { no = $.no; count = $.count }\nmap c.b to Part { no = $.no; count = $.count }\n"
        f"merge Part {{ same no of c; default prefer c.a, c.b; count agree within {tolerance} }}",
    )
    ready(database, bundle)
    pages = Pages()
    load(database, bundle, "c_a__part", [pages.page([{"no": "1", "count": -(2**63)}])])
    load(database, bundle, "c_b__part", [pages.page([{"no": "1", "count": 2**63 - 1}])])
    agreed = tolerance == "200 %"
    assert rows(database, "SELECT count FROM canonical.part") == [(-(2**63) if agreed else None,)]
    assert rows(database, "SELECT code FROM fieldmap.conflicts") == ([] if agreed else [("FM2180",)])


def test_I9_redelivery_writes_nothing(bundle: Bundle, database: Server) -> None:
    ready(database, bundle)
    pages = Pages()
    made = [hr(pages, {"id": "1"}, {"id": "2"}), hr(pages, {"id": "3"})]
    load(database, bundle, HR, made)
    before = rows(
        database,
        "SELECT xmin::text, * FROM canonical.worker UNION ALL SELECT xmin::text, * FROM canonical.worker ORDER BY 2",
    )
    with database.connect() as connection:
        connection.execute("UPDATE fieldmap.positions SET applied_through = -1")
        connection.execute("DELETE FROM fieldmap.ledger")
    load(database, bundle, HR, made)
    assert (
        rows(
            database,
            "SELECT xmin::text, * FROM canonical.worker UNION ALL SELECT xmin::text, * FROM canonical.worker ORDER BY 2",
        )
        == before
    )


def test_changes_are_told(bundle: Bundle, database: Server) -> None:
    ready(database, bundle)
    pages = Pages()
    first = load(database, bundle, HR, [hr(pages, {"id": "1", "miles": 12}, {"id": "2"})]).loaded.entities["Worker"]
    assert (first.new, first.changed, first.gone) == (2, 0, 0)
    second = load(
        database, bundle, HR, [hr(pages, {"id": "1", "miles": 10, "at": "2026-02-01T00:00:00Z"})]
    ).loaded.entities["Worker"]
    assert (second.new, second.changed, second.gone, second.fields) == (0, 1, 0, {"commute": 1})
    assert second.samples == [("1", "commute", "19.3", "16.1")]
