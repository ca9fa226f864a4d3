"""Connectors of a database: which table, by which columns it is read, and what of it is new."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

from fieldmap.compiler.auths import Compose, kept_secret
from fieldmap.compiler.deltas import check_share
from fieldmap.compiler.exports import EXPORT
from fieldmap.compiler.report import Report
from fieldmap.dsl import ast
from fieldmap.runtime import plan

Refuse = Callable[[str, Iterable[tuple[str, "ast.Node | None"]]], None]

_TABLE = re.compile(r"[^.\"\x00-\x1f]{1,63}(?:\.[^.\"\x00-\x1f]{1,63})?")
_MOST_ROWS = 100_000


def lower_database(
    node: ast.Connector, refuse: Refuse, compose: Compose, report: Report
) -> plan.DatabaseConnector | None:
    """None after a diagnostic."""
    words = ("base", "folder", "s3", "auth", "tls", "retry", "limit", "breaker")
    refuse("database", [(word, getattr(node, word)) for word in words])
    refuse("database", [("headers", one) for one in node.headers[:1]])
    url = _url(node, compose, report)
    resources = [_resource(node, resource, refuse, report) for resource in node.resources]
    if url is None or None in resources:
        return None
    return plan.DatabaseConnector(
        name=node.name.text, url=url, resources=tuple(one for one in resources if one is not None)
    )


def _url(node: ast.Connector, compose: Compose, report: Report) -> plan.Composed | None:
    if node.url is None:
        if not report.broken(node.span):
            report.error(
                "FM0401",
                f"{node.name.text} lacks its line url",
                node.name.span,
                help="say where the database is: url secret.ERP_URL",
            )
        return None
    url = compose(node.url)
    setting = ast.Setting(name=ast.Name(text="url", span=node.url.span), value=node.url, span=node.url.span)
    return url if url is not None and kept_secret(setting, url, report) else None


def _resource(
    connector: ast.Connector, node: ast.Resource, refuse: Refuse, report: Report
) -> plan.TableResource | None:
    words = ("get", "post", "body", "idempotency", "files", "format", "pages", "records", "parent", "deletes", *EXPORT)
    refuse("database", [(word, getattr(node, word)) for word in words])
    refuse("database", [("on", rule) for rule in node.rules[:1]])
    refuse("database", [("query", one) for one in node.query[:1]] + [("headers", one) for one in node.headers[:1]])
    if node.table is None:
        if not report.broken(node.span):
            report.error(
                "FM0401",
                f"{node.name.text} does not say which table it reads",
                node.name.span,
                help='add: table "public.part"',
            )
        return None
    if node.absence is not None:
        check_share(node.absence, report)
    if _TABLE.fullmatch(node.table.name.value) is None:
        report.error(
            "FM0403",
            "a table is a name, or a schema, a dot and a name; for a query read a view of it",
            node.table.name.span,
            help='write: table "public.part"',
        )
        return None
    usual = plan.TableResource(name="", table="", key=())
    size = node.table.size if node.table.size is not None else usual.size
    if not 1 <= size <= _MOST_ROWS:
        report.error(
            "FM0403",
            f"a page has 1 to {_MOST_ROWS:,} rows",
            node.table.span,
            help='write: table "public.part", 5000 at a time',
        )
        return None
    key = [_column(item) for item in node.ids]
    if not key or None in key:
        if node.ids:
            report.error(
                "FM0403",
                "a table is read in order of its key, so its id names columns as they are",
                node.ids[key.index(None)].span,
                help="write: id $.part_no, or several: id ($.order_no, $.line)",
            )
        return None
    changed = _column(node.changed) if node.changed is not None else None
    if node.window is not None and not _is_plain(node, changed, report):
        return None
    window = node.window
    return plan.TableResource(
        name=f"{connector.name.text}.{node.name.text}",
        table=node.table.name.value,
        key=tuple(one for one in key if one is not None),
        changed=changed,
        size=size,
        settles_ms=window.settles.milliseconds
        if window is not None and window.settles is not None
        else usual.settles_ms,
        overlap_ms=window.overlap.milliseconds
        if window is not None and window.overlap is not None
        else usual.overlap_ms,
    )


def _is_plain(node: ast.Resource, changed: str | None, report: Report) -> bool:
    """Whether what stands behind the value of `changed` has a meaning for a table."""
    window = node.window
    assert window is not None  # noqa: S101  (looked at before)
    if window.since is not None or window.until is not None or window.form is not None:
        report.error(
            "FM0402",
            "a table is not sent a bound: what changed is asked for by the column itself",
            window.span,
            help="write: changed $.updated_at, settles in 2 min, overlap 5 min",
        )
        return False
    if changed is None:
        report.error(
            "FM0402",
            "what changed is asked for by a column, and this is a value that is made of one",
            window.span,
            help="write: changed $.updated_at, of a column with time zone; or leave settles and overlap out, and all is read",
        )
        return False
    return True


def _column(node: ast.Expr | None) -> str | None:
    """The name of a column that is read as it is: `$.part_no`."""
    match node:
        case ast.Path(root="$", segments=(ast.MemberSegment(name=name),)):
            return name
        case _:
            return None
