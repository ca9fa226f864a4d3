"""`auth … { … }` of a connector: which settings each way to authenticate takes, and what it becomes in a fetch plan."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from fieldmap.compiler.report import Report
from fieldmap.dsl import ast
from fieldmap.dsl.diagnostics import Edit
from fieldmap.runtime import plan

Compose = Callable[[ast.Expr], "plan.Composed | None"]


@dataclass(frozen=True)
class _Way:
    """needed, optional: settings that are texts of the run. words: settings that are fixed when the map is written."""

    make: Callable[..., plan.Auth]
    needed: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()
    words: tuple[str, ...] = ()

    @property
    def known(self) -> tuple[str, ...]:
        return (*self.needed, *self.optional, *self.words)


def _api_key(*, key: plan.Composed, header: str | None = None, query: str | None = None) -> plan.ApiKey:
    return plan.ApiKey(name=header or query or "", key=key, place="header" if header is not None else "query")


_CLIENT = ("client_id", "client_secret")
_WAYS: dict[str, _Way] = {
    "none": _Way(plan.NoAuth),
    "basic": _Way(plan.BasicAuth, ("user", "password")),
    "bearer": _Way(plan.BearerAuth, ("token",)),
    "api_key": _Way(_api_key, ("key",), words=("header", "query")),
    "oauth2 client_credentials": _Way(plan.ClientCredentials, ("token_url", *_CLIENT), ("scope",)),
    "oauth2 refresh_token": _Way(
        plan.RefreshToken, ("token_url", "refresh_token", "client_id"), ("client_secret", "scope")
    ),
    "oauth2 jwt_bearer": _Way(
        plan.JwtBearer, ("token_url", "issuer", "private_key"), ("subject", "audience", "key_id", "scope")
    ),
    "oauth2 saml_bearer": _Way(
        plan.SamlBearer, ("token_url", "assertion", "client_id"), ("client_secret", "company_id", "scope")
    ),
    "hmac": _Way(
        plan.Hmac,
        ("secret",),
        ("prefix", "key_id"),
        ("message", "header", "algorithm", "encoding", "timestamp_header", "key_header"),
    ),
    "aws_sigv4": _Way(plan.AwsSigV4, ("access_key", "secret_key", "region", "service"), ("session_token",)),
}
_SECRET = frozenset(
    ("password", "token", "client_secret", "refresh_token", "private_key", "assertion", "secret", "secret_key")
) | {"session_token", "key"}
_CHOICES = {"algorithm": ("sha256", "sha512"), "encoding": ("hex", "base64")}
# What a message to sign may name of the request. The runtime fills these in; the two lists are compared by a test.
SIGNED_PARTS = ("method", "path", "query", "timestamp", "body", "body_sha256")


def lower_auth(node: ast.Auth, compose: Compose, report: Report) -> plan.Auth | None:
    """None after a diagnostic."""
    kind = node.kind.text
    way = _WAYS.get(kind)
    if way is None:
        report.unknown("FM0403", "way to authenticate called", node.kind, _WAYS)
        return None
    given: dict[str, Any] = {}
    for setting in node.settings:
        name = setting.name.text
        if name not in way.known:
            report.unknown("FM0403", f"setting of auth {kind} called", setting.name, way.known)
            return None
        if name in given:
            report.error("FM0205", f"{name} is said twice", setting.span, help="keep one of the two")
            return None
        value = _word(setting, report) if name in way.words else compose(setting.value)
        if value is None:
            return None
        if name in _SECRET and isinstance(value, plan.Composed) and not kept_secret(setting, value, report):
            return None
        given[name] = value
    lacks = [name for name in way.needed if name not in given]
    if kind == "hmac":
        lacks += [name for name in ("message", "header") if name not in given]
    if lacks and report.broken(node.span):
        return None
    if lacks:
        report.error("FM0401", f"auth {kind} lacks {', '.join(lacks)}", node.span, help=f"add: {_sample(lacks[0])}")
        return None
    return way.make(**given) if _fits(kind, given, node, report) else None


def _sample(name: str) -> str:
    if name == "message":
        return 'message "{timestamp}{method}{path}"'
    if name == "header":
        return 'header "X-Signature"'
    return f"{name} {'secret' if name in _SECRET or name == 'client_id' else 'env'}.NAME"


def _fits(kind: str, given: dict[str, Any], node: ast.Auth, report: Report) -> bool:
    """Whether the settings go together."""
    if kind == "api_key" and ("header" in given) == ("query" in given):
        report.error(
            "FM0403",
            "an API key is sent in a header or in the query: one of the two is said",
            node.span,
            help='add: header "X-Api-Key", or: query "api_key"',
        )
        return False
    if kind == "hmac" and "{timestamp}" in given["message"] and "timestamp_header" not in given:
        report.error(
            "FM0401",
            "the message holds a timestamp, which the source has to be told to check the signature",
            node.span,
            help='add: timestamp_header "X-Timestamp"',
        )
        return False
    if kind == "hmac" and ("key_id" in given) != ("key_header" in given):
        report.error(
            "FM0401",
            "key_id is the name of the key, and key_header the header that it is sent in: both or none",
            node.span,
            help='add: key_header "X-Key-Id"' if "key_id" in given else "add: key_id env.NAME",
        )
        return False
    return True


def _word(setting: ast.Setting, report: Report) -> str | None:
    """A setting that is a fixed text; of `message` a template that names parts of the request."""
    name, value = setting.name.text, setting.value
    text = _text(value, SIGNED_PARTS if name == "message" else ())
    choices = _CHOICES.get(name)
    if text and (choices is None or text in choices):
        return text
    if choices is not None:
        help_ = " or ".join(f'{name} "{choice}"' for choice in choices)
    elif name == "message":
        help_ = f"a text that may hold {', '.join(f'{{{part}}}' for part in SIGNED_PARTS)}"
    else:
        help_ = f'a text in quotes, such as {name} "X-Api-Key"'
    report.error("FM0403", f"{name} cannot be this", value.span, help=help_)
    return None


def _text(value: ast.Expr, holes: tuple[str, ...]) -> str | None:
    """A literal text, in which the holes stand as they are written."""
    if isinstance(value, ast.Text):
        return value.value
    if not isinstance(value, ast.Template):
        return None
    text = ""
    for part in value.parts:
        if isinstance(part, ast.Text):
            text += part.value
        elif isinstance(part.value, ast.Bare) and part.value.name in holes:
            text += f"{{{part.value.name}}}"
        else:
            return None
    return text


def kept_secret(setting: ast.Setting, value: plan.Composed, report: Report) -> bool:
    """Whether a secret setting comes from where secrets are; says so if not."""
    if any(isinstance(part, plan.SecretRef) for part in value.parts):
        return True
    name, node = setting.name.text, setting.value
    named = next((part for part in value.parts if isinstance(part, plan.EnvRef)), None)
    if named is not None:
        report.error(
            "FM0312",
            f"{name} is a secret, and what env gives may be shown and logged",
            node.span,
            help=f"write secret.{named.name}: the same variable, never shown",
            edit=Edit(node.span, f"secret.{named.name}") if isinstance(node, ast.Environment) else None,
        )
    else:
        report.error(
            "FM0312",
            f"{name} is a secret and stands in the file for all to read",
            node.span,
            help="name an environment variable: secret.MY_PASSWORD",
        )
    return False
