"""parse(text, form)"""

from __future__ import annotations

from collections.abc import Iterator

from fieldmap.compiler.functions import literals
from fieldmap.compiler.functions.signature import Example, Function, Parameter, object_result
from fieldmap.runtime.values.outcome import Failed


def _ways(text: str, marks: list[str]) -> Iterator[list[str]]:
    """Every way to cut a text at marks that must stand in it one behind the other."""
    if not marks:
        yield [text]
        return
    mark, *others = marks
    for at in range(len(text)):
        if text.startswith(mark, at):
            for rest in _ways(text[at + len(mark) :], others):
                yield [text[:at], *rest]


def evaluate(text: str, form: str) -> dict[str, str]:
    names = literals.parts(form)
    for name in names:
        form = form.replace("{" + name + "}", "\0", 1)
    first, *marks, last = form.split("\0")
    if len(text) < len(first) + len(last) or not (text.startswith(first) and text.endswith(last)):
        raise Failed("FM2167", "the text is not written like the form")
    ways = _ways(text[len(first) : len(text) - len(last)], marks)
    found = next(ways, None)
    if found is None:
        raise Failed("FM2167", "the text is not written like the form")
    if next(ways, None) is not None:
        raise Failed("FM2167", "the text can be cut like the form in more than one way")
    return dict(zip(names, found, strict=True))


FUNCTION = Function(
    name="parse",
    doc="A text taken apart by a form; its parts are read by name. Fails if it has another form, or could be cut in several ways (FM2167).",
    parameters=(Parameter("text", "text"), Parameter("form", "text", literal=literals.form)),
    result=object_result,
    evaluate=evaluate,
    runtime="parse",
    fails=True,
    examples=(
        Example(
            "parse(\"Bern, BE 3011\", '{city}, {region} {postcode}')",
            ("Bern, BE 3011", "{city}, {region} {postcode}"),
            {"city": "Bern", "region": "BE", "postcode": "3011"},
        ),
        Example("parse(\"a-b\", '{x}-{y}')", ("a-b", "{x}-{y}"), {"x": "a", "y": "b"}),
    ),
)
