"""Strategies: typed expressions of every kind of node, over paths that meet the records of `data.py`."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from hypothesis import strategies as st
from tests.meaning.data import LISTS, MEMBERS, OBJECTS, TEXTS

from fieldmap.compiler import ir, spellings, units
from fieldmap.compiler.functions import FUNCTIONS
from fieldmap.runtime.values.checked import KINDS

Expr = st.SearchStrategy[Any]

PLACE = ir.Place("people.map", 7, 3, "field = …\n\x1b[31m")
ZONES = (
    "Australia/Lord_Howe",
    "Africa/Casablanca",
    "Europe/Berlin",
    "America/New_York",
    "Asia/Kathmandu",
    "UTC",
    "Pacific/Apia",
)
DATE_PATTERNS = (
    "YYYY-'W'ww-e",
    "yyyy-DDD",
    "EEE dd.MM.yy",
    "MMMM d, yyyy",
    "MM/dd/yyyy",
    "yyyy-MM-dd",
    "d.M.yy",
    "dd MMM yyyy",
    "yyyyMMdd",
    "'on' yyyy/M/d",
)
STAMP_PATTERNS = (
    "yyyy-MM-dd HH:mm",
    "yyyy-MM-dd'T'HH:mm:ssXXX",
    "MM/dd/yyyy hh:mm a",
    "yyyy-MM-dd HH:mm:ss.SSS",
    "d.M.yyyy H:mm:ss",
)
CLOCK_PATTERNS = ("hh:mm a", "h:mm a", "HHmm", "H:mm:ss")
INCH, DEGREE, GRAM = (units.parse(name) for name in ("inch", "degC", "g"))
CELLS = {"A": "x", "Active": "", "USD\x1f12": "y", "12": "z", "a\x1fb": "never"} | {
    f"n{number}": "q" for number in range(9)
}
CODES: dict[str, ir.Table] = {
    **{table.name: table for table in (spellings.table(INCH), spellings.table(DEGREE))},
    "rates fx": ir.Rates(
        name="rates fx",
        file="fx.csv",
        digest="",
        rates=(
            ir.Rate("2020-01-01", "EUR", "CAD", "1.5", 3),
            ir.Rate("2020-01-01", "EUR", "USD", "1.08", 2),
            ir.Rate("2021-03-01", "EUR", "USD", "1.2", 4),
        ),
        place=PLACE,
        valid=3000,
        inverse=True,
        across="EUR",
    ),
    "table.column": ir.CodeTable(name="table.column", entries=CELLS, place=PLACE, table="table"),
    "numbers": ir.CodeTable(name="numbers", entries={"12": "twelve", "-3": "minus"}, place=PLACE, numeric=True),
    "status": ir.CodeTable(name="status", entries={"Active": "active", "On Leave": "leave"}, place=PLACE),
    "units/kilogram": ir.CodeTable(
        name="units/kilogram", entries={"Active": "45359237/100000000 0", "A": "1 0", "LB": "1/3 0"}, place=PLACE
    ),
    "units/temperature": ir.CodeTable(
        name="units/temperature", entries={"Active": "1 5463/20", "A": "5/9 45967/180"}, place=PLACE
    ),
    "units/": ir.CodeTable(
        name="the plant",
        entries={"Active": "pound, a mass", "On Leave": "litre, a volume", "": "group, which has no size of its own"},
        place=PLACE,
    ),
    "any": ir.CodeTable(name="any", entries={"A": "x\ud800", "": "blank"}, place=PLACE, default="other"),
}
UNITS = (
    ir.Unit(text="g", dimension="kilogram", factor="1/1000", offset="0"),
    ir.Unit(text="degC", dimension="temperature", factor="1", offset="5463/20"),
)
TEXT, BOOL, INT, DECIMAL = ir.TextType(), ir.BoolType(), ir.IntType(), ir.DecimalType()
TIME, DURATION = ir.TimeType(), ir.DurationType()
CHECKED = tuple(ir.TextType(checked=kind) for kind in KINDS)
CHOICES = ("", "", "earlier", "later")
FLOAT, DATE, DATETIME, JSON = ir.FloatType(), ir.DateType(), ir.DatetimeType(), ir.JsonType()
ENUM = ir.EnumType(values=("Active", "On Leave", "A"))


MEASURED = (
    *("1", "12", "1/2", "3/4", ".5", "1,200", "½", "in", "inches", "ft", "'", '"', "cm", "lb", "°F", "C", "USD", "$"),
    *("-", " ", " ", " to ", " x ", "up to ", "~", " max", "+", ",", "(", "foo"),
)
MEASURES = st.lists(st.sampled_from(MEASURED), min_size=1, max_size=6).map(
    lambda parts: ir.TextConstant(value="".join(parts))
)


def path_text(root: str, segments: tuple[ir.Segment, ...]) -> str:
    text = root
    for segment in segments:
        match segment:
            case ir.Member():
                text += f".{segment.name}"
            case ir.Index():
                text += f"[{segment.index}]"
            case ir.All():
                text += "[*]"
    return text


def picked(name: str) -> ir.Read:
    segments = (ir.Member(name=name),)
    return ir.Read(root=ir.PICKED, segments=segments, text=f"parse(…).{name}", declared=ir.TextType())


def member(name: str, declared: ir.Type) -> ir.Read:
    return ir.Read(root="$", segments=(ir.Member(name=name),), text=f"$.{name}", declared=declared)


def _use(name: str) -> ir.Use:
    return ir.Use(name=name)


# Lets of every generated map, by the kind of their values: they fail now and then, use each other, and miss what is required.
_NUMBER = ir.Arithmetic(operator="/", left=member("number", DECIMAL), right=member("int", INT))
LETS: dict[str, tuple[tuple[ir.Let, tuple[str, ...]], ...]] = {
    "text": (
        (ir.Let(name="word", value=ir.Call(function="upper", arguments=(member("text", TEXT),))), ("$.text",)),
        (
            ir.Let(name="code", value=ir.Lookup(value=ir.Use(name="word", paths=("$.text",)), codes="status")),
            ("$.text",),
        ),
    ),
    "number": (
        (ir.Let(name="share", value=_NUMBER), ("$.int", "$.number")),
        (
            ir.Let(
                name="huge",
                value=ir.Call(function="power", arguments=(member("int", INT), ir.NumberConstant(value="99"))),
            ),
            ("$.int",),
        ),
    ),
    "bool": (
        (
            ir.Let(
                name="flag",
                value=ir.Read(
                    root="$", segments=(ir.Member(name="bool", required=True),), text="$.bool", declared=BOOL
                ),
            ),
            ("$.bool",),
        ),
    ),
}
# The author's functions of every generated map, by the kind of their results.
AUTHORED = {
    "text": ir.Function(
        name="joined",
        parameters=("a", "b"),
        optional=(False, True),
        lets=(
            ir.Let(
                name="inner",
                value=ir.Call(function="replace", arguments=(_use("a"), ir.TextConstant(value="a"), _use("a"))),
            ),
        ),
        body=ir.Case(
            value=_use("a"),
            arms=(ir.CaseArm(keys=(ir.TextConstant(value="Active"),), value=ir.TextConstant(value="on")),),
            otherwise=ir.Call(
                function="words",
                arguments=(
                    ir.Otherwise(value=_use("b"), fallback=ir.Lookup(value=_use("a"), codes="any")),
                    ir.Pick(
                        value=ir.Call(function="parse", arguments=(_use("inner"), ir.TextConstant(value="{x} {y}"))),
                        path=picked("y"),
                    ),
                ),
            ),
        ),
    ),
    "number": ir.Function(
        name="reckoned",
        parameters=("a", "b"),
        optional=(False, True),
        lets=(ir.Let(name="ratio", value=ir.Arithmetic(operator="/", left=_use("a"), right=_use("b"))),),
        body=ir.If(
            condition=ir.IsAbsent(value=_use("b"), what="absent"),
            then=ir.Negate(value=_use("a")),
            otherwise=ir.Case(
                value=_use("b"),
                arms=(
                    ir.CaseArm(keys=(ir.NumberConstant(value="0"), ir.NumberConstant(value="12.50")), value=_use("a")),
                    ir.CaseArm(keys=(ir.NumberConstant(value="1"),), value=_use("ratio")),
                ),
                otherwise=ir.Arithmetic(operator="+", left=_use("ratio"), right=_use("ratio")),
            ),
        ),
    ),
}

# The functions that differ least are drawn together, by the kind of their result.
CALLED = {
    "text": (
        *("squeeze", "title", "remove", "part", "before", "after", "pad", "pad_right", "digits", "unless_blank"),
        *("normalise", "ascii", "extract", "replace_pattern", "format", "sha256", "uuid5", "greatest", "least", "nth"),
    ),
    "number": (
        *(
            "abs",
            "round",
            "floor",
            "ceil",
            "mod",
            "power",
            "average",
            "year",
            "month",
            "day",
            "weekday",
            "week",
            "quarter",
        ),
        *("days_between", "months_between", "years_between", "seconds_between"),
    ),
    "bool": ("starts_with", "ends_with", "contains", "matches", "any", "all", "has"),
    "date": ("date", "add_days", "add_months", "add_years", "start_of_week", "start_of_month", "end_of_month"),
    "texts": ("sort", "reverse", "concat"),
}
WRITTEN_OUT = {
    "matches": ("[A-Z]+", ".*", "", "a|b", r"\d+"),
    "extract": ("[0-9]+", "", "(a)|b", " (.)"),
    "replace_pattern": ("[^0-9]+", "", "a*", r"\s"),
    "format": ("dd.MM.yyyy", "d MMM yy", "'q'M", "yyyyMMdd"),
    "uuid5": ("dns", "6ba7b810-9dad-11d1-80b4-00c04fd430c8"),
}


def call(name: str, *arguments: Expr) -> Expr:
    return st.builds(ir.Call, function=st.just(name), arguments=st.tuples(*arguments))


def lazy(method: Callable[..., Expr]) -> Callable[..., Expr]:
    """Builds a strategy when it is first drawn from, once for each depth and place: the tree of all of them is vast."""

    @functools.cache
    def build(roots: tuple[str, ...], item: ir.Type | None, depth: int) -> Expr:
        return st.deferred(lambda: method(Expressions(roots, item), depth))

    @functools.wraps(method)
    def found(self: Expressions, depth: int = 2) -> Expr:
        return build(self.roots, self.item, max(0, depth))

    return found


required = st.sampled_from((False,) * 7 + (True,))
members = st.builds(ir.Member, name=st.sampled_from(MEMBERS), required=required)
indexes = st.builds(ir.Index, index=st.integers(-3, 3))
anything = st.one_of(members, members, indexes, st.just(ir.All()))
into_object = st.builds(ir.Member, name=st.sampled_from(OBJECTS), required=required).map(lambda member: (member,))
into_list = st.tuples(st.builds(ir.Member, name=st.sampled_from(LISTS), required=required), indexes)
into_lists = st.tuples(st.builds(ir.Member, name=st.sampled_from(LISTS), required=required), st.just(ir.All()))
LEAVES_OF = {
    "TextType": ("text", "code", "ünï"),
    "EnumType": ("code",),
    "BoolType": ("bool",),
    "IntType": ("int",),
    "DecimalType": ("number", "int"),
    "FloatType": ("number",),
    "DateType": ("date",),
    "DatetimeType": ("stamp",),
    "TimeType": ("clock",),
    "DurationType": ("length",),
    "ListType": ("texts",),
}


@st.composite
def reads(
    draw: st.DrawFn,
    roots: tuple[str, ...],
    declared: ir.Type | None,
    *,
    many: bool = False,
    leaves: tuple[str, ...] = MEMBERS,
) -> ir.Read:
    """A path that a conforming record has, mostly; now and then one that makes no sense."""
    root = draw(st.sampled_from(roots))
    steps: tuple[ir.Segment, ...]
    if draw(st.integers(0, 9)) == 0:
        steps = tuple(draw(st.lists(anything, min_size=1, max_size=12)))
        if many and not any(isinstance(step, ir.All) for step in steps):
            steps = (*steps, ir.All())
        steps = steps if many else tuple(step for step in steps if not isinstance(step, ir.All)) or (ir.Index(index=0),)
    else:
        into = st.lists(st.one_of(into_object, into_object, into_list), max_size=1)
        before: list[ir.Segment] = [step for part in draw(into) for step in part]
        if many:
            before += [*draw(into_lists)]
        names = leaves if draw(st.integers(0, 9)) else MEMBERS
        steps = (*before, ir.Member(name=draw(st.sampled_from(names)), required=draw(required)))
        if many and draw(st.integers(0, 5)) == 0:
            steps = (*before[:-1], ir.All(), ir.Member(name=draw(st.sampled_from(LISTS))), ir.All(), steps[-1])
    return ir.Read(
        root=root,
        segments=steps,
        text=path_text(root, steps),
        declared=declared,
        how=draw(formats(declared)),
        beside=draw(st.integers(0, 9)) == 0,
        sentinels=draw(sentinels(declared)) if draw(st.integers(0, 3)) == 0 else (),
        unchanged=draw(sentinels(None)) if draw(st.integers(0, 7)) == 0 else (),
    )


def formats(declared: ir.Type | None) -> st.SearchStrategy[ir.How | None]:
    """Now and then the format that a shape states."""
    options: dict[str, tuple[ir.How, ...]] = {
        "DateType": (ir.Epoch(unit="days"), ir.Patterns(patterns=DATE_PATTERNS), ir.OData()),
        "DatetimeType": (
            ir.Epoch(unit="us", zone="Australia/Lord_Howe", choice="later"),
            ir.Patterns(patterns=STAMP_PATTERNS, zone="Europe/Berlin", choice="earlier"),
            ir.OData(),
        ),
        "TimeType": (ir.Epoch(unit="ms"), ir.Patterns(patterns=CLOCK_PATTERNS), ir.OData()),
        "DecimalType": (ir.Base64(scale=3), ir.NumberFormat(point=",", group=".", minus="behind")),
        "BoolType": (ir.BoolWords(yes="A", no=""),),
    }
    element = declared.element if isinstance(declared, ir.ListType) else declared
    known = options.get(type(element).__name__, ())
    return st.sampled_from((*[None] * 6, *known)) if known else st.none()


def sentinels(declared: ir.Type | None) -> st.SearchStrategy[tuple[Any, ...]]:
    texts = st.sampled_from(("", "N/A", "Active", "12"))
    of_text = st.builds(ir.TextConstant, value=texts)
    of_number = st.builds(ir.NumberConstant, value=st.sampled_from(("-1", "0", "1", "12", "0.1", "12.50")))
    match declared:
        case ir.IntType() | ir.DecimalType() | ir.FloatType():
            one: Expr = of_number
        case ir.BoolType():
            one = st.builds(ir.BoolConstant, value=st.booleans())
        case ir.DateType():
            one = st.one_of(st.builds(ir.DateConstant, value=st.just("2026-03-01")), of_text)
        case ir.TimeType():
            one = st.one_of(st.builds(ir.TimeConstant, value=st.just("14:30:00")), of_text)
        case ir.DurationType():
            one = st.one_of(st.builds(ir.DurationConstant, value=st.just("PT24H")), of_text)
        case None:
            one = st.one_of(of_text, of_number, st.builds(ir.BoolConstant, value=st.booleans()))
        case _:
            one = of_text
    return st.lists(one, min_size=1, max_size=2).map(tuple)


class Expressions:
    """Strategies by type, to a depth. roots: the names that paths may begin with; item: the type of Item, if there is one."""

    def __init__(self, roots: tuple[str, ...] = ("$",), item: ir.Type | None = None) -> None:
        self.roots = roots
        self.item = item

    def raw(self, *leaves: str, many: bool = False) -> Expr:
        return reads(self.roots, None, many=many, leaves=leaves or MEMBERS)

    def read(self, to: ir.Type) -> Expr:
        """A value of the type straight from a path, by its shape or by Implicit."""
        options: list[Expr] = [
            reads(self.roots, to, leaves=LEAVES_OF.get(type(to).__name__, MEMBERS)),
            self.raw(*LEAVES_OF.get(type(to).__name__, MEMBERS)).map(lambda value: ir.Implicit(value=value, to=to)),
        ]
        if self.item is not None and type(self.item) is type(to):
            options.append(st.just(ir.Item()))
        return st.one_of(options)

    def common(self, depth: int, make: Any) -> list[Expr]:
        """What there is for every type: choice and fallback."""
        if depth <= 0:
            return []
        uses = [st.just(ir.Use(name=let.name, paths=paths)) for let, paths in LETS.get(make.__name__, ())]
        return [
            *uses,
            *([self.applied(make.__name__, depth)] if make.__name__ in AUTHORED else ()),
            self.case(depth, make),
            st.builds(ir.Otherwise, value=make(depth - 1), fallback=make(depth - 1)),
            st.builds(ir.If, condition=self.bool(depth - 1), then=make(depth - 1), otherwise=make(depth - 1)),
        ]

    def applied(self, kind: str, depth: int) -> Expr:
        """A call of an author's function of two arguments, of which the second may be absent."""
        make = {"text": self.text, "number": self.number}[kind]
        second = st.one_of(make(depth - 1), st.just(ir.AbsentConstant()))
        return st.builds(ir.Apply, function=st.just(AUTHORED[kind].name), arguments=st.tuples(make(depth - 1), second))

    def case(self, depth: int, make: Any) -> Expr:
        """A choice by the value of a text, a number or a bool."""
        texts = st.builds(ir.TextConstant, value=st.sampled_from(TEXTS))
        numbers = st.builds(ir.NumberConstant, value=st.sampled_from(("0", "1", "-3", "12", "12.50", "0.1")))
        bools = st.builds(ir.BoolConstant, value=st.booleans())
        kinds = ((self.text, texts), (self.number, numbers), (self.bool, bools))
        return st.sampled_from(kinds).flatmap(
            lambda kind: st.builds(
                ir.Case,
                value=kind[0](depth - 1),
                arms=st.lists(
                    st.builds(
                        ir.CaseArm,
                        keys=st.lists(kind[1], min_size=1, max_size=3).map(tuple),
                        value=make(depth - 1),
                    ),
                    min_size=1,
                    max_size=3,
                ).map(tuple),
                otherwise=st.one_of(st.none(), make(depth - 1)),
            )
        )

    def calls(self, kind: str, depth: int) -> Expr:
        """A call of any function whose result is of the kind, of arguments of the kinds that it takes."""
        return st.sampled_from(CALLED[kind]).flatmap(lambda name: self.called(name, depth))

    def called(self, name: str, depth: int) -> Expr:
        function = FUNCTIONS[name]
        makers: dict[str, Any] = {
            "text": self.text,
            "exact": self.number,
            "plain number": self.number,
            "date": self.date,
            "datetime": self.datetime,
            "text list": self.texts,
            "exact list": self.numbers,
            "ordered list": self.texts,
            "any list": self.texts,
            "ordered": self.text,
        }
        whole = st.builds(
            ir.NumberConstant, value=st.sampled_from(("-101", "-12", "-1", "0", "1", "2", "3", "2026", "120000"))
        )
        whole = st.one_of(whole, self.read(INT))
        arguments: list[Expr] = []
        for parameter in function.parameters:
            if parameter.literal is not None:
                texts = st.sampled_from(WRITTEN_OUT[name])
                arguments.append(st.builds(ir.TextConstant, value=texts))
            elif parameter.kind == "int":
                arguments.append(whole)
            elif parameter.kind == "bool list":
                arguments.append(reads(self.roots, BOOL, many=True, leaves=("bool",)))
            elif parameter.name in ("part", "separator", "fill"):
                arguments.append(
                    st.builds(ir.TextConstant, value=st.sampled_from(("", " ", "A", ", ", "-", "é", "aa")))
                )
            else:
                arguments.append(makers[parameter.kind](depth))
        least = sum(not parameter.optional for parameter in function.parameters)
        counts = st.integers(least, len(arguments) + (2 if function.variadic else 0))
        arguments += arguments[-1:] * 2
        return counts.flatmap(lambda count: call(name, *arguments[:count]))

    # ------------------------------------------------------------------------------------------------------- texts

    @lazy
    def text(self, depth: int = 2) -> Expr:
        options: list[Expr] = [
            self.read(TEXT),
            self.read(TEXT),
            self.read(ENUM),
            st.builds(ir.TextConstant, value=st.sampled_from(TEXTS)),
        ]
        if depth > 0:
            inner, number = self.text(depth - 1), self.number(depth - 1)
            small = st.builds(ir.NumberConstant, value=st.sampled_from(("-1", "0", "2", "99")))
            options += [
                st.sampled_from(CHECKED).flatmap(self.read),
                st.builds(
                    ir.Convert,
                    value=st.one_of(inner, self.raw("int", "text")),
                    to=st.just(TEXT),
                    how=st.just(ir.AsText()),
                ),
                st.builds(
                    ir.Convert,
                    value=st.one_of(inner, self.raw("checked")),
                    to=st.just(ir.TextType(checked="country")),
                    how=st.builds(ir.CountryBy, by=st.sampled_from(("name", "alpha2", "alpha3", "numeric"))),
                ),
                st.builds(
                    ir.Phone,
                    value=st.one_of(inner, self.raw("checked")),
                    region=st.one_of(inner, st.builds(ir.TextConstant, value=st.just("DE"))),
                ),
                st.builds(ir.Lookup, value=inner, codes=st.sampled_from(("status", "any"))),
                self.template(depth - 1),
                st.sampled_from(("trim", "lower", "upper")).flatmap(lambda name: call(name, inner)),
                st.lists(st.one_of(inner, st.just(ir.AbsentConstant())), min_size=1, max_size=3).map(
                    lambda parts: ir.Call(function="words", arguments=tuple(parts))
                ),
                call("replace", inner, inner, inner),
                call("join", self.texts(depth - 1), inner),
                st.sampled_from(("left", "right")).flatmap(lambda name: call(name, inner, small)),
                st.sampled_from(("first", "last", "only", "min", "max")).flatmap(
                    lambda name: call(name, self.texts(depth - 1))
                ),
                call("text", st.one_of(number, self.bool(depth - 1), self.date(depth - 1), self.datetime(depth - 1))),
                self.calls("text", depth - 1),
                st.builds(
                    ir.Pick,
                    value=call("parse", inner, st.just(ir.TextConstant(value="{x} {y}"))),
                    path=st.sampled_from(("x", "y", "z")).map(picked),
                ),
            ]
        return st.one_of(options + self.common(depth, self.text))

    @lazy
    def template(self, depth: int) -> Expr:
        hole = st.builds(
            ir.Hole,
            value=st.one_of(self.text(depth), self.read(INT), self.number(depth)),
            absence=st.sampled_from(("", "?", "?", "!")),
        )
        part = st.one_of(st.sampled_from((" ", "  ", "-", "x ", " y", "{")), hole, hole)
        return st.lists(part, min_size=1, max_size=5).map(lambda parts: ir.Template(parts=tuple(parts)))

    # ----------------------------------------------------------------------------------------------------- numbers

    @lazy
    def number(self, depth: int = 2) -> Expr:
        options: list[Expr] = [
            self.read(INT),
            self.read(DECIMAL),
            self.read(DECIMAL),
            st.builds(ir.NumberConstant, value=st.sampled_from(("0", "1", "-3", "12.50", "0.1", "1000000", "0.005"))),
        ]
        if depth > 0:
            inner = self.number(depth - 1)
            options += [
                st.builds(
                    ir.Convert,
                    value=st.one_of(self.text(depth - 1), self.raw("written", "ünï")),
                    to=st.sampled_from((INT, DECIMAL)),
                    how=st.sampled_from(
                        (
                            ir.NumberFormat(point=",", group="."),
                            ir.NumberFormat(point=".", group=""),
                            ir.NumberFormat(point=".", group=","),
                            ir.NumberFormat(point=".", group=",", pairs=True),
                            ir.NumberFormat(point=",", group=" ", minus="behind"),
                            ir.NumberFormat(point=".", group="'", minus="brackets"),
                            ir.NumberFormat(point="", group="."),
                        )
                    ),
                ),
                st.builds(ir.Arithmetic, operator=st.sampled_from("+-*/"), left=inner, right=inner),
                st.sampled_from((INCH, DEGREE)).flatmap(
                    lambda unit: st.builds(
                        ir.ReadQuantity,
                        value=st.one_of(MEASURES, inner, self.text(depth - 1)),
                        spellings=st.just(f"spellings of {unit.dimension}"),
                        unit=st.just(unit),
                        bare=st.sampled_from((None, unit)),
                        ends=st.sampled_from((None, "lower", "upper")),
                    )
                ),
                st.builds(ir.Negate, value=inner),
                st.builds(
                    ir.Scale,
                    value=inner,
                    factor=st.sampled_from(("1609344/1000000", "5/9", "45359237/100000000", "1", "-7/3")),
                    offset=st.sampled_from(("0", "45967/180", "-27315/100")),
                    from_unit=st.just("mi"),
                    to_unit=st.just("km"),
                ),
                st.builds(
                    ir.ScaleByCode,
                    value=inner,
                    code=self.text(depth - 1),
                    system=st.just("units"),
                    into=st.sampled_from(UNITS),
                ),
                st.builds(
                    ir.Call,
                    function=st.sampled_from(("sum", "min", "max", "only")),
                    arguments=st.tuples(self.numbers(depth - 1)),
                ),
                self.calls("number", depth - 1),
                st.builds(ir.Call, function=st.just("count"), arguments=st.tuples(self.texts(depth - 1))),
                st.builds(ir.Call, function=st.just("length"), arguments=st.tuples(self.text(depth - 1))),
            ]
        return st.one_of(options + self.common(depth, self.number))

    @lazy
    def float(self, depth: int = 2) -> Expr:
        options: list[Expr] = [self.read(FLOAT)]
        if depth > 0:
            inner, exact = self.float(depth - 1), self.number(depth - 1)
            options += [
                st.builds(ir.Arithmetic, operator=st.sampled_from("+-*/"), left=inner, right=st.one_of(inner, exact)),
                st.builds(ir.Negate, value=inner),
                st.builds(
                    ir.Scale,
                    value=inner,
                    factor=st.just("5/9"),
                    offset=st.sampled_from(("0", "45967/180")),
                    from_unit=st.just("degF"),
                    to_unit=st.just("K"),
                ),
                st.builds(
                    ir.ScaleByCode,
                    value=inner,
                    code=self.text(depth - 1),
                    system=st.just("units"),
                    into=st.sampled_from(UNITS),
                ),
                call("sum", reads(self.roots, ir.FloatType(), many=True, leaves=("number",))),
                st.builds(
                    ir.Convert,
                    value=self.raw("written", "ünï"),
                    to=st.just(FLOAT),
                    how=st.just(ir.NumberFormat(point=",", group=".")),
                ),
            ]
        return st.one_of(options + self.common(depth, self.float))

    # ------------------------------------------------------------------------------------------------------- bools

    @lazy
    def bool(self, depth: int = 2) -> Expr:
        options: list[Expr] = [self.read(BOOL), st.builds(ir.BoolConstant, value=st.booleans())]
        negated = st.booleans()
        options.append(
            st.builds(
                ir.IsAbsent,
                value=st.one_of(self.raw(), self.raw(many=True)),
                what=st.sampled_from(("absent", "missing", "json null")),
                negated=negated,
            )
        )
        if depth > 0:
            inner = self.bool(depth - 1)
            makers = (
                self.text,
                self.number,
                self.float,
                self.date,
                self.datetime,
                self.time,
                self.duration,
                self.bool,
            )
            equal, order = st.sampled_from(("==", "!=")), st.sampled_from(("==", "!=", "<", "<=", ">", ">="))
            for make in makers:
                side = make(depth - 1)
                options.append(st.builds(ir.Comparison, operator=order, left=side, right=side))
                items = st.lists(side, max_size=3).map(tuple)
                options.append(st.builds(ir.InList, value=side, items=items, negated=negated))
                options.append(st.builds(ir.IsAbsent, value=side, what=st.just("absent"), negated=negated))
            options += [
                st.builds(ir.Comparison, operator=equal, left=self.read(JSON), right=self.read(JSON)),
                st.builds(ir.Comparison, operator=equal, left=self.money(depth - 1), right=self.money(depth - 1)),
                st.builds(ir.Comparison, operator=equal, left=self.quantity(depth - 1), right=self.quantity(depth - 1)),
                st.builds(ir.And, left=inner, right=inner),
                st.builds(ir.Or, left=inner, right=inner),
                st.builds(ir.Not, value=inner),
                self.calls("bool", depth - 1),
                st.builds(
                    ir.Convert,
                    value=st.one_of(self.raw("code"), self.text(depth - 1)),
                    to=st.just(BOOL),
                    how=st.sampled_from((ir.BoolWords(yes="Active", no=""), ir.BoolWords(yes="A", no="N/A"))),
                ),
            ]
        return st.one_of(options + self.common(depth, self.bool))

    # ------------------------------------------------------------------------------------------------------- dates

    @lazy
    def date(self, depth: int = 2) -> Expr:
        options: list[Expr] = [
            self.read(DATE),
            st.builds(ir.DateConstant, value=st.sampled_from(("2026-03-01", "0001-01-01"))),
        ]
        if depth > 0:
            written = self.raw("written", "date", "stamp", "int")
            value = st.one_of(written, written, self.text(depth - 1))
            patterns = st.lists(st.sampled_from(DATE_PATTERNS), min_size=1, max_size=3).map(tuple)
            how: list[Expr] = [
                st.builds(ir.Patterns, patterns=patterns, since=st.sampled_from((1969, 1950))),
                st.sampled_from((ir.Iso(), ir.AsWritten(), ir.OData())),
                st.builds(ir.Epoch, unit=st.just("days"), any_year=st.booleans()),
                st.builds(ir.InZone, zone=st.sampled_from(ZONES)),
            ]
            options += [st.builds(ir.Convert, value=value, to=st.just(DATE), how=each) for each in how]
            options.append(self.calls("date", depth - 1))
            options.append(
                st.builds(
                    ir.Convert,
                    value=self.datetime(depth - 1),
                    to=st.just(DATE),
                    how=st.builds(ir.InZone, zone=st.sampled_from(ZONES)),
                )
            )
        return st.one_of(options + self.common(depth, self.date))

    @lazy
    def datetime(self, depth: int = 2) -> Expr:
        options: list[Expr] = [self.read(DATETIME)]
        if depth > 0:
            written = self.raw("written", "stamp", "int")
            value = st.one_of(written, written, self.text(depth - 1))
            zone = st.one_of(st.none(), st.sampled_from(ZONES))
            patterns = st.lists(st.sampled_from(STAMP_PATTERNS), min_size=1, max_size=3).map(tuple)
            options += [
                st.builds(
                    ir.Convert,
                    value=value,
                    to=st.just(DATETIME),
                    how=st.builds(ir.Patterns, patterns=patterns, zone=zone, choice=st.sampled_from(CHOICES)),
                ),
                st.builds(
                    ir.Convert,
                    value=value,
                    to=st.just(DATETIME),
                    how=st.builds(ir.Iso, zone=zone, choice=st.sampled_from(CHOICES)),
                ),
                st.builds(
                    ir.LocalTime,
                    date=self.date(depth - 1),
                    time=self.time(depth - 1),
                    zone=st.sampled_from(ZONES),
                    choice=st.sampled_from(CHOICES),
                ),
                st.builds(ir.Convert, value=value, to=st.just(DATETIME), how=st.just(ir.OData())),
                st.builds(
                    ir.Convert,
                    value=st.one_of(value, self.number(depth - 1)),
                    to=st.just(DATETIME),
                    how=st.builds(
                        ir.Epoch,
                        unit=st.sampled_from(("s", "ms", "us", "ns")),
                        zone=zone,
                        choice=st.sampled_from(CHOICES),
                        any_year=st.booleans(),
                    ),
                ),
            ]
        return st.one_of(options + self.common(depth, self.datetime))

    @lazy
    def time(self, depth: int = 2) -> Expr:
        options: list[Expr] = [
            self.read(TIME),
            st.builds(ir.TimeConstant, value=st.sampled_from(("14:30:00", "00:00:00"))),
        ]
        if depth > 0:
            written = self.raw("clock", "stamp", "int")
            hows = st.sampled_from(
                (
                    ir.Patterns(patterns=CLOCK_PATTERNS),
                    ir.Iso(),
                    ir.AsWritten(),
                    ir.OData(),
                    ir.Epoch(unit="ms"),
                    ir.InZone(zone="Asia/Kathmandu"),
                )
            )
            options.append(st.builds(ir.Convert, value=written, to=st.just(TIME), how=hows))
            options.append(
                st.builds(
                    ir.Convert,
                    value=self.datetime(depth - 1),
                    to=st.just(TIME),
                    how=st.builds(ir.InZone, zone=st.sampled_from(ZONES)),
                )
            )
        return st.one_of(options + self.common(depth, self.time))

    @lazy
    def duration(self, depth: int = 2) -> Expr:
        constants = st.builds(ir.DurationConstant, value=st.sampled_from(("P1M", "P30D", "PT24H", "P1D", "P27D")))
        return st.one_of([self.read(DURATION), constants, *self.common(depth, self.duration)])

    # ---------------------------------------------------------------------------------------------- money and lists

    @lazy
    def quantity(self, depth: int = 2) -> Expr:
        """Amounts with a unit of their own: inches, or degrees, or pieces of neither."""
        units = st.sampled_from(("inch", "degC", "g"))
        made = st.builds(ir.MakeQuantity, amount=self.number(depth - 1), unit=units)
        if depth <= 0:
            return made
        readings = st.sampled_from((None, "lower", "upper")).flatmap(
            lambda ends: st.tuples(
                *[
                    st.builds(
                        ir.ReadQuantity,
                        value=st.just(ir.Item()),
                        spellings=st.just(f"spellings of {unit.dimension}"),
                        unit=st.just(unit),
                        bare=st.sampled_from((None, unit)),
                        ends=st.just(ends),
                    )
                    for unit in (INCH, DEGREE)
                ]
            )
        )
        read = st.builds(ir.ReadAnyQuantity, value=st.one_of(MEASURES, self.number(depth - 1)), readings=readings)
        return st.one_of([made, read, read, *self.common(depth, self.quantity)])

    @lazy
    def money(self, depth: int = 2) -> Expr:
        currency = st.one_of(st.builds(ir.TextConstant, value=st.sampled_from(("USD", "EUR", "usd"))), self.read(TEXT))
        made = st.builds(ir.MakeMoney, amount=self.number(depth - 1), currency=currency)
        if depth <= 0:
            return made
        read = st.builds(
            ir.ReadMoney,
            value=st.one_of(MEASURES, self.number(depth - 1)),
            signs=st.sampled_from(((), (("$", "USD"),))),
            bare=st.sampled_from((None, "EUR")),
        )
        periods = st.one_of(st.builds(ir.TextConstant, value=st.sampled_from(("hour", "year"))), self.text(depth - 1))
        return st.one_of(
            made,
            read,
            st.builds(
                ir.PerPeriod,
                value=st.one_of(made, read),
                period=periods,
                wanted=st.just("year"),
                factors=st.just((("hour", "2080"), ("month", "35/3"), ("year", "1"))),
            ),
            st.builds(
                ir.Exchange,
                value=st.one_of(made, read),
                day=self.date(depth - 1),
                rates=st.just("rates fx"),
                currency=st.sampled_from(("USD", "CAD")),
            ),
        )

    @lazy
    def texts(self, depth: int = 2) -> Expr:
        many = reads(self.roots, TEXT, many=True, leaves=LEAVES_OF["TextType"])
        options: list[Expr] = [
            many,
            many,
            self.read(ir.ListType(element=TEXT)),
            st.lists(self.text(depth - 1), max_size=3).map(lambda items: ir.ListConstant(items=tuple(items))),
        ]
        if depth > 0:
            within = Expressions(self.roots, TEXT)
            options += [
                st.builds(ir.Mapped, value=self.texts(depth - 1), body=within.text(depth - 1)),
                self.loose().filter(lambda value: value.to != TEXT),
                st.builds(ir.Mapped, value=self.raw("texts"), body=Expressions(self.roots, TEXT).unread_item()),
                st.builds(ir.Call, function=st.just("distinct"), arguments=st.tuples(self.texts(depth - 1))),
                self.calls("texts", depth - 1),
                st.builds(ir.Call, function=st.just("split"), arguments=st.tuples(self.text(depth - 1), self.text(0))),
            ]
        return st.one_of(options + self.common(depth, self.texts))

    def loose(self) -> Expr:
        """Of a list of which nothing is known, an element or the list, read as texts."""
        some = st.one_of(self.raw("texts", "text"), self.raw("text", "int", "number", many=True))
        listed = some.map(lambda value: ir.Implicit(value=value, to=ir.ListType(element=ir.UnknownType())))
        chosen = st.sampled_from(("min", "max", "only", "first", "distinct")).flatmap(lambda name: call(name, listed))
        return chosen.map(
            lambda value: ir.Implicit(
                value=value, to=ir.ListType(element=TEXT) if value.function == "distinct" else TEXT
            )
        )

    def unread_item(self) -> Expr:
        """An element of which nothing is known, read as a text."""
        return st.just(ir.Implicit(value=ir.Item(), to=TEXT))

    @lazy
    def numbers(self, depth: int = 2) -> Expr:
        options: list[Expr] = [
            reads(self.roots, DECIMAL, many=True, leaves=("number", "int")),
            reads(self.roots, INT, many=True, leaves=("int",)),
            self.read(ir.ListType(element=DECIMAL)),
        ]
        if depth > 0:
            options += [
                st.builds(
                    ir.Mapped, value=self.numbers(depth - 1), body=Expressions(self.roots, DECIMAL).number(depth - 1)
                ),
                st.builds(ir.Call, function=st.just("distinct"), arguments=st.tuples(self.numbers(depth - 1))),
            ]
        return st.one_of(options)
