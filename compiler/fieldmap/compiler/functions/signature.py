"""What a standard function is: its signature, its reference meaning, its examples, and the runtime function that renders it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from fieldmap.compiler import ir
from fieldmap.compiler.shapes import Absence

# What a parameter takes. "any list" and "scalar" are for functions that keep the type of what they are given.
Kind = Literal["text", "number", "int", "scalar", "text list", "number list", "ordered list", "any list"]

_WORDS: dict[Kind, str] = {
    "text": "a text",
    "number": "a number",
    "int": "a whole number",
    "scalar": "a text, number, bool, date or datetime",
    "text list": "a list of texts",
    "number list": "a list of numbers",
    "ordered list": "a list of texts, numbers, dates or datetimes",
    "any list": "a list",
}
_EXPECTED: dict[Kind, ir.Type] = {
    "text": ir.TextType(),
    "number": ir.DecimalType(),
    "int": ir.IntType(),
    "scalar": ir.TextType(),
    "text list": ir.ListType(element=ir.TextType()),
    "number list": ir.ListType(element=ir.DecimalType()),
    "ordered list": ir.ListType(element=ir.UnknownType()),
    "any list": ir.ListType(element=ir.UnknownType()),
}
_NUMBERS = (ir.IntType, ir.DecimalType, ir.FloatType)
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
    name: str
    kind: Kind


@dataclass(frozen=True)
class Function:
    """result: the type made of the types of the arguments, which fit the parameters already; a text says why they do not.

    evaluate: the reference meaning; arguments as `fieldmap.compiler.ir` describes values, with every exact number a
    Fraction; it may raise Failed without a path. runtime: the name in `fieldmap.runtime.values.functions`.
    fails: the runtime function may raise Failed, and takes the path to blame as its first argument.
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

    @property
    def signature(self) -> str:
        shown = ", ".join(parameter.name for parameter in self.parameters)
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
        wanted = len(self.parameters)
        if len(arguments) < wanted or (len(arguments) > wanted and not self.variadic):
            number = "no argument" if not wanted else "one argument" if wanted == 1 else f"{wanted} arguments"
            least = "at least " if self.variadic else ""
            return f"{self.signature} takes {least}{number}, and {len(arguments) or 'none'} stand here."
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
        case "int":
            return isinstance(given, ir.IntType)
        case "scalar":
            return isinstance(given, (*_TEXTS, ir.IntType, ir.DecimalType, ir.BoolType, ir.DateType, ir.DatetimeType))
        case "any list":
            return isinstance(given, ir.ListType)
    if not isinstance(given, ir.ListType):
        return False
    element = given.element.key if isinstance(given.element, ir.ReferenceType) else given.element
    wanted = {"text list": _TEXTS, "number list": _NUMBERS, "ordered list": _ORDERED}[kind]
    return isinstance(element, (*wanted, ir.UnknownType))


def text_result(arguments: Sequence[ir.Type]) -> ir.Type:
    return ir.TextType()


def int_result(arguments: Sequence[ir.Type]) -> ir.Type:
    return ir.IntType()


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
