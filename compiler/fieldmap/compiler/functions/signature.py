"""What a standard function is: its signature, its reference meaning, its examples, and the runtime function that renders it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from fieldmap.compiler import ir
from fieldmap.compiler.shapes import Absence

# What a parameter takes. "any list" and "scalar" are for functions that keep the type of what they are given.
Kind = Literal[
    "text",
    "number",
    "exact",
    "plain number",
    "int",
    "date",
    "datetime",
    "scalar",
    "ordered",
    "text list",
    "bool list",
    "number list",
    "exact list",
    "ordered list",
    "list list",
    "any list",
]

_WORDS: dict[Kind, str] = {
    "text": "a text",
    "number": "a number",
    "exact": "an exact number",
    "plain number": "an exact number without a unit",
    "int": "a whole number",
    "date": "a date",
    "datetime": "a datetime",
    "ordered": "a text, number, date or datetime",
    "scalar": "a text, number, bool, date or datetime",
    "text list": "a list of texts",
    "bool list": "a list of what is true or false",
    "number list": "a list of numbers",
    "exact list": "a list of exact numbers",
    "list list": "a list of lists",
    "ordered list": "a list of texts, numbers, dates or datetimes",
    "any list": "a list",
}
_EXPECTED: dict[Kind, ir.Type] = {
    "text": ir.TextType(),
    "number": ir.DecimalType(),
    "exact": ir.DecimalType(),
    "plain number": ir.DecimalType(),
    "int": ir.IntType(),
    "date": ir.DateType(),
    "datetime": ir.DatetimeType(),
    "scalar": ir.TextType(),
    "ordered": ir.TextType(),
    "text list": ir.ListType(element=ir.TextType()),
    "bool list": ir.ListType(element=ir.BoolType()),
    "number list": ir.ListType(element=ir.DecimalType()),
    "exact list": ir.ListType(element=ir.DecimalType()),
    "list list": ir.ListType(element=ir.ListType(element=ir.UnknownType())),
    "ordered list": ir.ListType(element=ir.UnknownType()),
    "any list": ir.ListType(element=ir.UnknownType()),
}
_NUMBERS = (ir.IntType, ir.DecimalType, ir.FloatType)
_EXACT = (ir.IntType, ir.DecimalType)
_TEXTS = (ir.TextType, ir.EnumType)
_ORDERED = (*_TEXTS, *_NUMBERS, ir.DateType, ir.DatetimeType)


@dataclass(frozen=True)
class Example:
    """`text` as an author writes it, about the record `given` (JSON); `arguments` are the same as values."""

    text: str
    arguments: tuple[Any, ...]
    expected: Any
    given: str = "{}"


@dataclass(frozen=True)
class Parameter:
    """optional: may be left out, and so may those behind it. literal: given where the argument must be written out in the file;
    says of that text what is wrong with it, "" if nothing is."""

    name: str
    kind: Kind
    optional: bool = False
    literal: Callable[[str], str] | None = None


@dataclass(frozen=True)
class Function:
    """result: the type made of the types of the arguments, which fit the parameters already, or the sentence that says why
    there is none.

    evaluate: the reference meaning; arguments as `fieldmap.compiler.ir` describes values, with every exact number a
    Fraction; it may raise Failed without a path. runtime: the name in `fieldmap.runtime.values.functions`.
    fails: the runtime function may raise Failed, and takes the path to blame as its first argument.
    unicode: the result hangs on the tables of Unicode, so their edition is part of the version of a map that calls it.
    takes_absent: absent arguments reach the function as None, and the result is absent only if all are; otherwise one absent
    argument makes the result absent. may_be_absent: the result can be absent though no argument is.
    """

    name: str
    doc: str
    parameters: tuple[Parameter, ...]
    result: Callable[[Sequence[ir.Type]], ir.Type | str]
    evaluate: Callable[..., Any]
    runtime: str
    examples: tuple[Example, ...]
    variadic: bool = False
    fails: bool = False
    takes_absent: bool = False
    may_be_absent: bool = False
    unicode: bool = False

    @property
    def signature(self) -> str:
        shown = ", ".join(f"{parameter.name}{'?' if parameter.optional else ''}" for parameter in self.parameters)
        return f"{self.name}({shown}{', …' if self.variadic else ''})"

    def parameter(self, index: int) -> Parameter | None:
        """The parameter that takes the argument at this index; None past the last."""
        if self.variadic:
            return self.parameters[min(index, len(self.parameters) - 1)]
        return self.parameters[index] if index < len(self.parameters) else None

    def expected(self, index: int) -> ir.Type | None:
        """The type that an argument of unknown type is to be read as; None past the last parameter."""
        parameter = self.parameter(index)
        return _EXPECTED[parameter.kind] if parameter else None

    def take(self, index: int, argument: ir.Expr, given: ir.Type) -> tuple[ir.Expr, ir.Type]:
        """The argument as the function reads it, with its type: what no shape types is read as the parameter needs it."""
        expected = self.expected(index)
        if expected is None:
            return argument, given
        if isinstance(given, ir.UnknownType):
            return ir.Implicit(value=argument, to=expected), expected
        loose = isinstance(given, ir.ListType) and isinstance(given.element, ir.UnknownType)
        if loose and isinstance(expected, ir.ListType) and not isinstance(expected.element, ir.UnknownType):
            return ir.Implicit(value=argument, to=expected), expected
        return argument, given

    def absence(self, arguments: Sequence[Absence]) -> Absence:
        """Whether the result can be absent, given whether the arguments can."""
        if self.may_be_absent and not self.takes_absent:
            return Absence.MAYBE
        if self.takes_absent:  # absent only if all are
            return min(arguments, key=[Absence.NEVER, Absence.UNSAID, Absence.MAYBE].index, default=Absence.MAYBE)
        answer = Absence.NEVER
        for argument in arguments:
            answer |= argument
        return answer

    def result_type(self, arguments: Sequence[ir.Type]) -> ir.Type | str:
        """The type of a call, or the sentence that says why there is none."""
        most = len(self.parameters)
        least = sum(not parameter.optional for parameter in self.parameters)
        if len(arguments) < least or (len(arguments) > most and not self.variadic):
            number = "no argument" if not most else "one argument" if most == 1 else f"{most} arguments"
            if least < most:
                number = f"{least} or {most} arguments"
            words = "at least " if self.variadic else ""
            return f"{self.signature} takes {words}{number}, and {len(arguments) or 'none'} {'stands' if len(arguments) == 1 else 'stand'} here."
        for index, given in enumerate(arguments):
            parameter = self.parameter(index)
            if parameter and not _fits(given, parameter.kind):
                return f"{self.signature} needs {_WORDS[parameter.kind]} for {parameter.name}."
        return self.result(arguments)


def _fits(given: ir.Type, kind: Kind) -> bool:
    if isinstance(given, ir.ReferenceType):
        given = given.key
    if isinstance(given, ir.UnknownType):
        return True
    match kind:
        case "text":
            return isinstance(given, _TEXTS)
        case "number":
            return isinstance(given, _NUMBERS)
        case "exact":
            return isinstance(given, _EXACT)
        case "plain number":
            return isinstance(given, _EXACT) and given.unit is None
        case "int":
            return isinstance(given, ir.IntType)
        case "date":
            return isinstance(given, ir.DateType)
        case "datetime":
            return isinstance(given, ir.DatetimeType)
        case "ordered":
            return isinstance(given, _ORDERED)
        case "scalar":
            return isinstance(given, (*_TEXTS, ir.IntType, ir.DecimalType, ir.BoolType, ir.DateType, ir.DatetimeType))
        case "any list":
            return isinstance(given, ir.ListType)
    if not isinstance(given, ir.ListType):
        return False
    element = given.element.key if isinstance(given.element, ir.ReferenceType) else given.element
    wanted: tuple[type[ir.Type], ...] = {
        "text list": _TEXTS,
        "bool list": (ir.BoolType,),
        "number list": _NUMBERS,
        "exact list": _EXACT,
        "list list": (ir.ListType,),
        "ordered list": _ORDERED,
    }[kind]
    return isinstance(element, (*wanted, ir.UnknownType))


def text_result(arguments: Sequence[ir.Type]) -> ir.Type:
    return ir.TextType()


def int_result(arguments: Sequence[ir.Type]) -> ir.Type:
    return ir.IntType()


def bool_result(arguments: Sequence[ir.Type]) -> ir.Type:
    return ir.BoolType()


def date_result(arguments: Sequence[ir.Type]) -> ir.Type:
    return ir.DateType()


def number_result(arguments: Sequence[ir.Type]) -> ir.Type:
    """An exact number of any size, in the unit of the first argument."""
    given = arguments[0] if arguments else ir.UnknownType()
    given = given.element if isinstance(given, ir.ListType) else given
    return ir.DecimalType(unit=given.unit if isinstance(given, _EXACT) else None)


def plain_result(arguments: Sequence[ir.Type]) -> ir.Type:
    """An exact number without a unit."""
    return ir.DecimalType()


def object_result(arguments: Sequence[ir.Type]) -> ir.Type:
    return ir.ObjectType()


def like_result(arguments: Sequence[ir.Type]) -> ir.Type | str:
    """The one type that all arguments have, free of the limits of a declared field."""
    first, *others = (_free(argument) for argument in arguments)
    for other in others:
        if type(first) is not type(other):
            return "The values must be of one type"
        if first != other:
            return "The numbers must be in one unit"
    return first


def like_lists(arguments: Sequence[ir.Type]) -> ir.Type | str:
    """A list of the one type that the elements of all arguments have."""
    elements = [argument.element for argument in arguments if isinstance(argument, ir.ListType)]
    known = [element for element in elements if not isinstance(element, ir.UnknownType)]
    if not known or any(isinstance(element, ir.ObjectType | ir.ListType | ir.MoneyType) for element in known):
        return arguments[0] if len(set(elements)) == 1 else "The lists must be of one type"
    element = like_result(known)
    return element if isinstance(element, str) else ir.ListType(element=element)


def _free(given: ir.Type) -> ir.Type:
    """The type without limits of size, so that equal kinds are equal."""
    match given:
        case ir.ReferenceType(key=key):
            return _free(key)
        case ir.TextType() | ir.EnumType():
            return ir.TextType()
        case ir.IntType(unit=unit) | ir.DecimalType(unit=unit):
            return ir.DecimalType(unit=unit)
        case _:
            return given


def texts_result(arguments: Sequence[ir.Type]) -> ir.Type:
    return ir.ListType(element=ir.TextType())


def element_result(arguments: Sequence[ir.Type]) -> ir.Type:
    """The type of the elements of the first argument, free of the limits of a declared field."""
    given = arguments[0]
    return given.element if isinstance(given, ir.ListType) else ir.UnknownType()


def same_result(arguments: Sequence[ir.Type]) -> ir.Type:
    return arguments[0]


def sum_result(arguments: Sequence[ir.Type]) -> ir.Type | str:
    element = element_result(arguments)
    unit = element.unit if isinstance(element, _NUMBERS) else None
    if unit is not None and unit.dimension == "temperature":
        return "the sum of temperatures is no temperature; sum their differences, in delta_degC."
    if isinstance(element, ir.DecimalType):
        return ir.DecimalType(unit=element.unit)  # a sum may outgrow the precision of its parts
    return element if isinstance(element, (ir.IntType, ir.FloatType)) else ir.DecimalType()
