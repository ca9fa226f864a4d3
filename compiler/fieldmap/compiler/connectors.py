"""Connectors and resources: checks their lines, and lowers them into the vocabulary of fetch plans."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from fieldmap.compiler import ir, manners, odata
from fieldmap.compiler.auths import lower_auth
from fieldmap.compiler.composing import Composing
from fieldmap.compiler.context import MapContext
from fieldmap.compiler.databases import lower_database
from fieldmap.compiler.deletes import check_deletes, lower_feed
from fieldmap.compiler.deltas import check_absence, lower_delta, most_absent
from fieldmap.compiler.exports import lower_export
from fieldmap.compiler.expressions import Checker
from fieldmap.compiler.folders import lower_files
from fieldmap.compiler.maps import resource_shape
from fieldmap.compiler.pages import Found, lower_pages
from fieldmap.compiler.parents import Values, chain, check_parent, lower_parent
from fieldmap.compiler.places import place
from fieldmap.compiler.pushes import lower_push
from fieldmap.compiler.readings import format_of, lower_reading, packed_of
from fieldmap.compiler.records import instant, textual
from fieldmap.compiler.report import Report
from fieldmap.compiler.requests import Requests, holes_of, lower_rules, named_in
from fieldmap.compiler.scope import Scope
from fieldmap.compiler.shapes import ShapeNode
from fieldmap.dsl import ast
from fieldmap.dsl.diagnostics import Edit, Label
from fieldmap.dsl.source import Span
from fieldmap.runtime import plan

_KINDS = {
    "files": "that reads files",
    "of a folder": "that reads a folder of this machine",
    "http": "that speaks HTTP",
    "database": "that reads a database",
    "push": "that takes what others push",
}


@dataclass(frozen=True)
class ConnectorPlan:
    """A connector ready to be emitted. finds: for each resource and purpose the path to what fetching looks up in a body, in IR. conditions: in the
    same way what is asked of an answer. parents: by name the resources that others are asked for each record of."""

    plan: plan.Connector
    finds: dict[tuple[str, str], ir.Read]
    place: ir.Place
    conditions: dict[tuple[str, str], ir.Expr] = field(default_factory=dict)
    parents: dict[str, ir.Map] = field(default_factory=dict)


def lower_connector(node: ast.Connector, context: MapContext) -> ConnectorPlan | None:
    """The plan of a connector, or None after a diagnostic."""
    return _ConnectorLowering(node, context).lower()


class _ConnectorLowering:
    def __init__(self, node: ast.Connector, context: MapContext) -> None:
        self._node = node
        self._context = context
        self._report: Report = context.report
        self._composing = Composing(node, context.report)
        self._finds: dict[tuple[str, str], ir.Read] = {}
        self._conditions: dict[tuple[str, str], ir.Expr] = {}
        self._parents: dict[str, ir.Map] = {}

    def lower(self) -> ConnectorPlan | None:
        kind = self._node.kind.text if self._node.kind is not None else "http"
        if kind in odata.KINDS and not self._context.services.knows(self._node.name.text):
            return None
        for resource in self._node.resources:
            self._check_resource(resource)
        if self._node.kind is None and self._means_files():
            return None
        if kind == "files":
            built: plan.Connector | None = self._files()
        elif kind == "database":
            built = lower_database(self._node, self._refuse, self._composing.text, self._report)
        elif kind == "push":
            built = lower_push(self._node, self._refuse, self._composing.text, self._report)
        elif kind == "http" or kind in odata.KINDS:
            built = self._http()
        else:
            assert self._node.kind is not None  # noqa: S101  (only a written kind is another)
            self._report.error(
                "FM0112",
                f"a connector that is {kind} is not part of this release yet",
                self._node.kind.span,
                help="is files reads a folder, is database reads tables, is push takes what others send; without `is` a connector speaks HTTP",
            )
            built = None
        return (
            ConnectorPlan(
                built,
                self._finds,
                place(self._context.symbols.sources, self._node.name.span),
                self._conditions,
                self._parents,
            )
            if built is not None
            else None
        )

    # --------------------------------------------------------------------------------------------- the kinds

    def _means_files(self) -> bool:
        """Whether, after a diagnostic, this has the lines of a connector that reads files and none that asks a service."""
        node = self._node
        lines = [node.folder, *(resource.files for resource in node.resources)]
        found = next((line for line in lines if line is not None), None)
        if (
            found is None
            or node.base is not None
            or any(resource.get is not None or resource.post is not None for resource in node.resources)
        ):
            return False
        end = node.name.span.end
        self._report.error(
            "FM0402",
            f"{node.name.text} reads files, and does not say so",
            node.name.span,
            labels=[Label(found.span, "here it names files")],
            help=f"write connector {node.name.text} is files",
            edit=Edit(Span(node.name.span.path, end, end), " is files"),
        )
        return True

    def _files(self) -> plan.FilesConnector | None:
        self._refuse(
            "files", [(word, getattr(self._node, word)) for word in ("base", "url", "auth", "tls", "limit", "breaker")]
        )
        folder = self._need(
            self._node.folder, "folder", 'say where the files are: folder "drop", or folder env.DROP_FOLDER'
        )
        return lower_files(self._node, folder, self._refuse, self._composing.text, self._report)

    def _http(self) -> plan.HttpConnector | None:
        self._refuse("http", [("folder", self._node.folder), ("s3", self._node.s3), ("url", self._node.url)])
        self._composing.base = self._need(self._node.base, "base", "say where the service is: base env.WORKDAY_URL")
        auth = (
            lower_auth(self._node.auth, self._composing.text, self._report)
            if self._node.auth is not None
            else plan.NoAuth()
        )
        tls = manners.tls(self._node.tls, self._composing.text, self._report) if self._node.tls is not None else None
        retry = manners.retry(self._node.retry, self._report) if self._node.retry is not None else plan.RetryPolicy()
        headers = self._composing.each(self._node.headers)
        resources = [self._http_resource(resource) for resource in self._node.resources]
        if self._composing.base is None or auth is None or retry is None or headers is None or None in resources:
            return None
        done = tuple(r for r in resources if r is not None)
        return plan.HttpConnector(
            name=self._node.name.text,
            base=self._composing.base,
            auth=auth,
            tls=tls,
            retry=retry,
            limit=manners.limit(self._node.limit, self._report) if self._node.limit is not None else None,
            breaker=manners.breaker(self._node.breaker, self._report) if self._node.breaker is not None else None,
            headers=headers,
            resources=done,
        )

    def _http_resource(self, node: ast.Resource) -> plan.HttpResource | None:
        self._refuse("http", [("files", node.files), ("table", node.table)])
        check_parent(self._node, node, self._report)
        values = self._composing.values = Values(self._node, node, self._report)
        requests = Requests(node, self._composing.text, values, self._report)
        requests.check()
        asked = node.get if node.post is None else node.post.path
        path = (
            requests.path(asked)
            if asked is not None
            else self._need(None, "get", 'say what to ask for: get "/v1/workers"', node.name)
        )
        query, headers = self._composing.each(node.query, holes_of(node)), self._composing.each(node.headers)
        body = requests.body()
        if path is None or query is None or headers is None or (body is None) != (node.body is None):
            return None
        name = f"{self._node.name.text}.{node.name.text}"
        format_ = format_of(node)
        served = self._context.services.asked(self._node.name.text, node.name.text)
        if served is not None:
            query = served.over(query)
        delta = served.delta if served is not None and served.delta is not None else lower_delta(node, self._report)
        packed = packed_of(node)
        check_absence(node, packed or format_, self._report)
        lowered = lower_pages(node, packed or format_, self._report, named_in(node))
        pages = odata.whole(lowered.pages, served) if served is not None else lowered.pages
        rules, conditions, reading = lower_rules(node, self._checker(None, node), format_)
        export, looked_up, asked_of = lower_export(node, self._checker(None, node), self._composing.text)
        self._finds.update({(name, purpose): read for purpose, read in (lowered.finds | looked_up).items()})
        self._conditions.update({(name, purpose): found for purpose, found in (conditions | asked_of).items()})
        feed = self._deletes(node, name)
        if feed is None and node.deletes is not None:
            return None
        return plan.HttpResource(
            name=name,
            path=path,
            query=query,
            headers=headers,
            pages=pages,
            format=format_,
            packed=packed,
            delta=delta,
            method="GET" if node.post is None else "POST",
            body=body,
            once=node.post is not None and node.post.once,
            idempotency=node.idempotency.value if node.idempotency is not None else None,
            rules=rules,
            reading=reading,
            parent=self._parent(name, node, values),
            export=export,
            asks=odata.question(path, query) if served is not None else "",
            deletes=feed,
        )

    def _deletes(self, node: ast.Resource, name: str) -> plan.HttpResource | None:
        feed = node.deletes
        if feed is None:
            return None
        path = self._need(feed.get, "get", 'say what to ask for: get "/v1/deleted"', feed.name)
        query, headers = self._composing.each(feed.query, holes_of(feed)), self._composing.each(feed.headers)
        if path is None or query is None or headers is None:
            return None
        lowered, finds = lower_feed(feed, name, path, query, headers, self._report)
        self._finds.update(finds)
        return lowered

    def _parent(self, name: str, node: ast.Resource, values: Values) -> plan.Parent | None:
        above = chain(self._node, node)
        if node.parent is None or not above:
            return None
        found = []
        for number, (text, (level, read)) in enumerate(values.finds.items()):
            purpose = f"parent_{number}"
            self._finds[name, purpose] = read
            found.append((text, level, Found(purpose)))
        symbols, codes = self._context.symbols, self._context.codes
        for _, one in above:
            self._parents[one.name.text] = lower_parent(self._node, one, symbols, codes)
        resource = f"{self._node.name.text}.{above[0][1].name.text}"
        private = tuple(dict.fromkeys(values.private))
        return plan.Parent(resource=resource, values=tuple(found), private=private, absence=most_absent(above[0][1]))

    # --------------------------------------------------------------------------------------------- the lines

    def _check_resource(self, node: ast.Resource) -> None:
        """Its identity, times and conditions are checked once here, whatever maps read it."""
        shape = resource_shape(self._node, node, self._context)
        checker = self._checker(shape, node)
        lower_reading(node, shape, self._report)
        if not node.ids and not self._report.broken(node.span):
            self._report.error(
                "FM0401",
                f"{node.name.text} does not say how its records are told apart",
                node.name.span,
                help="add: id $.employeeID, or several: id ($.employeeID, $.teamID)",
            )
        for item in node.ids:
            textual(checker, item)
        if node.changed is not None:
            instant(checker, node.changed)
        check_deletes(self._node, node, self._checker(None, node), self._report)
        if node.deleted_when is not None:
            checker.condition(node.deleted_when, "deleted when")
        if node.when is not None:
            checker.condition(node.when, "when")
        if node.sparse_when is not None:
            checker.condition(node.sparse_when, "sparse when")

    def _checker(self, shape: ShapeNode | None, node: ast.Resource) -> Checker:
        return Checker(
            Scope(self._context.symbols, self._report, {"$": shape}, codes=self._context.codes, resource=node)
        )

    def _refuse(self, kind: str, lines: Iterable[tuple[str, ast.Node | None]]) -> None:
        for word, line in lines:
            if line is not None:
                what = _KINDS[kind]
                said = "for each" if word == "parent" else word.replace("_", " ")
                self._report.error(
                    "FM0402", f"{said} has no meaning in a connector {what}", line.span, help="leave the line out"
                )

    def _need(
        self, node: ast.Expr | None, word: str, help_text: str, place_: ast.Name | None = None
    ) -> plan.Composed | None:
        if node is None:
            if self._report.broken(self._node.span):
                return None
            owner = place_ or self._node.name
            self._report.error("FM0401", f"{owner.text} lacks its line {word}", owner.span, help=help_text)
            return None
        return self._composing.text(node)
