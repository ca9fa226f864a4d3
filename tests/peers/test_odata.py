"""OData of both versions, as a real service speaks it: from its metadata to rows, to what changed and to what is gone."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from tests.peers import shop
from tests.peers.cap import PASSWORD, USER
from tests.peers.project import Project
from tests.support import rows

from fieldmap.runtime.archive import Archived
from fieldmap.runtime.store.database import Server

if TYPE_CHECKING:
    from tests.peers.cap import Cap

MODEL = """
entity Order {
  key id   : uuid
  number   : text
  status   : enum { open, paid }?
  total    : decimal(15, 2)
  discount : decimal(5, 4)?
  weight   : decimal(12, 3)?
  pieces   : int?
  serial   : int?
  express  : bool?
  ordered  : date?
  delivery : time?
  due      : datetime?
  note     : text?
  customer : text?
  city     : text?
}
entity Line {
  key order : uuid
  key line  : int
  amount    : decimal(9, 3)
}
entity Day  { key id : uuid; ordered : date? }
entity Item { key id : text; number : text?; city : text? }
codes status { "open" -> open; "paid" -> paid }
"""

CONNECTOR = """
connector shop is odata{version} {{
  base     "{{env.CAP}}/odata/v{version}/shop"
  metadata "shop.xml"
  auth     basic {{ user env.CAP_USER; password secret.CAP_PASSWORD }}
  resource orders is Orders {{
    changed $.changedAt, settles in 0 s, overlap 0 s
    deleted when $.status == "gone" otherwise false
    deleted by absence, refuse above 20 %
  }}
  resource days is Orders {{
    query   {{ "$filter": "status eq 'paid' or startswith(number, 'A''002')" }}
    changed datetime($.ordered, "00:00") at "Europe/Berlin", settles in 0 s
  }}
  resource lines is Items
}}
map shop.days to Day {{ id = $.ID; ordered = $.ordered }}
map shop.lines to Item {{
  id     = "{{$.parent_ID}}/{{$.line}}"
  number = $.parent.number
  city   = $.parent.customer.city
}}
map shop.orders as o to Order {{
  id       = o.ID
  number   = o.number
  status   = o.status via status
  total    = o.total
  discount = o.discount
  weight   = o.weight
  pieces   = o.pieces
  serial   = o.serial
  express  = o.express
  ordered  = o.ordered
  delivery = o.delivery
  due      = o.due
  note     = o.note
  customer = o.customer.name
  city     = o.customer.city
  each o.items{several}[*] as item to Line {{
    order  = o.ID
    line   = item.line
    amount = item.amount
  }}
}}
"""
COLUMNS = (
    "number, status, total, discount, weight, pieces, serial, express, ordered, delivery, due, note, customer, city"
)


def expected(order: dict[str, Any]) -> tuple[Any, ...]:
    """The row that is owed for it, in the order of COLUMNS."""
    who = next((one for one in shop.customers() if one["id"] == order["customer_id"]), {"name": None, "city": None})

    def of(name: str, read: Callable[[Any], Any]) -> Any:
        return None if order[name] is None else read(order[name])

    return (
        order["number"],
        order["status"],
        Decimal(order["total"]),
        of("discount", Decimal),
        of("weight", Decimal),
        order["pieces"],
        of("serial", int),
        order["express"],
        of("ordered", dt.date.fromisoformat),
        of("delivery", dt.time.fromisoformat),
        of("due", dt.datetime.fromisoformat),
        order["note"],
        who["name"],
        who["city"],
    )


class Shop(Project):
    def orders(self) -> dict[str, tuple[Any, ...]]:
        found = rows(self.database, f'SELECT id::text, {COLUMNS} FROM canonical."order"')
        return {row[0]: row[1:] for row in found}

    def lines(self) -> list[tuple[Any, ...]]:
        return rows(self.database, 'SELECT "order"::text, line, amount FROM canonical.line ORDER BY 1, 2')


@pytest.fixture
def project(
    tmp_path: Path, database: Server, cap: Cap, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Shop:
    made = Shop(tmp_path, database, monkeypatch, capsys)
    for name, value in {"CAP": cap.url, "CAP_USER": USER, "CAP_PASSWORD": PASSWORD}.items():
        made.setenv(name, value)
    return made


def asked(page: Archived) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(page.url).query).items()}


@pytest.mark.parametrize("version", ["2", "4"])
def test_from_metadata_to_rows_to_what_changed_and_what_is_gone(project: Shop, cap: Cap, version: str) -> None:
    several = ".results" if version == "2" else ""
    (project.folder / "shop.map").write_text(MODEL + CONNECTOR.format(version=version, several=several))
    assert "shop.xml: 3 entity sets, written" in project.run("metadata", "shop")
    project.run("check")
    # The next window begins a little before the first sync, and more so on a slow machine: what was filled just now would come again with it.
    time.sleep(4)
    project.run("sync")
    wanted = {one["ID"]: one for one in map(shop.order, range(shop.ORDERS))}
    lines = [
        (one["ID"], line["line"], Decimal(line["amount"]))
        for one in sorted(wanted.values(), key=lambda one: one["ID"])
        for line in one["items"]
    ]
    assert project.orders() == {key: expected(one) for key, one in wanted.items()}
    assert project.lines() == lines
    first = project.pages("shop.orders")
    assert len(first) == 4
    assert "$filter" not in asked(first[0])
    assert "changedAt" in asked(first[0])["$select"]
    assert asked(first[0])["$expand"] == (
        "customer,items" if version == "2" else "customer($select=id,name,city),items($select=parent_ID,line,amount)"
    )

    # A key of two parts, and what lies two navigations above.
    numbers = {one["ID"]: (one["number"], expected(one)[-1]) for one in wanted.values()}
    found = rows(project.database, "SELECT id, number, city FROM canonical.item")
    assert sorted(found) == sorted((f"{key}/{line}", *numbers[key]) for key, line, _ in lines)

    # Of days the filter is a day, beside a filter of the author's own.
    project.run("sync", "shop.days", "--since", "2026-02-10T12:00+01:00")
    (page,) = project.pages("shop.days")[2:]
    assert asked(page)["$filter"] == "(status eq 'paid' or startswith(number, 'A''002')) and ordered ge " + (
        "datetime'2026-02-10T00:00:00'" if version == "2" else "2026-02-10"
    )
    days = {one["ID"] for one in wanted.values() if (one["ordered"] or "") >= "2026-02-10"}
    days = {key for key in days if wanted[key]["status"] == "paid" or wanted[key]["number"].startswith("A'002")}
    body = page.body.decode()
    assert {key for key in wanted if f'"{key}"' in body} == days

    # What changed and what is new, and nothing else. Of a changed child its parent tells.
    changed = wanted[shop.order_id(1)] | {"note": "second", "total": "0.05", "discount": None}
    cap.send("PATCH", f"Orders({changed['ID']})", {name: changed[name] for name in ("note", "total", "discount")})
    new = shop.order(500)
    cap.send("POST", "Orders", new)
    cap.send("PATCH", f"Orders({shop.order_id(2)})", {"status": "gone"})
    wanted |= {changed["ID"]: changed, new["ID"]: new}
    del wanted[shop.order_id(2)]
    # A window ends with a whole second: what is of the one under way belongs to the next.
    time.sleep(1.1)
    project.run("sync", "shop.orders")
    assert project.orders() == {key: expected(one) for key, one in wanted.items()}
    (second,) = project.pages("shop.orders")[4:]
    assert "changedAt ge " in asked(second)["$filter"]
    assert " and changedAt lt " in asked(second)["$filter"]
    bodies = second.body.decode()
    assert [name in bodies for name in (changed["ID"], new["ID"], shop.order_id(2), shop.order_id(3))] == [
        True,
        True,
        True,
        False,
    ]
    assert shop.order_id(2) not in {line[0] for line in project.lines()}

    # What is gone without a word is missed by a whole sweep.
    cap.send("DELETE", f"Orders({shop.order_id(3)})")
    del wanted[shop.order_id(3)]
    project.run("sync", "shop.orders")
    assert shop.order_id(3) in project.orders()
    project.run("sync", "shop.orders", "--full")
    rest = {key: expected(one) for key, one in wanted.items()}
    assert project.orders() == rest

    # The archive alone gives the same.
    count, told = len(project.pages("shop.orders")), project.lines()
    text = (project.folder / "shop.map").read_text()
    (project.folder / "shop.map").write_text(text.replace("= o.note\n", "= o.note if invalid reject\n"))
    project.run("replay")
    assert project.orders() == rest
    assert project.lines() == told
    assert len(project.pages("shop.orders")) == count
    assert "as it was" in project.run("metadata", "shop", "--check")
    for path in project.folder.rglob("*"):
        assert not path.is_file() or PASSWORD.encode() not in path.read_bytes()


@pytest.mark.parametrize("version", ["2", "4"])
def test_a_first_draft_from_its_metadata(project: Shop, cap: Cap, version: str) -> None:
    metadata = httpx.get(f"{cap.url}/odata/v{version}/shop/$metadata", auth=(USER, PASSWORD), trust_env=False)
    (project.folder / "shop_metadata.xml").write_bytes(metadata.content)
    assert "3 resources" in project.run("infer", "shop_metadata.xml", "-o", "shop.map")
    project.run("check")
    (project.folder / "items.map").write_text(
        "entity Item { key order : text; key line : int; amount : decimal(9, 3)? }\n"
        "map shop.items to Item { order = $.parent_ID; line = $.line; amount = $.amount }\n"
    )
    settings = {"SHOP_URL": f"{cap.url}/odata/v{version}/shop", "SHOP_USER": USER, "SHOP_PASSWORD": PASSWORD}
    for name, value in settings.items():
        project.setenv(name, value)
    project.run("sync")
    wanted = [
        (one["ID"], line["line"], Decimal(line["amount"]))
        for one in map(shop.order, range(shop.ORDERS))
        for line in one["items"]
    ]
    found = rows(project.database, 'SELECT "order", line, amount FROM canonical.item ORDER BY 1, 2')
    assert found == sorted(wanted)
