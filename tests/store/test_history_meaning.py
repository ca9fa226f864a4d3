"""History against the reference meaning of a merge, over random projects with every rule that there is: the row of a time is what the
interpreter makes of the versions until then, whatever arrived when.

FIELDMAP_EXAMPLES=50 tries so many times the projects of every day.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from tests.conftest import empty_database
from tests.store.test_merge_meaning import Version, arrive, history, model, reference
from tests.store.test_merge_rules import FIELDS, START, columns, shown, stored
from tests.support import anew, examples, project, rows

from fieldmap.compiler import ir
from fieldmap.compiler.project import compile_project
from fieldmap.runtime.load import intake
from fieldmap.runtime.store.database import Server

DAYS = (-1, 0, 1, 2, 5, 9, 10, 11, 40, 400)


@pytest.fixture(scope="module")
def database(server: Server) -> Iterator[Server]:
    with empty_database(server) as made:
        yield made


@settings(
    max_examples=examples(2),
    deadline=None,
    # What a seed makes does not become simpler with a smaller one.
    phases=(Phase.explicit, Phase.reuse, Phase.generate),
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(st.integers(0, 2**40))
def test_the_row_of_a_time_is_what_the_reference_makes_of_the_versions_until_then(
    database: Server, tmp_path_factory: pytest.TempPathFactory, seed: int
) -> None:
    dice = random.Random(seed)  # noqa: S311
    text = model(dice).replace("}\nconnector a", "  keeps history\n}\nconnector a", 1)
    checked = project(tmp_path_factory.mktemp("maps"), all=text)
    assert checked.ok, [item.message for item in checked.diagnostics]
    bundle, entity = compile_project(checked), checked.project.entities[0]
    versions = history(dice)
    anew(database, bundle)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(intake, "BATCH_RECORDS", dice.choice((1, 5, 100)))
        arrive(database, bundle, dice, versions)
    for day in DAYS:
        at = START + timedelta(days=day)
        wanted = reference(checked.project, [version for version in versions if _until(version, at)])
        assert as_of(database, entity, at) == {
            key[0]: [shown(part) for name, own in _fields(entity) for part in stored(row.values[name], len(own))]
            for key, row in wanted.rows.items()
            if row.complete
        }, f"{day} days after the start"
    names = ", ".join(f'"{column}"::text' for own in columns(entity).values() for column in own)
    latest = (
        f"SELECT {names} FROM (SELECT DISTINCT ON (id) * FROM history.thing WHERE _known_to = 'infinity'"
        " ORDER BY id, _true_from DESC) h WHERE NOT _gone ORDER BY id"
    )
    assert rows(database, latest) == rows(database, f"SELECT {names} FROM canonical.thing ORDER BY id")


def _until(version: Version, at: datetime) -> bool:
    said = version.json.get("at")
    return said is None or datetime.fromisoformat(said) <= at


def _fields(entity: ir.Entity) -> list[tuple[str, list[str]]]:
    own = columns(entity)
    return [(name, list(own[name])) for name in FIELDS]


def as_of(database: Server, entity: ir.Entity, at: datetime) -> dict[str, list[Any]]:
    names = ", ".join(f'"{column}"' for _, own in _fields(entity) for column in own)
    found = rows(
        database,
        f"SELECT id, {names} FROM (SELECT DISTINCT ON (id) * FROM history.thing WHERE _known_to = 'infinity' AND _true_from <= %s"
        " ORDER BY id, _true_from DESC) h WHERE NOT _gone",
        at,
    )
    return {key: [shown(cell) for cell in cells] for key, *cells in found}
