"""Jobs that a source works on, over a socket: submitted once, asked after, fetched; also when a run is cut off in between."""

from __future__ import annotations

import io
import json
import zipfile
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.runtime.acquire.faultserver import Asked, FaultServer, Reply, reply
from tests.runtime.acquire.sources import Source
from tests.runtime.acquire.test_requests import RESOURCE, plan

from fieldmap.runtime.acquire.state import LocalState
from fieldmap.runtime.acquire.sweeps import Wanted
from fieldmap.runtime.errors import SourceError

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
        from fieldmap.runtime.acquire import acquire

        with state.archive.writer(RESOURCE) as writer:
            next(iter(acquire(made, RESOURCE, writer=writer, ports=state.ports, environ={}, wanted=Wanted())))
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
