"""The vocabulary of fetch plans: what a compiled connector says, and nothing that does anything.

A bundle's `fetch/<connector>.py` builds one `HttpConnector` or `FilesConnector` from these classes and names it CONNECTOR.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

Format = Literal["json", "ndjson", "csv", "xml", "excel"]


@dataclass(frozen=True, slots=True)
class EnvRef:
    """`env.WORKDAY_URL`: read from the environment when the plan runs."""

    name: str


@dataclass(frozen=True, slots=True)
class SecretRef:
    """`secret.WORKDAY_CLIENT_SECRET`: as EnvRef, but its value never becomes text that could be logged or stored."""

    name: str


@dataclass(frozen=True, slots=True)
class Composed:
    """A text put together at run time from literal parts and references. With a SecretRef in it the whole is a secret."""

    parts: tuple[str | EnvRef | SecretRef, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class NoAuth:
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class BasicAuth:
    user: Composed
    password: Composed


@dataclass(frozen=True, slots=True, kw_only=True)
class BearerAuth:
    token: Composed


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientCredentials:
    """OAuth2 client credentials (RFC 6749 section 4.4)."""

    token_url: Composed
    client_id: Composed
    client_secret: Composed
    scope: Composed | None = None


Auth = NoAuth | BasicAuth | BearerAuth | ClientCredentials


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """How often a request is sent again, and on what.

    times: repetitions after the first request. statuses: exact ones, such as 429. server_errors: any 5xx.
    timeouts: also on timeouts and broken connections. first_ms, longest_ms: bounds of the full-jitter exponential wait;
    a Retry-After of the source (seconds or date) counts instead, capped at longest_ms * 5.
    """

    times: int = 5
    statuses: tuple[int, ...] = (429,)
    server_errors: bool = True
    timeouts: bool = True
    first_ms: int = 500
    longest_ms: int = 60_000


@dataclass(frozen=True, slots=True, kw_only=True)
class NoPages:
    """One request gives everything."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CursorPages:
    """next: takes the decoded body, gives the cursor (text or number) of the next page, or None when there is none."""

    next: Callable[[Any], Any]
    sent_as: str
    size: int | None = None
    size_sent_as: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NextLinkPages:
    """next: takes the decoded body, gives the next page's URL (absolute, or relative to this page's), or None.

    A link that leaves the connector's origin (scheme, host and port of `base`) is an error, not a request.
    """

    next: Callable[[Any], Any]


Pages = NoPages | CursorPages | NextLinkPages


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpResource:
    """name: `workday.workers`. path: appended to the connector's base."""

    name: str
    path: Composed
    query: tuple[tuple[str, Composed], ...] = ()
    headers: tuple[tuple[str, Composed], ...] = ()
    pages: Pages = NoPages()
    format: Format = "json"


@dataclass(frozen=True, slots=True, kw_only=True)
class FilesResource:
    """pattern: a glob within the connector's folder, never leaving it."""

    name: str
    pattern: str
    format: Format


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpConnector:
    name: str
    base: Composed
    auth: Auth = NoAuth()
    retry: RetryPolicy = RetryPolicy()
    headers: tuple[tuple[str, Composed], ...] = ()
    resources: tuple[HttpResource, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class FilesConnector:
    name: str
    folder: Composed
    resources: tuple[FilesResource, ...] = ()


Connector = HttpConnector | FilesConnector
