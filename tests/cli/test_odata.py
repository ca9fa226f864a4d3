"""Connectors that are OData services, of both versions, against a service on the loopback."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.compiler.test_edm import V2, V4
from tests.odata import Service
from tests.runtime.acquire.faultserver import reply
from tests.support import rows

from fieldmap.cli.main import run
from fieldmap.runtime.store.database import Server

MAP_2 = """
entity Supplier {
  key no    : text
  created   : date?
  price     : decimal(12, 3)?
  city      : text?
  companies : list of text
}
connector s4 is odata2 {
  base     env.SERVICE
  metadata "metadata.xml"
  retry    1 times on 429, from 1 ms up to 1 ms
  resource suppliers is A_Supplier {
    query   { "$filter": "Supplier ne 'hidden'" }
    changed datetime($.CreationDate, "00:00") at "UTC", settles in 1 min
    deleted by absence, refuse above 50 %
  }
}
map s4.suppliers to Supplier {
  no        = $.Supplier
  created   = $.CreationDate
  city      = $.Where.City
  companies = $.to_Company.results[*].Company
}
"""

MAP_4 = """
entity Product {
  key id   : uuid
  price    : decimal(12, 3)
  tags     : list of text
  colour   : enum { red, blue }?
  supplier : text?
  parts    : list of decimal(12, 3)
}
connector shop is odata4 {
  base     env.SERVICE
  metadata "metadata.xml"
  resource products is Products
}
codes colour { "red" -> red; "blue" -> blue }
map shop.products to Product {
  id       = $.ID
  price    = $.Price
  tags     = $.Tags
  colour   = $.Colour via colour
  supplier = $.Supplier.Name
  parts    = $.Parts[*].Price
}
"""


def supplier(number: int, day: str = "2026-01-05") -> dict[str, Any]:
    millis = {"2026-01-05": 1767571200000, "2030-01-01": 1893456000000}[day]
    companies = [{"Supplier": f"S{number}", "Company": f"C{one}"} for one in range(number % 3)]
    return {
        "Supplier": f"S{number}",
        "CreationDate": f"/Date({millis})/",
        "Price": "12.500",
        "Where": {"City": "Köln"},
        "to_Company": {"results": companies},
        "to_Partner": None,
    }


def product(number: int) -> dict[str, Any]:
    one = f"0b3b1c66-6d2c-4b5c-8f6b-{number:012d}"
    return {
        "ID": one,
        "Price": 0.1 + number,
        "Tags": ["new", "blue"],
        "Colour": "blue" if number % 2 else None,
        "Supplier": {"ID": one, "Name": f"maker {number}"} if number != 2 else None,
        "Parts": [{"ID": one, "Price": 1.5}],
    }


def day(value: str) -> str:
    return "2030-01-01T00:00:00" if "18934" in value else "2026-01-05T00:00:00"


@pytest.fixture
def project(
    tmp_path: Path, database: Server, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[[Service, str], Path]]:
    running = []

    def begin(service: Service, text: str) -> Path:
        running.append(service.server)
        service.server.__enter__()
        monkeypatch.setenv("FIELDMAP_DATABASE_URL", database.url)
        monkeypatch.setenv("SERVICE", service.server.url)
        (tmp_path / "odata.map").write_text(text)
        (tmp_path / "fieldmap.toml").write_text("")
        monkeypatch.chdir(tmp_path)
        return tmp_path

    yield begin
    for server in running:
        server.__exit__(None, None, None)


def said(capsys: pytest.CaptureFixture[str]) -> str:
    captured = capsys.readouterr()
    assert "Traceback" not in captured.out + captured.err
    return " ".join((captured.out + captured.err).split())


def two() -> Service:
    return Service(2, V2, {"/A_Supplier": [supplier(number) for number in range(1, 6)]}, moment=day)


def test_an_entity_set_that_the_metadata_does_not_have(
    project: Callable[[Service, str], Path], capsys: pytest.CaptureFixture[str]
) -> None:
    folder = project(two(), MAP_2)
    assert run(["metadata", "s4"]) == 0
    project(two(), MAP_2.replace(" is A_", " is B_", 1))
    assert run(["check"]) == 1
    assert "FM0441" in said(capsys)
    (folder / "metadata.xml").write_text("<Edmx")
    assert run(["check"]) == 1
    assert "FM0440" in said(capsys)


def test_version_2_from_its_metadata_to_a_replay(
    project: Callable[[Service, str], Path], database: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    service = two()
    folder = project(service, MAP_2)
    assert run(["check"]) == 1
    assert "there is no file metadata.xml" in (text := said(capsys))
    assert "fieldmap metadata s4" in text
    assert "unknown" not in text
    assert run(["metadata", "s4"]) == 0
    assert "metadata.xml: 1 entity set, written next: fieldmap check" in said(capsys)
    assert run(["check"]) == 0
    assert run(["sync"]) == 0
    first, *others = service.queries
    assert first == {
        "$filter": "(Supplier ne 'hidden')",
        "$format": "json",
        "$select": "Supplier,CreationDate,Where,to_Company/Supplier,to_Company/Company",
        "$expand": "to_Company",
        "$inlinecount": "allpages",
    }
    assert [one["$skiptoken"] for one in others] == ["2", "4"]
    wanted = rows(database, "SELECT no, created::text, city, companies FROM canonical.supplier ORDER BY no")
    assert wanted[0] == ("S1", "2026-01-05", "Köln", ["C0"])
    assert [len(row[3]) for row in wanted] == [1, 2, 0, 1, 2]

    # What changed, and what is gone.
    service.sets["/A_Supplier"] = [*service.sets["/A_Supplier"][1:], supplier(9, "2030-01-01")]
    assert run(["sync"]) == 0
    last = service.queries[-1]["$filter"]
    assert last.startswith("(Supplier ne 'hidden') and CreationDate ge datetime'20")
    assert last.endswith("T00:00:00'")
    assert [row[0] for row in rows(database, "SELECT no FROM canonical.supplier ORDER BY no")] == [
        "S1",
        "S2",
        "S3",
        "S4",
        "S5",
        "S9",
    ]
    assert run(["sync", "--full"]) == 0
    wanted = rows(database, "SELECT no, created::text, city, companies FROM canonical.supplier ORDER BY no")
    assert [row[0] for row in wanted] == ["S2", "S3", "S4", "S5", "S9"]

    # The archive alone gives the same.
    asked = len(service.server.asked)
    (folder / "odata.map").write_text(
        MAP_2.replace("created   = $.CreationDate", "created   = $.CreationDate if invalid reject")
    )
    assert run(["replay"]) == 0
    assert len(service.server.asked) == asked
    assert wanted == rows(database, "SELECT no, created::text, city, companies FROM canonical.supplier ORDER BY no")


def test_version_4(
    project: Callable[[Service, str], Path], database: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    v4 = V4.replace('Type="Self.Supplier" Nullable="false"', 'Type="Self.Supplier"')
    service = Service(4, v4, {"/Products": [product(number) for number in range(1, 4)]})
    project(service, MAP_4)
    assert run(["metadata", "shop"]) == 0
    assert run(["sync"]) == 0
    assert service.queries[0] == {
        "$select": "ID,Price,Tags,Colour",
        "$expand": "Supplier($select=ID,Name),Parts($select=ID,Price)",
        "$count": "true",
    }
    found = rows(database, "SELECT price::text, tags, colour, supplier, parts::text FROM canonical.product ORDER BY id")
    assert found == [
        ("1.100", ["new", "blue"], "blue", "maker 1", "{1.500}"),
        ("2.100", ["new", "blue"], None, None, "{1.500}"),
        ("3.100", ["new", "blue"], "blue", "maker 3", "{1.500}"),
    ]
    capsys.readouterr()
    assert run(["explain", "Product", product(1)["ID"], "supplier"]) == 0
    assert "$.Supplier.Name" in said(capsys)


def test_another_field_is_asked_for_of_all_records(
    project: Callable[[Service, str], Path], database: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    service = two()
    folder = project(service, MAP_2)
    assert [run(["metadata", "s4"]), run(["sync"]), run(["sync"])] == [0, 0, 0]
    assert "ge datetime'" in service.queries[-1]["$filter"]
    (folder / "odata.map").write_text(MAP_2.replace("  city      = $", "  price     = $.Price\n  city      = $"))
    assert run(["replay"]) == 0
    capsys.readouterr()
    # What an operator asks for between is not all.
    assert run(["sync", "--since", "2026-01-01"]) == 0
    assert run(["sync"]) == 0
    assert "reads all: the last sweep asked for other fields" in said(capsys)
    assert "Price" in service.queries[-3]["$select"]
    assert "ge datetime'" not in service.queries[-3]["$filter"]
    assert rows(database, "SELECT DISTINCT price::text FROM canonical.supplier") == [("12.500",)]
    assert run(["sync"]) == 0
    assert "ge datetime'" in service.queries[-1]["$filter"]


def test_another_field_is_asked_for_in_every_step(
    project: Callable[[Service, str], Path], database: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    service = two()
    stepped = MAP_2.replace(
        ", settles in 1 min", ' sent as "from", until sent as "to", in steps of 300 days from "2024-01-01"'
    )
    stepped = stepped.replace("    deleted by absence, refuse above 50 %\n", "")
    folder = project(service, stepped)
    assert [run(["metadata", "s4"]), run(["sync"])] == [0, 0]
    # The steps of the first sweep alone: where the next begins is "now" in whole seconds, and may be so again below.
    begins = {one["from"] for one in service.queries}
    assert len(begins) > 2
    assert run(["sync"]) == 0
    (folder / "odata.map").write_text(stepped.replace("  city      = $", "  price     = $.Price\n  city      = $"))
    assert run(["replay"]) == 0
    capsys.readouterr()
    # What is cut off between two steps has not read all.
    asked = len(service.queries)
    service.before = lambda _: reply({}, 400) if len(service.queries) > asked + 3 else None
    assert run(["sync"]) == 1
    service.before = None
    service.server.asked.clear()
    assert run(["sync"]) == 0
    assert said(capsys).count("reads all: the last sweep asked for other fields") == 2
    assert min(one["from"] for one in service.queries) == "2024-01-01T00:00:00Z"
    assert all("Price" in one["$select"] for one in service.queries)
    service.server.asked.clear()
    assert run(["sync"]) == 0
    assert {one["from"] for one in service.queries}.isdisjoint(begins)
    assert "reads all" not in said(capsys)


CHILDREN = """
entity Supplier {
  key no    : text
  price     : decimal(12, 3)?
  city      : text?
}
connector s4 is odata2 {
  base     env.SERVICE
  metadata "metadata.xml"
  resource clients {
    get     "/clients"
    records $.d.results[*]
    id      $.id
    shape   { id: text }
  }
  resource suppliers is A_Supplier {
    for each clients as c get "/{c.id}/A_Supplier"
    changed datetime($.CreationDate, "00:00") at "UTC", settles in 1 min
  }
}
map s4.suppliers to Supplier {
  no        = $.Supplier
  city      = $.Where.City
}
"""


def test_another_field_is_asked_for_of_all_children(
    project: Callable[[Service, str], Path], database: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    service = two()
    service.sets = {
        "/clients": [{"id": "100"}, {"id": "200"}],
        "/100/A_Supplier": service.sets["/A_Supplier"][:3],
        "/200/A_Supplier": service.sets["/A_Supplier"][3:],
    }
    folder = project(service, CHILDREN)
    assert [run(["metadata", "s4"]), run(["sync"]), run(["sync"])] == [0, 0, 0]
    assert "ge datetime'" in service.queries[-1]["$filter"]
    (folder / "odata.map").write_text(CHILDREN.replace("  city      = $", "  price     = $.Price\n  city      = $"))
    assert run(["replay"]) == 0
    capsys.readouterr()
    assert run(["sync"]) == 0
    # Once, and not for each parent.
    assert said(capsys).count("reads all: the last sweep asked for other fields") == 1
    assert rows(database, "SELECT DISTINCT price::text FROM canonical.supplier") == [("12.500",)]
    assert run(["sync"]) == 0
    assert "ge datetime'" in service.queries[-1]["$filter"]


def test_a_part_of_an_expanded_list_is_refused(
    project: Callable[[Service, str], Path], database: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    service = two()
    service.sets["/A_Supplier"][3]["to_Company"]["__next"] = "A_Supplier('S4')/to_Company?$skiptoken=1"
    project(service, MAP_2)
    assert run(["metadata", "s4"]) == 0
    assert run(["sync"]) == 1
    assert "gave a record of s4.suppliers only a part of its to_Company; ask for fewer" in said(capsys)


def test_a_part_of_an_expanded_list_of_version_4_is_refused(
    project: Callable[[Service, str], Path], capsys: pytest.CaptureFixture[str]
) -> None:
    four = Service(4, V4, {"/Products": [product(1) | {"Parts@odata.nextLink": "Products(1)/Parts?x"}]})
    project(four, MAP_4)
    assert run(["metadata", "shop"]) == 0
    assert run(["sync"]) == 1
    assert "gave a record of shop.products only a part of its Parts" in said(capsys)


def test_a_service_that_has_a_property_no_longer(
    project: Callable[[Service, str], Path], capsys: pytest.CaptureFixture[str]
) -> None:
    service = two()
    folder = project(service, MAP_2)
    assert run(["metadata", "s4"]) == 0
    assert run(["metadata", "s4", "--check"]) == 0
    assert "metadata.xml: 1 entity set, as it was" in said(capsys)
    service.metadata = V2.replace('<Property Name="CreationDate"', '<Property Name="CreatedOn"').replace(
        'Name="Company" Type="Edm.String"', 'Name="Company" Type="Edm.Int32"'
    )
    service.before = lambda asked: reply({"error": {}}, 400) if "metadata" not in asked.target else None
    assert run(["sync"]) == 1
    assert (
        "answered 400; whether the service lacks what the maps read is told by: fieldmap metadata s4 --check"
        in said(capsys)
    )
    assert run(["metadata", "s4", "--check"]) == 1
    text = said(capsys)
    assert "s4.suppliers reads CreationDate, and the service no longer has it" in text
    assert "s4.suppliers reads to_Company/Company, which was Edm.String and is Edm.Int32 now" in text
    assert (folder / "metadata.xml").read_text() == V2
    assert run(["metadata", "s4", "--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)["drift"]) == 2
    assert run(["check"]) == 1
    assert "CreationDate" in said(capsys)


@pytest.mark.parametrize(
    ("text", "arguments", "answer", "code", "words"),
    [
        (MAP_2, ["metadata", "sap"], None, 2, "There is no connector sap; this project has: s4"),
        (MAP_2.replace(' is odata2', "").replace(' is A_Supplier', "").replace('  metadata "metadata.xml"\n', ""), ["metadata", "s4"], None, 2, "s4 is no OData service"),
        (MAP_2.replace('  metadata "metadata.xml"\n', ""), ["metadata", "s4"], None, 2, 'add: metadata "s4_metadata.xml"'),
        (MAP_2.replace("metadata.xml", "../x.xml"), ["metadata", "s4"], None, 2, "no file within the project"),
        (MAP_2, ["metadata", "s4"], b"<html><body>Sign in</body></html>", 1, "answered 200 with an HTML page"),
        (MAP_2, ["metadata", "s4"], b"<a/>", 1, "is no metadata: it is no metadata of OData"),
        (MAP_2, ["metadata", "s4"], V4.encode(), 1, "s4 is odata2, and the service answered with odata4"),
        (MAP_2.replace("env.SERVICE", "env.NOTHING"), ["metadata", "s4"], None, 2, "environment variable NOTHING (base)"),
    ],
)  # fmt: skip
def test_what_the_command_refuses(
    text: str,
    arguments: list[str],
    answer: bytes | None,
    code: int,
    words: str,
    project: Callable[[Service, str], Path],
    capsys: pytest.CaptureFixture[str],
) -> None:
    service = two()
    service.before = lambda _: reply(answer, content_type="application/xml") if answer is not None else None
    folder = project(service, text)
    assert run(arguments) == code
    assert words in said(capsys)
    assert not (folder / "metadata.xml").exists()
