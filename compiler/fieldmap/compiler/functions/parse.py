"""parse(text, form)"""

from __future__ import annotations

from fieldmap.compiler.functions import literals
from fieldmap.compiler.functions.signature import Example, Function, Parameter, object_result
from fieldmap.runtime.values.failures import quote
from fieldmap.runtime.values.outcome import Failed


def _ways(text: str, marks: list[str]) -> list[list[int]]:
    """In how many ways (2 stands for more) the marks from the n-th on stand one behind the other in the text from each place on."""
    later = [1] * (len(text) + 1)
    ways = [later]
    for mark in reversed(marks):
        own = [0] * (len(text) + 1)
        for at in range(len(text) - 1, -1, -1):
            here = later[at + len(mark)] if text.startswith(mark, at) else 0
            own[at] = min(own[at + 1] + here, 2)
        later = own
        ways.insert(0, own)
    return ways


def evaluate(text: str, form: str) -> dict[str, str]:
    names = literals.parts(form)
    marked = form
    for name in names:
        marked = marked.replace("{" + name + "}", "\0", 1)
    first, *marks, last = marked.split("\0")
    unlike = Failed("FM2167", f"{quote(text)} is not written like '{form}'")
    if len(text) < len(first) + len(last) or not (text.startswith(first) and text.endswith(last)):
        raise unlike
    inner = text[len(first) : len(text) - len(last)]
    ways = _ways(inner, marks)
    if ways[0][0] == 0:
        raise unlike
    if ways[0][0] > 1:
        raise Failed("FM2167", f"{quote(text)} can be cut like '{form}' in more than one way")
    found, start = [], 0
    for mark, later in zip(marks, ways[1:], strict=True):
        at = next(at for at in range(start, len(inner)) if inner.startswith(mark, at) and later[at + len(mark)])
        found.append(inner[start:at])
        start = at + len(mark)
    return dict(zip(names, [*found, inner[start:]], strict=True))


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
