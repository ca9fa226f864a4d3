"""`fieldmap sync` with its options against a source on the loopback, as an operator gives them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.runtime.acquire.faultserver import Asked, FaultServer, Reply, raw, reply

from fieldmap.cli.main import run
from fieldmap.runtime.store.database import Server

MAP = """
entity Worker {
  key number : text
  name       : text
}
connector hr {
  base env.HR
  resource workers {
    get     "/workers"
    pages   cursor at $.next sent as "cursor"
    records $.data[*]
    id      $.id
    changed $.at sent as "since", settles in 1 min, overlap 5 min
    deleted by absence
    shape { id: text, name: text?, at: text? }
  }
  resource people {
    get     "/people"
    records $.data[*]
    id      $.id
    shape { id: text, name: text? }
  }
}
map hr.workers to Worker {
  number = $.id
  name   = $.name
}
"""


class Hr:
    """Nine workers on three pages."""

    def __init__(self) -> None:
        self.workers = {f"{number}": f"name {number}" for number in range(1, 10)}
        self.server = FaultServer(self.answer)

    def answer(self, asked: Asked) -> Reply:
        first = int(asked.target.partition("cursor=")[2] or 0)
        keys = sorted(self.workers)
        data = [{"id": key, "name": self.workers[key], "at": "2026-01-01T00:00:00Z"} for key in keys]
        return reply({"data": data[first : first + 3], "next": first + 3 if first + 3 < len(data) else None})


@pytest.fixture
def hr(tmp_path: Path, database: Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hr]:
    made = Hr()
    with made.server:
        monkeypatch.setenv("FIELDMAP_DATABASE_URL", database.url)
        monkeypatch.setenv("HR", made.server.url)
        (tmp_path / "hr.map").write_text(MAP)
        (tmp_path / "fieldmap.toml").write_text("")
        monkeypatch.chdir(tmp_path)
        yield made


def said(capsys: pytest.CaptureFixture[str]) -> str:
    captured = capsys.readouterr()
    assert "Traceback" not in captured.out + captured.err
    return captured.out + captured.err


def test_full_and_what_changed(hr: Hr, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["sync"]) == 0
    assert run(["sync"]) == 0
    assert run(["sync", "--full"]) == 0
    since = ["since=" in target for target in hr.server.targets if "cursor" not in target]
    assert since == [False, True, False]
    capsys.readouterr()
    assert run(["status"]) == 0
    text = said(capsys)
    assert "hr.workers to Worker is settled to 20" in text
    assert "min" in text
    assert run(["status", "--json"]) == 0
    (told,) = json.loads(said(capsys))
    assert told["accounts"]["read"] == 9
    assert 60 <= told["lag_seconds"] < 300


def test_bounds_of_an_operator(hr: Hr, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["sync"]) == 0
    assert run(["sync", "--since", "2026-01-01", "--until", "2026-02-01T12:00:00+01:00"]) == 0
    assert hr.server.targets[3] == "/workers?since=2026-01-01T00%3A00%3A00Z"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--full", "--since", "2026-01-01"], "give one of the two"),
        (["--since", "yesterday"], "--since yesterday is no moment; write 2026-03-01 or"),
        (["--since", "2026-01-01T12:00:00"], "does not say in which zone"),
        (["--since", "2026-02-01", "--until", "2026-01-01"], "--since is not before --until"),
        (["--every", "soon"], "--every soon is no length of time; write 30s, 5m, 1h or 1d"),
        (["--every", "0s"], "is no length of time"),
        (["--every", "5m", "--once"], "--once and --every contradict each other"),
        (["--confirm-deletes"], "is said of a full sweep; add --full"),
        (["--full", "--confirm-deletes"], "is said of resources by name"),
        (["hr.jobs"], "There is no resource hr.jobs; there are: hr."),
    ],
)
def test_options_that_cannot_be_meant(
    hr: Hr, options: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["sync", *options]) == 2
    assert words in " ".join(said(capsys).split())
    assert hr.server.asked == []


def test_since_for_what_is_not_read_by_what_changed(hr: Hr, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "hr.map").write_text(
        MAP
        + "map hr.people to Worker partial {\n number = $.id\n}\nmerge Worker {\n same number of hr\n default prefer hr.workers, hr.people\n}\n"
    )
    assert run(["sync", "hr.people", "--since", "2026-01-01"]) == 2
    assert "hr.people is not read by what changed" in " ".join(said(capsys).split())


def test_a_dry_run_asks_nothing(hr: Hr, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["sync", "--dry-run"]) == 0
    text = said(capsys)
    assert f"hr.workers: GET {hr.server.url}/workers\n" in text
    assert "the beginning to 20" in text
    assert hr.server.asked == []
    assert not (tmp_path / "archive").exists()
    assert run(["sync"]) == 0
    capsys.readouterr()
    assert run(["sync", "--dry-run", "--json"]) == 0
    (told,) = json.loads(said(capsys))
    assert "/workers?since=20" in told["would_ask"]
    assert len(hr.server.asked) == 3


def test_deletes_wait_for_the_operators_word(hr: Hr, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["sync"]) == 0
    for key in ("1", "2", "3"):
        del hr.workers[key]
    capsys.readouterr()
    assert run(["sync", "--full"]) == 1
    text = " ".join(said(capsys).split())
    assert "3 of 9 records (33.3 %) are absent, more than 20 %" in text
    assert "fieldmap sync hr.workers --full --confirm-deletes" in text
    assert run(["sync", "hr.workers", "--full", "--confirm-deletes"]) == 0
    text = said(capsys)
    assert "3 records of hr.workers to Worker were withdrawn: a full sweep of the source lacks them." in text
    assert "6 rows: 3 gone" in text
    assert run(["report"]) == 0
    assert "3 records of hr.workers to Worker were withdrawn: a full sweep of the source lacks them." in said(capsys)
    assert run(["report", "--json"]) == 0
    assert [item["absent"] for item in json.loads(said(capsys))["accounts"]] == [3]
    assert run(["sync", "--json"]) == 0
    assert list(json.loads(said(capsys))["maps"]) == ["hr.workers to Worker"]


def command(*arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [str(Path(sys.executable).parent / "fieldmap"), *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "COLUMNS": "100"},
    )


def until(condition: Any, seconds: float = 60) -> None:
    ends = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < ends
        time.sleep(0.02)


def test_P2_sigterm_ends_a_sync_within_seconds_and_the_next_goes_on(hr: Hr, capsys: pytest.CaptureFixture[str]) -> None:
    answer = hr.answer
    stuck = [True]

    def hanging(asked: Asked) -> Reply:
        if stuck and "cursor=6" in asked.target:
            return raw(60.0, b"")
        return answer(asked)

    hr.server.answer = hanging
    running = command("sync")
    until(lambda: any("cursor=6" in target for target in hr.server.targets))
    told = time.monotonic()
    running.send_signal(signal.SIGTERM)
    out, _ = running.communicate(timeout=30)
    assert time.monotonic() - told < 5
    assert running.returncode == 130
    assert "Traceback" not in out
    stuck.clear()
    assert run(["sync"]) == 0
    text = said(capsys)
    assert "goes on with the sweep that was interrupted after page 2" in " ".join(text.split())
    assert "9 rows" in text
    assert [target.partition("cursor=")[2] for target in hr.server.targets] == ["", "3", "6", "6"]


def test_every_comes_again_until_it_is_told_to_end(hr: Hr) -> None:
    running = command("sync", "--every", "1s")
    # The third round has begun, so two are told.
    until(lambda: len(hr.server.asked) >= 7, 120)
    running.send_signal(signal.SIGTERM)
    out, _ = running.communicate(timeout=30)
    assert running.returncode == 130
    assert out.count("hr.workers to Worker") >= 2


def test_a_second_run_is_told_who_runs(hr: Hr, capsys: pytest.CaptureFixture[str]) -> None:
    answer = hr.answer

    def slow(asked: Asked) -> Reply:
        return raw(60.0, b"") if "cursor=3" in asked.target else answer(asked)

    hr.server.answer = slow
    running = command("sync")
    try:
        until(lambda: len(hr.server.asked) >= 2)
        assert run(["sync"]) == 1
        assert f"is being written by process {running.pid}" in " ".join(said(capsys).split())
        assert run(["status"]) == 0
        assert "hr.workers: a run is under way since 20" in (shown := said(capsys))
        assert "killed" not in shown
        assert "interrupted" not in shown
    finally:
        running.kill()
        running.communicate()
    until(lambda: told(capsys)["running_since"] is None)
    assert told(capsys)["failed"]["sentence"] == "the sync was killed; the next run goes on from there"


def told(capsys: pytest.CaptureFixture[str]) -> Any:
    """What `status` says of hr.workers."""
    capsys.readouterr()
    assert run(["status", "--json"]) == 0
    return next(item for item in json.loads(capsys.readouterr().out) if item["resource"] == "hr.workers")


def test_status_tells_which_resource_failed(hr: Hr, capsys: pytest.CaptureFixture[str]) -> None:
    Path("hr.map").write_text(
        MAP + "map hr.people to Worker { number = $.id; name = $.name }\n"
        "merge Worker { same number of hr; default prefer hr.workers, hr.people }\n"
    )
    answer = hr.answer
    assert run(["sync"]) == 0
    assert (told(capsys)["last_run"], told(capsys)["failed"]) == ("sync complete", None)
    hr.server.answer = lambda asked: reply({}, 401) if asked.target.startswith("/workers") else answer(asked)
    assert run(["sync", "--full"]) == 1
    err = said(capsys)
    assert "error: hr.workers at http" in err
    assert "Nothing new was read" not in err
    failed = told(capsys)
    assert (failed["last_run"], failed["failed"]["run"]) == ("sync complete", 2)
    assert "asks for credentials (it answered 401)" in failed["failed"]["sentence"]
    assert run(["status"]) == 0
    shown = said(capsys)
    assert "Z hr.workers at http" in shown
    # The other came to its end in the run that was incomplete.
    assert next(line for line in shown.splitlines() if line.startswith("hr.people to")).count("sync complete") == 1
    hr.server.answer = answer
    assert run(["sync", "hr.people"]) == 0
    assert told(capsys)["failed"] is not None
    assert run(["sync"]) == 0
    assert told(capsys)["failed"] is None


CHILDREN = MAP.replace(
    """  resource people {""",
    """  resource jobs {
    for each people as p get "/people/{p.id}/jobs"
    records $.data[*]
    id      (@parent.id, $.id)
    shape { id: text, name: text? }
  }
  resource people {""",
)


def test_children_as_an_operator_sees_them(hr: Hr, capsys: pytest.CaptureFixture[str]) -> None:
    text = CHILDREN + 'map hr.jobs to Worker { number = "{@parent.id}/{$.id}"; name = @parent.name }\n'
    text += "merge Worker { same number of hr; default prefer hr.workers, hr.jobs }\n"
    Path("hr.map").write_text(text)
    assert run(["sync", "hr.jobs", "--dry-run"]) == 0
    assert "read them first: fieldmap sync hr.people" in said(capsys)
    # To look at a page needs no archive: the first page of the parent tells for whom.
    assert run(["fetch", "hr.jobs"]) == 0
    assert "number = 1/1" in said(capsys)
    assert run(["sync", "hr.jobs", "--dry-run"]) == 0
    assert "read them first: fieldmap sync hr.people" in said(capsys)
    assert run(["sync", "hr.people"]) == 0
    assert run(["sync", "hr.jobs", "--dry-run"]) == 0
    assert f"GET {hr.server.url}/people/1/jobs" in said(capsys).replace("\n", "")
    assert run(["fetch", "hr.jobs"]) == 0
    assert "number = 1/1" in said(capsys)
    assert run(["sync"]) == 0
    capsys.readouterr()
    assert run(["explain", "Worker", "1/1", "name"]) == 0
    assert '"name 1"     @parent.name, as received' in said(capsys)


def test_answers_that_were_none_are_listed(hr: Hr, capsys: pytest.CaptureFixture[str]) -> None:
    Path("hr.map").write_text(
        MAP.replace('get     "/people"', 'get     "/people"\n    on      404 skip "no people today"')
    )
    Path("more.map").write_text('use "hr.map"\nmap hr.people to Worker { number = $.id; name = $.name }\n' + (
        "merge Worker { same number of hr; default prefer hr.workers, hr.people }\n"
    ))  # fmt: skip
    hr.server.answer = lambda asked: reply({"why": "closed"}, status=404)
    assert run(["sync"]) == 1
    text = said(capsys)
    assert "hr.people: passes over what answered 404 (no people today)" in text
    assert run(["archive", "ls", "hr.people", "--rejected"]) == 0
    assert "passed over (no people today)" in said(capsys)
    assert run(["archive", "ls", "hr.people"]) == 0
    assert "The archive of hr.people holds no response yet." in said(capsys)
    assert run(["archive", "ls", "hr.workers", "--rejected", "--json"]) == 0
    (one,) = json.loads(said(capsys))
    assert one["status"] == 404
    assert "there is nothing" in one["rejected"]
    assert run(["archive", "cat", "hr.workers", str(one["position"])]) == 0
    assert "closed" in said(capsys)


KILLED = """
entity Worker {
  key number : text
  name       : text?
}
connector hr {
  base env.HR
  resource people { get "/people"; records $.data[*]; id $.id; shape { id: text } }
  resource jobs {
    for each people as p post "/jobs"
    body json { person: p.id, from: offset }
    pages   offset, total at $.total
    records $.data[*]
    id      (@parent.id, $.no)
    shape { no: int }
  }
  resource report {
    post     "/exports"
    job      $.id
    poll     "/exports/{job}" every 1 s for 5 min
    done     when $.done == true otherwise false
    download "/exports/{job}/file"
    format   csv
    id       $.id
  }
}
map hr.jobs to Worker { number = "{@parent.id}-{$.no}" }
map hr.report to Worker { number = $.id }
merge Worker { same number of hr; default prefer hr.jobs, hr.report }
"""


@pytest.mark.parametrize("at", [("jobs", "2", 1), ("jobs", "3", 0), ("exports", "J1", 0), ("exports", "J1/file", 0)])
def test_P1_killed_and_gone_on_with(
    hr: Hr, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, at: tuple[str, str, int]
) -> None:
    # One after the other: what was complete before the kill is asked for anew, as by any sync.
    monkeypatch.setenv("FIELDMAP_RESOURCES_AT_ONCE", "1")
    Path("hr.map").write_text(KILLED)
    stuck = [True]

    def answer(asked: Asked) -> Reply:
        path = asked.target.strip("/").split("/", 1)
        body = json.loads(asked.body) if path == ["jobs"] else {}
        here = ("jobs", body["person"], body["from"]) if body else (path[0], path[-1], 0)
        if stuck and here == at:
            stuck.append(True)
            return raw(60.0, b"")
        if body:
            return reply({"data": [{"no": body["from"]}], "total": 2})
        if asked.target == "/people":
            return reply({"data": [{"id": name} for name in "123"]})
        if asked.target.endswith("/file"):
            return reply(b"id\n9\n", content_type="text/csv")
        return reply({"id": "J1", "done": True})

    hr.server.answer = answer
    running = command("sync")
    until(lambda: len(stuck) == 2)
    running.kill()
    running.communicate(timeout=30)
    stuck.clear()
    assert run(["sync"]) == 0
    assert "7 rows" in said(capsys)
    asked = [(one.target, one.body) for one in hr.server.asked if one.target != "/people"]
    if at[0] == "jobs":
        # Only what was asked for when the kill came is asked for again.
        twice = [json.loads(body) for target, body in set(asked) if asked.count((target, body)) > 1 and body]
        assert twice == [{"person": at[1], "from": at[2]}]
    assert [target for target, _ in asked].count("/exports") == 1
