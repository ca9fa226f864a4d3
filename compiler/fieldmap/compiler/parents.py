"""`for each workers as w`: resources that are asked once for each record of another one."""

from __future__ import annotations

from fieldmap.compiler import ir, shapes
from fieldmap.compiler.deltas import most_absent
from fieldmap.compiler.expressions import Checker
from fieldmap.compiler.places import place
from fieldmap.compiler.readings import format_of, lower_reading
from fieldmap.compiler.records import instant, records_of, textual
from fieldmap.compiler.report import Report
from fieldmap.compiler.scope import Scope
from fieldmap.compiler.sensitivity import tagged_members
from fieldmap.compiler.symbols import Symbols
from fieldmap.dsl import ast
from fieldmap.runtime import plan

_DEEPEST = 2  # parents above a resource


def chain(connector: ast.Connector, node: ast.Resource) -> list[tuple[str, ast.Resource]]:
    """The parents of a resource, the nearest first, each with the name that its records have."""
    found: list[tuple[str, ast.Resource]] = []
    resources = {one.name.text: one for one in connector.resources}
    while node.parent is not None and len(found) <= _DEEPEST:
        above = resources.get(node.parent.resource.text)
        if above is None:
            break
        found.append((node.parent.alias.text, above))
        node = above
    return found


def check_parent(connector: ast.Connector, node: ast.Resource, report: Report) -> None:
    parent = node.parent
    if parent is None:
        return
    others = [one.name.text for one in connector.resources if one is not node]
    above = chain(connector, node)
    if parent.resource.text not in others:
        report.unknown("FM0203", f"other resource of {connector.name.text} called", parent.resource, others)
    elif len(above) > _DEEPEST:
        report.error(
            "FM0403",
            f"there are more than {_DEEPEST} parents above {node.name.text}, or they go round in a circle",
            parent.span,
            help="ask for each record of a resource that has at most one parent of its own",
        )
    elif len({name for name, _ in above}) < len(above):
        report.error(
            "FM0205",
            f"{parent.alias.text} is the record of two parents",
            parent.alias.span,
            help="give it another name",
        )


class Values:
    """What the request of a resource says of its parents' records. finds: by name, how it is found, as IR."""

    def __init__(self, connector: ast.Connector, node: ast.Resource, report: Report) -> None:
        self._connector, self._node, self._report = connector, node, report
        self._above = chain(connector, node)
        self.finds: dict[str, tuple[int, ir.Read]] = {}
        self.private: list[str] = []

    def names(self, node: ast.Expr) -> bool:
        """Whether a path begins with the record of a parent, be it one that there is not."""
        mine = {name for name, _ in self._above} | ({self._node.parent.alias.text} if self._node.parent else set())
        return isinstance(node, ast.Path) and node.root in mine

    def reference(self, path: ast.Path) -> plan.SweepRef | None:
        """None where the path begins with none of the parents, or after a diagnostic."""
        names = [name for name, _ in self._above]
        if path.root not in names:
            return None
        level = names.index(path.root)
        above = self._above[level][1]
        shape = shapes.build(above.shape, Report(), self._connector.sentinels) if above.shape is not None else None
        found = shapes.walk(path, shape, self._report)
        if found is None:
            return None
        text = shapes.path_text(path)
        if found.many or not path.segments or not all(isinstance(s, ir.Member | ir.Index) for s in found.segments):
            self._report.error(
                "FM0403",
                "a request says one value of its parent",
                path.span,
                help=f"write a path such as {path.root}.id",
            )
            return None
        tagged = dict(tagged_members(above.shape.members)) if above.shape is not None else {}
        if any(isinstance(segment, ir.Member) and segment.name in tagged for segment in found.segments[:1]):
            self.private.append(text)
        self.finds[text] = (level, ir.Read(root="$", segments=found.segments, text=text))
        return plan.SweepRef(text)


def lower_parent(connector: ast.Connector, node: ast.Resource, symbols: Symbols, codes: dict[str, ir.Table]) -> ir.Map:
    """How the records of a parent are told apart, and which are there: a map that claims nothing."""
    shape = shapes.build(node.shape, Report(), connector.sentinels) if node.shape is not None else None
    checker = Checker(Scope(symbols, Report(), {"$": shape}, codes=codes, resource=node))
    name = f"{connector.name.text}_{node.name.text}"
    return ir.Map(
        id=name,
        title=f"{connector.name.text}.{node.name.text}",
        connector=connector.name.text,
        resource=node.name.text,
        place=place(symbols.sources, node.name.span),
        identity=tuple(typed.expr for item in node.ids if (typed := textual(checker, item)) is not None),
        records=records_of(node),
        format=format_of(node),
        reading=lower_reading(node, shape, Report()),
        changed=instant(checker, node.changed) if node.changed is not None else None,
        deleted_when=checker.condition(node.deleted_when, "deleted when") if node.deleted_when is not None else None,
        when=checker.condition(node.when, "when") if node.when is not None else None,
        absence=most_absent(node),
    )
