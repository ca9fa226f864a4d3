"""Files in a bucket, from a real S3 server to the archive, and to rows by the command line."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tests.runtime.acquire.sources import Source, source, text
from tests.support import rows

from fieldmap.cli.main import run
from fieldmap.runtime.acquire import acquire, files
from fieldmap.runtime.acquire.sweeps import Wanted
from fieldmap.runtime.errors import SourceError
from fieldmap.runtime.plan import S3, EnvRef, FilesConnector, FilesResource, RetryPolicy, SecretRef
from fieldmap.runtime.store.database import Server

if TYPE_CHECKING:
    from obstore.store import S3Store
    from tests.peers.s3 import S3Server

DROP = "drop.users"


@pytest.fixture
def workday(tmp_path: Path) -> Iterator[Source]:
    with source(tmp_path) as made:
        yield made


@pytest.fixture
def bucket(s3: S3Server) -> S3Store:
    """An empty bucket, for writing into it."""
    import httpx
    from obstore.store import S3Store

    name = f"b-{uuid.uuid4().hex[:12]}"
    assert httpx.put(f"{s3.endpoint}/{name}", trust_env=False).status_code == 200
    client: Any = {"allow_http": True}
    return S3Store(
        name, endpoint=s3.endpoint, access_key_id="x", secret_access_key="y", region="us-east-1", client_options=client
    )


def plan(bucket: str, pattern: str = "*.jsonl", **more: Any) -> FilesConnector:
    return FilesConnector(
        name="drop",
        folder=text(f"s3://{bucket}/in/"),
        s3=S3(
            endpoint=text(EnvRef("S3_ENDPOINT")),
            access_key=text(EnvRef("S3_KEY")),
            secret_key=text(SecretRef("S3_SECRET")),
        ),
        retry=RetryPolicy(times=1, first_ms=10, longest_ms=20),
        resources=(FilesResource(name=DROP, pattern=pattern, format="ndjson", **more),),
    )


def name_of(store: S3Store) -> str:
    return str(store.config.get("bucket"))


def put(store: S3Store, **objects: bytes) -> None:
    import obstore

    for name, content in objects.items():
        obstore.put(store, f"in/{name.replace('__', '/')}.jsonl", content)


def test_objects_once_for_each_content(
    workday: Source, s3: S3Server, bucket: S3Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    import obstore

    made = plan(name_of(bucket), "**/*.jsonl")
    put(bucket, b=b'{"id":2}\n', a=b'{"id":1}\n', x__y=b"")
    obstore.put(bucket, "elsewhere/c.jsonl", b"secret")
    got = workday.fetch(made, s3.environ, DROP)
    assert [(item.url, item.body) for item in got] == [
        (f"s3://{name_of(bucket)}/in/a.jsonl", b'{"id":1}\n'),
        (f"s3://{name_of(bucket)}/in/b.jsonl", b'{"id":2}\n'),
        (f"s3://{name_of(bucket)}/in/x/y.jsonl", b""),
    ]
    asked: list[str] = []
    usual = obstore.get

    def watched(store: Any, path: str, **more: Any) -> Any:
        asked.append(path)
        return usual(store, path, **more)

    monkeypatch.setattr(obstore, "get", watched)
    assert workday.fetch(made, s3.environ, DROP) == []
    assert asked == []
    put(bucket, a=b'{"id":3}\n')
    assert [item.body for item in workday.fetch(made, s3.environ, DROP)] == [b'{"id":3}\n']
    assert asked == ["in/a.jsonl"]
    archive = b"".join(path.read_bytes() for path in workday.root.rglob("*") if path.is_file())
    assert b"canary-of-the-test" not in archive


def test_a_listing_of_several_pages(workday: Source, s3: S3Server, bucket: S3Store) -> None:
    put(bucket, **{f"n{number:04}": b'{"id":%d}\n' % number for number in range(1005)})
    got = workday.fetch(plan(name_of(bucket)), s3.environ, DROP)
    assert [item.body for item in got] == [b'{"id":%d}\n' % number for number in range(1005)]


def test_an_object_that_changes_between_listing_and_reading(workday: Source, s3: S3Server, bucket: S3Store) -> None:
    made = plan(name_of(bucket))
    put(bucket, a=b'{"id":1}\n', b=b'{"id":2}\n', c=b'{"id":3}\n')
    noted: list[str] = []
    with workday.archive.writer(DROP) as writer:
        pages = acquire(
            made, DROP, writer=writer, ports=workday.ports, environ=s3.environ, wanted=Wanted(note=noted.append)
        )
        next(pages)
        import obstore

        put(bucket, b=b'{"id":9}\n')
        obstore.delete(bucket, "in/c.jsonl")
        list(pages)
    assert [item.body for item in workday.archived(DROP)] == [b'{"id":1}\n']
    assert noted == [
        "not read yet: b.jsonl changed while it was read; c.jsonl changed while it was read; the next sync looks again"
    ]
    assert [item.body for item in workday.fetch(made, s3.environ, DROP)] == [b'{"id":9}\n']


def test_long_objects_in_parts(workday: Source, s3: S3Server, bucket: S3Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "PART_BYTES", 1 << 20)
    content = b"".join(b'{"id":%d}\n' % number for number in range(500_000))
    put(bucket, a=content)
    bodies = [item.body for item in workday.fetch(plan(name_of(bucket)), s3.environ, DROP)]
    assert len(bodies) > 5
    assert b"".join(bodies) == content
    assert workday.fetch(plan(name_of(bucket)), s3.environ, DROP) == []


def test_what_goes_wrong_in_words(workday: Source, s3: S3Server) -> None:
    with pytest.raises(
        SourceError, match=r"The bucket none-such-bucket of the connector drop is not there; check its folder"
    ):
        workday.fetch(plan("none-such-bucket"), s3.environ, DROP)
    with pytest.raises(
        SourceError, match=r"The bucket some-bucket of the connector drop could not be read \(list\)"
    ) as caught:
        workday.fetch(plan("some-bucket"), {**s3.environ, "S3_ENDPOINT": "http://127.0.0.1:9"}, DROP)
    assert "canary" not in str(caught.value)


MAP = """
entity User { key id : text; name : text? }
connector drop is files {
  folder "s3://{env.BUCKET}/in"
  s3 { endpoint env.S3_ENDPOINT; access_key env.S3_KEY; secret_key secret.S3_SECRET }
  resource users {
    files "*.jsonl" as ndjson
    id    $.id
    deleted by absence, refuse above 60 %
  }
}
map drop.users to User { id = $.id; name = @url }
"""


def test_from_a_bucket_to_rows(
    tmp_path: Path, database: Server, s3: S3Server, bucket: S3Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {**s3.environ, "BUCKET": name_of(bucket), "FIELDMAP_DATABASE_URL": database.url}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "fieldmap.toml").write_text("")
    (tmp_path / "all.map").write_text(MAP.replace("ndjson\n", "ndjson, settles in 0 s\n"))
    put(bucket, a=b'{"id":"1"}\n{"id":"2"}\n')
    assert run(["sync"]) == 0
    url = f"s3://{name_of(bucket)}/in/a.jsonl"
    assert rows(database, 'SELECT id, name FROM canonical."user" ORDER BY id') == [("1", url), ("2", url)]
    put(bucket, a=b'{"id":"2"}\n')
    assert run(["sync"]) == 0
    assert rows(database, 'SELECT id FROM canonical."user"') == [("2",)]
