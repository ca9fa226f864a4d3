"""The kinds of blocks: what stands in each, and how the grammar is brought to where its lines are read one by one.

Recovery reads every statement alone, behind a canned header of its block; messages take their words from here too.
"""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass, field

_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


@dataclass(frozen=True, slots=True)
class Block:
    """One kind of block.

    key: its name in BLOCKS. called: as a message names it. prefix: the canned header. depth: how many braces close it. rule: the rule whose children
    are its lines. lines: the first word of each kind of line, with an example. opens: which of these words open a block.
    templates: whether `"…"` may hold holes in it. rows: whether a comma separates its lines. entry: what a line without a
    keyword looks like. begins: the pattern of such a line, where a name before `:` or `=` is not enough to know it.
    kin: the block that it is instead where its header looks like this pattern.
    """

    key: str
    called: str
    prefix: str
    depth: int
    rule: str
    lines: dict[str, str] = field(default_factory=dict)
    opens: dict[str, str] = field(default_factory=dict)
    templates: bool = True
    rows: bool = False
    entry: str = ""
    begins: str = ""
    kin: tuple[str, str] = ("", "")

    def near(self, word: str) -> str | None:
        """The keyword that was probably meant."""
        lowered = word.lower()
        if lowered in self.lines:
            return lowered
        found = difflib.get_close_matches(lowered, self.lines, n=1, cutoff=0.7)
        return found[0] if found else None


BLOCKS: dict[str, Block] = {
    "file": Block(
        key="file",
        called="a file",
        prefix="",
        depth=0,
        rule="file",
        templates=False,
        lines={
            "use": 'use "people.map"',
            "entity": "entity Worker { … }",
            "connector": "connector workday { … }",
            "unit": "unit crate = 24 each",
            "codes": "codes worker_status { … }",
            "rates": 'rates fx from "fx.csv"',
            "map": "map workday.workers to Worker { … }",
            "merge": "merge Worker { … }",
            "example": 'example "a worker on leave" { … }',
            "fn": "fn full_name(first: text, last: text?): text { … }",
            "table": 'table cost_centers from "cost_centers.csv" { … }',
            "property": 'property "commute is never negative" for Worker { … }',
        },
        opens={
            "entity": "entity",
            "connector": "connector",
            "codes": "codes",
            "rates": "rates",
            "map": "map",
            "merge": "merge",
            "example": "example",
            "fn": "fn",
            "table": "columns",
            "property": "property",
        },
    ),
    "entity": Block(
        key="entity",
        called="an entity",
        prefix="entity X {",
        depth=1,
        rule="entity_lines",
        templates=False,
        lines={
            "key": "key worker_id : text",
            "must": 'must left_on is absent or left_on >= hired_on "left before being hired"',
            "warn": 'warn base_salary is not absent "no salary"',
            "keeps": "keeps history",
        },
        entry="email : text?",
    ),
    "connector": Block(
        key="connector",
        called="a connector",
        prefix="connector x {",
        depth=1,
        rule="connector_lines",
        lines={
            "base": "base env.WORKDAY_URL",
            "folder": "folder env.DROP_FOLDER",
            "s3": 's3 { region "eu-central-1" }',
            "url": "url secret.ERP_URL",
            "metadata": 'metadata "sap_metadata.xml"',
            "auth": "auth bearer { token secret.API_TOKEN }",
            "tls": "tls { certificate env.CLIENT_CERTIFICATE }",
            "retry": "retry 6 times on 429, 5xx, timeout",
            "limit": "limit 10 requests per second",
            "breaker": "breaker opens after 10 failures, probes after 30 s",
            "headers": 'headers { Accept: "application/json" }',
            "all": 'all text? absent when ""',
            "resource": "resource workers { … }",
        },
        opens={"auth": "settings", "tls": "settings", "s3": "settings", "headers": "pairs", "resource": "resource"},
    ),
    "settings": Block(
        key="settings",
        called="the settings of `auth`",
        prefix="connector x { auth y {",
        depth=2,
        rule="auth_settings",
        entry="token secret.API_TOKEN",
    ),
    "reading": Block(
        key="reading",
        called="the settings of a format",
        prefix='connector x { resource y { files "z" as csv {',
        depth=3,
        rule="format_settings",
        lines={"columns": "columns { code, name }"},
        opens={"columns": "places"},
        entry='delimiter ";"',
    ),
    "places": Block(
        key="places",
        called="a list of columns",
        prefix='connector x { resource y { files "z" as csv { columns {',
        depth=4,
        rule="places",
        templates=False,
        rows=True,
        entry="code: 1 to 10",
        begins=r"(?:[\"']|`?[A-Za-z_])",
    ),
    "pairs": Block(
        key="pairs",
        called="a list of pairs",
        prefix="connector x { headers {",
        depth=2,
        rule="pairs",
        rows=True,
        entry='expand: "position"',
    ),
    "resource": Block(
        key="resource",
        called="a resource",
        prefix="connector x { resource y {",
        depth=2,
        rule="resource_lines",
        lines={
            "get": 'get "/v1/workers"',
            "post": 'post "/v1/search"',
            "job": "job $.id",
            "poll": 'poll "/exports/{job}" every 10 s for 1 h',
            "done": 'done when $.status == "COMPLETED"',
            "failed": 'failed when $.status == "FAILED"',
            "download": 'download "/exports/{job}/file"',
            "for": 'for each workers as w get "/workers/{w.id}/jobs"',
            "body": 'body json { query: "active" }',
            "idempotency": 'idempotency "Idempotency-Key"',
            "on": "on 404 empty",
            "files": 'files "*.jsonl" as ndjson',
            "table": 'table "public.part"',
            "format": "format xml",
            "query": 'query { expand: "position" }',
            "headers": 'headers { Accept: "application/json" }',
            "pages": 'pages cursor at $.next sent as "cursor"',
            "records": "records $.data[*]",
            "id": "id $.employeeID",
            "changed": "changed $.lastModified",
            "deleted": 'deleted when $.status == "Deleted"',
            "deletes": 'deletes { get "/deleted"; records $.items[*]; id $.id }',
            "when": 'when $.status != "Applicant"',
            "sparse": 'sparse when $.sparse == "true"',
            "shape": "shape { … }",
        },
        opens={
            "query": "pairs",
            "headers": "pairs",
            "body": "body",
            "shape": "shape",
            "deletes": "deletes",
            "files": "reading",
            "format": "reading",
        },
    ),
    "body": Block(
        key="body",
        called="a body",
        prefix="connector x { resource y { body json {",
        depth=3,
        rule="body_object",
        rows=True,
        entry='query: "active"',
        kin=(r"body[ \t]+(?:form|text|xml)(?!\w)", "body_form"),
    ),
    "body_form": Block(
        key="body_form",
        called="a form",
        prefix="connector x { resource y { body form {",
        depth=3,
        rule="pairs",
        rows=True,
        entry='page: "1"',
        kin=(r"body[ \t]+(?:text|xml)(?!\w)", "body_lines"),
    ),
    "body_lines": Block(
        key="body_lines",
        called="a text of several lines",
        prefix="connector x { resource y { body text {",
        depth=3,
        rule="body_lines",
        entry='"<Envelope>"',
        begins=r"[\"']",
    ),
    "deletes": Block(
        key="deletes",
        called="a feed of deletes",
        prefix="connector x { resource y { deletes {",
        depth=3,
        rule="deletes_lines",
        lines={
            "get": 'get "/v1/deleted"',
            "format": "format xml",
            "query": 'query { since: "{since}" }',
            "headers": 'headers { Accept: "application/json" }',
            "pages": 'pages cursor at $.next sent as "cursor"',
            "records": "records $.data[*]",
            "id": "id $.employeeID",
            "changed": "changed $.deletedAt",
        },
        opens={"query": "pairs", "headers": "pairs", "format": "reading"},
    ),
    "shape": Block(
        key="shape",
        called="a shape",
        prefix="connector x { resource y { shape {",
        depth=3,
        rule="shape_lines",
        templates=False,
        rows=True,
        lines={"all": 'all text? absent when ""', "unchanged": 'unchanged when "__unavailable"'},
        entry="hireDate : text?",
    ),
    "members": Block(
        key="members",
        called="an object of a shape",
        prefix="connector x { resource y { shape { z : {",
        depth=4,
        rule="members",
        templates=False,
        rows=True,
        entry="first : text",
    ),
    "codes": Block(
        key="codes",
        called="a code list",
        prefix="codes x {",
        depth=1,
        rule="arms",
        templates=False,
        lines={"else": "else -> unknown", "columns": 'columns "code" -> "name"'},
        entry='"Active" -> active',
        begins=r"(?:[\"']|-?[0-9])[^\n]*->",
        kin=(r"codes[ \t]+\w+[ \t]+units(?!\w)", "unit_codes"),
    ),
    "unit_codes": Block(
        key="unit_codes",
        called="a list of unit codes",
        prefix="codes x units {",
        depth=1,
        rule="unit_arms",
        templates=False,
        lines={"else": "else -> unece"},
        entry='"LBS" -> lb',
        begins=r"[\"'][^\n]*->",
    ),
    "columns": Block(
        key="columns",
        called="a table",
        prefix='table x from "y" {',
        depth=1,
        rule="columns",
        templates=False,
        rows=True,
        lines={"key": "key code : text"},
        entry="name : text",
    ),
    "fn": Block(
        key="fn",
        called="a function",
        prefix="fn x(): text {",
        depth=1,
        rule="fn_lines",
        lines={
            "gives": "gives words(first, last)",
            "let": "let whole = trim(name)",
            "expect": 'expect full_name("Ada", absent) == "Ada"',
        },
        opens={"case": "case"},
    ),
    "property": Block(
        key="property",
        called="a property",
        prefix='property "x" for X {',
        depth=1,
        rule="property_lines",
        entry="commute is absent or commute >= 0 km",
        opens={"case": "case"},
    ),
    "case": Block(
        key="case",
        called="a case",
        prefix="map x.y to Z { x = case y {",
        depth=2,
        rule="case_arms",
        lines={"else": "else -> absent"},
        opens={"case": "case"},
        entry='"A", "B" -> $.name',
        begins=r"(?:[\"'a-z_`]|-?[0-9])[^\n]*->",
    ),
    "rates": Block(
        key="rates",
        called="a rate table",
        prefix='rates x from "y" {',
        depth=1,
        rule="rates_lines",
        templates=False,
        lines={"valid": "valid 7 days", "inverse": "inverse", "across": "across EUR"},
    ),
    "map": Block(
        key="map",
        called="a map",
        prefix="map x.y to Z {",
        depth=1,
        rule="map_lines",
        lines={
            "let": "let full = words($.first, $.last)",
            "when": 'when $.status != "Applicant"',
            "ignore": "ignore $.internal, $.photo*",
            "expect": 'expect $.total >= 0 "a total is never negative"',
            "warn": 'warn $.total > 0 "nothing to pay"',
            "each": "each order.items[*] as item to OrderLine { … }",
            "also": "also to Address { … }",
            "lines": "lines may fail alone",
        },
        opens={"each": "map", "also": "map", "case": "case"},
        entry="email = $.email",
    ),
    "merge": Block(
        key="merge",
        called="a merge",
        prefix="merge X {",
        depth=1,
        rule="merge_lines",
        templates=False,
        lines={
            "same": "same worker_id of workday, successfactors",
            "match": "match bamboohr to workday on email when unique",
            "must": "must agree on legal_name otherwise conflict",
            "default": "default prefer workday, bamboohr",
            "together": "together street, city newest needs street",
            "duplicates": "duplicates reject",
        },
        entry="email newest",
        begins=r"[a-z_]\w*[ \t]+(?:prefer|only|newest|oldest|min|max|longest|most[ \t]+common|union|agree)(?!\w)",
    ),
    "example": Block(
        key="example",
        called="an example",
        prefix='example "x" {',
        depth=1,
        rule="example_lines",
        templates=False,
        lines={"given": "given workday.workers { … }", "expect": "expect Worker { … }"},
        opens={"expect": "expected"},
    ),
    "expected": Block(
        key="expected",
        called="an expected row",
        prefix='example "x" { expect X {',
        depth=2,
        rule="expected",
        rows=True,
        entry="status = leave",
    ),
}


def first_word(text: str, start: int) -> str:
    match = _WORD.match(text, start)
    return match.group() if match else ""
