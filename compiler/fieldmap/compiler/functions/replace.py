"""replace(text, old, new)"""

from __future__ import annotations

from fieldmap.compiler.functions.signature import Example, Function, Parameter, text_result


def evaluate(text: str, old: str, new: str) -> str:
    if not old:
        return text
    done, rest = "", text
    while (at := rest.find(old)) >= 0:
        done, rest = done + rest[:at] + new, rest[at + len(old) :]
    return done + rest


FUNCTION = Function(
    name="replace",
    doc="Every occurrence of one text replaced by another; an empty text to look for changes nothing.",
    parameters=(Parameter("text", "text"), Parameter("old", "text"), Parameter("new", "text")),
    result=text_result,
    evaluate=evaluate,
    runtime="replace",
    examples=(
        Example('replace("0049-30", "-", " ")', ("0049-30", "-", " "), "0049 30"),
        Example('replace("aaa", "aa", "b")', ("aaa", "aa", "b"), "ba"),
        Example('replace("abc", "", "x")', ("abc", "", "x"), "abc"),
    ),
)
