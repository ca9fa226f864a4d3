"""Where an interrupted sweep goes on, if that stood in a Link header: known after any number of deaths in the same page."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fieldmap.runtime.acquire.state import LocalState
from fieldmap.runtime.acquire.trails import Trail


def content(number: int) -> bytes:
    return f"page {number}".encode()


@settings(max_examples=60, deadline=None)
@given(runs=st.lists(st.tuples(st.integers(0, 3), st.booleans()), min_size=1, max_size=6))
def test_behind_the_last_durable_page_is_known_after_any_deaths(
    tmp_path_factory: pytest.TempPathFactory, runs: list[tuple[int, bool]]
) -> None:
    """Each run goes on behind the last durable page, makes some pages durable, and may have asked for one more when it dies."""
    folder = tmp_path_factory.mktemp("state")
    durable = 0
    for pages, one_more in runs:
        trail = Trail(LocalState(folder), "shop.items", "")
        if durable:
            assert trail.behind("1", durable, content(durable)) == f"/items?from={durable + 1}"
        for number in range(durable + 1, durable + 1 + pages + one_more):
            trail.keep("1", number, content(number), f"/items?from={number + 1}")
        durable += pages


def test_another_sweep_and_another_answer_lead_nowhere(tmp_path: Path) -> None:
    trail = Trail(LocalState(tmp_path), "shop.items", "")
    trail.keep("1", 1, content(1), "/items?from=2")
    again = Trail(LocalState(tmp_path), "shop.items", "")
    assert again.behind("2", 1, content(1)) is None
    assert again.behind("1", 1, b"something else") is None
    assert again.behind("1", 1, content(1)) == "/items?from=2"
