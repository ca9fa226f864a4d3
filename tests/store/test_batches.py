"""Where batches end changes nothing: not which version of a record stands, nor in which page it is said to have come (I2, I13)."""

from __future__ import annotations

import random
from typing import Any

import pytest
from tests.conftest import empty_database
from tests.store.test_recall import MAP, MAPS, version
from tests.support import Pages, compiled, examples, load, ready, rows

from fieldmap.runtime.bundle import Bundle
from fieldmap.runtime.load import intake
from fieldmap.runtime.store.database import Server

KINDS = (1, 1, 1, 2, 3, 4, 5, 7)  # claimed in two ways, held, filtered, deleted, rejected


@pytest.fixture(scope="module", params=["now", "history"])
def bundle(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    maps = MAPS if request.param == "now" else MAPS.replace("in km?\n", "in km?\n  keeps history\n")
    return compiled(tmp_path_factory.mktemp("batches"), all=maps)


def contents(dice: random.Random) -> list[list[dict[str, Any]]]:
    """Pages that show few records in few versions, again and again."""
    pool = [version(dice.choice("abc"), dice.choice(KINDS), dice.choice((1, 1, 2))) for _ in range(6)]
    return [dice.choices(pool, k=dice.randrange(1, 4)) for _ in range(12)]


def state(database: Server) -> dict[str, list[tuple[Any, ...]]]:
    columns = "_record, _state, _changed, _position, _index, _digest, name, level"
    found = {
        "claims": rows(database, f"SELECT {columns} FROM claims.hr_people__worker ORDER BY 1"),
        "canonical": rows(database, "SELECT number, name, level, size FROM canonical.worker ORDER BY 1"),
        "dead": rows(database, "SELECT record, archive_position, record_index FROM fieldmap.dead_letters ORDER BY 1, 2, 3"),
        "held": rows(database, "SELECT record, field, archive_position, record_index FROM fieldmap.held ORDER BY 1, 2, 3"),
    }  # fmt: skip
    if rows(database, "SELECT to_regclass('versions.hr_people__worker')")[0][0] is not None:
        found["versions"] = rows(database, f"SELECT {columns} FROM versions.hr_people__worker ORDER BY 1, _changed")
    return found


@pytest.mark.parametrize("seed", [0, 5, *range(10, 10 + examples(2))])
def test_I2_batches_may_end_anywhere(
    bundle: Bundle, server: Server, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    dice = random.Random(seed)  # noqa: S311
    shown, found = contents(dice), []
    for size in (1, 3, 1_000):
        monkeypatch.setattr(intake, "BATCH_RECORDS", size)
        with empty_database(server) as database:
            ready(database, bundle)
            pages = Pages()
            given = [pages.page({"data": content}) for content in shown]
            if size == 1:
                for page in given:
                    load(database, bundle, MAP, [page])
            else:
                # The second run meets what the first has left.
                load(database, bundle, MAP, given[:4])
                load(database, bundle, MAP, given[4:])
            found.append(state(database))
    assert found[1] == found[0]
    assert found[2] == found[0]
