"""Ways to fetch: for each kind of page, token and feed the lines of a connector, and a source that answers them.

A source is a function of a request and of what it remembers: which tokens it gave, and what it saw that must never be. Everything it
remembers belongs to one course of runs, as its archive does.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from tests.runtime.acquire.faultserver import Asked, Reply, reply

Record = dict[str, Any]
SIZE = 2  # records of a page
ACCESS_LASTS = 2  # requests that an access token is good for


@dataclass
class Memory:
    """consent: the refresh token that a person obtained last, which is in the environment. refresh, access: the newest tokens given, in
    the order of giving. spent: refresh tokens that were used. used: requests by access token, or by job. jobs: by what is asked for the key
    of the newest job; filed: keys of which the file was asked for; beside: requests that bring no page. wrong: what must never be
    seen. kept: the folder in which whoever asks keeps its tokens."""

    consent: str = "consent-1"
    refresh: list[str] = field(default_factory=list)
    access: list[str] = field(default_factory=list)
    spent: list[str] = field(default_factory=list)
    used: dict[str, int] = field(default_factory=dict)
    jobs: dict[str, str] = field(default_factory=dict)
    filed: set[str] = field(default_factory=set)
    beside: int = 0
    wrong: list[str] = field(default_factory=list)
    kept: Path | None = None

    def keeps(self, token: str) -> bool:
        """Whether the asking side has a token on its disk."""
        files = self.kept.glob("token*") if self.kept is not None and self.kept.exists() else ()
        return any(token.encode() in file.read_bytes() for file in files)

    def authorise(self) -> str:
        """A person consents anew."""
        self.consent = f"consent-{int(self.consent.removeprefix('consent-')) + 1}"
        return self.consent


Answer = Callable[[Asked, Memory], Reply]


@dataclass(frozen=True)
class Way:
    """lines: of the resource. source: what answers, in the state of before the step that is tried, and in that of the step. connector:
    lines of the connector. before: whether a sync in the earlier state comes first. now: where the clock of all runs stands still; then:
    where it stood in the sync before."""

    name: str
    lines: str
    earlier: Answer
    answer: Answer
    connector: str = ""
    before: bool = False
    now: str = ""
    then: str = "2026-01-04T00:00:00+00:00"


MAPS = """
entity Item {
  key number : text
  name    : text
  keeps history
}
connector shop {
  base env.HR
  <CONNECTOR>
  resource items {
    <LINES>
    id $.id
    shape { id: text, name: text, at: datetime }
  }
}
map shop.items to Item {
  number = $.id
  name   = $.name
}
"""


def item(number: int, day: int = 1, **more: Any) -> Record:
    return {"id": f"r{number}", "name": f"n{number}", "at": f"2026-01-{day:02}T06:00:00Z", **more}


ITEMS = tuple(item(number) for number in range(1, 10))


def query(asked: Asked) -> dict[str, str]:
    return dict(parse_qsl(urlsplit(asked.target).query))


def address(asked: Asked, **parameters: object) -> str:
    """Where the next page lies."""
    text = "&".join(f"{name}={value}" for name, value in parameters.items())
    return f"http://{asked.headers['host']}{urlsplit(asked.target).path}?{text}"


def cut(start: int, rows: tuple[Record, ...] = ITEMS) -> tuple[list[Record], int | None]:
    """The records from a place on, and the place behind them if there are more."""
    end = start + SIZE
    return list(rows[start:end]), end if end < len(rows) else None


# ------------------------------------------------------------------------------------------------------------ pages


def by_offset(asked: Asked, _: Memory) -> Reply:
    return reply({"data": cut(int(query(asked)["skip"]))[0]})


def by_number(asked: Asked, _: Memory) -> Reply:
    return reply({"data": cut((int(query(asked)["page"]) - 1) * SIZE)[0]})


def by_key(asked: Asked, _: Memory) -> Reply:
    behind = query(asked).get("after", "")
    return reply({"data": [one for one in ITEMS if one["id"] > behind][:SIZE]})


def by_link(asked: Asked, _: Memory) -> Reply:
    found, following = cut(int(query(asked).get("at", 0)))
    more = {"Link": f'<{address(asked, at=following)}>; rel="next"'} if following else {}
    return reply({"data": found}, headers=more)


def by_next(asked: Asked, _: Memory) -> Reply:
    found, following = cut(int(query(asked).get("at", 0)))
    return reply({"data": found, "links": {"next": address(asked, at=following) if following else None}})


def by_cursor(asked: Asked, _: Memory) -> Reply:
    found, following = cut(int(query(asked).get("cursor", 0)))
    return reply({"data": found, "next": following})


def by_odata2(asked: Asked, _: Memory) -> Reply:
    start = re.search(r"skiptoken=(\d+)", asked.target)
    found, following = cut(int(start[1]) if start else 0)
    more = {"__next": address(asked, **{"$skiptoken": following})} if following else {}
    return reply({"d": {"results": found, **more}})


def by_odata4(asked: Asked, _: Memory) -> Reply:
    start = re.search(r"skiptoken=(\d+)", asked.target)
    found, following = cut(int(start[1]) if start else 0)
    more = {"@odata.nextLink": address(asked, **{"$skiptoken": following})} if following else {}
    return reply({"value": found, **more})


# ------------------------------------------------------------------------------------------------------------ tokens

REFRESHING = """
auth oauth2 refresh_token {
  token_url     "{base}/token"
  client_id     "fieldmap"
  refresh_token secret.REFRESH
}
"""


def with_tokens(asked: Asked, memory: Memory) -> Reply:
    """Each refresh token is good for one use, each access token for two requests; a used refresh token ends the consent."""
    if asked.target == "/token":
        return _granted(dict(parse_qsl(asked.body.decode()))["refresh_token"], memory)
    access = asked.headers.get("authorization", "").removeprefix("Bearer ")
    number = memory.access.index(access) if access in memory.access else -1
    if number >= 0 and not memory.keeps(memory.refresh[number]) and not memory.used.get(access):
        memory.wrong.append(f"{access} was used before the refresh token that came with it was durable")
    memory.used[access] = memory.used.get(access, 0) + 1
    if number < 0 or memory.used[access] > ACCESS_LASTS:
        return reply({"error": "expired"}, 401)
    return by_cursor(asked, memory)


def _granted(token: str, memory: Memory) -> Reply:
    newest = memory.refresh[-1:] or [memory.consent]
    if token in memory.spent or token not in (*newest, memory.consent):
        memory.spent.append(token)
        return reply({"error": "invalid_grant"}, 400)
    memory.spent.append(token)
    number = len(memory.access) + 1
    memory.refresh.append(f"refresh-{number}")
    memory.access.append(f"access-{number}")
    return reply({"access_token": f"access-{number}", "refresh_token": f"refresh-{number}", "expires_in": 3600})


# ------------------------------------------------------------------------------------------------------------ what changed

CHANGED = (
    *ITEMS[:4],
    item(2, 5, name="two"),
    item(3, 5, name="three"),
    item(10, 5),
    item(11, 6),
    item(12, 6),
)
GONE = (
    {"key": "r4", "on": "2026-01-06T07:00:00Z"},
    {"key": "r1", "on": "2026-01-06T07:00:00Z"},
    {"key": "r11", "on": "2026-01-06T08:00:00Z"},
)


def changed_since(rows: tuple[Record, ...], gone: tuple[Record, ...] = ()) -> Answer:
    """Records within a window, in pages by cursor; and a feed of deletes."""

    def answer(asked: Asked, _: Memory) -> Reply:
        asks = query(asked)
        since, until = asks.get("since", ""), asks.get("until", "9")
        feed = urlsplit(asked.target).path == "/deleted"
        moment = "on" if feed else "at"
        those = tuple(one for one in (gone if feed else rows) if since <= one[moment] < until)
        found, following = cut(int(asks.get("cursor", 0)), those)
        return reply({"data": found, "next": following})

    return answer


DAYS = tuple(item(10 * day + number, day) for day in (1, 2, 4) for number in range(3))

# ------------------------------------------------------------------------------------------------------------ children

GROUPS = """
resource groups {
  get "/groups"
  records $.data[*]
  id $.id
  shape { id: text }
}
"""


def of_groups(asked: Asked, memory: Memory) -> Reply:
    """Three groups, and the items of each: those of two days, of one, and none."""
    path = urlsplit(asked.target).path
    if path == "/groups":
        return reply({"data": [{"id": "a"}, {"id": "b"}, {"id": "c"}]})
    number = "abc".index(path.split("/")[2])
    return changed_since(tuple(one for one in DAYS if int(one["id"][1:]) % 3 == number and number < 2))(asked, memory)


def by_jobs(asked: Asked, memory: Memory) -> Reply:
    """A job for each group; that of the first is not done when it is asked after for the first time. The same key is the same job."""
    path = urlsplit(asked.target).path.split("/")
    if len(path) == 2:
        return of_groups(asked, memory)
    group, about = path[2], path[4:]
    if asked.method == "POST":
        memory.beside += 1
        key, said = asked.headers["idempotency-key"], f"{group} {asked.body.decode()}"
        before = memory.jobs.get(said, key)
        if before != key and before not in memory.filed:
            memory.wrong.append(f"a second job was submitted for {said}")
        memory.jobs[said] = key
        return reply({"id": key})
    key = about[0]
    if about[1:] != ["file"]:
        memory.beside += 1
        memory.used[key] = memory.used.get(key, 0) + 1
        return reply({"done": group != "a" or memory.used[key] > 1})
    memory.filed.add(key)
    window = json.loads(next(said for said, one in memory.jobs.items() if one == key).partition(" ")[2])
    rows = [one for one in DAYS if int(one["id"][1:]) % 3 == "abc".index(group) and group != "c"]
    return reply({"data": [one for one in rows if window.get("since", "") <= one["at"] < window["until"]]})


# ------------------------------------------------------------------------------------------------------------ not modified


def with_tags(rows: tuple[Record, ...]) -> Answer:
    """Pages by number, each with a tag by which its second asking is a 304."""

    def answer(asked: Asked, memory: Memory) -> Reply:
        found, following = cut((int(query(asked)["page"]) - 1) * SIZE, rows)
        page = reply({"data": found, "more": following is not None})
        content = b"".join(piece for piece in page.pieces if isinstance(piece, bytes)).partition(b"\r\n\r\n")[2]
        tag = f'"{hashlib.sha256(content).hexdigest()[:12]}"'
        if asked.headers.get("if-none-match") == tag:
            return Reply([f"HTTP/1.1 304 Not Modified\r\nETag: {tag}\r\n\r\n".encode()])
        return reply({"data": found, "more": following is not None}, headers={"ETag": tag})

    return answer


# ------------------------------------------------------------------------------------------------------------ all of them

_DATA = "records $.data[*]"
_CHANGED = "changed $.at"


def _paged(name: str, lines: str, answer: Answer, connector: str = "") -> Way:
    return Way(name, f"{lines}\n{_CHANGED}", answer, answer, connector)


WAYS = (
    _paged("offset", f'get "/items"; pages offset sent as "skip", 2 at a time sent as "top"\n{_DATA}', by_offset),
    _paged("page number", f'get "/items"; pages number sent as "page"\n{_DATA}', by_number),
    _paged("keyset", f'get "/items"; pages keyset at $.id sent as "after"\n{_DATA}', by_key),
    _paged("link header", f'get "/items"; pages link\n{_DATA}', by_link),
    _paged("next link", f'get "/items"; pages next at $.links.next\n{_DATA}', by_next),
    _paged("cursor", f'get "/items"; pages cursor at $.next sent as "cursor"\n{_DATA}', by_cursor),
    _paged("odata2", 'get "/items"; pages odata2\nrecords $.d.results[*]', by_odata2),
    _paged("odata4", 'get "/items"; pages odata4\nrecords $.value[*]', by_odata4),
    _paged("refresh token", f'get "/items"; pages cursor at $.next sent as "cursor"\n{_DATA}', with_tokens, REFRESHING),
    Way(
        "window",
        f'get "/items"; pages cursor at $.next sent as "cursor"\n{_DATA}\nchanged $.at sent as "since", overlap 1 h',
        changed_since(CHANGED[:4]),
        changed_since(CHANGED),
        before=True,
        now="2026-01-07T00:00:00+00:00",
    ),
    Way(
        "steps",
        f'get "/items"; pages cursor at $.next sent as "cursor"\n{_DATA}\n'
        'changed $.at sent as "since", until sent as "until", in steps of 1 day from "2026-01-01"',
        changed_since(DAYS),
        changed_since(DAYS),
        now="2026-01-05T12:00:00+00:00",
    ),
    Way(
        "children",
        f'for each groups as g get "/groups/{{g.id}}/items"; pages cursor at $.next sent as "cursor"\n{_DATA}\n'
        'changed $.at sent as "since"',
        of_groups,
        of_groups,
        GROUPS,
        now="2026-01-05T12:00:00+00:00",
    ),
    Way(
        "steps of children",
        f'for each groups as g get "/groups/{{g.id}}/items"; pages cursor at $.next sent as "cursor"\n{_DATA}\n'
        'changed $.at sent as "since", until sent as "until", in steps of 2 days from "2026-01-01"',
        of_groups,
        of_groups,
        GROUPS,
        now="2026-01-05T12:00:00+00:00",
    ),
    Way(
        "jobs of parents",
        'for each groups as g post "/groups/{g.id}/jobs"\nbody json { since: since, until: until }\nidempotency "Idempotency-Key"\n'
        'job $.id\npoll "/groups/{g.id}/jobs/{job}" every 1 s\ndone when $.done == true otherwise false\n'
        f'download "/groups/{{g.id}}/jobs/{{job}}/file"\n{_DATA}\n{_CHANGED}',
        by_jobs,
        by_jobs,
        GROUPS,
        now="2026-01-05T12:00:00+00:00",
    ),
    Way(
        "feed of deletes",
        f'get "/items"; pages cursor at $.next sent as "cursor"\n{_DATA}\nchanged $.at sent as "since", overlap 1 h\n'
        'deletes { get "/deleted"; pages cursor at $.next sent as "cursor"; records $.data[*]; id $.key;'
        ' changed $.on sent as "since" }',
        changed_since(CHANGED[:4]),
        changed_since(CHANGED, GONE),
        before=True,
        now="2026-01-07T00:00:00+00:00",
    ),
    Way(
        "not modified",
        f'get "/items"; pages number sent as "page", more at $.more\n{_DATA}\n{_CHANGED}',
        with_tags(ITEMS),
        with_tags((*ITEMS[:2], item(3, 2, name="three"), *ITEMS[3:])),
        before=True,
    ),
)


def maps(way: Way) -> str:
    return MAPS.replace("<CONNECTOR>", way.connector).replace("<LINES>", way.lines.replace("; ", "\n"))
