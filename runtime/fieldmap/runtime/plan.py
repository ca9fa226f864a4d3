"""The vocabulary of fetch plans: what a compiled connector says, and nothing that does anything.

A bundle's `fetch/<connector>.py` builds one connector from these classes and names it CONNECTOR, with one import: a vocabulary in
one file, though of more than 400 lines.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

# What a page of a feed of deletes is called, among those of its resource.
DELETES = "deletes"

Format = Literal["json", "ndjson", "csv", "fixed", "xml", "excel"]


@dataclass(frozen=True, slots=True)
class EnvRef:
    """`env.WORKDAY_URL`: read from the environment when the plan runs."""

    name: str


@dataclass(frozen=True, slots=True)
class SecretRef:
    """`secret.WORKDAY_CLIENT_SECRET`: as EnvRef, but its value never becomes text that could be logged or stored."""

    name: str


@dataclass(frozen=True, slots=True)
class SweepRef:
    """What only a sweep knows: a bound of its window (`{since}`, `{until}`), its place in the pages (`{cursor}`, `{offset}`, `{page}`,
    `{after}`, `{size}`), a value of the parent's record (`{w.id}`). default: what stands in the place of one that there is not; without it the whole line is left out."""

    name: str
    default: str | None = None


@dataclass(frozen=True, slots=True)
class Bounded:
    """A part of a query that names bounds of the window, and is left out, it alone, where one of them is not there."""

    parts: tuple[str | SweepRef, ...]


@dataclass(frozen=True, slots=True)
class Composed:
    """A text put together at run time from literal parts and references. With a SecretRef in it the whole is a secret.

    A SweepRef stands in paths, queries and bodies, and becomes text with each request; a Bounded stands in queries only.
    """

    parts: tuple[str | EnvRef | SecretRef | SweepRef | Bounded, ...]


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


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKey:
    """A key in a header or in the query, by whatever name the source gives it."""

    name: str
    key: Composed
    place: Literal["header", "query"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RefreshToken:
    """OAuth2 with a token that a person's consent gave (RFC 6749 section 6). The server may rotate it with each use."""

    token_url: Composed
    refresh_token: Composed
    client_id: Composed
    client_secret: Composed | None = None
    scope: Composed | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class JwtBearer:
    """OAuth2 with an assertion signed by the client's RSA key (RFC 7523, RS256). private_key: PEM. audience: token_url where unsaid."""

    token_url: Composed
    issuer: Composed
    private_key: Composed
    subject: Composed | None = None
    audience: Composed | None = None
    key_id: Composed | None = None
    scope: Composed | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SamlBearer:
    """OAuth2 with a SAML assertion made elsewhere (RFC 7522). assertion: in base64. company_id: as SuccessFactors wants it."""

    token_url: Composed
    assertion: Composed
    client_id: Composed
    client_secret: Composed | None = None
    company_id: Composed | None = None
    scope: Composed | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Hmac:
    """A signature over parts of the request, HMAC with SHA-256 or SHA-512. message: a template of {method}, {path}, {query},
    {timestamp}, {body}, {body_sha256} and texts, as literal text. timestamp_header: where the seconds since 1970 are sent."""

    secret: Composed
    message: str
    header: str
    algorithm: Literal["sha256", "sha512"] = "sha256"
    encoding: Literal["hex", "base64"] = "hex"
    prefix: Composed | None = None
    timestamp_header: str | None = None
    key_id: Composed | None = None
    key_header: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AwsSigV4:
    """AWS Signature Version 4."""

    access_key: Composed
    secret_key: Composed
    region: Composed
    service: Composed
    session_token: Composed | None = None


Auth = (
    NoAuth
    | BasicAuth
    | BearerAuth
    | ClientCredentials
    | ApiKey
    | RefreshToken
    | JwtBearer
    | SamlBearer
    | Hmac
    | AwsSigV4
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientTls:
    """Files in PEM: the client's certificate and key (mutual TLS), and the only roots to trust; each if it is said."""

    certificate: Composed | None = None
    key: Composed | None = None
    password: Composed | None = None
    roots: Composed | None = None


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
class RateLimit:
    """At most so many requests to a connector's host in so many milliseconds, spread evenly; 0 for any number. at_once: so many at most
    are under way at a time; 0 for any number."""

    requests: int = 0
    period_ms: int = 1000
    at_once: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakerPolicy:
    """After so many failed attempts in a row nothing is asked of the source for so long; then one request probes it."""

    failures: int
    probe_ms: int = 30_000


Find = Callable[[Any], Any]
"""Takes a decoded body, gives what stands at a place of it, None where there is nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ends:
    """What a body says of the whole. rows: the raw records of a page, before any is filtered out by a map or by a filter of `records`.
    total: how many records there are on all pages. more: whether another page follows. None where nothing is said. within: places in a
    record where a link says that a list of the record goes on elsewhere; such a page is refused, since a part is not the list."""

    rows: Find | None = None
    total: Find | None = None
    more: Find | None = None
    within: tuple[tuple[str, ...], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class NoPages:
    """One request gives everything."""

    ends: Ends = Ends()


@dataclass(frozen=True, slots=True, kw_only=True)
class CursorPages:
    """next: takes the decoded body, gives the cursor (text or number) of the next page, or None when there is none.

    sent_as: of this and of the kinds below, the parameter of the query; None where the path, query or body names the place by itself.
    """

    next: Find
    sent_as: str | None
    size: int | None = None
    size_sent_as: str | None = None
    ends: Ends = Ends()


@dataclass(frozen=True, slots=True, kw_only=True)
class NextLinkPages:
    """next: takes the decoded body, gives the next page's URL (absolute, or relative to this page's), or None.

    A link that leaves the connector's origin (scheme, host and port of `base`) is an error, not a request.
    """

    next: Find
    ends: Ends = Ends()


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkHeaderPages:
    """The next page's URL is in the header `Link`, with rel="next" (RFC 8288)."""

    ends: Ends = Ends()


@dataclass(frozen=True, slots=True, kw_only=True)
class OffsetPages:
    """How many records were read so far is sent, counted from `first`. Ends with an empty page, or as `ends` says."""

    sent_as: str | None
    first: int = 0
    size: int | None = None
    size_sent_as: str | None = None
    ends: Ends


@dataclass(frozen=True, slots=True, kw_only=True)
class NumberPages:
    """The number of the page is sent, counted from `first`. Ends with an empty page, or as `ends` says."""

    sent_as: str | None
    first: int = 1
    size: int | None = None
    size_sent_as: str | None = None
    ends: Ends


@dataclass(frozen=True, slots=True, kw_only=True)
class KeysetPages:
    """The key of the last record is sent. key: takes a raw record. Ends with an empty page, or as `ends` says."""

    key: Find
    sent_as: str | None
    size: int | None = None
    size_sent_as: str | None = None
    ends: Ends


Pages = NoPages | CursorPages | NextLinkPages | LinkHeaderPages | OffsetPages | NumberPages | KeysetPages


@dataclass(frozen=True, slots=True, kw_only=True)
class Delta:
    """Reading only what changed, in windows. since, until: the names by which the bounds are sent; None for one that stands in the
    query as a SweepRef, or is not sent. written: "iso", "epoch s", "epoch ms" or a pattern of LDML; zone: of a pattern, UTC unsaid.
    settles_ms: how far the upper bound trails the source's clock. overlap_ms: how much of what was read before is read again.
    step_ms: how long a window is at the most; begins: the moment, with its offset, from which there is anything, where that is said.
    """

    since: str | None = None
    until: str | None = None
    written: str = "iso"
    zone: str | None = None
    settles_ms: int = 60_000
    overlap_ms: int = 60_000
    step_ms: int | None = None
    begins: str | None = None


@dataclass(frozen=True, slots=True)
class JsonConstant:
    """A value of JSON as it is written: `12`, `true`, `null`."""

    text: str


@dataclass(frozen=True, slots=True)
class JsonObject:
    members: tuple[tuple[str, JsonValue], ...]


@dataclass(frozen=True, slots=True)
class JsonList:
    items: tuple[JsonValue, ...]


# A Composed is a text; a SweepRef alone has the type that its value has. What holds a value that there is not is left out.
JsonValue = JsonConstant | JsonObject | JsonList | Composed | SweepRef


@dataclass(frozen=True, slots=True)
class JsonBody:
    value: JsonObject


@dataclass(frozen=True, slots=True)
class FormBody:
    """As a form of a page sends it."""

    fields: tuple[tuple[str, Composed], ...]


@dataclass(frozen=True, slots=True)
class TextBody:
    """Lines, joined by line breaks. xml: what is filled in is written as text of XML."""

    lines: tuple[Composed, ...]
    xml: bool


Body = JsonBody | FormBody | TextBody


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerRule:
    """What an answer means, by its status ("409", "4xx") and body. holds: takes the decoded body; None where the status says enough.

    skip: passed over, and what it was asked for counts as unread. empty: there is nothing more. fail: an error, with the message.
    retry: asked again, as the connector's policy says.
    """

    status: str
    action: Literal["skip", "empty", "fail", "retry"]
    holds: Find | None = None
    message: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Parent:
    """What a resource is asked for each record of. resource: `workday.workers`. values: by name what stands for a SweepRef, how many
    parents up its record is (0: the parent itself), and how it is found there. private: those of them that are not shown. absence: as of a
    map."""

    resource: str
    values: tuple[tuple[str, int, Find], ...]
    private: tuple[str, ...] = ()
    absence: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Export:
    """A job that the request of the resource submits. job: takes the answer, gives what tells the job, `{job}` in the paths. poll: asked
    every so often, for so long after the submission; done, failed: take its answer. The file is at the path `download`, or where
    `link` finds an address in the last answer, on the connector's host or on `origin`, which is told nothing else."""

    job: Find
    poll: Composed
    done: Find
    failed: Find | None = None
    download: Composed | None = None
    link: Find | None = None
    origin: Composed | None = None
    every_ms: int = 10_000
    life_ms: int = 3_600_000


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpResource:
    """name: `workday.workers`. path: appended to the connector's base. method: "POST" asks with a body.

    once: a request whose answer was lost is not sent again. idempotency: the header in which each request has a key of its own, the
    same with each attempt. rules: the first that fits an answer counts. reading: of XML, as JSON text, what `rules` look at. packed:
    "zip" or "gzip" where a body is such a file. asks: tells what is asked for from any other question, whatever the window; where it
    changed, the next sweep reads all. "": the author sees to that. deletes: a feed of the keys that are gone, read behind it.
    """

    name: str
    path: Composed
    query: tuple[tuple[str, Composed], ...] = ()
    headers: tuple[tuple[str, Composed], ...] = ()
    pages: Pages = NoPages()
    format: Format = "json"
    packed: str = ""
    delta: Delta | None = None
    method: Literal["GET", "POST"] = "GET"
    body: Body | None = None
    once: bool = False
    idempotency: str | None = None
    rules: tuple[AnswerRule, ...] = ()
    reading: str | None = None
    parent: Parent | None = None
    export: Export | None = None
    asks: str = ""
    deletes: HttpResource | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FilesResource:
    """pattern: a glob within the connector's folder, never leaving it. settles_ms: how long a file must have rested. marker: a file that
    lies beside those that are complete, an ending such as ".done" or a name; "" where nothing marks them. order: in which they are
    read. absence: what no file has any more is gone. packed: "zip" or "gzip" where the files are such.
    """

    name: str
    pattern: str
    format: Format
    settles_ms: int = 0
    marker: str = ""
    order: Literal["name", "time"] = "name"
    absence: bool = False
    packed: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpConnector:
    name: str
    base: Composed
    auth: Auth = NoAuth()
    tls: ClientTls | None = None
    retry: RetryPolicy = RetryPolicy()
    limit: RateLimit | None = None
    breaker: BreakerPolicy | None = None
    headers: tuple[tuple[str, Composed], ...] = ()
    resources: tuple[HttpResource, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class S3:
    """How a bucket is reached. endpoint: of a service that is not Amazon's. Without keys the bucket is read as anybody may."""

    endpoint: Composed | None = None
    region: Composed | None = None
    access_key: Composed | None = None
    secret_key: Composed | None = None
    session_token: Composed | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FilesConnector:
    """folder: a path, or an address such as s3://bucket/prefix; s3, retry: of such a one."""

    name: str
    folder: Composed
    s3: S3 | None = None
    retry: RetryPolicy = RetryPolicy()
    resources: tuple[FilesResource, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Signed:
    """Each delivery carries a signature of its body: HMAC of `message`, a text that may hold {timestamp} and {body}.

    header: where it stands, after `prefix`; or in one of several `name=value` there, signature_field. The time that is signed stands in
    timestamp_header or, in the same header, in timestamp_field; it may be tolerance_s seconds off.
    """

    secret: Composed
    header: str
    message: str = "{body}"
    algorithm: Literal["sha256", "sha512"] = "sha256"
    encoding: Literal["hex", "base64"] = "hex"
    prefix: str = ""
    timestamp_header: str | None = None
    timestamp_field: str | None = None
    signature_field: str | None = None
    tolerance_s: int = 300


PushAuth = NoAuth | BasicAuth | BearerAuth | ApiKey | Signed


@dataclass(frozen=True, slots=True, kw_only=True)
class PushResource:
    """format: of a webhook's body; ingested: of a batch, where nobody says it."""

    name: str
    format: Format = "json"
    ingested: Format = "ndjson"


@dataclass(frozen=True, slots=True, kw_only=True)
class PushConnector:
    """What others push. auth: None where nothing is said, and then no webhook is taken."""

    name: str
    auth: PushAuth | None = None
    resources: tuple[PushResource, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class TableResource:
    """table: its name, or schema, dot and name. key: the columns that tell rows apart. changed: the column that says when a row changed;
    without it every sweep reads all. size: rows of a page. settles_ms, overlap_ms: as of a `Delta`. format: of its pages."""

    name: str
    table: str
    key: tuple[str, ...]
    changed: str | None = None
    size: int = 1000
    settles_ms: int = 60_000
    overlap_ms: int = 60_000
    format: Format = "ndjson"


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseConnector:
    """A PostgreSQL database. url: postgresql://…, with its password."""

    name: str
    url: Composed
    resources: tuple[TableResource, ...] = ()


Connector = HttpConnector | FilesConnector | PushConnector | DatabaseConnector
