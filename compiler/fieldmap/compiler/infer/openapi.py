"""OpenAPI 3.0 and 3.1: each path that answers with a list of objects is a resource."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from fieldmap.compiler.infer import places
from fieldmap.compiler.infer.documents import Document, items_of
from fieldmap.compiler.infer.masking import quoted, template
from fieldmap.compiler.infer.model import Listed, Object, Resource, Scalar, Setting, Source, plain_name
from fieldmap.compiler.infer.schema import Reader, id_and_changed, records_in, with_promised
from fieldmap.compiler.infer.security import auth
from fieldmap.compiler.infer.words import words_of
from fieldmap.runtime.errors import UsageError

_MOST_NOTED = 30


def of_openapi(root: dict[str, Any], name: str, file: str, wanted: tuple[str, ...]) -> Source:
    """The connector. wanted: names of resources; none of them: all. Raises UsageError where nothing can be made of the document."""
    version = root.get("openapi")
    if not isinstance(version, str) or not version.startswith(("3.0", "3.1")):
        said = (
            f"Swagger {root['swagger']}"
            if isinstance(root.get("swagger"), str)
            else f"OpenAPI {version}"
            if version
            else "no OpenAPI"
        )
        raise UsageError(f"{file} is {said}, and OpenAPI 3.0 and 3.1 are read; convert it, or infer from samples")
    document = Document(root)
    info = root.get("info")
    title = info.get("title") if isinstance(info, dict) else None
    name = name or plain_name(title if isinstance(title, str) else "source", "source")
    found: list[Resource] = []
    left: list[str] = []
    security: list[Any] = []
    for path, item in items_of(root, "paths"):
        made = _resource(document, path, document.resolved(item), found, wanted)
        if isinstance(made, Resource):
            found.append(made)
            security.append(document.resolved(document.resolved(item)["get"]).get("security"))
        elif made:
            left.append(f"Left out {path}: {made}.")
    if not found:
        named = f" of the name {' or '.join(wanted)}" if wanted else ""
        raise UsageError(
            f"{file} has no path{named} whose answer is a list of objects; infer from samples of its answers"
        )
    notes = [f"Inferred from {file}. Nothing was asked of the source: try it with fieldmap fetch.", *left[:_MOST_NOTED]]
    if len(left) > _MOST_NOTED:
        notes.append(f"And {len(left) - _MOST_NOTED} more paths were left out.")
    if document.outside:
        notes.append("References that lead out of the document were not followed.")
    return Source(
        name=name,
        kind="",
        settings=tuple(_settings(document, name, security)),
        resources=tuple(found),
        notes=tuple(notes),
    )


def _resource(
    document: Document, path: str, item: Any, taken: list[Resource], wanted: tuple[str, ...]
) -> Resource | str:
    """A resource, or why the path is none; "" if that needs no word."""
    get = document.resolved(item.get("get")) if isinstance(item, dict) else None
    if not isinstance(get, dict):
        return ""
    name = _name(path, taken)
    if wanted and name not in wanted:
        return ""
    if "{" in path:
        return "its path needs the number of something"
    answer = _answer(document, get)
    if answer is None:
        return "it does not say that it answers with JSON"
    reader = Reader(document, name)
    kind, _, _ = reader.kind(answer)
    within = records_in(kind)
    if within is None:
        return "its answer is no list of objects"
    steps, shape, beside = within
    settings = id_and_changed(shape, name)
    if settings is None:
        return "no member of its records can be their id"
    parameters = _parameters(document, item, get)
    lines = [Setting(word="get", text=template(path)), *_required(parameters), _paging(parameters, steps, beside)]
    if steps:
        lines.append(Setting(word="records", text=places.path_of(steps)))
    # Codes of what stands beside the records are of no use.
    used = {member.note.partition("via ")[2].partition(";")[0] for member in _all(shape)}
    return Resource(
        name=name,
        settings=(*lines, *settings),
        shape=with_promised(shape, settings),
        codes=tuple(one for one in reader.codes if one.name in used),
    )


def _all(shape: Object) -> Iterator[Any]:
    from fieldmap.compiler.infer.model import leaves

    for _, member in leaves(shape):
        yield member


def _name(path: str, taken: list[Resource]) -> str:
    last = next((part for part in reversed(path.split("/")) if part and "{" not in part), "records")
    name = first = plain_name(last, "records")
    number = 2
    while any(one.name == name for one in taken):
        name, number = f"{first}_{number}", number + 1
    return name


def _answer(document: Document, get: dict[str, Any]) -> Any:
    """The schema of the JSON that is answered on success."""
    for status, response in sorted(items_of(get, "responses")):
        if re.fullmatch(r"2(?:\d\d|XX)|default", status):
            for kind, content in items_of(document.resolved(response), "content"):
                if "json" in kind.lower() and isinstance(content, dict) and "schema" in content:
                    return content["schema"]
    return None


def _parameters(document: Document, item: dict[str, Any], get: dict[str, Any]) -> list[dict[str, Any]]:
    """The parameters of the query; those of the path's operation win over those of the path."""
    found: dict[str, dict[str, Any]] = {}
    for owner in (item, get):
        stated = owner.get("parameters")
        for one in stated if isinstance(stated, list) else []:
            parameter = document.resolved(one)
            if (
                isinstance(parameter, dict)
                and parameter.get("in") == "query"
                and isinstance(parameter.get("name"), str)
            ):
                found[parameter["name"]] = parameter
    return list(found.values())


def _required(parameters: list[dict[str, Any]]) -> list[Setting]:
    needed = [one["name"] for one in parameters if one.get("required") is True]
    return (
        [
            Setting(
                word="",
                text="",
                note=f"The source wants these parameters; say them in query {{ … }}: {', '.join(needed)}",
            )
        ]
        if needed
        else []
    )


_SIZES = frozenset(
    ("limit", "page size", "per page", "count", "top", "size", "max results", "pagesize", "perpage", "page limit")
)


def _paging(parameters: list[dict[str, Any]], records: places.Steps, beside: Object | None) -> Setting:
    """How to ask for more: by the parameters that there are, and what stands beside the records."""
    by_words = {" ".join(words_of(one["name"])): one for one in parameters}
    size = next((one for words, one in by_words.items() if words in _SIZES), None)
    tail = _size(size) if size is not None else ""
    body = _example(beside) if beside is not None else {}
    said = places.paging([body], records) if body else None
    cursor = next(
        (
            one["name"]
            for words, one in by_words.items()
            if words in ("cursor", "after", "page token", "starting after", "bookmark", "continuation token")
        ),
        None,
    )
    if said is not None and said.word:
        text = said.text
        if text.startswith("cursor at") and cursor:
            text = re.sub(r'sent as "cursor"', lambda _: f"sent as {quoted(cursor)}{tail}", text, count=1)
            return Setting(word="pages", text=text)
        if text.startswith(("next", "odata")):
            return Setting(word="pages", text=text)
    tail += places.count_or_more(body, records)
    for names, words in (
        ("offset", ("offset", "skip", "start at", "start")),
        ("number", ("page", "page number", "page no")),
    ):
        found = next((by_words[word]["name"] for word in words if word in by_words), None)
        if found is not None:
            return Setting(
                word="pages",
                text=f"{names} sent as {quoted(found)}{tail}",
                note="by the parameters: confirm",
            )
    return Setting(word="", text="", note="No sign of pages in the description: pages none")


def _size(parameter: dict[str, Any]) -> str:
    schema = parameter.get("schema")
    most = schema.get("maximum") if isinstance(schema, dict) else None
    number = most if isinstance(most, int) and not isinstance(most, bool) and 0 < most <= 10_000 else 100
    return f", {number} at a time sent as {quoted(parameter['name'])}"


def _example(shape: Object) -> dict[str, Any]:
    """A body of that shape, with values that say no more than their kind: for looking at its names."""
    values: dict[str, Any] = {"text": "x", "int": 1, "number": 1, "bool": True}
    made: dict[str, Any] = {}
    for member in shape.members:
        match member.kind:
            case Object() as below:
                made[member.name] = _example(below)
            case Listed():
                made[member.name] = []
            case Scalar(type=type_):
                is_link = type_ == "text" and words_of(member.name)[-1:] in (("url",), ("link",), ("href",), ("uri",))
                made[member.name] = "/x" if is_link or "uri" in member.note else values.get(type_)
    return made


# ---------------------------------------------------------------------------------------------------------- connector


def _settings(document: Document, name: str, wanted: list[Any]) -> Iterator[Setting]:
    yield _base(document, name)
    yield auth(document, name, wanted)


def _base(document: Document, name: str) -> Setting:
    servers = document.root.get("servers")
    first = servers[0].get("url") if isinstance(servers, list) and servers and isinstance(servers[0], dict) else None
    if isinstance(first, str) and "{" not in first and urlsplit(first).scheme == "https" and urlsplit(first).netloc:
        return Setting(word="base", text=template(first.rstrip("/")))
    return Setting(
        word="base", text=f"env.{name.upper()}_URL", note=f"of the form {first}" if isinstance(first, str) else ""
    )
