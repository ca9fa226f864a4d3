"""remove(text, part)"""

from __future__ import annotations

from fieldmap.compiler.functions.signature import Example, Function, Parameter, text_result


def evaluate(text: str, part: str) -> str:
    done = ""
    while part and (at := text.find(part)) >= 0:
        done, text = done + text[:at], text[at + len(part) :]
    return done + text


FUNCTION = Function(
    name="remove",
    doc="The text without any occurrence of another; an empty text to look for changes nothing.",
    parameters=(
        Parameter("text", "text"),
        Parameter("part", "text"),
    ),
    result=text_result,
    evaluate=evaluate,
    runtime="remove",
    examples=(
        Example('remove("DE-123-4", "-")', ("DE-123-4", "-"), "DE1234"),
        Example('remove("aab", "ab")', ("aab", "ab"), "a"),
        Example('remove("ab", "")', ("ab", ""), "ab"),
    ),
)
