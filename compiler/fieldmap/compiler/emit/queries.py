"""Filters, slices and descendants as Python: small functions of the module, one a step or filter, of straight lines.

Each function takes `value`, the value at hand, and `root`, what `$` is in filters.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from fieldmap.compiler import ir
from fieldmap.compiler.emit.python import literal

_COMPARED = {
    "==": "equals({0}, {1})",
    "!=": "not equals({0}, {1})",
    "<": "less({0}, {1})",
    ">": "less({1}, {0})",
    "<=": "at_most({0}, {1})",
    ">=": "at_most({1}, {0})",
}
_FUNCTIONS = {"match": "matches", "search": "searches", "length": "length"}


class Queries:
    """The functions of one module; equal ones are written once."""

    def __init__(self) -> None:
        self.functions: list[str] = []
        self._names: dict[tuple[str, str], str] = {}

    def chosen(self, choice: ir.Choice, path: str) -> str:
        """The function for a step that fails where there is neither list nor object; `path` is blamed."""
        select = self._selected(choice.selectors)
        line = f"return {select}(container(value, {literal(path)}), root)"
        return self._function("choose", [line])

    def found(self, segments: Sequence[ir.Segment]) -> str:
        """The function for steps as in the RFC: their nodelist."""
        return self._function("find", ["found = [value]", *map(self._step, segments), "return found"])

    def _function(self, word: str, lines: list[str]) -> str:
        body = "\n".join(f"    {line}" for line in lines)
        if (word, body) not in self._names:
            name = f"{word}_{len(self._names) + 1}"
            self._names[word, body] = name
            answer = "bool" if word == "keeps" else "list[Any]"
            self.functions.append(f"def {name}(value: Any, root: Any) -> {answer}:\n{body}")
        return self._names[word, body]

    # ----------------------------------------------------------------------------------------------------- steps

    def _step(self, segment: ir.Segment) -> str:
        match segment:
            case ir.Member(name=name):
                name = literal(name)
                return f"found = [x[{name}] for x in found if type(x) is dict and {name} in x]"
            case ir.Index(index=index):
                return f"found = [x[{index}] for x in found if type(x) is list and -len(x) <= {index} < len(x)]"
            case ir.All():
                return "found = [y for x in found for y in children(x)]"
            case ir.Choice(selectors=(ir.Member(name=name),), descendant=True):
                name = literal(name)
                return f"found = [y[{name}] for x in found for y in below(x) if type(y) is dict and {name} in y]"
            case ir.Choice():
                select = self._selected(segment.selectors)
                if segment.descendant:
                    return f"found = [z for x in found for y in below(x) for z in {select}(y, root)]"
                return f"found = [y for x in found for y in {select}(x, root)]"

    def _selected(self, selectors: Sequence[ir.Selector]) -> str:
        if len(selectors) == 1:
            return self._function("select", [f"return {self._selector(selectors[0])}"])
        parts = [f"*{self._selector(selector)}," for selector in selectors]
        return self._function("select", ["return [", *(f"    {part}" for part in parts), "]"])

    def _selector(self, selector: ir.Selector) -> str:
        match selector:
            case ir.Member(name=name):
                name = literal(name)
                return f"([value[{name}]] if type(value) is dict and {name} in value else [])"
            case ir.Index(index=index):
                return f"([value[{index}]] if type(value) is list and -len(value) <= {index} < len(value) else [])"
            case ir.All():
                return "list(children(value))"
            case ir.Slice(start=start, end=end, step=step):
                return f"sliced(value, {start}, {end}, {step})"
            case ir.Filter(condition=condition):
                keeps = self._function("keeps", [f"return {self._condition(condition)}"])
                return f"[x for x in children(value) if {keeps}(x, root)]"

    # ------------------------------------------------------------------------------------------------- conditions

    def _condition(self, node: ir.Condition) -> str:
        match node:
            case ir.FilterQuery():
                code = self._value(node) if _singular(node) else self._nodes(node)
                return f"{code} is not NOTHING" if _singular(node) else f"bool({code})"
            case ir.FilterComparison(operator=operator, left=left, right=right):
                return _COMPARED[operator].format(self._operand(left), self._operand(right))
            case ir.FilterLogic(operator=operator, parts=parts):
                return "(" + f" {operator} ".join(map(self._condition, parts)) + ")"
            case ir.FilterNot(value=value):
                return f"(not {self._condition(value)})"
            case ir.FilterCall():
                return self._operand(node)

    def _operand(self, node: ir.Operand) -> str:
        match node:
            case ir.FilterConstant(value=None):
                return "None"
            case ir.FilterConstant(value=value):
                return literal(value) if isinstance(value, str) else repr(value)
            case ir.FilterNumber(value=text):
                number = Decimal(text)
                return str(int(number)) if "." not in text else f"Decimal({text!r})"
            case ir.FilterQuery():
                return self._value(node)
            case ir.FilterCall(function="count", arguments=(ir.FilterQuery() as query,)):
                return f"len({self._nodes(query)})"
            case ir.FilterCall(function="value", arguments=(ir.FilterQuery() as query,)):
                return f"sole_node({self._nodes(query)})"
            case ir.FilterCall(function=function, arguments=arguments):
                return f"{_FUNCTIONS[function]}({', '.join(map(self._operand, arguments))})"

    def _nodes(self, query: ir.FilterQuery) -> str:
        return f"{self.found(query.segments)}({_start(query)}, root)"

    def _value(self, query: ir.FilterQuery) -> str:
        """The one value of a singular path, or NOTHING."""
        code = _start(query)
        for segment in query.segments:
            match segment:
                case ir.Member(name=name):
                    code = f"child({code}, {literal(name)})"
                case ir.Index(index=index):
                    code = f"item({code}, {index})"
                case _:
                    raise ValueError("a comparison has paths that find one value")
        return code


def _start(query: ir.FilterQuery) -> str:
    return "value" if query.root == "@" else "root"


def _singular(query: ir.FilterQuery) -> bool:
    return all(isinstance(segment, ir.Member | ir.Index) for segment in query.segments)
