"""Connectors and resources: checks their lines, and lowers them into the vocabulary of fetch plans."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from fieldmap.compiler import ir, odata
from fieldmap.compiler.auths import lower_auth
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
from fieldmap.compiler.requests import Requests, holes_of, lower_rules, named_in, reference
from fieldmap.compiler.scope import Scope
from fieldmap.compiler.shapes import ShapeNode
from fieldmap.dsl import ast
from fieldmap.dsl.diagnostics import Edit, Label
from fieldmap.dsl.source import Span
from fieldmap.runtime import plan

_PAGES = {
    "cursor": "pages cursor at $.next",
    "offset": "pages offset",
    "page": "pages number",
    "after": "pages keyset at $.id",
    "size": "pages offset, 100 at a time",
}
_OF_A_SWEEP = (*_PAGES, "since", "until")
_KINDS = {
    "files": "that reads files",
    "of a folder": "that reads a folder of this machine",
    "http": "that speaks HTTP",
    "database": "that reads a database",
    "push": "that takes what others push",
}
_PERIODS = {"second": 1_000, "minute": 60_000, "hour": 3_600_000, "day": 86_400_000}


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
        self._base: plan.Composed | None = None
        self._finds: dict[tuple[str, str], ir.Read] = {}
        self._conditions: dict[tuple[str, str], ir.Expr] = {}
        self._parents: dict[str, ir.Map] = {}
        self._values: Values | None = None

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
            built = lower_database(self._node, self._refuse, self._composed, self._report)
        elif kind == "push":
            built = lower_push(self._node, self._refuse, self._composed, self._report)
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
        return lower_files(self._node, folder, self._refuse, self._composed, self._retry, self._report)

    def _http(self) -> plan.HttpConnector | None:
        self._refuse("http", [("folder", self._node.folder), ("s3", self._node.s3), ("url", self._node.url)])
        self._base = self._need(self._node.base, "base", "say where the service is: base env.WORKDAY_URL")
        auth = (
            lower_auth(self._node.auth, self._composed, self._report) if self._node.auth is not None else plan.NoAuth()
        )
        tls = self._tls(self._node.tls) if self._node.tls is not None else None
        retry = self._retry(self._node.retry) if self._node.retry is not None else plan.RetryPolicy()
        headers = self._settings(self._node.headers)
        resources = [self._http_resource(resource) for resource in self._node.resources]
        if self._base is None or auth is None or retry is None or headers is None or None in resources:
            return None
        done = tuple(r for r in resources if r is not None)
        return plan.HttpConnector(
            name=self._node.name.text,
            base=self._base,
            auth=auth,
            tls=tls,
            retry=retry,
            limit=self._limit(self._node.limit) if self._node.limit is not None else None,
            breaker=self._breaker(self._node.breaker) if self._node.breaker is not None else None,
            headers=headers,
            resources=done,
        )

    def _http_resource(self, node: ast.Resource) -> plan.HttpResource | None:
        self._refuse("http", [("files", node.files), ("table", node.table)])
        check_parent(self._node, node, self._report)
        values = self._values = Values(self._node, node, self._report)
        requests = Requests(node, self._composed, values, self._report)
        requests.check()
        asked = node.get if node.post is None else node.post.path
        path = (
            requests.path(asked)
            if asked is not None
            else self._need(None, "get", 'say what to ask for: get "/v1/workers"', node.name)
        )
        query, headers = self._settings(node.query, holes_of(node)), self._settings(node.headers)
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
        export, looked_up, asked_of = lower_export(node, self._checker(None, node), self._composed)
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
        query, headers = self._settings(feed.query, holes_of(feed)), self._settings(feed.headers)
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
        return self._composed(node)

    def _composed(self, node: ast.Expr, bounds: tuple[str, ...] = ()) -> plan.Composed | None:
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
            case ast.Bare(name="base") if self._base is not None:
                return self._base
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
                return self._composed(bare)
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
        values = self._values if bounds else None
        if isinstance(part.value, ast.Path) and values is not None and values.names(part.value):
            found = values.reference(part.value)
            return plan.Composed((found,)) if found is not None else None
        if found is not None:
            return plan.Composed((found,))
        return self._composed(part.value)

    def _settings(
        self, nodes: tuple[ast.Setting, ...], bounds: tuple[str, ...] = ()
    ) -> tuple[tuple[str, plan.Composed], ...] | None:
        """bounds: what only a sweep knows and a template may hold, by name."""
        done = [(node.name.text, self._composed(node.value, bounds)) for node in nodes]
        if any(value is None for _, value in done):
            return None
        return tuple((name, value) for name, value in done if value is not None)

    def _tls(self, node: ast.Tls) -> plan.ClientTls | None:
        known = ("certificate", "key", "password", "roots")
        given: dict[str, plan.Composed] = {}
        for setting in node.settings:
            if setting.name.text not in known:
                self._report.unknown("FM0403", "setting of tls called", setting.name, known)
                return None
            value = self._composed(setting.value)
            if value is None:
                return None
            given[setting.name.text] = value
        if not given or ("key" in given and "certificate" not in given):
            self._report.error(
                "FM0401",
                "tls lacks its certificate" if given else "tls says nothing",
                node.span,
                help="add: certificate env.CLIENT_CERTIFICATE, the name of a file in PEM",
            )
            return None
        return plan.ClientTls(**given)

    def _limit(self, node: ast.Limit) -> plan.RateLimit | None:
        period = _PERIODS.get(node.unit.text) if node.unit is not None else 1000
        if period is None:
            assert node.unit is not None  # noqa: S101  (it named no span of time)
            self._report.unknown("FM0403", "span of time for a limit called", node.unit, _PERIODS)
            return None
        if node.requests == 0 or node.at_once == 0:
            self._report.error(
                "FM0403", "a limit of no requests lets nothing through", node.span, help="name 1 or more"
            )
            return None
        return plan.RateLimit(requests=node.requests or 0, period_ms=period, at_once=node.at_once or 0)

    def _breaker(self, node: ast.Breaker) -> plan.BreakerPolicy | None:
        if node.failures < 1:
            self._report.error("FM0403", "a breaker opens after 1 failure or more", node.span, help="opens after 10")
            return None
        if node.probe is None:
            return plan.BreakerPolicy(failures=node.failures)
        return plan.BreakerPolicy(failures=node.failures, probe_ms=node.probe.milliseconds)

    def _retry(self, node: ast.Retry) -> plan.RetryPolicy | None:
        statuses: list[int] = []
        server_errors = timeouts = False
        for cause in node.causes:
            if cause.text == "5xx":
                server_errors = True
            elif cause.text == "timeout":
                timeouts = True
            elif cause.text.isdigit() and 400 <= int(cause.text) <= 599:
                statuses.append(int(cause.text))
            else:
                self._report.error(
                    "FM0403",
                    f"{cause.text} is nothing to try again on",
                    cause.span,
                    help="name statuses such as 429, and 5xx, timeout",
                )
                return None
        if node.times > 20:
            self._report.error(
                "FM0403",
                "no more than 20 repetitions",
                node.span,
                help="a source that fails so often is down; sync again later",
            )
            return None
        default = plan.RetryPolicy()
        return plan.RetryPolicy(
            times=node.times,
            statuses=tuple(statuses),
            server_errors=server_errors,
            timeouts=timeouts,
            first_ms=node.first.milliseconds if node.first is not None else default.first_ms,
            longest_ms=node.longest.milliseconds if node.longest is not None else default.longest_ms,
        )
