"""words(text, …)"""

from __future__ import annotations

from fieldmap.compiler.functions.signature import Example, Function, Parameter, text_result


def evaluate(*parts: str | None) -> str | None:
    answer = None
    for part in parts:
        if part is not None:
            answer = part if answer is None else answer + " " + part
    return answer


FUNCTION = Function(
    name="words",
    doc="Joins texts with one blank and leaves out what is absent; absent if all are.",
    parameters=(Parameter("text", "text"),),
    result=text_result,
    evaluate=evaluate,
    runtime="words",
    variadic=True,
    takes_absent=True,
    examples=(
        Example('words("Ada", absent, "Byron")', ("Ada", None, "Byron"), "Ada Byron"),
        Example("words(absent, absent)", (None, None), None),
        Example('words("Ada")', ("Ada",), "Ada"),
    ),
)
