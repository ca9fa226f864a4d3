"""A small OData service on the loopback, of either version: pages of its own size, $select, $expand, and $filter by a moment."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from tests.runtime.acquire.faultserver import Asked, FaultServer, Reply, reply

Row = dict[str, Any]
_TERM = re.compile(r"(\w+) (ge|lt|ne) (?:datetime(?:offset)?)?'?([^' )]*)'?")


@dataclass
class Service:
    """sets: rows by the path of their address. page: rows of a page. moment: writes a value as a filter's bound is written.
    before: may answer first."""

    version: int
    metadata: str
    sets: dict[str, list[Row]]
    page: int = 2
    moment: Callable[[Any], str] = str
    before: Callable[[Asked], Reply | None] | None = None
    server: FaultServer = field(init=False)

    def __post_init__(self) -> None:
        self.server = FaultServer(self.answer)

    @property
    def queries(self) -> list[dict[str, str]]:
        """Of what was asked for, the metadata left out."""
        targets = [urlsplit(target) for target in self.server.targets if "$metadata" not in target]
        return [dict(parse_qsl(target.query)) for target in targets]

    def answer(self, asked: Asked) -> Reply:
        first = self.before(asked) if self.before is not None else None
        if first is not None:
            return first
        target = urlsplit(asked.target)
        path, query = unquote(target.path), dict(parse_qsl(target.query))
        if path.endswith("/$metadata"):
            return reply(self.metadata.encode(), content_type="application/xml")
        rows = self.sets.get(path)
        if rows is None:
            return reply({"error": {"code": "404"}}, 404)
        for name, sign, bound in _TERM.findall(query.get("$filter", "")):
            rows = [one for one in rows if self._holds(one.get(name), sign, bound)]
        start = int(query.get("$skiptoken", "0"))
        size = self.page
        found = [self._cut(one, query) for one in rows[start : start + size]]
        rest = {name: value for name, value in query.items() if name not in ("$skiptoken", "$inlinecount", "$count")}
        following = None
        if start + size < len(rows):
            kept = "&".join(f"{name}={_escaped(value)}" for name, value in rest.items())
            following = f"{self.server.url}{target.path}?{kept}&$skiptoken={start + size}"
        return reply(self._body(found, following, query, len(rows)))

    def _holds(self, value: Any, sign: str, bound: str) -> bool:
        if sign == "ne":
            return str(value) != bound
        if value is None:
            return False
        return self.moment(value) >= bound if sign == "ge" else self.moment(value) < bound

    def _body(self, rows: list[Row], following: str | None, query: dict[str, str], count: int) -> Row:
        if self.version == 2:
            body: Row = {"results": rows}
            if query.get("$inlinecount") == "allpages":
                body["__count"] = str(count)
            if following:
                body["__next"] = following
            return {"d": body}
        body = {"@odata.context": "$metadata", "value": rows}
        if query.get("$count") == "true":
            body["@odata.count"] = count
        if following:
            body["@odata.nextLink"] = following
        return body

    def _cut(self, row: Row, query: dict[str, str]) -> Row:
        """Of a row what was selected; what is not expanded is a deferred link, or not there."""
        if self.version == 2:
            return _two(row, query.get("$select", "*").split(","), query.get("$expand", "").split(","))
        return _four(row, query)


def _escaped(text: str) -> str:
    return text.replace("%", "%25").replace(" ", "%20").replace("&", "%26").replace("+", "%2B")


def _two(row: Row, select: list[str], expand: list[str]) -> Row:
    found: Row = {"__metadata": {"type": "x"}}
    for name, value in row.items():
        below = [one.partition("/")[2] for one in select if one.startswith(f"{name}/")]
        further = [one.partition("/")[2] for one in expand if one.startswith(f"{name}/")]
        if isinstance(value, dict) and "results" in value:
            if name in expand:
                found[name] = {**value, "results": [_two(one, below, further) for one in value["results"]]}
            elif select == ["*"]:
                found[name] = {"__deferred": {"uri": "x"}}
        elif select == ["*"] or name in select:
            found[name] = value
    return found


def _four(row: Row, options: dict[str, str]) -> Row:
    select = options.get("$select", "*").split(",")
    expand = {}
    for part in _split(options.get("$expand", ""), ","):
        name, _, inside = part.partition("(")
        expand[name] = dict(one.split("=", 1) for one in _split(inside.removesuffix(")"), ";"))
    found: Row = {}
    for name, value in row.items():
        plain = name.partition("@")[0]
        if plain in expand:
            inner = expand[plain]
            many = isinstance(value, list)
            found[name] = (
                [_four(one, inner) for one in value]
                if many
                else _four(value, inner)
                if isinstance(value, dict)
                else value
            )
        elif select == ["*"] or name in select:
            found[name] = value
    return found


def _split(text: str, mark: str) -> list[str]:
    """At marks outside brackets."""
    parts, depth, last = [], 0, 0
    for at, sign in enumerate(text):
        depth += {"(": 1, ")": -1}.get(sign, 0)
        if sign == mark and depth == 0:
            parts.append(text[last:at])
            last = at + 1
    return [part for part in (*parts, text[last:]) if part]
