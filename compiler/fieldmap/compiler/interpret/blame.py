"""Which path a failure is blamed on: the one path that the failing expression reads, if it reads exactly one."""

from __future__ import annotations

from collections.abc import Iterator

from fieldmap.compiler import ir

Paths = frozenset[str]
NONE: Paths = frozenset()


def sole(paths: Paths) -> str:
    """The path to blame; "" where none or several were read."""
    return next(iter(paths)) if len(paths) == 1 else ""


def parts(node: ir.Expr) -> Iterator[ir.Expr]:
    """The expressions of which a node is made, in the order written. `Mapped.body` is not among them: it is about `Item`."""
    match node:
        case (
            ir.Implicit()
            | ir.Convert()
            | ir.Scale()
            | ir.ReadQuantity()
            | ir.ReadAnyQuantity()
            | ir.ReadMoney()
            | ir.Lookup()
            | ir.Negate()
            | ir.IsAbsent()
            | ir.Not()
            | ir.Mapped()
            | ir.Pick()
        ):
            yield node.value
        case ir.LocalTime():
            yield from (node.date, node.time)
        case ir.Phone():
            yield from (node.value, node.region)
        case ir.ScaleByCode():
            yield from (node.value, node.code)
        case ir.MakeMoney():
            yield from (node.amount, node.currency)
        case ir.MakeQuantity():
            yield node.amount
        case ir.PerPeriod():
            yield from (node.value, node.period)
        case ir.Exchange():
            yield from (node.value, node.day)
        case ir.Template():
            yield from (part.value for part in node.parts if isinstance(part, ir.Hole))
        case ir.Call() | ir.Apply():
            yield from node.arguments
        case ir.Case():
            yield node.value
            yield from (arm.value for arm in node.arms)
            if node.otherwise is not None:
                yield node.otherwise
        case ir.Arithmetic() | ir.Comparison() | ir.And() | ir.Or():
            yield from (node.left, node.right)
        case ir.InList():
            yield from (node.value, *node.items)
        case ir.Otherwise():
            yield from (node.value, node.fallback)
        case ir.If():
            yield from (node.condition, node.then, node.otherwise)
        case ir.ListConstant():
            yield from node.items
        case ir.MakeRecord():
            yield from (part.value for part in node.parts)
        case _:
            return


class Blame:
    """Remembers what it has found, so that asking for every node of a tree costs one walk."""

    def __init__(self) -> None:
        # The node is kept beside its paths, so that its id is not used again.
        self._known: dict[tuple[int, Paths], tuple[ir.Expr, Paths]] = {}

    def paths(self, node: ir.Expr, item: Paths = NONE) -> Paths:
        """All paths that the expression reads, as written; `item`: those behind `Item`."""
        key = (id(node), item)
        if key not in self._known:
            self._known[key] = (node, self._find(node, item))
        return self._known[key][1]

    def _find(self, node: ir.Expr, item: Paths) -> Paths:
        match node:
            case ir.Read():
                return frozenset({node.text})
            case ir.Item():
                return item
            case ir.Use():
                return frozenset(node.paths)
            case ir.Mapped():
                within = self.paths(node.value, item)
                return within | self.paths(node.body, within)
            case _:
                found = NONE
                for part in parts(node):
                    found |= self.paths(part, item)
                return found
