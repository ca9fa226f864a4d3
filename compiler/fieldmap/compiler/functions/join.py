"""join(list, separator)"""

from __future__ import annotations

from fieldmap.compiler.functions.signature import Example, Function, Parameter, text_result


def evaluate(items: list[str], separator: str) -> str | None:
    if not items:
        return None
    answer = items[0]
    for item in items[1:]:
        answer += separator + item
    return answer


FUNCTION = Function(
    name="join",
    doc="The texts of a list in one, with a separator between them; absent if the list is empty.",
    parameters=(Parameter("list", "text list"), Parameter("separator", "text")),
    result=text_result,
    evaluate=evaluate,
    runtime="join",
    may_be_absent=True,
    examples=(
        Example('join(split("a;b", ";"), ", ")', (["a", "b"], ", "), "a, b"),
        Example('join($.list[*], ", ")', ([], ", "), None, given='{"list": []}'),
    ),
)
