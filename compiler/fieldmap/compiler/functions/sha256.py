"""sha256(text)"""

from __future__ import annotations

import hashlib

from fieldmap.compiler.functions.signature import Example, Function, Parameter, text_result
from fieldmap.runtime.values.outcome import Failed


def evaluate(text: str) -> str:
    try:
        return hashlib.new("sha256", text.encode()).digest().hex()
    except UnicodeEncodeError:
        raise Failed("FM2113", "half of a surrogate pair is no character") from None


FUNCTION = Function(
    name="sha256",
    doc="The SHA-256 of a text in UTF-8, as 64 hexadecimal digits.",
    parameters=(Parameter("text", "text"),),
    result=text_result,
    evaluate=evaluate,
    runtime="sha256",
    fails=True,
    examples=(
        Example('sha256("abc")', ("abc",), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
        Example('sha256("")', ("",), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
    ),
)
