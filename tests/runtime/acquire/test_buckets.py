"""What a bucket answers when it does not answer well; how it answers well is tested against a real server in tests/peers."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.runtime.acquire.faultserver import FaultServer, raw, reply
from tests.runtime.acquire.sources import Source, text

from fieldmap.runtime.errors import SourceError, UsageError
from fieldmap.runtime.plan import S3, EnvRef, FilesConnector, FilesResource, RetryPolicy, SecretRef

DROP = "drop.users"
S3_BLOCK = S3(
    endpoint=text(EnvRef("S3_ENDPOINT")), access_key=text(EnvRef("S3_KEY")), secret_key=text(SecretRef("S3_SECRET"))
)


def plan(folder: str = "s3://some-bucket/in/", s3: S3 | None = S3_BLOCK) -> FilesConnector:
    return FilesConnector(
        name="drop",
        folder=text(folder),
        s3=s3,
        retry=RetryPolicy(times=1, first_ms=10, longest_ms=20),
        resources=(FilesResource(name=DROP, pattern="*.jsonl", format="ndjson"),),
    )


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (
            403,
            r"refused to be read \(list: 403\); check env.S3_KEY and secret.S3_SECRET, and that they may list and read it",
        ),
        (404, "is not there; check its folder s3://some-bucket/in/"),
        (503, r"could not be read \(list\): it answered 503; run again later"),
        (301, r"could not be read \(list\)"),
    ],
)
def test_statuses_in_words(workday: Source, status: int, words: str) -> None:
    said = reply(b"<Error><Code>X</Code><Message>canary</Message></Error>", status, content_type="application/xml")
    with FaultServer([said]) as server:
        environ = {"S3_ENDPOINT": server.url, "S3_KEY": "k", "S3_SECRET": "canary-of-the-test"}
        with pytest.raises(SourceError, match=words) as caught:
            workday.fetch(plan(), environ, DROP)
        # One repetition is what the plan says, and only of what may pass.
        assert len(server.asked) == (2 if status == 503 else 1)
    assert "canary" not in str(caught.value)


def test_a_server_that_is_not_there(workday: Source) -> None:
    with FaultServer([]) as server:
        environ = {"S3_ENDPOINT": server.url, "S3_KEY": "k", "S3_SECRET": "s"}
    with pytest.raises(SourceError, match=r"no connection came about; check the endpoint of s3, or run again later"):
        workday.fetch(plan(), environ, DROP)


LISTING = b"""<?xml version="1.0"?><ListBucketResult><Name>some-bucket</Name><Prefix>in/</Prefix><KeyCount>1</KeyCount><MaxKeys>1000</MaxKeys>
<IsTruncated>false</IsTruncated><Contents><Key>in/a.jsonl</Key><LastModified>2026-01-01T00:00:00.000Z</LastModified>
<ETag>&quot;abc&quot;</ETag><Size>9</Size></Contents></ListBucketResult>"""


def test_an_object_that_is_cut_off_is_not_archived(workday: Source) -> None:
    def answer(asked: object) -> object:
        if "list-type" in getattr(asked, "target", ""):
            return reply(LISTING, content_type="application/xml")
        head = b'HTTP/1.1 200 OK\r\nContent-Length: 9\r\nETag: "abc"\r\nLast-Modified: Thu, 01 Jan 2026 00:00:00 GMT\r\n\r\n'
        return raw(head + b'{"id"')

    with FaultServer(answer) as server:  # type: ignore[arg-type]
        environ = {"S3_ENDPOINT": server.url, "S3_KEY": "k", "S3_SECRET": "canary-of-the-test"}
        with pytest.raises(
            SourceError, match=r"The bucket some-bucket of the connector drop could not be read \(read a.jsonl\)"
        ):
            workday.fetch(plan(), environ, DROP)
        got = [asked for asked in server.asked if "list-type" not in asked.target]
    assert {asked.headers.get("if-match") for asked in got} == {'"abc"'}
    assert workday.archived(DROP) == []


def test_N05_an_object_that_is_too_long_is_not_asked_for(workday: Source) -> None:
    listed = LISTING.replace(b"a.jsonl", b"a.json").replace(b"<Size>9<", b"<Size>300000000<")
    made = plan()
    whole = replace(made, resources=(FilesResource(name=DROP, pattern="*.json", format="json"),))
    with FaultServer([reply(listed, content_type="application/xml")]) as server:
        environ = {"S3_ENDPOINT": server.url, "S3_KEY": "k", "S3_SECRET": "canary-of-the-test"}
        with pytest.raises(SourceError, match=r"The file a\.json is longer than 256 MiB, .*; split it"):
            workday.fetch(whole, environ, DROP)
        assert len(server.asked) == 1
    assert workday.archived(DROP) == []


def test_addresses_that_are_not_asked(workday: Source) -> None:
    environ = {"S3_KEY": "k", "S3_SECRET": "s"}
    with pytest.raises(UsageError, match="is not https, so all could be read on its way"):
        workday.fetch(plan(), {**environ, "S3_ENDPOINT": "http://10.0.0.1"}, DROP)
    with pytest.raises(UsageError, match="is no address; write https://host"):
        workday.fetch(plan(), {**environ, "S3_ENDPOINT": "file:///etc"}, DROP)
    with pytest.raises(SourceError, match=r"some-bucket .* cannot be asked: 10.0.0.1 is a private address"):
        workday.fetch(plan(), {**environ, "S3_ENDPOINT": "https://10.0.0.1"}, DROP)
    with pytest.raises(UsageError, match=r"s3://A/b of the connector drop is no bucket; write s3://bucket/prefix"):
        workday.fetch(plan("s3://A/b", None), environ, DROP)
    with pytest.raises(UsageError, match=r"has an s3 block, and its folder here is no s3://bucket/prefix"):
        workday.fetch(plan("here"), {**environ, "S3_ENDPOINT": "https://x"}, DROP)
