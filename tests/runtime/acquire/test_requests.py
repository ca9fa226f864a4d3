"""What a map asks of a source beside a plain get: bodies, places of pages within them, repetition; each compiled and sent over a socket."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest
from tests.runtime.acquire.faultserver import Asked, FaultServer, Reply, raw, reply
from tests.runtime.acquire.sources import Source
from tests.support import compiled

from fieldmap.runtime.acquire.sweeps import Wanted
from fieldmap.runtime.errors import SourceError
from fieldmap.runtime.plan import Connector

RESOURCE = "ns.people"
ENVIRON = {"NS_TOKEN": "bearer-5ecret", "NS_WORD": 'p<a>&"s5ecret', "NS_USER": "o'neil & co"}
DROPPED = raw(close=True)


def plan(tmp_path: Path, base: str, lines: str, *, connector: str = "") -> Connector:
    text = f"""
entity Person {{
  key number : text
}}
connector ns {{
  base "{base}"
  {connector}
  resource people {{
    {lines}
    id $.id
  }}
}}
map ns.people to Person {{ number = $.id as text }}
"""
    return compiled(tmp_path / "maps", ns=text).connector("ns")


def sent(server: FaultServer) -> list[Any]:
    return [json.loads(asked.body) for asked in server.asked]


def numbered(*pages: list[int]) -> FaultServer:
    """Pages of so many records, one behind the other, then empty ones."""
    left = list(pages)
    return FaultServer(lambda asked: reply({"items": [{"id": n} for n in (left.pop(0) if left else [])]}))


def test_a_query_in_json_with_the_key_of_the_last_record_in_it(workday: Source, tmp_path: Path) -> None:
    lines = """
    post "/suiteql"
    body json {
      q: "SELECT id FROM employee WHERE id > {after otherwise '0'} ORDER BY id"
      first: size, from: after, all: true, none: null, list: [1.50, "two"]
    }
    pages keyset at $.id, 2 at a time
    records $.items[*]
    """
    with numbered([1, 2], [7]) as server:
        got = workday.fetch(plan(tmp_path, server.url, lines), resource=RESOURCE)
    assert [asked.method for asked in server.asked] == ["POST"] * 3
    assert server.asked[0].headers["content-type"] == "application/json"
    same = {"first": 2, "all": True, "none": None, "list": [1.5, "two"]}
    where = "SELECT id FROM employee WHERE id > {} ORDER BY id"
    # The first request has no key yet: a member of it alone is left out, a text that says what then stands there is sent.
    assert sent(server) == [
        {"q": where.format(0), **same},
        {"q": where.format(2), "from": 2, **same},
        {"q": where.format(7), "from": 7, **same},
    ]
    assert b'"list":[1.50,"two"]' in server.asked[0].body
    assert [item.asked for item in got][1] == (
        'POST {"q":"SELECT id FROM employee WHERE id > *** ORDER BY id","first":2,"from":"***","all":true,"none":null,"list":[1.50,"two"]}'
    )
    assert len({item.request for item in got}) == 3


def test_graphql(workday: Source, tmp_path: Path) -> None:
    lines = """
    post "/graphql"
    body json {
      query: 'query($after: String) { people(after: $after) { nodes { id } pageInfo { endCursor hasNextPage } } }'
      variables: { after: cursor }
    }
    pages cursor at $.data.people.pageInfo.endCursor, more at $.data.people.pageInfo.hasNextPage
    on 200 fail when $.errors is not absent "the answer has errors"
    records $.data.people.nodes[*]
    """

    def answer(asked: Asked) -> Reply:
        after = json.loads(asked.body)["variables"].get("after")
        if after == "C2":
            return reply({"errors": [{"message": "no"}], "data": None})
        info = {"endCursor": "C1" if after is None else "C2", "hasNextPage": True}
        return reply({"data": {"people": {"nodes": [{"id": after or "C0"}], "pageInfo": info}}})

    with FaultServer(answer) as server, pytest.raises(SourceError, match="answered 200: the answer has errors"):
        workday.fetch(plan(tmp_path, server.url, lines), resource=RESOURCE)
    assert [body["variables"] for body in sent(server)] == [{}, {"after": "C1"}, {"after": "C2"}]
    # S24: what is no answer is kept to be looked at, and nothing reads it.
    assert len(workday.archived(RESOURCE)) == 2
    assert workday.closed(RESOURCE) == []
    (rejected,) = [item for item in workday.archive.read(RESOURCE, None, rejected=True) if item.rejected]
    assert json.loads(rejected.content())["errors"] == [{"message": "no"}]
    assert rejected.rejected.endswith("the answer has errors")


def test_a_form_and_a_window(workday: Source, tmp_path: Path) -> None:
    lines = """
    post "/search?kind=people"
    body form { since: "{since}", until: "{until}", "page no": "{page}", user: env.NS_USER }
    pages number from 0, more at $.more
    changed $.at, written epoch s
    records $.items[*]
    """
    with FaultServer(lambda asked: reply({"items": [], "more": False})) as server:
        made = plan(tmp_path, server.url, lines)
        workday.fetch(made, ENVIRON, RESOURCE)
        workday.fetch(made, ENVIRON, RESOURCE)
    first, second = (parse_qs(asked.body.decode()) for asked in server.asked)
    assert server.asked[0].headers["content-type"] == "application/x-www-form-urlencoded"
    assert first == {"until": first["until"], "page no": ["0"], "user": ["o'neil & co"]}
    assert int(second["since"][0]) < int(first["until"][0])


def test_secrets_in_a_body_are_sent_and_not_kept(workday: Source, tmp_path: Path) -> None:
    lines = """
    post "/soap"
    headers { SOAPAction: "GetPeople" }
    body xml {
      "<e><u>{env.NS_USER}</u><p>{secret.NS_WORD}</p>"
      '<n>"all"</n></e>'
    }
    """
    with FaultServer([reply({"id": 1})]) as server:
        (got,) = workday.fetch(plan(tmp_path, server.url, lines), ENVIRON, RESOURCE)
    assert server.asked[0].body.decode() == (
        '<e><u>o&apos;neil &amp; co</u><p>p&lt;a&gt;&amp;&quot;s5ecret</p>\n<n>"all"</n></e>'
    )
    assert server.asked[0].headers["content-type"] == "text/xml; charset=utf-8"
    assert server.asked[0].headers["soapaction"] == "GetPeople"
    assert got.asked == 'POST <e><u>o&apos;neil &amp; co</u><p>***</p> <n>"all"</n></e>'
    stored = b"".join(path.read_bytes() for path in (tmp_path / "archive").rglob("*") if path.is_file())
    assert b"5ecret" not in stored


def test_a_json_body_with_a_secret_tells_its_pages_apart(workday: Source, tmp_path: Path) -> None:
    lines = """
    post "/q"
    body json { q: "{secret.NS_WORD} {offset}" }
    pages offset
    records $.items[*]
    """
    with numbered([1], [2]) as server:
        got = workday.fetch(plan(tmp_path, server.url, lines), ENVIRON, RESOURCE)
    assert [body["q"] for body in sent(server)] == [f"{ENVIRON['NS_WORD']} {n}" for n in (0, 1, 2)]
    assert [item.asked for item in got] == [f'POST {{"q":"***{n}"}}' for n in (0, 1, 2)]
    assert len({item.request for item in got}) == 3


# ------------------------------------------------------------------------------------------------------------ repetition


def test_N14_a_query_whose_answer_was_lost_is_asked_again(workday: Source, tmp_path: Path) -> None:
    with FaultServer([DROPPED, reply({"id": 1})]) as server:
        workday.fetch(plan(tmp_path, server.url, 'post "/q"'), resource=RESOURCE)
    assert len(server.asked) == 2


def test_N14_a_post_that_is_sent_once_is_not(workday: Source, tmp_path: Path) -> None:
    with FaultServer([DROPPED, reply({"id": 1})]) as server:
        made = plan(tmp_path, server.url, 'post "/q" once')
        with pytest.raises(SourceError):
            workday.fetch(made, resource=RESOURCE)
        assert len(server.asked) == 1
        # Where the source surely did nothing, it may be.
    with FaultServer([reply(status=503), reply({"id": 1})]) as server:
        workday.fetch(plan(tmp_path, server.url, 'post "/q" once'), resource=RESOURCE)
        assert len(server.asked) == 2


def test_N14_the_same_key_goes_with_each_attempt(workday: Source, tmp_path: Path) -> None:
    lines = """
    post "/q" once
    idempotency "Idempotency-Key"
    body json { page: page }
    pages number, more at $.more
    records $.items[*]
    """
    answers = [DROPPED, reply({"items": [{"id": 1}], "more": True}), reply({"items": [{"id": 2}], "more": False})]
    with FaultServer(list(answers)) as server:
        made = plan(tmp_path, server.url, lines)
        workday.fetch(made, resource=RESOURCE)
    first, again, second = (asked.headers["idempotency-key"] for asked in server.asked)
    assert first == again != second
    with FaultServer(answers[1:]) as server:
        workday.fetch(plan(tmp_path, server.url, lines), resource=RESOURCE)
    assert not {asked.headers["idempotency-key"] for asked in server.asked} & {first, second}


def test_an_interrupted_sweep_of_posts_asks_for_no_page_twice(workday: Source, tmp_path: Path) -> None:
    lines = """
    post "/q"
    body json { from: offset }
    pages offset, total at $.total
    records $.items[*]
    """
    broken = [True]

    def answer(asked: Asked) -> Reply:
        first = json.loads(asked.body)["from"]
        if first == 2 and broken:
            broken.pop()
            return reply(status=400)
        return reply({"items": [{"id": first}], "total": 4})

    with FaultServer(answer) as server:
        made = plan(tmp_path, server.url, lines)
        with pytest.raises(SourceError):
            workday.fetch(made, resource=RESOURCE)
        workday.fetch(made, resource=RESOURCE)
    assert [body["from"] for body in sent(server)] == [0, 1, 2, 2, 3]
    assert workday.closed(RESOURCE) == [4]


# ----------------------------------------------------------------------------------------------------------------- rules


@pytest.mark.parametrize(
    ("rule", "status", "pages", "closed", "skipped"),
    [
        ("on 404 empty", 404, 0, [0], False),
        ('on 409 skip when $.code == "X" otherwise false "locked"', 409, 0, [0], True),
        ("on 4xx empty", 422, 0, [0], False),
    ],
)
def test_a_rule_ends_the_pages(
    workday: Source, tmp_path: Path, rule: str, status: int, pages: int, closed: list[int], skipped: bool
) -> None:
    notes: list[str] = []
    with FaultServer([reply({"code": "X"}, status=status)]) as server:
        made = plan(tmp_path, server.url, f'get "/q"\n{rule}\nrecords $.items[*]')
        got = workday.fetch(made, resource=RESOURCE, wanted=Wanted(note=notes.append))
    assert (len(got), workday.closed(RESOURCE)) == (pages, closed)
    (mark,) = workday.archive.closed_sweeps(RESOURCE)
    assert mark.end.skipped is skipped
    assert (notes == ["passes over what answered 409 (locked)"]) is skipped
    (kept,) = workday.archive.read(RESOURCE, None, rejected=True)
    assert (kept.status, kept.content()) == (status, b'{"code": "X"}')


@pytest.mark.parametrize("status", [401, 403, 429])
def test_a_class_of_statuses_leaves_out_who_may_ask(workday: Source, tmp_path: Path, status: int) -> None:
    with FaultServer([reply(status=status)]) as server, pytest.raises(SourceError):
        workday.fetch(plan(tmp_path, server.url, 'get "/q"\non 4xx empty'), resource=RESOURCE)
    assert workday.closed(RESOURCE) == []


def test_the_first_rule_that_fits_counts(workday: Source, tmp_path: Path) -> None:
    lines = """
    get "/q"
    on 409 empty when $.code == "A" otherwise false
    on 409 fail when $.code == "B" otherwise false "it says B"
    on 4xx fail "something else"
    """
    for code, words in (("B", "it says B"), ("C", "something else"), (17, "something else")):
        with FaultServer([reply({"code": code}, status=409)]) as server, pytest.raises(SourceError, match=words):
            workday.fetch(plan(tmp_path, server.url, lines), resource=RESOURCE)
    with FaultServer([reply({"code": "A"}, status=409)]) as server:
        assert workday.fetch(plan(tmp_path, server.url, lines), resource=RESOURCE) == []


def test_retry_on_what_only_the_body_says(workday: Source, tmp_path: Path) -> None:
    lines = """
    get "/q"
    on 200 retry when $.state == "busy" otherwise false
    on 500 fail when $.code == "gone" otherwise false "gone for good"
    """
    with FaultServer([reply({"state": "busy"}), reply({"state": "busy"}), reply({"id": 1})]) as server:
        assert len(workday.fetch(plan(tmp_path, server.url, lines), resource=RESOURCE)) == 1
        assert len(server.asked) == 3
    # What the policy would repeat, a rule may end at once.
    with FaultServer([reply({"code": "gone"}, status=500)]) as server:
        with pytest.raises(SourceError, match="gone for good"):
            workday.fetch(plan(tmp_path, server.url, lines), resource=RESOURCE)
        assert len(server.asked) == 1


def test_a_skipped_sweep_moves_no_position(workday: Source, tmp_path: Path) -> None:
    lines = """
    get "/q"
    on 423 skip
    changed $.at sent as "since"
    records $.items[*]
    """
    with FaultServer([reply({"items": []}), reply(status=423), reply({"items": []})]) as server:
        made = plan(tmp_path, server.url, lines)
        for _ in range(3):
            workday.fetch(made, resource=RESOURCE)
            workday.clock.pass_by(3600)
    since = [target.partition("since=")[2] for target in server.targets]
    assert since[0] == ""
    assert since[1] == since[2] != ""


def test_S24_a_refused_answer_is_kept_without_secrets(workday: Source, tmp_path: Path) -> None:
    made_of = "auth bearer { token secret.NS_TOKEN }"
    body = b"<html>you sent bearer-5ecret</html>"
    with (
        FaultServer([reply(body, content_type="text/html")]) as server,
        pytest.raises(SourceError, match="an HTML page instead of JSON"),
    ):
        workday.fetch(plan(tmp_path, server.url, 'get "/q"', connector=made_of), ENVIRON, RESOURCE)
    assert workday.archived(RESOURCE) == []
    (kept,) = workday.archive.read(RESOURCE, None, rejected=True)
    assert kept.content() == b"<html>you sent ***</html>"
    assert workday.archive.end(RESOURCE) is None


def test_a_soap_fault(workday: Source, tmp_path: Path) -> None:
    lines = """
    post "/soap"
    headers { SOAPAction: "GetPeople" }
    body xml "<Envelope><Body><GetPeople/></Body></Envelope>"
    format xml
    on 500 fail when $.Body.Fault.faultstring == "no such user" otherwise false "the user is gone"
    on 200 fail when $.Body.Fault is not absent "a fault"
    records $.Body.GetPeopleResponse.Person[*]
    shape { id: text }
    """
    fault = b"<s:Envelope xmlns:s='x'><s:Body><s:Fault><faultstring>no such user</faultstring></s:Fault></s:Body></s:Envelope>"
    good = b"<s:Envelope xmlns:s='x'><s:Body><GetPeopleResponse><Person><id>1</id></Person></GetPeopleResponse></s:Body></s:Envelope>"
    for content, status, words in ((fault, 500, "the user is gone"), (fault, 200, "a fault")):
        with (
            FaultServer([reply(content, status, content_type="text/xml")]) as server,
            pytest.raises(SourceError, match=words),
        ):
            workday.fetch(plan(tmp_path, server.url, lines), resource=RESOURCE)
    with FaultServer([reply(good, content_type="text/xml")]) as server:
        assert len(workday.fetch(plan(tmp_path, server.url, lines), resource=RESOURCE)) == 1
