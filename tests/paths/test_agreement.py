"""Generated paths over generated documents: the interpreter and the generated Python find the same, nodes and places."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.meaning.one import made
from tests.paths.generated import generated

from fieldmap.compiler import ir, query
from fieldmap.dsl.diagnostics import Diagnostic

NAMES = ("a", "b", "*", "ü'", "")
scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-2, 3),
    st.sampled_from((Decimal("1.0"), Decimal("1.50"), Decimal("-0"), "", "a", "ab", "1", "a\nb", "\ud800", "[")),
)
documents = st.recursive(
    scalars,
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(st.sampled_from(NAMES), inner, max_size=4)),
    max_leaves=20,
)
members = st.builds(ir.Member, name=st.sampled_from(NAMES))
indexes = st.builds(ir.Index, index=st.integers(-3, 3))
bounds = st.one_of(st.none(), st.integers(-6, 6))
slices = st.builds(ir.Slice, start=bounds, end=bounds, step=st.one_of(st.none(), st.integers(-3, 3)))
singular = st.lists(st.one_of(members, indexes), max_size=2).map(tuple)
one_value = st.builds(ir.FilterQuery, root=st.sampled_from("@$"), segments=singular)


def conditions(selectors: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    queries = st.builds(ir.FilterQuery, root=st.sampled_from("@$"), segments=segments(selectors))
    operands = st.one_of(
        one_value,
        st.builds(ir.FilterConstant, value=st.sampled_from((None, True, False, "a", "ab", "1"))),
        st.builds(ir.FilterNumber, value=st.sampled_from(("0", "1", "1.5", "-0"))),
        st.builds(ir.FilterCall, function=st.just("length"), arguments=st.tuples(one_value)),
        st.builds(ir.FilterCall, function=st.sampled_from(("count", "value")), arguments=st.tuples(queries)),
    )
    patterns = st.builds(ir.FilterConstant, value=st.sampled_from((".", "a.b", "[.]", "a|b", "(", "\\.", "[^a].*")))
    calls = st.builds(
        ir.FilterCall,
        function=st.sampled_from(("match", "search")),
        arguments=st.tuples(one_value, st.one_of(patterns, one_value)),
    )
    signs = st.sampled_from(("==", "!=", "<", "<=", ">", ">="))
    compared = st.builds(ir.FilterComparison, operator=signs, left=operands, right=operands)
    return st.recursive(
        st.one_of(queries, calls, compared),
        lambda inner: st.one_of(
            st.builds(ir.FilterNot, value=inner),
            st.builds(
                ir.FilterLogic,
                operator=st.sampled_from(("and", "or")),
                parts=st.lists(inner, min_size=2, max_size=3).map(tuple),
            ),
        ),
        max_leaves=4,
    )


def segments(selectors: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    choices = st.builds(
        ir.Choice, selectors=st.lists(selectors, min_size=1, max_size=3).map(tuple), descendant=st.booleans()
    )
    return st.lists(st.one_of(members, indexes, st.just(ir.All()), choices), max_size=4).map(tuple)


plain = st.one_of(members, indexes, st.just(ir.All()), slices)
selectors = st.one_of(plain, st.builds(ir.Filter, condition=conditions(plain)))
paths = segments(st.one_of(selectors, st.builds(ir.Filter, condition=conditions(selectors))))

RELAXED = settings(
    deadline=None,
    max_examples=300,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
)


@RELAXED
@given(paths, documents)
def test_both_meanings_find_the_same(steps: tuple[ir.Segment, ...], document: Any) -> None:
    found = query.nodes(steps, document)
    assert repr(generated(steps)(document)) == repr([node.value for node in found])
    for node in found:
        value = document
        for key in node.keys:
            value = value[key]
        assert value is node.value


@RELAXED
@given(paths, documents)
def test_a_map_reads_the_same_by_both(steps: tuple[ir.Segment, ...], document: Any) -> None:
    """Strict steps before `..`: values, absence and failures (made() holds the two meanings against each other)."""
    read = ir.Read(root="$", segments=(ir.Member(name="x"), *steps), text="$.x…")
    made(read, ir.JsonType(), {"x": document})
    made(ir.IsAbsent(value=read, what="missing"), ir.BoolType(), {"x": document})


@settings(RELAXED, max_examples=100)
@given(st.lists(st.sampled_from(("$", "..", ".a", "[", "]", "?", "@", "(", ")", "'", '"', "0", "-1", ":", ",", "*", "==", "&&", "!", "length(", " ")), max_size=14))  # fmt: skip
def test_nonsense_is_refused_or_read_and_never_fails(parts: list[str]) -> None:
    found = query.lower("".join(parts))
    if isinstance(found, Diagnostic):
        assert found.message
    else:
        assert isinstance(query.nodes(found, {"a": [1]}), list)


def test_a_path_far_below_is_found_without_recursion() -> None:
    document: Any = {"a": 1}
    for _ in range(5_000):
        document = {"b": document}
    steps = (ir.Choice(selectors=(ir.Member(name="a"),), descendant=True),)
    assert generated(steps)(document) == [1]
