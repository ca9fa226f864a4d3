"""What is asked of an HTTP source and what its answers mean: `post`, `body` and `on`, as the vocabulary of fetch plans."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any, Protocol

import msgspec

from fieldmap.compiler import ir
from fieldmap.compiler.expressions import Checker
from fieldmap.compiler.pages import Found
from fieldmap.compiler.report import Report
from fieldmap.dsl import ast
from fieldmap.runtime import plan

# What a sweep knows of its place, by the kind of paging. `size` goes with any kind that has one.
PLACES = {"cursor": "cursor", "offset": "offset", "number": "page", "keyset": "after"}
# The first request has none of these.
_LATER = ("cursor", "after")
_BOUNDS = ("since", "until")


class Values(Protocol):
    """What a request says of the records of its parents."""

    def names(self, node: ast.Expr) -> bool: ...
    def reference(self, path: ast.Path) -> plan.SweepRef | None: ...


Compose = Callable[[ast.Expr, tuple[str, ...]], plan.Composed | None]


def holes_of(node: ast.Resource) -> tuple[str, ...]:
    """The names by which a resource's path, query and body may say what only a sweep knows."""
    found = list(_BOUNDS) if node.changed is not None else []
    # A name that no author can write: that there is a parent is enough to look at its record.
    found += [""] if node.parent is not None else []
    if node.pages is not None:
        found += [PLACES[node.pages.kind]] if node.pages.kind in PLACES else []
        found += ["size"] if node.pages.size is not None else []
    return tuple(found)


def named_in(node: ast.Resource) -> set[str]:
    """The bare names within the path, query and body of a resource."""
    found: set[str] = set()
    for setting in node.query:
        found |= _names(setting.value)
    for path in (node.get, node.post.path if node.post is not None else None):
        found |= _names(path) if path is not None else set()
    return found | (set(_body_names(node.body)) if node.body is not None else set())


def _body_names(body: ast.Body) -> Iterator[str]:
    for line in (*(field.value for field in body.fields), *body.lines):
        yield from _names(line)
    yield from _value_names(body.json) if body.json is not None else ()


def _value_names(value: ast.Expr | ast.BodyNull | ast.BodyList | ast.BodyObject) -> Iterator[str]:
    match value:
        case ast.BodyObject(members=members):
            for member in members:
                yield from _value_names(member.value)
        case ast.BodyList(items=items):
            for item in items:
                yield from _value_names(item)
        case ast.BodyNull():
            return
        case ast.Bare(name=name):
            yield name
        case _:
            yield from _names(value)


def _names(node: ast.Expr) -> set[str]:
    return {bare.name for hole in _holes(node) if (bare := _bare(hole)) is not None}


def _holes(node: ast.Expr) -> list[ast.Hole]:
    return [part for part in node.parts if isinstance(part, ast.Hole)] if isinstance(node, ast.Template) else []


def _bare(hole: ast.Hole) -> ast.Bare | None:
    value = hole.value.value if isinstance(hole.value, ast.Otherwise) else hole.value
    return value if isinstance(value, ast.Bare) else None


def reference(hole: ast.Hole, names: tuple[str, ...]) -> plan.SweepRef | None:
    """What a hole stands for, if it is one of these names: `{after}`, `{after?}`, `{after otherwise '0'}`."""
    bare = _bare(hole)
    if bare is None or bare.name not in names:
        return None
    if not isinstance(hole.value, ast.Otherwise):
        return plan.SweepRef(bare.name, "" if hole.absence == "?" else None)
    match hole.value.fallback:
        case ast.Text(value=text):
            return plan.SweepRef(bare.name, text)
        case ast.Template(parts=(ast.Text(value=text),)):
            return plan.SweepRef(bare.name, text)
        case ast.Number(unit=None, value=number):
            return plan.SweepRef(bare.name, format(number, "f"))
    return None


class Requests:
    """Lowers the requests of one resource. compose: makes a text with holes of the given names."""

    def __init__(self, node: ast.Resource, compose: Compose, parents: Values, report: Report) -> None:
        self._node, self._compose, self._parents, self._report = node, compose, parents, report
        self._holes = holes_of(node)

    def check(self) -> None:
        """What does not go together."""
        node, report = self._node, self._report
        if report.broken(node.span):
            return
        if node.post is None:
            for word, line in (("body", node.body), ("idempotency", node.idempotency)):
                if line is not None:
                    report.error(
                        "FM0402", f"{word} goes with post, and this is a get", line.span, help='write post "…"'
                    )
        elif node.get is not None:
            report.error(
                "FM0402", "a resource is asked with get or with post", node.post.span, help="leave one of the two out"
            )
        pages = node.pages
        if node.post is not None and pages is not None and pages.kind in ("next", "link", "odata2", "odata4"):
            report.error(
                "FM0403",
                "a link to the next page is asked for with get, and this is a post",
                pages.span,
                help="name the place of the next page: pages cursor at $.next, and cursor: cursor in the body",
            )
        self._check_place(pages)

    def _check_place(self, pages: ast.Pages | None) -> None:
        """Whether the place of the next page is sent once."""
        place = PLACES.get(pages.kind) if pages is not None else None
        if pages is None or place is None:
            return
        named = named_in(self._node)
        if place in named and pages.sent_as is not None:
            self._report.error(
                "FM0403",
                f"{place} is sent twice: as {pages.sent_as.value}, and where the request names it",
                pages.sent_as.span,
                help="leave the sent as … out",
            )
        elif place not in named and pages.sent_as is None and self._node.post is not None:
            self._report.error(
                "FM0401",
                f"{self._node.name.text} does not say where {place} is sent",
                pages.span,
                help=f'name it in the body, as in {{ {place}: {place} }}, or write sent as "{place}" for the query',
            )
        if "size" in named and pages.size_sent_as is not None:
            self._report.error(
                "FM0403",
                "the size of a page is sent twice",
                pages.size_sent_as.span,
                help="leave the sent as … behind the size out",
            )

    # ------------------------------------------------------------------------------------------------- bodies

    def body(self) -> plan.Body | None:
        """The body; None where there is none, or after a diagnostic."""
        body = self._node.body
        if body is None:
            return None
        match body.kind:
            case "json":
                made = self._json(body.json) if body.json is not None else None
                return plan.JsonBody(made) if isinstance(made, plan.JsonObject) else None
            case "form":
                fields = [(field.name.text, self._compose(field.value, self._holes)) for field in body.fields]
                whole = tuple((name, value) for name, value in fields if value is not None)
                return plan.FormBody(whole) if len(whole) == len(fields) else None
            case _:
                lines = [self._line(line) for line in body.lines]
                kept = tuple(line for line in lines if line is not None)
                return plan.TextBody(kept, body.kind == "xml") if len(kept) == len(lines) else None

    def path(self, node: ast.Expr) -> plan.Composed | None:
        """The path; in it no place may be missing."""
        return self._line(node)

    def _line(self, node: ast.Expr) -> plan.Composed | None:
        """A text of which nothing can be left out: what the first request lacks has a word for it."""
        for hole in _holes(node):
            found = reference(hole, self._holes)
            if found is not None and found.default is None and found.name in (*_LATER, "since"):
                self._report.error(
                    "FM0307",
                    f"the first request has no {found.name}",
                    hole.span,
                    help=f"say what then stands here: {{{found.name}?}} for nothing, {{{found.name} otherwise '0'}}",
                )
                return None
        return self._compose(node, self._holes)

    def _json(self, value: ast.Expr | ast.BodyNull | ast.BodyList | ast.BodyObject) -> plan.JsonValue | None:
        match value:
            case ast.BodyObject(members=members):
                return self._object(members)
            case ast.BodyList(items=items):
                made = [self._json(item) for item in items]
                kept = tuple(item for item in made if item is not None)
                return plan.JsonList(kept) if len(kept) == len(made) else None
            case ast.BodyNull():
                return plan.JsonConstant("null")
            case ast.Bool(value=flag):
                return plan.JsonConstant("true" if flag else "false")
            case ast.Number(unit=None, value=number):
                return plan.JsonConstant(format(number, "f"))
            case ast.Bare(name=name) if name in self._holes:
                return plan.SweepRef(name)
            case ast.Path() if self._parents.names(value):
                return self._parents.reference(value)
            case _:
                return self._compose(value, self._holes)

    def _object(self, members: tuple[ast.BodyMember, ...]) -> plan.JsonObject | None:
        seen: dict[str, ast.BodyMember] = {}
        done: list[tuple[str, plan.JsonValue]] = []
        for member in members:
            if member.name.text in seen:
                self._report.error(
                    "FM0205", f"{member.name.text} is said twice", member.name.span, help="keep one of the two"
                )
                return None
            seen[member.name.text] = member
            value = self._json(member.value)
            if value is None:
                return None
            done.append((member.name.text, value))
        return plan.JsonObject(tuple(done))


# ---------------------------------------------------------------------------------------------------------------- rules


def lower_rules(
    node: ast.Resource, checker: Checker, format_: str
) -> tuple[tuple[plan.AnswerRule, ...], dict[str, ir.Expr], str | None]:
    """The `on` lines of a resource; their conditions by purpose; and of XML the schema by which they read it."""
    rules: list[plan.AnswerRule] = []
    conditions: dict[str, ir.Expr] = {}
    for number, rule in enumerate(node.rules, 1):
        earlier = next(
            (one for one in node.rules[: number - 1] if one.condition is None and _covers(one.status, rule.status)),
            None,
        )
        if earlier is not None:
            checker.report.error(
                "FM0403",
                f"this rule never comes into play: on {earlier.status.text} before it takes every answer",
                rule.span,
                help="put it before that one, or give that one a when",
            )
        if _checked_rule(rule, checker, format_):
            purpose = f"rule_{number}"
            if rule.condition is not None:
                found = checker.condition(rule.condition, "on … when")
                if found is None:
                    continue
                conditions[purpose] = found
            rules.append(
                plan.AnswerRule(
                    status=rule.status.text,
                    action=rule.action,
                    holds=Found(purpose) if rule.condition is not None else None,
                    message=rule.message.value if rule.message is not None else None,
                )
            )
    schema = _schema(list(conditions.values())) if format_ == "xml" and conditions else None
    return tuple(rules), conditions, schema


def _covers(status: ast.Name, other: ast.Name) -> bool:
    return status.text == other.text or (status.text.endswith("xx") and status.text[0] == other.text[0])


def _checked_rule(rule: ast.AnswerRule, checker: Checker, format_: str) -> bool:
    status = rule.status.text
    wrong = instead = ""
    if status == "timeout" or status[0] not in "245":
        wrong, instead = f"{status} is no answer to judge", "name a status, such as 404, or 5xx"
    elif status[0] == "2" and rule.condition is None:
        wrong = f"every answer {status} would be taken so"
        instead = "say when: on 200 fail when $.isSuccess == false otherwise false"
    elif status == "401":
        wrong, instead = "a 401 is answered with new credentials", "leave the line out"
    elif rule.condition is not None and format_ not in ("json", "xml"):
        wrong, instead = f"a condition looks into JSON or XML, and this is {format_}", "judge by the status alone"
    elif rule.action == "retry" and rule.message is not None:
        wrong, instead = "a repetition needs no message", "leave the text out"
    if wrong:
        checker.report.error("FM0403", wrong, rule.span, help=instead)
    return not wrong


def _schema(conditions: list[ir.Expr]) -> str:
    """Which elements the conditions look at, as fieldmap.runtime.values.xml reads them."""
    found: dict[str, Any] = {}
    for read, leaf in _reads(conditions):
        below = found
        members = [segment.name for segment in read.segments if isinstance(segment, ir.Member)]
        for name in members[:-1]:
            deeper = below.get(name)
            below[name] = deeper = deeper if isinstance(deeper, dict) else {}
            below = deeper
        if members:
            below.setdefault(members[-1], leaf)
    return json.dumps(found, sort_keys=True)


def _reads(value: object) -> Iterator[tuple[ir.Read, str]]:
    """The paths of conditions, and as what each is read: of what is only there or not nothing is known."""
    if isinstance(value, ir.IsAbsent) and isinstance(value.value, ir.Read):
        yield value.value, "any"
    elif isinstance(value, ir.Read):
        yield value, "text"
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _reads(item)
    elif isinstance(value, msgspec.Struct):
        for name in value.__struct_fields__:
            yield from _reads(getattr(value, name))
