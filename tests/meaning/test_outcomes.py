"""Paths, absence, judgement, and what becomes of whole records."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from tests.meaning.equal import load
from tests.meaning.expressions import BOOL, CODES, DATETIME, INT, PLACE, TEXT
from tests.meaning.one import assign, made, map_of, outcome, path

from fieldmap.compiler import interpret, ir
from fieldmap.compiler.emit import transform
from fieldmap.runtime.values.failures import Unreadable
from fieldmap.runtime.values.outcome import Claimed, Dead, Deleted, Failed, Filtered, Held

TEXTS = ir.ListType(element=TEXT)


def constant(value: str | bool) -> ir.Expr:
    return ir.BoolConstant(value=value) if isinstance(value, bool) else ir.TextConstant(value=value)


# ---------------------------------------------------------------------------------------------------------- paths


@pytest.mark.parametrize(
    ("record", "wanted"),
    [
        ({"a": {"b": "x"}}, "x"),
        ({"a": {"b": None}}, None),
        ({"a": {}}, None),
        ({"a": None}, None),
        ({}, None),
        ({"a": "x"}, "FM2101"),
        ({"a": [{"b": "x"}]}, "FM2101"),
    ],
)
def test_a_path_finds_one_value(record: Any, wanted: Any) -> None:
    assert made(path("a", "b", declared=TEXT), TEXT, record) == wanted


def test_a_required_member_rejects_the_record_but_only_where_its_object_is() -> None:
    required = path("a", "b", required=True, declared=TEXT)
    assert made(required, TEXT, {"a": {}}) == "FM2102"
    assert made(required, TEXT, {"a": {"b": None}}) == "FM2102"
    assert made(required, TEXT, {"a": None}) is None
    found = outcome(map_of(assign(required, outcome="hold")), {"a": {}})
    assert isinstance(found, Dead)
    assert (found.code, found.field, found.path) == ("FM2102", "x", "$.a.b")


@pytest.mark.parametrize(("index", "wanted"), [(0, "a"), (-1, "b"), (1, "b"), (2, None), (-3, None)])
def test_positions(index: int, wanted: Any) -> None:
    assert made(path("l", index, declared=TEXT), TEXT, {"l": ["a", "b"]}) == wanted
    assert made(path("l", index, declared=TEXT), TEXT, {"l": {"a": "b"}}) == "FM2101"
    assert made(path("l", index, declared=TEXT), TEXT, {"l": None}) is None


@pytest.mark.parametrize(
    ("record", "wanted"),
    [
        ({"l": [{"n": "x"}, {"n": None}, {}, None, {"n": "y"}]}, ["x", "y"]),
        ({"l": {"first": {"n": "x"}, "second": {"n": "y"}}}, ["x", "y"]),
        ({"l": []}, []),
        ({"l": None}, None),
        ({}, None),
        ({"l": [{"n": 1}]}, "FM2101"),
        ({"l": ["x"]}, "FM2101"),
        ({"l": "x"}, "FM2101"),
    ],
)
def test_every_element(record: Any, wanted: Any) -> None:
    assert made(path("l", None, "n", declared=TEXT), TEXTS, record) == wanted


def test_lists_in_lists_are_joined() -> None:
    nested = path("l", None, "m", None, declared=TEXT)
    assert made(nested, TEXTS, {"l": [{"m": ["a", None]}, {}, {"m": []}, {"m": ["b"]}]}) == ["a", "b"]
    assert made(nested, TEXTS, {"l": [{"m": 1}]}) == "FM2101"


def test_long_paths_are_walked_alike() -> None:
    names = ("a",) * 12
    record: Any = "x"
    for name in names:
        record = {name: record}
    assert made(path(*names, declared=TEXT), TEXT, record) == "x"
    assert made(path(*names, "b", declared=TEXT), TEXT, record) == "FM2101"
    assert made(path(*names, required=True, declared=TEXT), TEXT, {"a": {"a": None}}) is None


def test_sentinels_are_absent_in_kind_and_value() -> None:
    blank = path("a", declared=TEXT, sentinels=(ir.TextConstant(value=""), ir.TextConstant(value="N/A")))
    assert [made(blank, TEXT, {"a": raw}) for raw in ("", "N/A", "n/a")] == [None, None, "n/a"]
    minus = path("a", declared=INT, sentinels=(ir.NumberConstant(value="-1"),))
    assert [made(minus, INT, {"a": raw}) for raw in (-1, "-1", 1)] == [None, None, 1]
    loose = path("a", sentinels=(ir.NumberConstant(value="1"),))
    assert made(ir.Implicit(value=loose, to=BOOL), BOOL, {"a": True}) is True
    assert made(path("l", None, declared=TEXT, sentinels=(ir.TextConstant(value=""),)), TEXTS, {"l": ["", "x"]}) == [
        "x"
    ]


@pytest.mark.parametrize(
    ("record", "missing", "null"),
    [
        ({}, True, False),
        ({"a": None}, True, False),
        ({"a": {}}, True, False),
        ({"a": {"b": None}}, False, True),
        ({"a": {"b": 0}}, False, False),
    ],
)
def test_missing_and_null_are_told_apart(record: Any, missing: bool, null: bool) -> None:
    read = path("a", "b")
    assert made(ir.IsAbsent(value=read, what="missing"), BOOL, record) is missing
    assert made(ir.IsAbsent(value=read, what="json null"), BOOL, record) is null
    assert made(ir.IsAbsent(value=read, what="absent", negated=True), BOOL, record) is not (missing or null)


# ------------------------------------------------------------------------------------------------------ judgement


def test_logic_has_three_values() -> None:
    sides = {True: constant(True), False: constant(False), None: path("a", declared=BOOL)}
    for left, one in sides.items():
        assert made(ir.Not(value=one), BOOL) == (None if left is None else not left)
        for right, other in sides.items():
            known = {left, right}
            both = False if False in known else None if None in known else True
            either = True if True in known else None if None in known else False
            assert made(ir.And(left=one, right=other), BOOL) is both
            assert made(ir.Or(left=one, right=other), BOOL) is either


def test_sides_and_branches_not_needed_are_not_evaluated() -> None:
    fails = ir.Implicit(value=constant("x"), to=BOOL)
    assert made(ir.And(left=constant(False), right=fails), BOOL) is False
    assert made(ir.Or(left=constant(True), right=fails), BOOL) is True
    assert made(ir.And(left=path("a", declared=BOOL), right=fails), BOOL) == "FM2101"
    assert made(ir.If(condition=constant(True), then=constant("t"), otherwise=fails)) == "t"
    assert made(ir.Otherwise(value=constant("v"), fallback=fails)) == "v"
    assert made(ir.Otherwise(value=path("a", declared=TEXT), fallback=constant("f"))) == "f"


def test_otherwise_hides_no_failure() -> None:
    assert (
        made(ir.Otherwise(value=path("a", declared=INT), fallback=ir.NumberConstant(value="0")), INT, {"a": "x"})
        == "FM2104"
    )


@pytest.mark.parametrize(
    ("operator", "left", "right", "wanted"),
    [
        ("<", "B", "a", True),
        ("<", "é", "z", False),
        ("==", "é", "e\u0301", False),
        (">=", "a", "a", True),
        ("!=", "a", "b", True),
    ],
)
def test_M10_texts_compare_by_code_point(operator: str, left: str, right: str, wanted: bool) -> None:
    assert made(ir.Comparison(operator=operator, left=constant(left), right=constant(right)), BOOL) is wanted


def test_comparison_passes_absence_through() -> None:
    absent = path("a", declared=INT)
    assert made(ir.Comparison(operator="!=", left=absent, right=ir.NumberConstant(value="1")), BOOL) is None
    assert made(ir.InList(value=absent, items=(ir.NumberConstant(value="1"),), negated=True), BOOL) is None


def test_mapped_conversions_leave_out_the_absent_and_fail_as_one() -> None:
    body = ir.Lookup(value=ir.Item(), codes="status")
    mapped = ir.Mapped(value=path("l", None, declared=TEXT), body=body)
    assert made(mapped, TEXTS, {"l": ["Active", "On Leave"]}) == ["active", "leave"]
    assert made(mapped, TEXTS, {"l": ["Active", "?"]}) == "FM2110"
    assert made(mapped, TEXTS) is None
    found = outcome(map_of(assign(mapped, TEXTS)), {"l": ["?"]})
    assert isinstance(found, Claimed)
    assert found.held == (Held(0, 0, "x", "FM2110", 'code "?" is not in status', "$.l[*]"),)


def test_deep_expressions_do_not_overflow_anything() -> None:
    node: ir.Expr = path("a", declared=INT)
    for _ in range(120):
        node = ir.If(
            condition=constant(True), then=node, otherwise=node if isinstance(node, ir.Read) else constant("x")
        )
    assert made(node, INT, {"a": 5}) == 5
    for _ in range(120):
        node = ir.Arithmetic(operator="+", left=node, right=ir.NumberConstant(value="1"))
    assert made(node, INT, {"a": 5}) == 125


# -------------------------------------------------------------------------------------------------------- records

WHEN = datetime(2026, 1, 1, tzinfo=UTC)
CHANGED = path("at", declared=DATETIME)


def test_the_order_in_which_a_record_is_judged() -> None:
    map = map_of(
        assign(path("key", declared=TEXT), field="key", is_key=True, outcome="reject"),
        assign(path("name", declared=TEXT), field="name"),
        identity=(path("id", declared=TEXT),),
        changed=CHANGED,
        deleted_when=path("gone", declared=BOOL),
        when=path("wanted", declared=BOOL),
    )
    at = "2026-01-01T00:00:00Z"
    whole = {"id": "1", "at": at, "gone": False, "wanted": True, "key": "k", "name": "n"}
    assert outcome(map, whole) == Claimed("1", WHEN, ((("k", "n"),),))
    assert outcome(map, whole | {"gone": True}) == Deleted("1", WHEN)
    assert outcome(map, whole | {"wanted": False, "key": 5}) == Filtered("1", WHEN)
    assert outcome(map, whole | {"wanted": None}) == Filtered("1", WHEN)
    dead = [
        outcome(map, whole | change)
        for change in (
            {"id": None},
            {"id": 5, "at": 1},
            {"at": 1},
            {"gone": "x"},
            {"wanted": 1},
            {"key": None},
            {"key": 5},
        )
    ]
    assert all(isinstance(item, Dead) for item in dead)
    assert [(d.code, d.field, d.path, d.record_id, d.changed) for d in dead if isinstance(d, Dead)] == [
        ("FM2124", "", "$.id", None, None),
        ("FM2124", "", "$.id", None, None),
        ("FM2101", "", "$.at", "1", None),
        ("FM2101", "", "$.gone", "1", WHEN),
        ("FM2101", "", "$.wanted", "1", WHEN),
        ("FM2114", "key", "$.key", "1", WHEN),
        ("FM2101", "key", "$.key", "1", WHEN),
    ]


def test_a_failure_is_rejected_held_or_replaced() -> None:
    bad, record = path("a", declared=INT), {"a": "x"}
    found = outcome(map_of(assign(bad, INT, outcome="reject")), record)
    assert isinstance(found, Dead)
    reason = '"x" is not a whole number'
    assert (found.code, found.reason, found.field, found.path) == ("FM2104", reason, "x", "$.a")
    held = outcome(map_of(assign(bad, INT)), record)
    assert held == Claimed("1", None, (((None,),),), (Held(0, 0, "x", "FM2104", reason, "$.a"),))
    use = assign(bad, INT, outcome="use", use=ir.NumberConstant(value="7"))
    assert outcome(map_of(use), record) == Claimed(
        "1", None, (((7,),),), (Held(0, 0, "x", "FM2104", reason, "$.a", True),)
    )


@pytest.mark.parametrize("asked", [{}, {"unsent": True}, {"marks": (ir.TextConstant(value="same"),)}])
@pytest.mark.parametrize("sparse_when", [None, ir.BoolConstant(value=False), ir.BoolConstant(value=True)])
def test_a_path_of_which_nothing_is_asked_is_not_walked(asked: dict[str, Any], sparse_when: ir.Expr | None) -> None:
    field = assign(path("x"), outcome="reject", asked=(ir.Asked(read=path("a", 0, "b"), **asked),))
    found = outcome(map_of(field, sparse_when=sparse_when), {"a": {"no": "list"}, "x": "1"})
    walked = "marks" in asked or ("unsent" in asked and sparse_when == ir.BoolConstant(value=True))
    assert isinstance(found, Dead if walked else Claimed)


def test_a_constant_that_the_field_cannot_hold_is_refused_before_any_data() -> None:
    use = assign(path("a", declared=INT), INT, outcome="use", use=ir.NumberConstant(value="7.5"))
    with pytest.raises(ValueError, match="constant of x cannot be used"):
        transform.emit(map_of(use), CODES)


@pytest.mark.parametrize("record", [None, 1, "x", True, [], Unreadable("FM2126", "twice")])
def test_a_record_must_be_an_object(record: Any) -> None:
    found = outcome(map_of(assign(path("a", declared=TEXT))), record)
    assert isinstance(found, Dead)
    assert (found.code, found.field) == ("FM2122", "")


def test_a_record_that_is_read_by_position_may_be_a_list() -> None:
    assert made(path(1, declared=TEXT), TEXT, ["a", "b"]) == "b"
    assert made(path(1, declared=TEXT), TEXT, {"a": "b"}) == "FM2101"
    assert made(path(1, declared=TEXT), TEXT, "ab") == "FM2122"


@pytest.mark.parametrize(
    ("values", "wanted"),
    [
        (("a",), "a"),
        ((12,), "12"),
        (("a", 12), '["a","12"]'),
        (('q"\\\n', "é"), '["q\\"\\\\\\n","é"]'),
        (("é" * 1000,), "é" * 1000),
        (("é" * 1001,), None),
        ((None,), None),
        (("a", None), None),
        ((True,), None),
        (([],), None),
        (("a\0",), None),
        (("\ud800",), None),
    ],
)
def test_identity(values: tuple[Any, ...], wanted: str | None) -> None:
    map = map_of(assign(constant("x")), identity=tuple(path(f"id{n}") for n in range(len(values))))
    found = outcome(map, {f"id{n}": value for n, value in enumerate(values)})
    if wanted is None:
        assert isinstance(found, Dead)
        assert found.code == "FM2124"
    else:
        assert found.record_id == wanted


def each(read: ir.Read, alias: str, number: int, *assignments: ir.Assignment, **more: Any) -> ir.Each:
    claim = ir.Claim(
        number=number, entity="Line", table=f"l{number}", assignments=assignments, partial=False, place=PLACE
    )
    return ir.Each(path=read, alias=alias, claim=claim, **more)


def test_each_makes_a_row_an_element() -> None:
    sub = each(
        path("parts", None, root="item"),
        "part",
        2,
        assign(path("no", root="item", declared=TEXT), field="line"),
        assign(path("n", root="part", declared=INT), INT, field="n"),
    )
    lines = each(
        path("items", None),
        "item",
        1,
        assign(path("no", root="order", declared=TEXT), field="order"),
        assign(path("no", root="item", declared=TEXT), field="line", is_key=True, outcome="reject"),
        when=ir.IsAbsent(value=path("void", root="item"), what="absent"),
        children=(sub,),
    )
    map = map_of(alias="order", children=(lines,))
    items = [
        {"no": "1", "parts": [{"n": 1}, {"n": "x"}]},
        None,
        {"no": "2", "void": True, "parts": [{"n": 9}]},
        {"no": "3"},
    ]
    assert outcome(map, {"no": "o", "items": items}) == Claimed(
        "1",
        None,
        ((), (("o", "1"), ("o", "3")), (("1", 1), ("1", None))),
        (Held(2, 1, "n", "FM2104", '"x" is not a whole number', "part.n"),),
    )
    assert outcome(map, {"no": "o"}) == Claimed("1", None, ((), (), ()))
    rejected = outcome(map, {"no": "o", "items": [{"no": "1"}, {}]})
    assert isinstance(rejected, Dead)
    assert (rejected.code, rejected.field, rejected.path) == ("FM2114", "line", "item.no")
    not_listed = outcome(map, {"no": "o", "items": "x"})
    assert isinstance(not_listed, Dead)
    assert (not_listed.code, not_listed.path) == ("FM2101", "$.items[*]")


def test_each_of_something_that_is_no_list() -> None:
    map = map_of(children=(each(path("items"), "item", 1, assign(constant("x"))),))
    assert outcome(map, {"items": [{}, {}]}) == Claimed("1", None, ((), (("x",), ("x",))))
    found = outcome(map, {"items": {}})
    assert isinstance(found, Dead)
    assert (found.code, found.path) == ("FM2125", "$.items")


@pytest.mark.parametrize(
    ("steps", "body", "wanted"),
    [
        (("data", None), {"data": [{}, None, {"a": 1}]}, [{}, None, {"a": 1}]),
        (("data", None), {"data": []}, []),
        (("data", None), {"data": None}, "FM2121"),
        (("data", None), {}, "FM2121"),
        (("data", None), {"data": 1}, "FM2121"),
        (("data", None), [], "FM2121"),
        (("data",), {"data": [{"a": 1}]}, [{"a": 1}]),
        (("data",), {"data": {"a": 1}}, [{"a": 1}]),
        ((), {"a": 1}, [{"a": 1}]),
        ((), [1, 2], [1, 2]),
        ((), "x", "FM2121"),
        ((None, "r"), [{"r": {"a": 1}}, {}, {"r": None}], [{"a": 1}, None]),
    ],
)
def test_the_records_of_a_body(steps: tuple[str | None, ...], body: Any, wanted: Any) -> None:
    map = map_of(assign(constant("x")), records=path(*steps))
    module = load(transform.emit(map, CODES))
    if wanted == "FM2121":
        for find in (module.records, lambda body: interpret.records(map, body)):
            with pytest.raises(Failed) as failure:
                find(body)
            assert failure.value.code == "FM2121"
    else:
        assert module.records(body) == interpret.records(map, body) == wanted


# ---------------------------------------------------------------------------------------------- trace, and source


def test_a_trace_tells_each_step_with_the_full_path() -> None:
    lines = each(
        path("items", None),
        "item",
        1,
        assign(
            ir.Scale(
                value=path("miles", root="item", declared=INT),
                factor="1609344/1000000",
                offset="0",
                from_unit="mi",
                to_unit="km",
            ),
            ir.DecimalType(precision=8, scale=1),
            field="way",
        ),
    )
    record = {"items": [{"miles": 1}, {"miles": "12"}]}
    trace = interpret.trace(map_of(children=(lines,)), CODES, record, "way", claim=1, row=1)
    assert [(step.kind, step.text) for step in trace.steps] == [
        ("read", "item.miles"),
        ("implicit", "int"),
        ("scale", "mi to km"),
        ("fit", "way"),
    ]
    assert trace.steps[0].keys == ("items", 1, "miles")
    assert trace.steps[0].after == "12"
    assert interpret.shown(trace.steps[2].after) == "19.312128"
    assert interpret.shown(trace.value) == "19.3"
    assert trace.failure is None
    failed = interpret.trace(map_of(children=(lines,)), CODES, {"items": [{"miles": "?"}]}, "way", claim=1)
    assert failed.failure is not None
    assert failed.failure.code == "FM2104"


def test_nothing_that_an_author_or_source_writes_becomes_code() -> None:
    evil = '"""\nimport os\n# \\ \' {x} \r\x0c\u2028 \ud800'
    place = ir.Place(evil, 1, 1, evil)
    read = ir.Read(root="$", segments=(ir.Member(name=evil, required=True),), text=evil, declared=TEXT)
    claim = ir.Claim(
        number=0,
        entity=evil,
        table=evil,
        assignments=(ir.Assignment(field=evil, target=TEXT, value=read, outcome="hold", place=place),),
        partial=False,
        place=place,
    )
    map = map_of(id=evil, title=evil, place=place, claim=claim)
    source = transform.emit(map, CODES)
    assert source.encode("utf-8").decode("utf-8") == source
    assert "import os" not in [line.strip() for line in source.splitlines()]
    assert outcome(map, {evil: "v"}) == Claimed("1", None, ((("v",),),))
    module = load(source)
    assert (evil, ((0, evil, evil, (evil,)),)) == (module.MAP_ID, module.CLAIMS)
