"""Statements: every form of entity, connector, codes, map, merge and example, and the tree that it gives."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.dsl.helpers import FIXTURES, good, item, mistakes, plain, says, spans

from fieldmap.dsl import ast


@pytest.mark.parametrize("path", FIXTURES, ids=lambda path: path.stem)
def test_the_whole_example_reads(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    for name, span in spans(good(text)):
        piece = text[span.start : span.end]
        assert piece == piece.strip() or name in ("File", "Text"), (name, piece)


def test_use() -> None:
    assert plain(item('use "people.map"')) == ("Use", ("path", ("Text", ("value", "people.map"))))


def fields(body: str) -> tuple[ast.EntityField, ...]:
    entity = item(f"entity Worker {{\n{body}\n}}")
    assert isinstance(entity, ast.Entity)
    return entity.fields


@pytest.mark.parametrize(
    ("written", "tree"),
    [
        ("text", ("ScalarType", ("name", ("Name", ("text", "text"))))),
        ("text(max 80)", ("ScalarType", ("name", ("Name", ("text", "text"))), ("max_length", 80))),
        (
            "text matching '[A-Z]{2}'",
            ("ScalarType", ("name", ("Name", ("text", "text"))), ("pattern", ("Text", ("value", "[A-Z]{2}")))),
        ),
        (
            "decimal(8, 1) in km",
            (
                "ScalarType",
                ("name", ("Name", ("text", "decimal"))),
                ("numbers", (8, 1)),
                ("unit", ("Name", ("text", "km"))),
            ),
        ),
        ("money(12, 2)", ("MoneyType", ("numbers", (12, 2)))),
        ("money(12, 2) in USD", ("MoneyType", ("numbers", (12, 2)), ("currency", ("Name", ("text", "USD"))))),
        (
            "quantity(12, 3) in each or kg",
            ("QuantityType", ("numbers", (12, 3)), ("units", (("Name", ("text", "each")), ("Name", ("text", "kg"))))),
        ),
        ("money(12, 2) per year", ("MoneyType", ("numbers", (12, 2)), ("period", ("Name", ("text", "year"))))),
        ("list of Worker", ("ListType", ("element", ("ReferenceType", ("entity", ("Name", ("text", "Worker"))))))),
        ("enum { a, `absent` }", ("EnumType", ("values", (("Name", ("text", "a")), ("Name", ("text", "absent")))))),
    ],
)
def test_types(written: str, tree: Any) -> None:
    (field,) = fields(f"  x : {written}")
    assert plain(field.type) == tree
    assert not field.optional
    (field,) = fields(f"  x : {written}?")
    assert field.optional


def test_fields() -> None:
    found = fields(
        '  key id : text "the number"\n  key : text\n  `default` : text? pii restricted deprecated "use other" "doc"\n'
        "  must : date; warn : date"
    )
    assert [(f.name.text, f.is_key, f.optional) for f in found] == [
        ("id", True, False),
        ("key", False, False),
        ("default", False, True),
        ("must", False, False),
        ("warn", False, False),
    ]
    assert found[0].doc is not None
    assert found[0].doc.value == "the number"
    assert [(tag.kind, tag.advice.value if tag.advice else None) for tag in found[2].tags] == [
        ("pii", None),
        ("restricted", None),
        ("deprecated", "use other"),
    ]
    assert found[2].doc is not None
    assert found[2].doc.value == "doc"


def test_a_composite_key() -> None:
    entity = item("entity Line { key (order_no, line_no)\n order_no : text\n line_no : int }")
    assert [[name.text for name in line.fields] for line in entity.key_lines] == [["order_no", "line_no"]]


def resource(body: str, connector: str = "") -> ast.Resource:
    found = item(f"connector a {{\n{connector}\nresource b {{\n{body}\n}}\n}}")
    assert isinstance(found, ast.Connector)
    return found.resources[0]


def test_connectors() -> None:
    found = item(
        'connector drop is files {\n  folder env.DROP\n  base "https://x/{env.Y}"\n  auth none\n'
        '  retry 3 times on 5xx\n  headers { Accept: "a/b", "X-Key": secret.K }\n}'
    )
    assert found.kind.text == "files"
    assert says(found.folder) == "env.DROP"
    assert found.auth.kind.text == "none"
    assert plain(found.retry) == ("Retry", ("times", 3), ("causes", (("Name", ("text", "5xx")),)))
    assert [setting.name.text for setting in found.headers] == ["Accept", "X-Key"]


def test_auth_and_retry() -> None:
    found = item(
        'connector a {\n auth oauth2 client_credentials {\n  token_url "{base}/t"\n  client_id secret.ID\n }\n'
        " retry 6 times on 429, 5xx, timeout, from 500 ms up to 60 s\n}"
    )
    assert found.auth.kind.text == "oauth2 client_credentials"
    assert [setting.name.text for setting in found.auth.settings] == ["token_url", "client_id"]
    assert [cause.text for cause in found.retry.causes] == ["429", "5xx", "timeout"]
    assert (found.retry.first.milliseconds, found.retry.longest.milliseconds) == (500, 60_000)


@pytest.mark.parametrize(
    ("written", "kind", "at", "sent_as", "size", "size_sent_as"),
    [
        ("none", "none", None, None, None, None),
        ("odata2", "odata2", None, None, None, None),
        ("next at $.links.next", "next", "$.links.next", None, None, None),
        ('cursor at $.next sent as "cursor"', "cursor", "$.next", "cursor", None, None),
        ('cursor at $.next sent as "c", 100 at a time sent as "limit"', "cursor", "$.next", "c", 100, "limit"),
        ('offset from 1 sent as "startIndex"', "offset", None, "startIndex", None, None),
        ("cursor at $.next, 100 at a time", "cursor", "$.next", None, 100, None),
    ],
)
def test_pages(
    written: str, kind: str, at: str | None, sent_as: str | None, size: int | None, size_sent_as: str | None
) -> None:
    pages = resource(f"pages {written}").pages
    assert pages is not None
    assert pages.kind == kind
    assert (says(pages.at) if pages.at else None) == at
    assert (pages.sent_as.value if pages.sent_as else None) == sent_as
    assert pages.size == size
    assert (pages.size_sent_as.value if pages.size_sent_as else None) == size_sent_as


def test_a_resource() -> None:
    found = resource(
        'get "/v1/{base}"\nquery { expand: "x", "$top": 5 }\nheaders { A: "b" }\nrecords $.data[*]\nid ($.a, $.b as int)\n'
        'changed $.t as datetime(epoch ms)\ndeleted when $.s == "D"\nfiles "all*.jsonl" as ndjson'
    )
    assert [says(one) for one in found.ids] == ["$.a", "($.b as int)"]
    assert [setting.name.text for setting in found.query] == ["expand", "$top"]
    assert found.changed is not None
    assert says(found.changed) == "($.t as datetime)"
    assert found.deleted_when is not None
    assert found.files is not None
    assert (found.files.pattern.value, found.files.format.text) == ("all*.jsonl", "ndjson")
    assert [says(one) for one in resource("id ($.a)").ids] == ["[$.a]"]
    assert [says(one) for one in resource('id "{$.a}-{$.b}"').ids] == ["template"]


def test_a_shape() -> None:
    shape = resource(
        """shape {
  all text? absent when "" or 'N/A'
  "Email_-_Work" : text? pii absent when -1 or "x"
  name : {
    first : text
    last : text?
  }?
  list : [ { a: [ text ] } ]?
  all : text, records : number
}"""
    ).shape
    assert shape is not None
    assert [(m.name.text, m.optional, len(m.sentinels)) for m in shape.members] == [
        ("Email_-_Work", True, 2),
        ("name", True, 0),
        ("list", True, 0),
        ("all", False, 0),
        ("records", False, 0),
    ]
    assert plain(shape.sentinels[0].values) == (("Text", ("value", "")), ("Text", ("value", "N/A")))
    nested = shape.members[1].type
    assert isinstance(nested, ast.ObjectType)
    assert [m.name.text for m in nested.members] == ["first", "last"]


def test_codes() -> None:
    found = item('codes s "doc" {\n  "A", \'B\' -> active\n  "C" -> "text"\n  else -> `absent`\n}')
    assert [([c.value for c in arm.codes], says(arm.value)) for arm in found.arms] == [
        (["A", "B"], "active"),
        (["C"], "template"),
        ([], "absent"),
    ]


def test_maps() -> None:
    found = item(
        """map qbo.journals as journal {
  each journal.lines[*] as line to Line partial strict {
    when line.amount is not absent
    no = line.no if invalid use 0
    unit = line.u if invalid hold
  }
  ignore $.internal, $.photo*, $.a[*].b
  ignore rest
}"""
    )
    assert found.entity is None
    assert found.alias.text == "journal"
    each, ignore, rest = found.items
    assert (each.partial, each.strict, says(each.path)) == (True, True, "journal.lines[]")
    assert [assignment.outcome.kind for assignment in each.items[1:]] == ["use", "hold"]
    assert [(says(one.path), one.prefix) for one in ignore.paths] == [
        ("$.internal", False),
        ("$.photo", True),
        ("$.a[].b", False),
    ]
    assert rest.rest


def test_merges() -> None:
    found = item(
        """merge Worker {
  same worker_id of workday, successfactors.users
  same (a, b) of x, y
  default prefer workday, bamboohr then any
  email newest
  newest oldest
  `same` only workday.workers
}"""
    )
    assert [[name.text for name in same.fields] for same in found.same] == [["worker_id"], ["a", "b"]]
    assert [(r.field.text if r.field else None, r.rule.kind, r.rule.then_any) for r in found.rules] == [
        (None, "prefer", True),
        ("email", "newest", False),
        ("newest", "oldest", False),
        ("same", "only", False),
    ]


def test_examples() -> None:
    document = '{ "a": "x {",\n  "b": ["} y", {"c": [1, -2.5e3, true, null]}]\n  , "d"\n:\n{} }'
    found = item(
        f'example "x" {{\n  given a.b {document}\n  expect Worker {{ a = "1", b is absent, c = ["x", "y"],\n d = -5 km }}\n'
        "  expect reject a\n  expect reject\n  expect hold b\n  expect filtered\n  expect deleted\n}"
    )
    assert found.given.json.value == document
    assert [type(one).__name__ for one in found.expectations] == ["ExpectEntity", *["ExpectOutcome"] * 5]
    assert [(f.field.text, says(f.value) if f.value else None) for f in found.expectations[0].fields] == [
        ("a", "template"),
        ("b", None),
        ("c", "<template|template>"),
        ("d", "-5km"),
    ]
    like = item('example "y" { given like "x" with { "a": 1 }; expect filtered }')
    assert (like.given.connector, like.given.like.value) == (None, "x")


def test_line_ends_and_empty_files() -> None:
    assert good("").items == ()
    assert good("\ufeff# only a comment").items == ()
    assert len(good('use "a.map"\r\n\r\nuse "b.map"\r\n').items) == 2
    assert len(good('use "a.map"; use "b.map";').items) == 2


def test_limits() -> None:
    (only,) = mistakes("# x\n" * 70_000)
    assert only.code == "FM0111"
    (only,) = mistakes("{" * 65)
    assert only.code == "FM0111"


def test_mistakes_come_in_the_order_of_their_places() -> None:
    found = mistakes("map a.b to C {\n  x = \n  y = 1 + $.a in kg\n  z = \n}")
    assert [one.code for one in found] == ["FM0104", "FM0109", "FM0104"]
    assert sorted(one.span for one in found) == [one.span for one in found]


def test_a_record_may_be_the_last_line_of_an_example() -> None:
    for text in (
        'example "e" { expect reject; given a.b { "x": { "y": 1 } } }',
        'example "e" {\n  expect reject\n  given a.b {\n    "x": [{ }]\n  }\n}',
        'example "e" {\n  expect reject\n  given like "f" with { }  # as it is\n\n}',
    ):
        good(text)
