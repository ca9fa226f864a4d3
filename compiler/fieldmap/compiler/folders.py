"""Connectors of files: a folder or bucket, which files of it, and when each is ready to be read."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import PurePosixPath

from fieldmap.compiler import manners
from fieldmap.compiler.auths import Compose, kept_secret
from fieldmap.compiler.deltas import check_share
from fieldmap.compiler.exports import EXPORT
from fieldmap.compiler.readings import FORMATS, format_of, packed_of
from fieldmap.compiler.report import Report
from fieldmap.dsl import ast
from fieldmap.runtime import plan

Refuse = Callable[[str, Iterable[tuple[str, "ast.Node | None"]]], None]

# Where what is absent from the files is deleted, a file that is half written would delete the other half.
_SETTLES_MS = 60_000
_S3 = ("endpoint", "region", "access_key", "secret_key", "session_token")
_SCHEMES = ("s3://",)


def lower_files(
    node: ast.Connector,
    folder: plan.Composed | None,
    refuse: Refuse,
    compose: Compose,
    report: Report,
) -> plan.FilesConnector | None:
    """None after a diagnostic."""
    written = folder.parts[0] if folder is not None and isinstance(folder.parts[0], str) else ""
    remote = "://" in written or not written
    if "://" in written and not written.startswith(_SCHEMES) and node.folder is not None:
        report.error(
            "FM0403",
            f"no files are read from {written.partition('://')[0]}",
            node.folder.span,
            help='a folder is a path, or a bucket: folder "s3://bucket/prefix"',
        )
        return None
    if not remote:
        refuse("of a folder", [("s3", node.s3), ("retry", node.retry)])
    s3 = _s3(node.s3, compose, report) if node.s3 is not None else None
    policy = manners.retry(node.retry, report) if node.retry is not None else plan.RetryPolicy()
    resources = [_resource(node, resource, refuse, report) for resource in node.resources]
    if folder is None or policy is None or None in resources or (node.s3 is not None and s3 is None):
        return None
    return plan.FilesConnector(
        name=node.name.text,
        folder=folder,
        s3=s3,
        retry=policy,
        resources=tuple(one for one in resources if one is not None),
    )


def _resource(
    connector: ast.Connector, node: ast.Resource, refuse: Refuse, report: Report
) -> plan.FilesResource | None:
    words = ("get", "post", "body", "idempotency", "table", "pages", "format", "window", "parent", "deletes", *EXPORT)
    refuse("files", [(word, getattr(node, word)) for word in words])
    refuse("files", [("on", rule) for rule in node.rules])
    if node.files is None:
        if not report.broken(node.span):
            report.error(
                "FM0401",
                f"{node.name.text} does not say which files it reads",
                node.name.span,
                help='add: files "users*.jsonl" as ndjson',
            )
        return None
    if node.absence is not None:
        check_share(node.absence, report)
    pattern = PurePosixPath(node.files.pattern.value)
    if pattern.is_absolute() or ".." in pattern.parts or not pattern.parts:
        report.error(
            "FM0403",
            "the files must lie in the connector's folder",
            node.files.pattern.span,
            help='name them from there: files "2026/users*.csv" as csv',
        )
        return None
    marked = node.files.marked
    if marked is not None and (not marked.value.strip(".") or "/" in marked.value or "*" in marked.value):
        report.error(
            "FM0403",
            "what marks a file as complete is an ending such as .done, or the name of a file beside it",
            marked.span,
            help='write: marked by ".done", or marked by "_SUCCESS"',
        )
        return None
    if node.files.format.text not in FORMATS:
        return None
    settles = node.files.settles
    usual = _SETTLES_MS if node.absence is not None and marked is None else 0
    return plan.FilesResource(
        name=f"{connector.name.text}.{node.name.text}",
        pattern=node.files.pattern.value,
        format=format_of(node),
        packed=packed_of(node),
        settles_ms=settles.milliseconds if settles is not None else usual,
        marker=marked.value if marked is not None else "",
        order="time" if node.files.oldest else "name",
        absence=node.absence is not None,
    )


def _s3(node: ast.S3, compose: Compose, report: Report) -> plan.S3 | None:
    given: dict[str, plan.Composed] = {}
    for setting in node.settings:
        if setting.name.text not in _S3:
            report.unknown("FM0403", "setting of s3 called", setting.name, _S3)
            return None
        value = compose(setting.value)
        if value is None:
            return None
        given[setting.name.text] = value
        if setting.name.text in ("secret_key", "session_token") and not kept_secret(setting, value, report):
            return None
    if ("access_key" in given) != ("secret_key" in given):
        report.error(
            "FM0401",
            f"s3 has its {'access_key' if 'access_key' in given else 'secret_key'}, and lacks the other half of it",
            node.span,
            help="add: access_key env.S3_KEY, secret_key secret.S3_SECRET; or neither for a bucket that anybody may read",
        )
        return None
    return plan.S3(**given)
