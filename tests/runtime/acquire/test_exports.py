"""Jobs that a source works on, over a socket: submitted once, asked after, fetched; also when a run is cut off in between."""

from __future__ import annotations

import io
import json
import zipfile
from dataclasses import replace
from datetime import datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest
import zstandard
from tests.runtime.acquire.faultserver import Asked, FaultServer, Reply, raw, reply
from tests.runtime.acquire.sources import Source
from tests.runtime.acquire.test_requests import RESOURCE, plan

from fieldmap.runtime.acquire.elsewhere import link_to, origin_of
from fieldmap.runtime.acquire.state import LocalState
from fieldmap.runtime.errors import SourceError, UsageError

LINES = """
post "/exports"
body json { kind: "people", since: since, until: until }
idempotency "Idempotency-Key"
job $.job.id
poll "/exports/{job}" every 10 s for 10 min
done when $.state == "done" otherwise false
failed when $.state in ["failed", "cancelled"] otherwise false
download "/exports/{job}/file"
format csv
changed $.at sent as "unused", until sent as "unused_until"
shape { id: text, at: text? }
"""
NO_WINDOW = LINES.replace(", since: since, until: until", "").replace(
    'changed $.at sent as "unused", until sent as "unused_until"\n', ""
)


class Killed(BaseException):
    pass


class Exports:
    """A source that is done with a job when it was asked after so many times."""

    def __init__(self, polls: int = 3, job: Any = "j/1") -> None:
        self.polls, self.job = polls, job
        self.jobs: list[dict[str, Any]] = []
        self.states: dict[str, Reply] = {}
        self.server = FaultServer(self.answer)

    def answer(self, asked: Asked) -> Reply:
        path = asked.target.partition("?")[0]
        if path in self.states:
            return self.states[path]
        if asked.method == "POST":
            self.jobs.append(json.loads(asked.body))
            return reply({"job": {"id": self.job}})
        if path.endswith("/file"):
            return reply(b"id,at\n1,2026-01-01T00:00:00Z\n", content_type="text/csv")
        self.polls -= 1
        return reply({"state": "running" if self.polls > 0 else "done", "url": f"{path}/file"})

    @property
    def told(self) -> list[str]:
        return [f"{asked.method} {asked.target.partition('?')[0]}" for asked in self.server.asked]


@pytest.fixture
def state(workday: Source, tmp_path: Path) -> Source:
    workday.ports = replace(workday.ports, state=LocalState(tmp_path / "state"))
    return workday


def test_a_job_is_submitted_asked_after_and_fetched(state: Source, tmp_path: Path) -> None:
    source = Exports()
    with source.server:
        (page,) = state.fetch(plan(tmp_path, source.server.url, LINES), resource=RESOURCE)
    assert source.told == ["POST /exports", *["GET /exports/j%2F1"] * 3, "GET /exports/j%2F1/file"]
    assert page.content() == b"id,at\n1,2026-01-01T00:00:00Z\n"
    assert page.asked.startswith('POST {"kind":"people","until":')
    assert [asked.headers["accept"] for asked in source.server.asked] == [*["application/json"] * 4, "text/csv"]
    assert ["idempotency-key" in asked.headers for asked in source.server.asked] == [True, *[False] * 4]
    assert state.closed(RESOURCE) == [1]


def test_a_file_at_an_address_of_the_last_answer(state: Source, tmp_path: Path) -> None:
    source = Exports(polls=1)
    lines = NO_WINDOW.replace('download "/exports/{job}/file"', "download at $.url")
    with source.server:
        state.fetch(plan(tmp_path, source.server.url, lines), resource=RESOURCE)
    assert source.told[-1] == "GET /exports/j%2F1/file"
    # N8: elsewhere nothing is fetched from.
    source = Exports(polls=1)
    source.states["/exports/j%2F1"] = reply({"state": "done", "url": "https://files.example.com/x"})
    with source.server, pytest.raises(SourceError, match="outside"):
        state.fetch(plan(tmp_path, source.server.url, lines), resource=RESOURCE)


def test_a_zipped_file_is_archived_as_it_came_and_a_cut_one_is_not(state: Source, tmp_path: Path) -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as packed:
        packed.writestr("people.csv", "id,at\n1,2026-01-01T00:00:00Z\n")
    whole = file.getvalue()
    source = Exports(polls=1)
    source.states["/exports/j%2F1/file"] = reply(whole[:-10], content_type="application/zip")
    lines = LINES.replace("format csv", 'format csv in zip "*.csv"')
    with source.server:
        made = plan(tmp_path, source.server.url, lines)
        with pytest.raises(SourceError, match="a zip file that is cut or damaged instead of a zip file of CSV"):
            state.fetch(made, resource=RESOURCE)
        source.states["/exports/j%2F1/file"] = reply(whole, content_type="application/zip")
        (page,) = state.fetch(made, resource=RESOURCE)
    assert page.body == page.content() == whole
    assert source.server.asked[-1].headers["accept"] == "application/zip"
    assert len(source.jobs) == 1


@pytest.mark.parametrize("lines", [LINES, NO_WINDOW], ids=["window", "all"])
def test_a_run_that_was_killed_submits_no_second_job(
    state: Source, tmp_path: Path, lines: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = Exports(polls=2)

    def killed(seconds: float) -> None:
        raise Killed

    with source.server:
        made = plan(tmp_path, source.server.url, lines)
        with monkeypatch.context() as patched:
            patched.setattr(state.clock, "sleep", killed)
            with pytest.raises(Killed):
                state.fetch(made, resource=RESOURCE)
        assert source.told == ["POST /exports", "GET /exports/j%2F1"]
        state.clock.pass_by(300)
        state.fetch(made, resource=RESOURCE)
        assert source.told[2:] == ["GET /exports/j%2F1", "GET /exports/j%2F1/file"]
        # The next sweep submits a job of its own.
        state.clock.pass_by(300)
        state.fetch(made, resource=RESOURCE)
    assert len(source.jobs) == 2
    assert state.closed(RESOURCE) == [1, 1]


def test_a_run_that_was_killed_after_its_file_was_durable(state: Source, tmp_path: Path) -> None:
    source = Exports(polls=1)
    with source.server:
        made = plan(tmp_path, source.server.url, NO_WINDOW)
        with state.archive.writer(RESOURCE) as writer:
            next(iter(state.stepwise(made, writer)))
        before = len(source.told)
        assert state.fetch(made, resource=RESOURCE) == []
        assert len(source.told) == before
        state.fetch(made, resource=RESOURCE)
    assert len(source.jobs) == 2


def test_a_job_that_outlived_its_time_is_submitted_anew(state: Source, tmp_path: Path) -> None:
    source = Exports(polls=10_000)
    with source.server:
        made = plan(tmp_path, source.server.url, LINES)
        with pytest.raises(SourceError, match="was not done within 600 seconds"):
            state.fetch(made, resource=RESOURCE)
        assert 60 <= len(source.told) <= 64
        source.polls = 1
        state.fetch(made, resource=RESOURCE)
    assert len(source.jobs) == 2


def test_a_job_that_failed(state: Source, tmp_path: Path) -> None:
    source = Exports()
    source.states["/exports/j%2F1"] = reply({"state": "failed", "why": "no space"})
    with source.server:
        made = plan(tmp_path, source.server.url, LINES)
        with pytest.raises(SourceError, match="says that the job failed; run again to submit another"):
            state.fetch(made, resource=RESOURCE)
        source.states.clear()
        state.fetch(made, resource=RESOURCE)
    assert len(source.jobs) == 2
    (kept,) = [item for item in state.archive.read(RESOURCE, None, rejected=True) if item.rejected]
    assert json.loads(kept.content())["why"] == "no space"


def test_a_job_that_the_source_forgot(state: Source, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = Exports(polls=2)

    def killed(seconds: float) -> None:
        raise Killed

    with source.server:
        made = plan(tmp_path, source.server.url, LINES)
        with monkeypatch.context() as patched:
            patched.setattr(state.clock, "sleep", killed)
            with pytest.raises(Killed):
                state.fetch(made, resource=RESOURCE)
        source.states["/exports/j%2F1"] = reply(status=404)
        source.job = 17
        state.fetch(made, resource=RESOURCE)
    assert len(source.jobs) == 2
    assert source.told[-1] == "GET /exports/17/file"


@pytest.mark.parametrize("job", [None, "", "..", True, {"a": 1}])
def test_an_answer_without_a_job(state: Source, tmp_path: Path, job: Any) -> None:
    source = Exports(job=job)
    with source.server, pytest.raises(SourceError, match="without what tells the job"):
        state.fetch(plan(tmp_path, source.server.url, LINES), resource=RESOURCE)
    assert source.told == ["POST /exports"]


def test_the_submission_has_the_same_key_after_a_kill(state: Source, tmp_path: Path) -> None:
    source = Exports(polls=1)

    def cut(asked: Asked) -> Reply:
        source.server.answer = source.answer
        raise OSError

    source.server.answer = cut
    with source.server:
        made = plan(tmp_path, source.server.url, LINES)
        state.fetch(made, resource=RESOURCE)
    keys = [asked.headers["idempotency-key"] for asked in source.server.asked if asked.method == "POST"]
    assert len(keys) == 2
    assert keys[0] == keys[1]


def test_steps_of_jobs(state: Source, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    begins = (state.clock.now() - timedelta(days=2, hours=3)).replace(microsecond=0)
    changed = 'changed $.at sent as "unused", until sent as "unused_until"'
    lines = LINES.replace(changed, f'{changed}, in steps of 1 day from "{begins.isoformat()}"')
    source, slept = Exports(polls=2), list[float]()

    def killed(seconds: float) -> None:
        slept.append(seconds)
        source.polls = 1
        if len(slept) == 3:
            raise Killed

    with source.server:
        made = plan(tmp_path, source.server.url, lines)
        real = source.answer

        def answer(asked: Asked) -> Reply:
            source.polls = 2 if asked.method == "POST" else source.polls
            return real(asked)

        source.server.answer = answer
        with monkeypatch.context() as patched:
            patched.setattr(state.clock, "sleep", killed)
            with pytest.raises(Killed):
                state.fetch(made, resource=RESOURCE)
        state.clock.pass_by(120)
        state.fetch(made, resource=RESOURCE)
    # The third job is gone on with, for the window that it was submitted for; the fourth is for the time that has passed since.
    assert len(source.jobs) == 4
    assert [job["since"] for job in source.jobs[1:]] == [job["until"] for job in source.jobs[:-1]]
    assert state.closed(RESOURCE) == [1, 1, 1, 1]


# --------------------------------------------------------------------------------------- files on another host

SIGNED = "X-Amz-Signature=c0ffeec0ffeec0ffeec0ffee&X-Amz-SignedHeaders=host&sig=c0ffee%2B%2Fc0ffee%2Bc0ffee%3D&d=a%3B%20b%3D%22x%22"


class Storage:
    """Storage with presigned links beside a source that asks for a key, a header and a token."""

    def __init__(self, answer: Any) -> None:
        self.exports = Exports(polls=1)
        self.storage = FaultServer([answer])

    def fetch(self, state: Source, tmp_path: Path, link: str = "", on: str = "", keep: bool = False) -> list[Any]:
        files = self.storage.url.replace("127.0.0.1", "localhost")
        link = link or f"{files}/bucket/people.csv?{SIGNED}"
        if not keep:
            self.exports.states["/exports/j%2F1"] = reply({"state": "done", "url": link})
        said = f"download at $.url on {on or json.dumps(files)}"
        lines = NO_WINDOW.replace('download "/exports/{job}/file"', said)
        more = 'headers { "X-Tenant": "acme" }\nauth api_key { header "X-Api-Key"; key secret.NS_TOKEN }'
        made = plan(tmp_path, self.exports.server.url, lines, connector=more)
        environ = {"NS_TOKEN": "bearer-5ecret", "NS_FILES": files}
        return state.fetch(made, environ, resource=RESOURCE)


def test_N7_a_presigned_link_gets_nothing_of_the_connector(state: Source, tmp_path: Path) -> None:
    made = Storage(reply(b"id,at\n1,2026-01-01T00:00:00Z\n", content_type="text/csv"))
    with made.exports.server, made.storage:
        (page,) = made.fetch(state, tmp_path)
    (asked,) = made.storage.asked
    assert asked.target == f"/bucket/people.csv?{SIGNED}"
    assert set(asked.headers) == {"host", "accept", "accept-encoding", "user-agent", "connection"}
    assert all(one.headers["x-api-key"] == "bearer-5ecret" for one in made.exports.server.asked)
    assert page.content() == b"id,at\n1,2026-01-01T00:00:00Z\n"
    assert state.closed(RESOURCE) == [1]
    assert_nowhere(tmp_path, b"c0ffee")


def assert_nowhere(folder: Path, secret: bytes) -> None:
    """Neither in the archive nor in what is kept beside it."""
    files = [path for path in folder.rglob("*") if path.is_file() and path.suffix != ".map"]
    assert files
    for path in files:
        data = path.read_bytes()
        if path.suffix == ".zst":
            with zstandard.ZstdDecompressor().stream_reader(data, read_across_frames=True) as reader:
                data = reader.read()
        assert secret not in data


def test_a_job_whose_link_is_dead_for_a_run_after_is_submitted_anew(state: Source, tmp_path: Path) -> None:
    """A source that makes the link once, when the job is done, gives the same one to the run after a kill."""
    made = Storage(reply(b"<Error>Request has expired</Error>", 403, content_type="application/xml"))
    with made.exports.server, made.storage:
        with pytest.raises(SourceError, match="answered 403"):
            made.fetch(state, tmp_path)
        assert len(made.exports.jobs) == 1

        def fresh(asked: Asked) -> Reply:
            if len(made.exports.jobs) == 1:
                return reply(b"<Error>Request has expired</Error>", 403, content_type="application/xml")
            return reply(b"id,at\n1,2026-01-01T00:00:00Z\n", content_type="text/csv")

        made.storage.answer = fresh
        assert len(made.fetch(state, tmp_path)) == 1
    assert len(made.exports.jobs) == 2
    assert state.closed(RESOURCE) == [1]


def test_storage_that_refuses_every_link_gets_no_job_after_job(state: Source, tmp_path: Path) -> None:
    made = Storage(reply(b"no", 403, content_type="text/plain"))
    with made.exports.server, made.storage:
        for _ in range(3):
            with pytest.raises(SourceError, match="answered 403"):
                made.fetch(state, tmp_path)
    # One that is left of the run before, and one of its own for each run after.
    assert len(made.exports.jobs) == 3
    assert len(made.storage.asked) == 5


def test_N7_a_redirect_of_storage_is_not_followed(state: Source, tmp_path: Path) -> None:
    made = Storage(reply(b"", 302, {"Location": "https://169.254.169.254/latest"}))
    with (
        made.exports.server,
        made.storage,
        pytest.raises(SourceError, match="302, a redirect, and none is followed; see"),
    ):
        made.fetch(state, tmp_path)
    assert len(made.storage.asked) == 1


def test_a_token_in_the_path_is_not_shown(state: Source, tmp_path: Path) -> None:
    token = "c0ffee" * 8
    made = Storage(reply(f"no file {token}".encode(), 403, content_type="text/plain"))
    with made.exports.server, made.storage:
        link = f"{made.storage.url.replace('127.0.0.1', 'localhost')}/get/{token}/people.csv"
        with pytest.raises(SourceError, match=r"/get/\*\*\*/people\.csv answered") as error:
            made.fetch(state, tmp_path, link)
    assert made.storage.asked[0].target == f"/get/{token}/people.csv"
    assert "c0ffee" not in str(error.value)
    assert_nowhere(tmp_path, b"c0ffee")


def test_a_job_that_failed_with_a_link_is_kept_without_its_proof(state: Source, tmp_path: Path) -> None:
    made = Storage(reply({}))
    body = {"state": "failed", "url": f"https://localhost/errors.csv?{SIGNED}"}
    made.exports.states["/exports/j%2F1"] = reply(body)
    with made.exports.server, made.storage, pytest.raises(SourceError, match="says that the job failed"):
        made.fetch(state, tmp_path, body["url"], keep=True)
    assert_nowhere(tmp_path, b"c0ffee")
    assert [page.rejected != "" for page in state.archive.read(RESOURCE, None, rejected=True)] == [True]


def test_S13_a_job_saw_what_there_was_when_it_was_submitted(
    state: Source, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The source's clock is 10 minutes behind ours; the run is cut off, and the file is fetched an hour later."""
    source = Exports(polls=2)

    def killed(seconds: float) -> None:
        raise Killed

    submitted = state.clock.now() - timedelta(minutes=10)
    real = source.answer

    def answer(asked: Asked) -> Reply:
        told = real(asked)
        (whole,) = told.pieces
        assert isinstance(whole, bytes)
        date = format_datetime(state.clock.now() - timedelta(minutes=10), usegmt=True)
        return raw(whole.replace(b"\r\n", f"\r\nDate: {date}\r\n".encode(), 1), close=False)

    source.server.answer = answer
    with source.server:
        made = plan(tmp_path, source.server.url, LINES.replace("for 10 min", "for 2 h"))
        with monkeypatch.context() as patched:
            patched.setattr(state.clock, "sleep", killed)
            with pytest.raises(Killed):
                state.fetch(made, resource=RESOURCE)
        state.clock.pass_by(3600)
        (page,) = state.fetch(made, resource=RESOURCE)
    assert len(source.jobs) == 1
    assert datetime.fromisoformat(page.window.split("/")[2]) <= submitted


@pytest.mark.parametrize("status", [400, 401, 403])
def test_a_link_that_has_ended_is_asked_for_anew(state: Source, tmp_path: Path, status: int) -> None:
    echoed = f"<Error><Code>SignatureDoesNotMatch</Code><S>{SIGNED}</S></Error>".encode()
    made = Storage(reply(echoed, status, content_type="application/xml"))
    with made.exports.server, made.storage:
        with pytest.raises(SourceError, match=f"answered {status}: the link to the file does not hold") as error:
            made.fetch(state, tmp_path)
        assert "c0ffee" not in str(error.value)
        assert "/bucket/people.csv?X-Amz-Signature=***" in str(error.value)
        assert_nowhere(tmp_path, b"c0ffee")
        assert len(made.storage.asked) == 1
        made.storage.answer = [reply(b"id,at\n1,2026-01-01T00:00:00Z\n", content_type="text/csv")]
        assert len(made.fetch(state, tmp_path)) == 1
    assert len(made.exports.jobs) == 1


@pytest.mark.parametrize(
    "link",
    [
        "https://localhost.example.com/x",
        "https://files.example.com@localhost/x",
        "http://localhost:1/x",
        "file:///etc/passwd",
        "http://169.254.169.254/latest/meta-data",
        "//other.example.com/x",
        "http://loc\nalhost/x",
    ],
)
def test_N8_a_file_anywhere_else_is_an_error(state: Source, tmp_path: Path, link: str) -> None:
    made = Storage(reply({}))
    with made.exports.server, made.storage, pytest.raises(SourceError, match=r"outside|no address"):
        made.fetch(state, tmp_path, link)
    assert made.storage.asked == []


def test_a_host_of_files_out_of_the_environment(state: Source, tmp_path: Path) -> None:
    made = Storage(reply(b"id,at\n1,2026-01-01T00:00:00Z\n", content_type="text/csv"))
    with made.exports.server, made.storage:
        made.fetch(state, tmp_path, on="env.NS_FILES")
        with pytest.raises(UsageError, match="NS_NONE"):
            made.fetch(state, tmp_path, on="env.NS_NONE")
    assert len(made.storage.asked) == 1


def test_a_file_on_the_sources_own_host_is_asked_for_with_its_credentials(state: Source, tmp_path: Path) -> None:
    made = Storage(reply({}))
    with made.exports.server, made.storage:
        made.fetch(state, tmp_path, "/exports/j%2F1/file")
    assert made.exports.server.asked[-1].headers["x-api-key"] == "bearer-5ecret"


def test_files_go_over_https(state: Source, tmp_path: Path) -> None:
    made = Storage(reply({}))
    with made.exports.server, made.storage, pytest.raises(UsageError, match=r"unencrypted from files\.example\.com"):
        made.fetch(state, tmp_path, on='"http://files.example.com"')


def test_a_private_address_of_a_declared_host_is_refused(state: Source, tmp_path: Path) -> None:
    made = Storage(reply({}))
    with made.exports.server, made.storage, pytest.raises(SourceError, match=r"has no address|private"):
        made.fetch(state, tmp_path, "https://10.0.0.1/x", on='"https://10.0.0.1"')


@pytest.mark.parametrize(
    ("said", "link", "leads"),
    [
        ("https://files.example.com", "https://FILES.example.com/x", True),
        ("https://files.example.com", "https://files.example.com:443/x", True),
        ("https://files.example.com", "https://files.example.com:8443/x", False),
        ("https://files.example.com", "http://files.example.com/x", False),
        ("https://files.example.com", "https://files.example.com.evil.org/x", False),
        ("https://*.s3.amazonaws.com", "https://bucket.s3.amazonaws.com/x", True),
        ("https://*.s3.amazonaws.com", "https://a.b.s3.amazonaws.com/x", True),
        ("https://*.s3.amazonaws.com", "https://s3.amazonaws.com/x", False),
        ("https://*.s3.amazonaws.com", "https://.s3.amazonaws.com/x", False),
        ("https://*.s3.amazonaws.com", "https://evils3.amazonaws.com/x", False),
        ("https://*.s3.amazonaws.com", "https://bucket.s3.amazonaws.com@evil.org/x", False),
        ("https://*.s3.amazonaws.com", "https://evil.org\\.s3.amazonaws.com/x", False),
        ("https://*.s3.amazonaws.com", "https://evil.org/.s3.amazonaws.com", False),
        ("https://*.s3.amazonaws.com", "https://evil.org%2f.s3.amazonaws.com/x", False),
        ("https://*.s3.amazonaws.com", "https://evil.org#.s3.amazonaws.com/x", False),
        ("https://*.s3.amazonaws.com", "https://old_bucket.s3.amazonaws.com/x", True),
    ],
)
def test_which_links_lead_to_a_host(said: str, link: str, leads: bool) -> None:
    origin = origin_of(said)
    assert origin is not None
    assert (link_to(origin, link) is not None) is leads


_NONE = "files.example.com https:// https://* https://*.com https://a.com/x https://u@a.com ftp://a.com https://a.com:0"


@pytest.mark.parametrize("said", ["", *_NONE.split(), "https://a.com?x", "https://*a.example.com", "https://[::1]"])
def test_what_is_no_host(said: str) -> None:
    assert origin_of(said) is None
