"""ascii(text)"""

from __future__ import annotations

import unicodedata

from fieldmap.compiler.functions.signature import Example, Function, Parameter, text_result

# Letters that Unicode does not take apart.
LETTERS = {
    **dict(
        zip(
            "ßẞæÆœŒøØđĐðÐþÞłŁħĦı",
            ["ss", "SS", "ae", "AE", "oe", "OE", "o", "O", "d", "D", "d", "D", "th", "Th", "l", "L", "h", "H", "i"],
            strict=True,
        )
    ),
    "‘": "'",
    "’": "'",
    "“": '"',
    "”": '"',
    "–": "-",
    "—": "-",
}


def evaluate(text: str) -> str:
    apart = unicodedata.normalize("NFKD", "".join(LETTERS.get(character, character) for character in text))
    return "".join(character for character in apart if ord(character) < 128)


FUNCTION = Function(
    name="ascii",
    doc="The text in ASCII: letters lose their marks, ß is ss, ø is o, æ is ae; what has no such letter is left out.",
    parameters=(Parameter("text", "text"),),
    result=text_result,
    evaluate=evaluate,
    runtime="ascii_",
    unicode=True,
    examples=(
        Example('ascii("Łukasz Grüße")', ("Łukasz Grüße",), "Lukasz Grusse"),
        Example('ascii("Ærø 東")', ("Ærø 東",), "AEro "),
    ),
)
