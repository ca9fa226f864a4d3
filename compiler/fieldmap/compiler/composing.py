"""Settings of connectors: texts composed of literals, references to the environment, and what only a sweep knows."""

from __future__ import annotations

from fieldmap.compiler.parents import Values
from fieldmap.compiler.report import Report
from fieldmap.compiler.requests import reference
from fieldmap.dsl import ast
from fieldmap.dsl.diagnostics import Edit
from fieldmap.runtime import plan

_PAGES = {
    "cursor": "pages cursor at $.next",
    "offset": "pages offset",
    "page": "pages number",
    "after": "pages keyset at $.id",
    "size": "pages offset, 100 at a time",
}
_OF_A_SWEEP = (*_PAGES, "since", "until")


class Composing:
    """Of one connector. base: its base, once that is known; values: what the requests of a resource may name of its parent."""

    def __init__(self, node: ast.Connector, report: Report) -> None:
        self._node = node
        self._report = report
        self.base: plan.Composed | None = None
        self.values: Values | None = None

    def text(self, node: ast.Expr, bounds: tuple[str, ...] = ()) -> plan.Composed | None:
        """A text of literals and references; `{base}` stands for the connector's base. bounds: the names of what only a sweep knows."""
        match node:
            case ast.Environment(kind=kind, name=name):
                return plan.Composed((plan.SecretRef(name) if kind == "secret" else plan.EnvRef(name),))
            case ast.Text(value=value):
                return plan.Composed((value,))
            case ast.Number(unit=None, value=number):
                return plan.Composed((format(number, "f"),))
            case ast.Bool(value=flag):
                return plan.Composed(("true" if flag else "false",))
            case ast.Bare(name="base") if self.base is not None:
                return self.base
            case ast.Bare(name="base") if self._node.base is None and self._report.broken(self._node.span):
                return None
            case ast.Template(parts=parts):
                pieces: list[str | plan.EnvRef | plan.SecretRef | plan.SweepRef | plan.Bounded] = []
                for part in parts:
                    inner = self._part(part, bounds)
                    if inner is None:
                        return None
                    pieces.extend(inner.parts)
                return plan.Composed(tuple(pieces))
            case ast.Otherwise(value=ast.Bare(name=name) as bare) if name in _OF_A_SWEEP:
                return self.text(bare)
            case ast.Bare(name=name) if name in _OF_A_SWEEP and self._report.broken(self._node.span):
                return None
            case ast.Bare(name=("since" | "until") as name):
                self._report.error(
                    "FM0403",
                    f"{name} is a bound of what changed: it stands in the query of a resource that has a changed line",
                    node.span,
                    help="add: changed $.lastModified",
                )
                return None
            case ast.Bare(name=("cursor" | "offset" | "page" | "after" | "size") as name):
                self._report.error(
                    "FM0403",
                    f"{name} is known of pages that are read by it, and these are not",
                    node.span,
                    help=f"say how the next page is found: {_PAGES[name]}",
                )
                return None
            case ast.Bare(name=name):
                self._report.error(
                    "FM0403",
                    "a setting is a text in quotes, env.NAME or secret.NAME",
                    node.span,
                    help=f'write "{name}"',
                    edit=Edit(node.span, f'"{name}"'),
                )
                return None
            case _:
                self._report.error(
                    "FM0403",
                    "a setting is a text, env.NAME or secret.NAME",
                    node.span,
                    help='texts are joined as in "{base}/oauth2/token"',
                )
                return None

    def _part(self, part: ast.Text | ast.Hole, bounds: tuple[str, ...]) -> plan.Composed | None:
        if isinstance(part, ast.Text):
            return plan.Composed((part.value,))
        found = reference(part, bounds)
        values = self.values if bounds else None
        if isinstance(part.value, ast.Path) and values is not None and values.names(part.value):
            found = values.reference(part.value)
            return plan.Composed((found,)) if found is not None else None
        if found is not None:
            return plan.Composed((found,))
        return self.text(part.value)

    def each(
        self, nodes: tuple[ast.Setting, ...], bounds: tuple[str, ...] = ()
    ) -> tuple[tuple[str, plan.Composed], ...] | None:
        """bounds: what only a sweep knows and a template may hold, by name."""
        done = [(node.name.text, self.text(node.value, bounds)) for node in nodes]
        if any(value is None for _, value in done):
            return None
        return tuple((name, value) for name, value in done if value is not None)
