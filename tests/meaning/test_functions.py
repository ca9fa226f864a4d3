"""The examples of every standard function, through its reference meaning, its runtime twin, and the whole language."""

from __future__ import annotations

import json
from datetime import date
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from tests.meaning.equal import exact
from tests.meaning.one import made, path

from fieldmap.compiler import interpret, ir
from fieldmap.compiler.functions import FUNCTIONS, Example, Function
from fieldmap.compiler.project import check
from fieldmap.runtime.values import functions as runtime
from fieldmap.runtime.values.outcome import Claimed, Failed

EXAMPLES = [
    pytest.param(function, example, id=example.text) for function in FUNCTIONS.values() for example in function.examples
]
PROJECT = """
connector c {{
  base "https://c.example.com"
  resource r {{
    get "/r"
    id  $.id
  }}
}}
entity A {{
  key k : text
  x     : {type}
}}
map c.r to A {{
  k = $.id
  x = {value}
}}
"""


def plain(value: Any) -> Any:
    """A value with its numbers as the runtime might have them."""
    if isinstance(value, list):
        return [plain(item) for item in value]
    if isinstance(value, Fraction):
        return int(value) if value.denominator == 1 else Decimal(value.numerator) / Decimal(value.denominator)
    return value


@pytest.mark.parametrize(("function", "example"), EXAMPLES)
def test_reference(function: Function, example: Example) -> None:
    assert exact(function.evaluate(*example.arguments)) == exact(example.expected)


@pytest.mark.parametrize(("function", "example"), EXAMPLES)
def test_runtime(function: Function, example: Example) -> None:
    arguments = [plain(argument) for argument in example.arguments]
    rendered = getattr(runtime, function.runtime)
    found = rendered("", *arguments) if function.fails else rendered(*arguments)
    assert type(found) is type(plain(example.expected)) or isinstance(example.expected, Fraction)
    assert found == plain(example.expected)


@pytest.mark.parametrize(("function", "example"), EXAMPLES)
def test_language(function: Function, example: Example, tmp_path: Path) -> None:
    expected = example.expected
    kind = next(type(other.expected) for other in (example, *function.examples) if other.expected is not None)
    kinds = {Fraction: "decimal(9, 3)?", bool: "bool?", date: "date?"}
    optional = kinds.get(kind, "text?")
    if isinstance(expected, dict):
        pytest.skip("the parts are read by name")
    file = tmp_path / "a.map"
    file.write_text(
        PROJECT.format(type="list of text" if isinstance(expected, list) else optional, value=example.text), "utf-8"
    )
    result = check(tmp_path, [file])
    assert not result.diagnostics
    record = {"id": "1"} | json.loads(example.given, parse_float=Decimal)
    outcome = interpret.run_record(result.project.maps[0], result.project.codes, record)
    assert isinstance(outcome, Claimed)
    assert not outcome.held
    assert outcome.rows[0][0][1] == expected


def test_every_function_says_what_it_is() -> None:
    for name, function in FUNCTIONS.items():
        assert function.name == name
        assert function.doc.endswith(".")
        assert "\n" not in function.doc
        assert len(function.examples) >= 2
        assert hasattr(runtime, function.runtime)


def test_several_where_one_may_be() -> None:
    with pytest.raises(Failed) as failure:
        FUNCTIONS["only"].evaluate(["a", "a"])
    assert failure.value.code == "FM2112"
    only = ir.Call(function="only", arguments=(path("a", None, declared=ir.TextType()),))
    assert made(only, ir.TextType(), {"a": ["x", "x"]}) == "FM2112"
    assert made(only, ir.TextType(), {"a": ["x", None]}) == "x"


@pytest.mark.parametrize("items", [[1, "a"], [True, False], [[1]], [None, {"a": 1}]])
def test_elements_without_an_order_in_common(items: list[Any]) -> None:
    for name in ("min", "max"):
        listed = ir.Implicit(value=path("a"), to=ir.ListType(element=ir.UnknownType()))
        call = ir.Implicit(value=ir.Call(function=name, arguments=(listed,)), to=ir.JsonType())
        assert made(call, ir.JsonType(), {"a": items}) == "FM2101"


@pytest.mark.parametrize(
    ("name", "types", "sentence"),
    [
        ("trim", (), "trim(text) takes one argument, and none stand here."),
        ("trim", (ir.TextType(), ir.TextType()), "trim(text) takes one argument, and 2 stand here."),
        ("words", (), "words(text, …) takes at least one argument, and none stand here."),
        ("lower", (ir.IntType(),), "lower(text) needs a text for text."),
        ("left", (ir.TextType(), ir.DecimalType()), "left(text, length) needs a whole number for length."),
        ("sum", (ir.ListType(element=ir.TextType()),), "sum(list) needs a list of numbers for list."),
        ("text", (ir.FloatType(),), "text(value) needs a text, number, bool, date or datetime for value."),
    ],
)
def test_calls_that_do_not_type(name: str, types: tuple[ir.Type, ...], sentence: str) -> None:
    assert FUNCTIONS[name].result_type(types) == sentence


def test_types_of_results() -> None:
    unit = ir.Unit(text="kg", dimension="[mass]", factor="1", offset="0")
    weights = ir.ListType(element=ir.DecimalType(precision=8, scale=2, unit=unit))
    assert FUNCTIONS["sum"].result_type((weights,)) == ir.DecimalType(unit=unit)
    assert FUNCTIONS["max"].result_type((weights,)) == weights.element
    assert FUNCTIONS["count"].result_type((weights,)) == ir.IntType()
    assert FUNCTIONS["split"].result_type((ir.TextType(), ir.TextType())) == ir.ListType(element=ir.TextType())
    assert FUNCTIONS["first"].result_type((ir.UnknownType(),)) == ir.UnknownType()
