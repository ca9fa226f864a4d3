"""Connectors of what is pushed: in batches by `fieldmap ingest`, and as webhooks to `fieldmap serve`."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from fieldmap.compiler.auths import Compose, kept_secret
from fieldmap.compiler.exports import EXPORT
from fieldmap.compiler.readings import FORMATS, format_of
from fieldmap.compiler.report import Report
from fieldmap.dsl import ast
from fieldmap.runtime import plan

Refuse = Callable[[str, Iterable[tuple[str, "ast.Node | None"]]], None]

_TEXT = frozenset(("user", "password", "token", "key", "secret"))
_SECRET = _TEXT - {"user"}
_SIGNED = (
    "message",
    "algorithm",
    "encoding",
    "prefix",
    "timestamp_header",
    "timestamp_field",
    "signature_field",
    "tolerance",
)
# Of each way to know a sender the settings that it needs, and those that it takes beside them.
_WAYS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "none": ((), ()),
    "basic": (("user", "password"), ()),
    "bearer": (("token",), ()),
    "api_key": (("header", "key"), ()),
    "hmac": (("secret", "header"), _SIGNED),
}
_CHOICES = {"algorithm": ("sha256", "sha512"), "encoding": ("hex", "base64")}
_LONGEST_TOLERANCE = 86_400


def lower_push(node: ast.Connector, refuse: Refuse, compose: Compose, report: Report) -> plan.PushConnector | None:
    """None after a diagnostic."""
    refuse(
        "push",
        [(word, getattr(node, word)) for word in ("base", "folder", "s3", "url", "tls", "retry", "limit", "breaker")],
    )
    refuse("push", [("headers", one) for one in node.headers[:1]])
    auth = _auth(node.auth, compose, report) if node.auth is not None else None
    resources = [_resource(node, resource, refuse) for resource in node.resources]
    if (node.auth is not None and auth is None) or None in resources:
        return None
    return plan.PushConnector(
        name=node.name.text, auth=auth, resources=tuple(one for one in resources if one is not None)
    )


def _resource(connector: ast.Connector, node: ast.Resource, refuse: Refuse) -> plan.PushResource | None:
    refuse(
        "push",
        [
            (word, getattr(node, word))
            for word in (
                "get",
                "post",
                "deletes",
                "body",
                "idempotency",
                "table",
                "files",
                "pages",
                "absence",
                "window",
                "parent",
                *EXPORT,
            )
        ],
    )
    refuse("push", [("on", rule) for rule in node.rules[:1]])
    refuse("push", [("query", one) for one in node.query[:1]] + [("headers", one) for one in node.headers[:1]])
    if node.format is not None and node.format.format.text not in FORMATS:
        return None
    return plan.PushResource(
        name=f"{connector.name.text}.{node.name.text}",
        format=format_of(node),
        ingested=format_of(node) if node.format is not None else "ndjson",
    )


def _auth(node: ast.Auth, compose: Compose, report: Report) -> plan.PushAuth | None:
    kind = node.kind.text
    if kind not in _WAYS:
        report.unknown("FM0403", "way to know who pushes called", node.kind, _WAYS)
        return None
    needed, optional = _WAYS[kind]
    given: dict[str, Any] = {}
    for setting in node.settings:
        name = setting.name.text
        if name not in (*needed, *optional):
            report.unknown("FM0403", f"setting of auth {kind} called", setting.name, (*needed, *optional))
            return None
        if name in given:
            report.error("FM0205", f"{name} is said twice", setting.span, help="keep one of the two")
            return None
        value = compose(setting.value) if name in _TEXT else _word(setting, report)
        if value is None or (
            name in _SECRET and isinstance(value, plan.Composed) and not kept_secret(setting, value, report)
        ):
            return None
        given[name] = value
    lacks = [name for name in needed if name not in given]
    if lacks:
        if not report.broken(node.span):
            report.error(
                "FM0401", f"auth {kind} lacks {', '.join(lacks)}", node.span, help=f"add: {_SAMPLES[lacks[0]]}"
            )
        return None
    return _made(kind, given, node, report)


def _made(kind: str, given: dict[str, Any], node: ast.Auth, report: Report) -> plan.PushAuth | None:
    match kind:
        case "basic":
            return plan.BasicAuth(**given)
        case "bearer":
            return plan.BearerAuth(**given)
        case "api_key":
            return plan.ApiKey(name=given["header"], key=given["key"], place="header")
        case "hmac":
            stamped = "timestamp_header" in given or "timestamp_field" in given
            if stamped != ("{timestamp}" in given.get("message", "{body}")):
                report.error(
                    "FM0403",
                    "a time that is not signed proves nothing"
                    if stamped
                    else "the message holds a time, and nothing says where it stands",
                    node.span,
                    help='write: message "{timestamp}.{body}"' if stamped else 'add: timestamp_header "X-Timestamp"',
                )
                return None
            if "{body}" not in given.get("message", "{body}"):
                report.error(
                    "FM0403", "a signature without the body proves nothing", node.span, help='write: message "{body}"'
                )
                return None
            tolerance = int(given.pop("tolerance", 300))
            return plan.Signed(**given, tolerance_s=tolerance)
        case _:
            return plan.NoAuth()


_SAMPLES = {
    "user": "user env.HOOK_USER",
    "password": "password secret.HOOK_PASSWORD",
    "token": "token secret.HOOK_TOKEN",
    "key": "key secret.HOOK_KEY",
    "secret": "secret secret.HOOK_SECRET",
    "header": 'header "X-Hub-Signature-256"',
}


def _word(setting: ast.Setting, report: Report) -> str | None:
    """A text that is fixed when the map is written; None after a diagnostic."""
    name, value = setting.name.text, setting.value
    text: str | None = None
    match value:
        case ast.Text():
            text = value.value
        case ast.Number(unit=None, value=number) if name == "tolerance" and 1 <= number <= _LONGEST_TOLERANCE:
            text = str(int(number)) if number == int(number) else None
        case ast.Template(parts=parts) if name == "message":
            pieces = [
                part.value
                if isinstance(part, ast.Text)
                else f"{{{part.value.name}}}"
                if isinstance(part.value, ast.Bare)
                else "{?}"
                for part in parts
            ]
            text = "".join(pieces)
            holes = [piece for piece in pieces if piece.startswith("{") and piece.endswith("}")]
            text = text if set(holes) <= {"{timestamp}", "{body}"} else None
        case ast.Template(parts=(ast.Text(value=only),)):
            text = only
    good = text is not None and (
        name in ("message", "tolerance") or (text.isascii() and text.isprintable() and 0 < len(text) <= 100)
    )
    if name == "tolerance" and isinstance(value, ast.Text):
        good = False
    if name in _CHOICES and text not in _CHOICES[name]:
        report.error("FM0403", f"{name} cannot be this", value.span, help=f"it is one of {', '.join(_CHOICES[name])}")
        return None
    if not good:
        help_ = {
            "message": "a text that may hold {timestamp} and {body}",
            "tolerance": "seconds, 1 to 86400, as in: tolerance 300",
        }.get(name, f'a text in quotes, such as {name} "X-Signature"')
        report.error("FM0403", f"{name} cannot be this", value.span, help=help_)
        return None
    return text
