"""What is kept of parents between syncs: never anything else than the whole archive says, whatever happened to either."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.runtime.archive.fakes import FixedRandomness, VirtualClock
from tests.support import compiled

from fieldmap.runtime.acquire.family import Family, Memory, Record
from fieldmap.runtime.acquire.newest import Newest
from fieldmap.runtime.acquire.state import LocalState
from fieldmap.runtime.acquire.transport import BoundedHttp
from fieldmap.runtime.archive import Archive, Archived, ClosedSweep, Received, SweepEnd
from fieldmap.runtime.archive.storage import LocalStorage
from fieldmap.runtime.bundle import Bundle
from fieldmap.runtime.plan import HttpConnector, Parent
from fieldmap.runtime.ports import Ports

WORKERS = "hr.workers"
MAP = """
connector hr {
  base "https://hr.example.com"
  resource workers {
    get     "/workers"
    records $.items[*]
    id      $.id
    changed $.at
    deleted when $.gone == true otherwise false
    deleted by absence, refuse above 60 %
    shape   { id: text, at: text?, gone: bool?, n: int }
  }
  resource jobs {
    for each workers as w get "/workers/{w.id}/jobs"
    id (@parent.id, $.no)
  }
}
"""


class Counting(Archive):
    """Says how many entries were read one behind the other."""

    read_on = 0

    def entries(self, *given: Any, **more: Any) -> Iterator[Archived | ClosedSweep]:
        for item in super().entries(*given, **more):
            self.read_on += 1
            yield item


class Parents:
    def __init__(self, root: Path, bundle: Bundle, name: str = "archive") -> None:
        self.ports = Ports(http=BoundedHttp(), storage=LocalStorage(), clock=VirtualClock(), random=FixedRandomness())
        self.archive = Counting(root / name, self.ports)
        self.bundle = bundle
        self.state = LocalState(root / "state")
        connector = bundle.connector("hr")
        assert isinstance(connector, HttpConnector)
        self.parent: Parent = next(one.parent for one in connector.resources if one.parent is not None)
        self.first = -1

    def page(self, *records: dict[str, Any], sweep: str = "s", **more: Any) -> None:
        with self.archive.writer(WORKERS) as writer:
            made = writer.append(
                Received(
                    resource=WORKERS,
                    url="https://hr.example.com/workers",
                    fetched_at=self.ports.clock.now(),
                    status=200,
                    headers={},
                    body=json.dumps({"items": records}).encode(),
                    format="json",
                    request="r",
                    sweep=sweep,
                    page=1,
                    framed=True,
                    **more,
                )
            )
        self.first = made.position if self.first < 0 else self.first

    def close(self, sweep: str = "s", **end: Any) -> None:
        with self.archive.writer(WORKERS) as writer:
            told = {"framed": True, "full": True, "first": self.first, "records": 1, **end}
            writer.close_sweep(sweep, 1, SweepEnd(**told))
        self.first = -1

    def family(self, worth: int | None = 0, bundle: Bundle | None = None) -> Family:
        bundle = bundle or self.bundle
        memory = Memory(self.state, self.ports.clock, bundle.apart, worth) if worth is not None else None
        return Family(self.archive, bundle.parent, memory)

    def told(self, worth: int | None = 0, **more: Any) -> list[Record]:
        self.archive.read_on = 0
        return list(self.family(worth, **more).records(self.parent))

    def numbers(self, **more: Any) -> list[int]:
        return [json.loads(record.chain)[0]["n"] for record in self.told(**more)]


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return compiled(tmp_path_factory.mktemp("maps"), hr=MAP)


@pytest.fixture
def parents(tmp_path: Path, bundle: Bundle) -> Iterator[Parents]:
    made = Parents(tmp_path, bundle)
    yield made
    made.ports.http.close()


def test_what_was_read_is_not_read_again(parents: Parents) -> None:
    parents.page({"id": "a", "n": 1}, {"id": "b", "n": 2})
    parents.page({"id": "c", "n": 3})
    parents.close()
    assert parents.numbers() == [1, 2, 3]
    assert parents.archive.read_on == 3
    assert parents.numbers() == [1, 2, 3]
    assert parents.archive.read_on == 0
    parents.page({"id": "b", "n": 4})
    assert parents.numbers() == [1, 3, 4]
    assert parents.archive.read_on == 1


@pytest.mark.parametrize("seed", range(4))
def test_folding_with_what_was_kept_finds_what_the_whole_archive_says(parents: Parents, seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311  (the same each time)
    begin = datetime(2026, 1, 1, tzinfo=UTC)
    for n in range(60):
        if chance.random() < 0.25 and parents.first >= 0:
            kinds: dict[str, Any] = {
                "full": chance.random() < 0.8,
                "framed": chance.random() < 0.9,
                "skipped": chance.random() < 0.1,
            }
            parents.close(**kinds, confirmed=chance.random() < 0.2, capped=chance.random() < 0.1)
        else:
            records: list[dict[str, Any]] = [
                {"id": chance.choice("abcdefgh"), "n": n * 10 + more} for more in range(chance.randint(0, 4))
            ]
            for record in records:
                if chance.random() < 0.7:
                    record["at"] = (begin + timedelta(hours=chance.randint(0, 30))).isoformat()
                if chance.random() < 0.2:
                    record["gone"] = True
                if chance.random() < 0.1:
                    record["id"] = None
            parents.page(*records, **({"rejected": "no"} if chance.random() < 0.1 else {}))
        if chance.random() < 0.5:
            assert parents.told() == parents.told(worth=None)
    whole = parents.told(worth=None)
    assert parents.told() == whole
    assert whole


def test_another_archive_in_its_place_is_read_from_its_beginning(
    parents: Parents, tmp_path: Path, bundle: Bundle
) -> None:
    parents.page({"id": "a", "n": 1})
    parents.page({"id": "b", "n": 2})
    assert parents.numbers() == [1, 2]
    # The same places, other pages; and one that ends before.
    for name, pages in (("other", ("x", "y", "z")), ("shorter", ("x",))):
        other = Parents(tmp_path, bundle, name)
        other.ports.clock.pass_by(3600)  # type: ignore[attr-defined]
        for n, letter in enumerate(pages):
            other.page({"id": letter, "n": n})
        assert other.numbers() == list(range(len(pages)))
        assert other.archive.read_on == len(pages)
        other.ports.http.close()
    assert parents.numbers() == [1, 2]
    assert parents.archive.read_on == 2


def test_another_archive_that_is_cut_at_the_same_place_is_read_from_its_beginning(
    parents: Parents, tmp_path: Path, bundle: Bundle
) -> None:
    """The look whether anything begins there does not tell the two apart; what lies there does."""
    parents.page({"id": "a", "n": 1})
    assert parents.numbers() == [1]
    other = Parents(tmp_path, bundle, "other")
    other.page({"id": "x", "n": 0}, {"id": "y", "n": 1})
    first, same = (next(one.archive.read(WORKERS, None)).position for one in (parents, other))
    assert first == same
    assert other.numbers() == [0, 1]
    other.ports.http.close()


def test_records_that_are_told_apart_in_another_way_are_found_anew(parents: Parents, tmp_path: Path) -> None:
    parents.page({"id": "a", "n": 1}, {"id": "a", "n": 2}, {"id": "b", "n": 3, "gone": True})
    assert parents.numbers() == [2]
    other = compiled(tmp_path / "other", hr=MAP.replace("id      $.id", "id      ($.id, $.n)"))
    assert parents.numbers(bundle=other) == [1, 2]
    living = compiled(tmp_path / "living", hr=MAP.replace("deleted when $.gone == true otherwise false\n", ""))
    assert parents.numbers(bundle=living) == [2, 3]
    assert parents.numbers() == [2]
    # How much may be absent is no part of how they are told apart, and part of who is there.
    parents.close()
    parents.page({"id": "c", "n": 4})
    parents.close()
    assert parents.numbers() == [4]
    parents.parent = replace(parents.parent, absence="10")
    assert parents.numbers() == [2, 4]


@pytest.mark.parametrize("cut", [0, 1, 40, -1, -9])
def test_what_is_damaged_is_not_used(parents: Parents, tmp_path: Path, cut: int) -> None:
    parents.page({"id": "a", "n": 1}, {"id": "b", "n": 2})
    assert parents.numbers() == [1, 2]
    (kept,) = [path for path in (tmp_path / "state").iterdir() if path.suffix != ".lock"]
    data = kept.read_bytes()
    damaged = data[:cut] if cut != -9 else data[:-9] + bytes([data[-9] ^ 1]) + data[-8:]
    kept.write_bytes(damaged)
    assert parents.numbers() == [1, 2]
    assert parents.archive.read_on == 1
    assert kept.read_bytes() == data


def test_no_value_of_a_record_is_kept(parents: Parents, tmp_path: Path) -> None:
    parents.page({"id": "ada@example.com", "n": 1})
    assert parents.numbers() == [1]
    assert all(b"@example" not in path.read_bytes() for path in (tmp_path / "state").iterdir())


def test_little_is_read_again_and_not_kept(parents: Parents, tmp_path: Path) -> None:
    parents.page({"id": "a", "n": 1})
    assert parents.numbers(worth=1 << 20) == [1]
    assert not (tmp_path / "state").exists()


def test_kept_and_read_again(parents: Parents) -> None:
    parents.page({"id": "a", "n": 1})
    parents.told()
    found = parents.family()._newest(parents.parent, parents.bundle.parent(WORKERS))
    again = Newest.decoded(found.encoded("x"), "x")
    assert again is not None
    assert again.encoded("x") == found.encoded("x")
    assert Newest.decoded(found.encoded("x"), "y") is None
