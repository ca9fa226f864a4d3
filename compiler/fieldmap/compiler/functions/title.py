"""title(text)"""

from __future__ import annotations

import unicodedata

from fieldmap.compiler.functions.signature import Example, Function, Parameter, text_result

_WORD = {"Lu", "Ll", "Lt", "Lm", "Lo", "Mn", "Mc", "Me"}


def evaluate(text: str) -> str:
    answer, inside = "", False
    for character in text:
        answer += character.lower() if inside else character.upper()
        inside = character in "'’" or unicodedata.category(character) in _WORD
    return answer


FUNCTION = Function(
    name="title",
    doc="Each word with its first letter large and the others small; an apostrophe belongs to its word.",
    parameters=(Parameter("text", "text"),),
    result=text_result,
    evaluate=evaluate,
    runtime="title",
    unicode=True,
    examples=(
        Example('title("ADA BYRON-KING")', ("ADA BYRON-KING",), "Ada Byron-King"),
        Example('title("o\'neill & söhne")', ("o'neill & söhne",), "O'neill & Söhne"),
    ),
)
