"""normalise(text)"""

from __future__ import annotations

import unicodedata

from fieldmap.compiler.functions.signature import Example, Function, Parameter, text_result


def evaluate(text: str) -> str:
    return unicodedata.normalize("NFC", unicodedata.normalize("NFD", text))


FUNCTION = Function(
    name="normalise",
    doc="The text with letters and their marks as one character where Unicode has it (NFC), so that equal looks compare equal.",
    parameters=(Parameter("text", "text"),),
    result=text_result,
    evaluate=evaluate,
    runtime="normalise",
    unicode=True,
    examples=(
        Example('normalise("Zoe\\u0308")', ("Zoe\u0308",), "Zoë"),
        Example('normalise("ß")', ("ß",), "ß"),
    ),
)
