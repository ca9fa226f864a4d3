"""Strategies: whole maps, with claims, outcomes, `each` and its nesting."""

from __future__ import annotations

import functools
from typing import Any

import msgspec
from hypothesis import strategies as st
from tests.meaning.data import LISTS, OBJECTS
from tests.meaning.expressions import (
    AUTHORED,
    BOOL,
    CHECKED,
    DATE,
    DATETIME,
    DEGREE,
    DURATION,
    ENUM,
    FLOAT,
    GRAM,
    INCH,
    INT,
    JSON,
    LETS,
    PLACE,
    TEXT,
    TIME,
    Expressions,
    path_text,
    reads,
)

from fieldmap.compiler import ir
from fieldmap.compiler.interpret.paths import split

NUMBERS = ir.ListType(element=ir.DecimalType(precision=10, scale=1))
MARKS: tuple[tuple[ir.Constant, ...], ...] = (
    (),
    (ir.TextConstant(value="A"), ir.TextConstant(value="")),
    (ir.NumberConstant(value="0"), ir.BoolConstant(value=False), ir.TextConstant(value="12")),
)
# Members that the documents of the tests have, too.
INNER = ir.RecordType(
    members=(
        ir.RecordMember(name="text", type=TEXT, optional=True),
        ir.RecordMember(name="int", type=INT, optional=False),
        ir.RecordMember(name="texts", type=ir.ListType(element=TEXT), optional=True),
    )
)
RECORD = ir.RecordType(
    members=(
        ir.RecordMember(name="amount", type=ir.DecimalType(precision=8, scale=2), optional=False),
        ir.RecordMember(name="note", type=ir.TextType(max_length=20), optional=True),
        ir.RecordMember(name="day", type=DATE, optional=True),
        ir.RecordMember(name="inner", type=INNER, optional=True),
    )
)
ALIASES = ("item", "part", "bit")


@functools.cache
def records(roots: tuple[str, ...], depth: int) -> st.SearchStrategy[ir.Expr]:
    """Records by their parts."""
    make = Expressions(roots)
    parts = {
        "amount": make.number(depth),
        "note": make.text(depth),
        "day": make.date(depth),
        "inner": objects(roots, INNER),
    }
    return st.fixed_dictionaries({}, optional=parts).map(
        lambda found: ir.MakeRecord(
            parts=tuple(
                ir.RecordPart(
                    name=member.name,
                    value=found[member.name],
                    required=not member.optional,
                )
                for member in RECORD.members
                if member.name in found
            )
        )
    )


def objects(roots: tuple[str, ...], to: ir.Type) -> st.SearchStrategy[ir.Expr]:
    """Records, or a list of them, read from objects."""
    many = isinstance(to, ir.ListType)
    found = reads(roots, None, many=many, leaves=(LISTS if many else (*OBJECTS, "int")))
    return found.map(lambda value: ir.Implicit(value=value, to=to))


@functools.cache
def values(roots: tuple[str, ...], depth: int) -> st.SearchStrategy[tuple[ir.Type, Any, ir.Constant]]:
    """A target, an expression for it, and a constant that it takes (AbsentConstant where there is none)."""
    make = Expressions(roots)
    text = ir.TextConstant(value="invented")
    number = ir.NumberConstant(value="-2.45")
    rounding = st.sampled_from(("", "", "half even"))
    decimals = st.builds(ir.DecimalType, precision=st.integers(5, 12), scale=st.integers(0, 4), rounding=rounding)
    options: list[tuple[Any, Any, Any]] = [
        (st.just(TEXT), make.text(depth), text),
        (st.builds(ir.TextType, max_length=st.sampled_from((8, 80))), make.text(depth), text),
        (
            st.builds(ir.TextType, pattern=st.sampled_from(("[A-Z][a-z]+|invented", ".*", "invented|A+"))),
            make.text(depth),
            text,
        ),
        (st.sampled_from(CHECKED), make.text(depth), ir.AbsentConstant()),
        (st.just(TIME), make.time(depth), ir.TimeConstant(value="23:59:59")),
        (st.just(DURATION), make.duration(depth), ir.DurationConstant(value="P1M")),
        (st.just(ir.ListType(element=TIME)), reads(roots, TIME, many=True, leaves=("clock",)), ir.AbsentConstant()),
        (st.just(ENUM), make.text(depth), ir.TextConstant(value="A")),
        (st.just(ir.ReferenceType(entity="Worker", key=TEXT)), make.text(depth), text),
        (st.just(BOOL), make.bool(depth), ir.BoolConstant(value=True)),
        (st.just(INT), make.number(depth), ir.NumberConstant(value="7")),
        (decimals, make.number(depth), number),
        (decimals, make.number(depth), number),
        (st.just(ir.DecimalType()), make.number(depth), number),
        (st.just(FLOAT), st.one_of(make.float(depth), make.number(depth)), number),
        (st.just(DATE), make.date(depth), ir.DateConstant(value="1999-12-31")),
        (st.just(DATETIME), make.datetime(depth), ir.AbsentConstant()),
        (st.just(JSON), make.read(JSON), text),
        (
            st.builds(
                ir.MoneyType,
                precision=st.sampled_from((None, 9)),
                scale=st.just(2),
                currency=st.sampled_from((None, "USD")),
            ),
            make.money(depth),
            ir.MoneyConstant(amount="12.345", currency="USD"),
        ),
        (
            st.builds(
                ir.QuantityType,
                units=st.sampled_from(((INCH, DEGREE), (INCH, DEGREE, GRAM))),
                precision=st.sampled_from((None, 9)),
                scale=st.just(2),
                rounding=st.sampled_from(("", "half even")),
            ),
            make.quantity(depth),
            ir.QuantityConstant(amount="12.345", unit="inch"),
        ),
        (st.just(RECORD), records(roots, depth), ir.AbsentConstant()),
        (st.just(INNER), objects(roots, INNER), ir.AbsentConstant()),
        (st.just(ir.ListType(element=INNER)), objects(roots, ir.ListType(element=INNER)), ir.AbsentConstant()),
        (st.just(ir.ListType(element=TEXT)), make.texts(depth), ir.AbsentConstant()),
        (st.just(NUMBERS), make.numbers(depth), ir.AbsentConstant()),
    ]
    return st.one_of([st.tuples(target, expression, st.just(constant)) for target, expression, constant in options])


@st.composite
def questions(draw: st.DrawFn, roots: tuple[str, ...]) -> tuple[ir.Asked, ...]:
    """Paths of which a source may say that they are unchanged."""
    asked = []
    for read in draw(st.lists(reads(roots, None), min_size=1, max_size=2)):
        before, rest = split(read.segments)
        steps = tuple(ir.Member(name=step.name) if isinstance(step, ir.Member) else step for step in before)
        bare = ir.Read(root=read.root, segments=steps, text=read.text, beside=not rest and draw(st.booleans()))
        asked.append(ir.Asked(read=bare, marks=draw(st.sampled_from(MARKS)), unsent=draw(st.booleans())))
    return tuple(asked)


def nulls(roots: tuple[str, ...]) -> st.SearchStrategy[ir.Expr]:
    """Whether the source says by a null that there is no value."""
    asked = reads(roots, None).map(lambda read: ir.IsAbsent(value=read, what="json null"))
    return st.one_of(asked, st.builds(lambda left, right: ir.Or(left=left, right=right), asked, asked))


@st.composite
def assignments(draw: st.DrawFn, roots: tuple[str, ...], depth: int, number: int) -> ir.Assignment:
    target, value, constant = draw(values(roots, depth))
    outcome = draw(st.sampled_from(("reject", *["hold"] * 6, "use")))
    asked = draw(st.one_of(st.just(()), st.just(()), questions(roots)))
    if isinstance(constant, ir.AbsentConstant) and outcome == "use":
        outcome = "hold"
    is_key = draw(st.integers(0, 15)) == 0
    return ir.Assignment(
        field=f"field_{number}",
        target=target,
        value=value,
        outcome=outcome,
        place=PLACE,
        is_key=is_key,
        use=constant if outcome == "use" else None,
        asked=asked,
        whole=draw(st.booleans()),
        null=None if is_key else draw(st.one_of(st.none(), nulls(roots))),
    )


@st.composite
def claims(draw: st.DrawFn, roots: tuple[str, ...], depth: int, number: int, most: int) -> ir.Claim:
    count = draw(st.integers(1, most))
    made = tuple(draw(assignments(roots, depth, index)) for index in range(count))
    return ir.Claim(number=number, entity="Thing", table=f"t{number}", assignments=made, partial=False, place=PLACE)


def each_paths(root: str) -> st.SearchStrategy[ir.Read]:
    """The elements of a list; rarely, of a list in each element of another."""
    lists = st.sampled_from(LISTS).map(lambda name: (ir.Member(name=name), ir.All()))
    segments = st.one_of(lists, lists, st.tuples(lists, lists).map(lambda pair: (*pair[0], *pair[1])))
    return segments.map(lambda steps: ir.Read(root=root, segments=steps, text=path_text(root, steps)))


@st.composite
def checks(draw: st.DrawFn, roots: tuple[str, ...]) -> tuple[ir.Check, ...]:
    """Mostly none: an `expect` ends most records."""
    kinds = draw(st.sampled_from(((), (), (), ("warn",), ("warn", "expect"), ("warn", "warn"))))
    make = Expressions(roots)
    return tuple(
        ir.Check(kind=kind, condition=draw(make.bool(1)), message="", text="as it should be", place=PLACE)
        for kind in kinds
    )


@st.composite
def alsos(draw: st.DrawFn, roots: tuple[str, ...], number: int) -> tuple[ir.Also, ...]:
    """At most one, with what `eaches` gives inside."""
    if number > 3 or draw(st.booleans()):
        return ()
    return (
        ir.Also(
            claim=draw(claims(roots, 1, number, 2)),
            when=draw(st.one_of(st.none(), Expressions(roots).bool(1))),
            checks=draw(checks(roots)),
            children=draw(eaches(roots, number + 1)),
        ),
    )


@st.composite
def positioned(draw: st.DrawFn, claim: ir.Claim, alias: str) -> ir.Claim:
    """The claim, now and then with a field that counts the elements."""
    if draw(st.booleans()):
        return claim
    counting = ir.Assignment(
        field="line_no", target=INT, value=ir.Position(alias=alias), outcome="reject", place=PLACE, is_key=True
    )
    return msgspec.structs.replace(claim, assignments=(*claim.assignments, counting))


@st.composite
def eaches(draw: st.DrawFn, roots: tuple[str, ...], number: int) -> tuple[ir.Child, ...]:
    """At most one, with at most one inside; or an `also`."""
    if number > 3 or draw(st.booleans()):
        return draw(alsos(roots, number))
    many = draw(st.integers(0, 5)) > 0
    path = draw(
        st.sampled_from(roots).flatmap(lambda root: each_paths(root)) if many else reads(roots, None, leaves=LISTS)
    )
    alias = ALIASES[(number - 1) % 3]
    if alias in roots:
        return ()
    inside = (*roots, alias, alias)
    return (
        ir.Each(
            path=path,
            alias=alias,
            claim=draw(positioned(draw(claims(inside, 1, number, 3)), alias)),
            checks=draw(checks(inside)),
            alone=draw(st.booleans()),
            when=draw(st.one_of(st.none(), Expressions(inside).bool(1))),
            children=draw(eaches(inside, number + 1)),
        ),
    )


def rarely(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.integers(0, 4).flatmap(lambda n: strategy if n == 0 else st.none())


@st.composite
def maps(draw: st.DrawFn) -> ir.Map:
    alias = draw(st.sampled_from((None, None, "order")))
    roots = ("$",) if alias is None else ("$", alias)
    make = Expressions(roots)
    simple = st.one_of(make.read(TEXT), make.read(INT), make.raw())
    fixed = st.just((ir.TextConstant(value="fixed"),))
    identity = st.integers(0, 3).flatmap(lambda n: fixed if n else st.lists(simple, min_size=1, max_size=2).map(tuple))
    segments = draw(st.sampled_from(((), (ir.Member(name="items"), ir.All()), (ir.All(),), (ir.Member(name="a"),))))
    return ir.Map(
        id="connector_things",
        title='connector.things to Thing """ \\',
        connector="connector",
        resource="things",
        place=PLACE,
        identity=draw(identity),
        records=ir.Read(root="$", segments=segments, text=path_text("$", segments)),
        format="json",
        alias=alias,
        lets=tuple(let for lets in LETS.values() for let, _ in lets),
        functions=tuple(AUTHORED.values()),
        changed=draw(rarely(make.datetime(1))),
        sparse_when=draw(st.one_of(st.none(), st.just(ir.BoolConstant(value=True)), make.bool(1))),
        deleted_when=draw(rarely(make.bool(1))),
        when=draw(rarely(make.bool(2))),
        checks=draw(checks(roots)),
        claim=draw(
            st.sampled_from((3, 2, 2, 1, None)).flatmap(lambda n: st.none() if n is None else claims(roots, n, 0, 6))
        ),
        children=draw(eaches(roots, 1)),
    )
