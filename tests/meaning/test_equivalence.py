"""I17, M25: the interpreter and the generated Python mean the same, on every map and every record, failures included."""

from __future__ import annotations

import decimal
import functools
from collections.abc import Callable
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.meaning import data
from tests.meaning.equal import essence, load
from tests.meaning.expressions import CODES
from tests.meaning.maps import maps
from tests.support import examples

from fieldmap.compiler import interpret, ir
from fieldmap.compiler.emit import transform
from fieldmap.runtime.values.failures import TITLES
from fieldmap.runtime.values.outcome import Claimed, Dead, Failed

RELAXED = settings(
    deadline=None,
    max_examples=examples(60),
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
)


@RELAXED
@given(maps(), st.lists(data.records, min_size=4, max_size=10))
def test_M25_interpreter_and_transform_agree(map: ir.Map, records: list[Any]) -> None:
    source = transform.emit(map, CODES)
    module = load(source)
    assert transform.emit(map, CODES) == source
    for record in records:
        wanted = interpret.run_record(map, CODES, record)
        found = module.transform(record)
        assert essence(found) == essence(wanted)
        for code in codes_of(found):
            assert code in TITLES


@settings(RELAXED, max_examples=examples(30))
@given(maps(), data.values)
def test_records_of_a_body_agree(map: ir.Map, body: Any) -> None:
    module = load(transform.emit(map, CODES))
    assert records_or_code(module.records, body) == records_or_code(functools.partial(interpret.records, map), body)


def records_or_code(find: Callable[[Any], list[Any]], body: Any) -> Any:
    try:
        return find(body)
    except Failed as failed:
        return failed.code, failed.path


@settings(RELAXED, max_examples=examples(25))
@given(maps(), st.lists(data.records, min_size=2, max_size=4))
def test_M3_the_ambient_decimal_context_changes_nothing(map: ir.Map, records: list[Any]) -> None:
    module = load(transform.emit(map, CODES))
    for record in records:
        wanted = essence(module.transform(record))
        with decimal.localcontext() as context:
            context.prec = 3
            context.rounding = decimal.ROUND_UP
            context.traps[decimal.Inexact] = True
            context.traps[decimal.FloatOperation] = True
            assert essence(module.transform(record)) == wanted


def codes_of(outcome: Any) -> list[str]:
    match outcome:
        case Dead():
            return [outcome.code]
        case Claimed():
            return [held.code for held in outcome.held]
        case _:
            return []
