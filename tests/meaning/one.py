"""One expression through both meanings: the interpreter and the generated Python must agree before a test looks at either."""

from __future__ import annotations

from typing import Any

from tests.meaning.equal import essence, load
from tests.meaning.expressions import CODES, PLACE, TEXT, path_text

from fieldmap.compiler import interpret, ir
from fieldmap.compiler.emit import transform
from fieldmap.runtime.values.outcome import Claimed, Dead, Outcome


def path(*steps: str | int | None, root: str = "$", required: bool = False, **more: Any) -> ir.Read:
    """A Read: names, indexes, and None for `*`. required: its last member is."""
    last = len(steps) - 1
    segments = tuple(
        ir.All()
        if step is None
        else ir.Index(index=step)
        if isinstance(step, int)
        else ir.Member(name=step, required=required and index == last)
        for index, step in enumerate(steps)
    )
    return ir.Read(root=root, segments=segments, text=path_text(root, segments), **more)


def assign(value: ir.Expr, target: ir.Type = TEXT, *, outcome: str = "hold", **more: Any) -> ir.Assignment:
    name = more.pop("field", "x")
    return ir.Assignment(field=name, target=target, value=value, outcome=outcome, place=PLACE, **more)


def map_of(*assignments: ir.Assignment, **more: Any) -> ir.Map:
    claim = ir.Claim(number=0, entity="Thing", table="things", assignments=assignments, partial=False, place=PLACE)
    settings: dict[str, Any] = {
        "id": "things",
        "title": "c.things to Thing",
        "connector": "c",
        "resource": "things",
        "place": PLACE,
        "identity": (ir.TextConstant(value="1"),),
        "records": path(),
        "format": "json",
        "claim": claim if assignments else None,
    }
    return ir.Map(**(settings | more))


def outcome(map: ir.Map, record: Any) -> Outcome:
    wanted = interpret.run_record(map, CODES, record)
    found: Outcome = load(transform.emit(map, CODES)).transform(record)
    assert essence(found) == essence(wanted)
    return found


def made(value: ir.Expr, target: ir.Type = TEXT, record: Any = None, **more: Any) -> Any:
    """What the field `x` becomes: its value, or the code of its failure."""
    found = outcome(map_of(assign(value, target, **more)), {} if record is None else record)
    match found:
        case Claimed(held=(held,)):
            return held.code
        case Claimed():
            return found.rows[0][0][0]
        case Dead():
            return found.code
        case _:
            raise AssertionError(found)


def read(raw: Any, to: ir.Type) -> Any:
    """A JSON value read as a type and kept in a field of it."""
    return made(path("a", declared=to), to, {"a": raw})


def converted(raw: Any, to: ir.Type, how: ir.How) -> Any:
    return made(ir.Convert(value=path("a"), to=to, how=how), to, {"a": raw})
