"""Recorded responses that a user hands over: all of a file or nothing, and mistakes told by line and column."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from tests.runtime.acquire.sources import RESOURCE, Source

from fieldmap.runtime.acquire import files
from fieldmap.runtime.acquire.importer import Imported, import_file
from fieldmap.runtime.errors import UsageError


def bring(workday: Source, name: str, content: bytes, format: Any = None) -> Imported:
    path = workday.root / name
    path.write_bytes(content)
    with workday.archive.writer(RESOURCE) as writer:
        return import_file(path, RESOURCE, format=format, writer=writer, ports=workday.ports)


@pytest.mark.parametrize(
    ("name", "format", "content"),
    [
        ("a.json", "json", b'{"data":[1]}'),
        ("a.JSON", "json", b'\xef\xbb\xbf{"data":[1e400]}'),
        ("a.jsonl", "ndjson", b'{"a":1}\n\n{"a":2}'),
        ("a.ndjson", "ndjson", b""),
        ("a b.csv", "csv", b'\xef\xbb\xbfa,b\r\n"1\n2",2\r\n\r\n3,\r\n'),
    ],
)
def test_a_file_is_one_record(workday: Source, name: str, format: str, content: bytes) -> None:
    done = bring(workday, name, content)
    assert list(done) == workday.archived()
    (item,) = done.pages
    assert (item.body, item.format, item.status, item.resource) == (content, format, None, RESOURCE)
    assert item.url == f"file:{name.replace(' ', '%20')}"
    assert done.skipped == {}


def test_the_format_may_be_named(workday: Source) -> None:
    assert next(iter(bring(workday, "export.txt", b"a;b\n", "csv"))).format == "csv"
    with pytest.raises(UsageError, match=r"export.txt does not tell its format; name it: --as"):
        bring(workday, "export.txt", b"a\n")


def test_long_lines_files_are_parted(workday: Source, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "PART_BYTES", 50)
    content = b'{"id":1}\n' * 30
    done = bring(workday, "a.jsonl", content)
    assert len(done) > 1
    assert b"".join(item.body for item in done) == content
    assert [item.page for item in done] == list(range(1, len(done) + 1))


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.json", b'{"a":1,\n "b":}', "a.json:2:6: expecting value"),
        ("a.json", b'{"a":1} x', "a.json:1:9: extra data"),
        ("a.json", b"", "a.json:1:1: expecting value"),
        ("a.json", b'{"a":\n"\xff"}', "a.json:2:2: this is not UTF-8"),
        ("a.json", b'{"a":NaN}', "a.json:1:1: NaN is no JSON number"),
        ("a.json", b"[" * 200_000, "a.json:1:1: it is nested too deeply"),
        ("a.jsonl", b'{"a":1}\n{"a":1}\n{"a" 1}\n', "a.jsonl:3:6: expecting ':' delimiter"),
        ("a.jsonl", b'{"a":1}\n\xc3\n', "a.jsonl:2:1: this is not UTF-8"),
        ("a.jsonl", b'{"a":1} {"a":2}\n', "a.jsonl:1:9: extra data"),
        ("a.csv", b"a,b\n1,2\n1,2,3\n", "a.csv:3:1: this row has 3 cells, and the header names 2"),
        ("a.csv", b'a,b\n1,"x" y\n', "a.csv:2:1: ',' expected after '\"'"),
        ("a.csv", b"a,b\n1,\xe4\n", "a.csv:2:3: this is not UTF-8"),
        ("a.csv", b"", "a.csv:1:1: there is no header row"),
    ],
)
def test_a_mistake_is_told_by_line_and_column_and_nothing_is_imported(
    workday: Source, name: str, content: bytes, said: str
) -> None:
    with pytest.raises(UsageError) as caught:
        bring(workday, name, content)
    assert f"{said}; nothing was imported, correct the file and import it again" in str(caught.value)
    assert workday.archived() == []


def test_a_file_that_cannot_be_read(workday: Source) -> None:
    with workday.archive.writer(RESOURCE) as writer, pytest.raises(UsageError, match="cannot be read"):
        import_file(workday.root / "gone.json", RESOURCE, format=None, writer=writer, ports=workday.ports)


# ----------------------------------------------------------------------------------------------------------------- HAR


def entry(text: str | None, status: int = 200, mime: str = "application/json", **other: Any) -> dict[str, Any]:
    return {
        "startedDateTime": "2026-02-01T10:00:00.250+01:00",
        "request": {"method": "GET", "url": "https://user:pw@api.example.com/v1/workers?token=canary&x=1#f"},
        "response": {
            "status": status,
            "headers": [
                {"name": "Content-Type", "value": "application/json; charset=utf-8"},
                {"name": "Content-Encoding", "value": "gzip"},
                {"name": "Content-Length", "value": "5"},
                {"name": "Set-Cookie", "value": "session=canary"},
            ],
            "content": {"mimeType": mime, "text": text, **other},
        },
    }


def har(*entries: Any) -> bytes:
    return json.dumps({"log": {"version": "1.2", "entries": entries}}).encode()


def test_har_responses(workday: Source) -> None:
    packed = base64.b64encode(b'{"id":2}').decode()
    done = bring(
        workday,
        "a.har",
        har(
            entry('{"id":1}'),
            entry(packed, mime="application/vnd.api+json", encoding="base64"),
            entry("<html>", mime="text/html"),
            entry(None),
            entry('{"error":1}', status=404),
            entry("", status=304),
            entry("{not json"),
            entry("%%%", encoding="base64"),
            entry('{"id":1}', status=0),
        ),
    )
    assert [item.content() for item in done] == [b'{"id":1}', b'{"id":2}']
    assert done.skipped == {"no JSON": 2, "not successful": 3, "unreadable": 2}
    item = workday.archived()[0]
    assert item.url == "https://api.example.com/v1/workers?token=***&x=***"
    assert item.headers == {"content-type": "application/json; charset=utf-8"}
    assert (item.status, item.page, item.fetched_at.isoformat()) == (200, 1, "2026-02-01T09:00:00.250000+00:00")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"{}", "is not a HAR recording: it has no log.entries"),
        (b"[]", "is not a HAR recording"),
        (b'{"log":{"entries":{}}}', "is not a HAR recording"),
        (har(), "has no response with a JSON body"),
        (har(entry("<a>", mime="text/html")), "has no response with a JSON body"),
        (har(entry('{"id":1}'), {}), "entry 2 of log.entries is malformed"),
        (har(entry('{"id":1}'), 5), "entry 2 of log.entries is malformed"),
        (har(entry('{"id":1}'), entry({"a": 1})), "entry 2 of log.entries is malformed"),  # type: ignore[arg-type]
        (b"{,", "a.har:1:2: expecting property name"),
    ],
)
def test_har_that_is_none(workday: Source, content: bytes, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        bring(workday, "a.har", content)
    assert workday.archived() == []
