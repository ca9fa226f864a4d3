"""Connectors, resources and shapes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from typing import Literal as OneOf

from fieldmap.dsl.ast.nodes import Node

if TYPE_CHECKING:
    from fieldmap.dsl.ast.entity import Tag, TypeExpr
    from fieldmap.dsl.ast.expression import Expr, Number
    from fieldmap.dsl.ast.nodes import Name, Text
    from fieldmap.dsl.ast.path import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment(Node):
    """`env.WORKDAY_URL` or `secret.WORKDAY_CLIENT_SECRET`; only in connectors."""

    kind: OneOf["env", "secret"]
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting(Node):
    """`token_url "{base}/oauth2/token"` within an `auth` block, or `expand: "position"` within `query`, `headers`.

    value: an expression of literals, templates (whose holes may name `base`, `env.X` and `secret.X`) and environments.
    """

    name: Name
    value: Expr


@dataclass(frozen=True, slots=True, kw_only=True)
class Auth(Node):
    """`auth none`, `auth basic { user …; password … }`, `auth bearer { token … }`, `auth oauth2 client_credentials { … }` …

    kind is the words joined by one blank: "oauth2 client_credentials".
    """

    kind: Name
    settings: tuple[Setting, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Tls(Node):
    """`tls { certificate env.CERT; key env.KEY }`"""

    settings: tuple[Setting, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class S3(Node):
    """`s3 { region "eu-central-1"; access_key env.KEY; secret_key secret.SECRET }`"""

    settings: tuple[Setting, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class TableRead(Node):
    """`table "public.part", 5000 at a time`"""

    name: Text
    size: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Duration(Node):
    """`500 ms`, `60 s`, `2 min`, in milliseconds."""

    milliseconds: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Retry(Node):
    """`retry 6 times on 429, 5xx, timeout, from 500 ms up to 60 s`; causes are "429", "5xx", "timeout"."""

    times: int
    causes: tuple[Name, ...]
    first: Duration | None = None
    longest: Duration | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit(Node):
    """`limit 10 requests per second, 4 at once`; either part may be missing. at_once: None for any number."""

    requests: int | None
    unit: Name | None
    at_once: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Breaker(Node):
    """`breaker opens after 10 failures, probes after 30 s`"""

    failures: int
    probe: Duration | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Pages(Node):
    """How the next page is found.

    `pages none`; `pages cursor at $.next sent as "cursor", 100 at a time sent as "limit"`; `pages next at $.links.next`; `pages link`;
    `pages offset from 1 sent as "skip", total at $.total`; `pages number from 0 sent as "page", more at $.hasMore`; `pages keyset at $.id
    sent as "after"` (at: within a record); `pages odata2`, `pages odata4`.
    """

    kind: OneOf["none", "cursor", "next", "link", "offset", "number", "keyset", "odata2", "odata4"]
    at: Path | None = None
    sent_as: Text | None = None
    first: int | None = None
    size: int | None = None
    size_sent_as: Text | None = None
    total: Path | None = None
    more: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Window(Node):
    """Of `changed $.at sent as "since", until sent as "before", written "yyyy-MM-dd" at "UTC", settles in 2 min, overlap 5 min, in
    steps of 1 day from "2024-01-01"` what stands behind the value. form: a pattern, or the words of an epoch."""

    since: Text | None = None
    until: Text | None = None
    form: Text | Name | None = None
    zone: Text | None = None
    settles: Duration | None = None
    overlap: Duration | None = None
    step: Duration | None = None
    begins: Text | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Absence(Node):
    """`deleted by absence, refuse above 20 %`. share: in percent, as written."""

    share: Number | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Post(Node):
    """`post "/v1/query"`, `post "/v1/orders" once`. once: not sent again where its answer was lost."""

    path: Expr
    once: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Parent(Node):
    """`for each workers as w` before a `get` or `post`: once for each record of another resource of the connector."""

    resource: Name
    alias: Name


@dataclass(frozen=True, slots=True, kw_only=True)
class Poll(Node):
    """`poll "/exports/{job}" every 10 s for 1 h`"""

    path: Expr
    every: Duration | None = None
    life: Duration | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Download(Node):
    """`download "/exports/{job}/file"`, or `download at $.url` of what was polled last, which may lie `on "https://files.example.com"`."""

    path: Expr | None = None
    at: Path | None = None
    origin: Expr | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BodyNull(Node):
    """`null` within `body json`"""


@dataclass(frozen=True, slots=True, kw_only=True)
class BodyList(Node):
    items: tuple[Expr | BodyNull | BodyList | BodyObject, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class BodyMember(Node):
    """`limit: 100`, `filter: { since: "{since}" }`. A bare name is what the sweep knows by it, with its own type: `offset: offset`."""

    name: Name
    value: Expr | BodyNull | BodyList | BodyObject


@dataclass(frozen=True, slots=True, kw_only=True)
class BodyObject(Node):
    members: tuple[BodyMember, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Body(Node):
    """`body json { … }`: json; `body form { … }`: fields; `body text "…"`, `body xml { "…" … }`: lines."""

    kind: OneOf["json", "form", "text", "xml"]
    json: BodyObject | None = None
    fields: tuple[Setting, ...] = ()
    lines: tuple[Expr, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerRule(Node):
    """`on 404 empty`, `on 409 skip when $.code == "X"`, `on 200 fail when $.ok == false "the source says why"`"""

    status: Name
    action: OneOf["skip", "empty", "fail", "retry"]
    condition: Expr | None = None
    message: Text | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Packed(Node):
    """`in zip "people*.csv"`, `in gzip`. members: a pattern of the names within a zip file that are read; all where it is None."""

    kind: Name
    members: Text | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Place(Node):
    """One of `columns { code, "Full name" }`, or of fixed width `code: 1 to 10`: the characters of a line, counted from 1."""

    name: Name
    first: int | None = None
    last: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout(Node):
    """`columns { … }` of a format: how its columns are called where no header names them."""

    columns: tuple[Place, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Files(Node):
    """`files "all_streams*.jsonl" as ndjson`, `files "*.zip" as csv in zip { delimiter ";" }, settles in 1 min, marked by ".done", oldest first`"""

    pattern: Text
    format: Name
    packed: Packed | None = None
    settings: tuple[Setting, ...] = ()
    settles: Duration | None = None
    marked: Text | None = None
    oldest: bool = False
    columns: Layout | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Format(Node):
    """`format xml`, `format csv in gzip { delimiter ";" }`: what an HTTP source answers, where it is not JSON."""

    format: Name
    packed: Packed | None = None
    settings: tuple[Setting, ...] = ()
    columns: Layout | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Sentinels(Node):
    """`all text? absent when "" or "N/A"` (for every optional member of that type in the shape)."""

    type: Name
    values: tuple[Expr, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Member(Node):
    """`hireDate : text? absent when "00/00/0000"`; a name may be quoted: `"Email_-_Work" : text?`.

    attributes: of `text with { "@name": text? }`. unchanged: of `unchanged when "…"`.
    """

    name: Name
    type: TypeExpr
    optional: bool
    sentinels: tuple[Expr, ...] = ()
    tags: tuple[Tag, ...] = ()
    attributes: tuple[Member, ...] | None = None
    unchanged: tuple[Expr, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape(Node):
    """`shape { … }`, `shape restricted { … }` (its tags are those of each member); unchanged: of its lines `unchanged when "…"`."""

    members: tuple[Member, ...]
    sentinels: tuple[Sentinels, ...] = ()
    unchanged: tuple[Expr, ...] = ()
    tags: tuple[Tag, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource(Node):
    """`resource workers { get "/v1/workers" … }`, `resource suppliers is A_Supplier { … }` (entity_set; its block may be left out)

    ids: one path, or several for `id ($.a, $.b)`. changed: `changed $.lastModified` with any conversion.
    changed_unknown: `changed unknown`. deletes: the feed of `deletes { … }`, which has some of a resource's lines. when, sparse_when: conditions on the record.
    """

    name: Name
    parent: Parent | None = None
    job: Path | None = None
    poll: Poll | None = None
    done_when: Expr | None = None
    failed_when: Expr | None = None
    download: Download | None = None
    entity_set: Name | None = None
    get: Expr | None = None
    post: Post | None = None
    body: Body | None = None
    idempotency: Text | None = None
    rules: tuple[AnswerRule, ...] = ()
    files: Files | None = None
    table: TableRead | None = None
    format: Format | None = None
    query: tuple[Setting, ...] = ()
    headers: tuple[Setting, ...] = ()
    pages: Pages | None = None
    records: Path | None = None
    ids: tuple[Expr, ...] = ()
    changed: Expr | None = None
    changed_unknown: bool = False
    window: Window | None = None
    absence: Absence | None = None
    deleted_when: Expr | None = None
    deletes: Resource | None = None
    when: Expr | None = None
    sparse_when: Expr | None = None
    shape: Shape | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Connector(Node):
    """`connector workday { … }` (HTTP), `connector drop is files { … }`, `connector sap is odata2 { … }`

    kind: "http" when unsaid. folder, s3: of a files connector. url: of a database. metadata: the file of an OData connector. sentinels: for
    the shapes of all its resources.
    """

    name: Name
    kind: Name | None
    base: Expr | None = None
    folder: Expr | None = None
    s3: S3 | None = None
    url: Expr | None = None
    metadata: Text | None = None
    auth: Auth | None = None
    tls: Tls | None = None
    retry: Retry | None = None
    limit: Limit | None = None
    breaker: Breaker | None = None
    headers: tuple[Setting, ...] = ()
    sentinels: tuple[Sentinels, ...] = ()
    resources: tuple[Resource, ...] = ()
