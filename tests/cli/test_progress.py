"""What a person sees while a run goes on: a live table on a terminal, few plain lines elsewhere, nothing with --json."""

from __future__ import annotations

import fcntl
import io
import json
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from rich.console import Console
from tests.runtime.acquire.faultserver import Asked, FaultServer, Reply, raw, reply

from fieldmap.cli import progress as shown
from fieldmap.cli.main import run
from fieldmap.cli.progress import RunProgress
from fieldmap.runtime.handover import Room
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
    changed $.at sent as "since", settles in 1 min
    shape { id: text, name: text?, at: text? }
  }
  resource people {
    get     "/people"
    records $.data[*]
    id      $.id
    shape { id: text, name: text?, at: text? }
  }
}
map hr.workers to Worker {
  number = $.id
  name   = $.name
}
map hr.people to Worker {
  number = $.id
  name   = $.name
}
merge Worker {
  same number of hr
  default prefer hr.workers, hr.people
}
"""


def page(asked: Asked, pages: int) -> Reply:
    number = int(asked.target.partition("cursor=")[2] or 0)
    data = [{"id": f"{number * 3 + n}", "name": "x", "at": "2026-01-01T00:00:00Z"} for n in range(3)]
    return reply({"data": data, "next": number + 1 if number + 1 < pages else None})


class Hr:
    """Workers come page by page, each after a while; people are put off once, for two seconds."""

    def __init__(self) -> None:
        self.put_off = 0
        self.after = "2"
        self.server = FaultServer(self.answer)

    def answer(self, asked: Asked) -> Reply:
        if asked.target.startswith("/people"):
            self.put_off += 1
            return page(asked, 1) if self.put_off > 1 else reply({}, 429, {"Retry-After": self.after})
        return raw(0.3, *page(asked, 5).pieces, close=False)


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


def on_a_terminal(
    arguments: list[str], width: int, until: Callable[[str], bool] = lambda text: False
) -> tuple[int, str]:
    """The exit code of a command on a terminal so wide, and all that was drawn. until: when it is interrupted as by Ctrl-C."""
    controller, terminal = pty.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 30, width, 0, 0))
    environ = {key: value for key, value in os.environ.items() if key not in ("COLUMNS", "LINES", "NO_COLOR")}
    process = subprocess.Popen(
        [str(Path(sys.executable).parent / "fieldmap"), *arguments],
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
        env={**environ, "TERM": "xterm-256color"},
    )
    os.close(terminal)
    drawn, ends, interrupted = b"", time.monotonic() + 60, False
    try:
        while time.monotonic() < ends:
            ready, _, _ = select.select([controller], [], [], 0.2)
            if ready:
                try:
                    piece = os.read(controller, 65_536)
                except OSError:  # the other end is closed
                    break
                drawn += piece
            if not interrupted and until(drawn.decode(errors="replace")):
                interrupted = True
                process.send_signal(signal.SIGINT)
        return process.wait(timeout=10), drawn.decode()
    finally:
        process.kill()
        process.wait()
        os.close(controller)


def lines_of(drawn: str) -> list[str]:
    """The lines that were drawn, without what moves the cursor or colours."""
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", drawn).replace("\r", "\n").splitlines()


@pytest.mark.parametrize("width", [80, 100])
def test_two_resources_on_a_terminal(hr: Hr, width: int) -> None:
    code, drawn = on_a_terminal(["sync"], width)
    lines = lines_of(drawn)
    assert code == 0
    assert all(len(line) <= width for line in lines)
    people = [line.split() for line in lines if line.startswith("hr.people")]
    workers = [line for line in lines if line.startswith("hr.workers")]
    assert any("429, again in" in " ".join(words) for words in people)
    assert any(re.search(r"fetching +[1-4]\b", line) for line in workers)
    assert any(line.split() == ["pages", "records", "per", "s", "in", "flight"] for line in lines)
    (last,) = [line for line in workers if " done " in line][-1:]
    assert re.search(r"done +5 +15 ", last)
    assert re.search(r"settled to \d\d:\d\d:\d\dZ", last)
    # What is shown last is the accounts, below the table.
    assert any(re.match(r"hr.workers to( Worker)? +5 +15 +15 .* \d+ *$", line) for line in lines)
    assert drawn.rindex("\x1b[?25h") > drawn.rindex("\x1b[?25l")


def test_ctrl_c_leaves_the_terminal_in_order(hr: Hr) -> None:
    hr.after = "60"
    code, drawn = on_a_terminal(["sync"], 100, lambda text: "429, again in" in text)
    assert code == 130
    assert "Traceback" not in drawn
    assert drawn.rindex("\x1b[?25h") > drawn.rindex("\x1b[?25l")


def test_a_replay_on_a_terminal(hr: Hr) -> None:
    assert run(["sync"]) == 0
    Path("hr.map").write_text(MAP.replace("name   = $.name\n}\nmap", "name   = $.id\n}\nmap"))
    code, drawn = on_a_terminal(["replay"], 100)
    assert code == 0
    assert any(re.match(r"hr.workers +done +15 ", line) for line in lines_of(drawn))


def test_plain_lines_are_few(hr: Hr, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shown, "_LONG", 0.5)
    monkeypatch.setattr(shown, "_LOOKS", 0.1)
    assert run(["sync"]) == 0
    told = capsys.readouterr().err
    assert "\x1b" not in told
    lines = told.splitlines()
    assert len(lines) == 4  # one each when it takes long, one at its end
    assert any(re.fullmatch(r"hr.people: fetching, 429, again in [12] s", line) for line in lines)
    assert any(re.match(r"hr.workers: fetching, (\d pages?|429)", line) for line in lines)
    assert any(re.match(r"hr.workers: done, 5 pages, 15 records, \d+/s, settled to ", line) for line in lines)


def test_nothing_of_what_is_quick_or_for_a_program(
    hr: Hr, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    hr.put_off = 1
    assert run(["sync"]) == 0
    assert capsys.readouterr().err == ""
    monkeypatch.setattr(shown, "_LONG", 0.0)
    assert run(["sync", "--json"]) == 0
    captured = capsys.readouterr()
    assert captured.err == ""
    assert json.loads(captured.out)["failed"] == {}


def fake(width: int, height: int = 30) -> Console:
    return Console(file=io.StringIO(), force_terminal=True, width=width, height=height, highlight=False, markup=False)


def drawn_on(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


@pytest.mark.parametrize("width", [80, 100])
def test_what_is_waited_for(width: int) -> None:
    console, room = fake(width), Room(1 << 30)
    assert room.take(2_500_000)
    room.flies("a.b", 2_500_000)
    room.flies("a.children", 40_000)
    with RunProgress(quiet=False, room=room, resources={"a.b to C": "a.b", "a.b to D": "a.b"}, console=console) as told:
        for name in ("a.b", "a.children", "a.refused", "other.one"):
            told.stands(name, "waiting")
        told.stands("a.b", "fetching")
        told.fetched("a.b", 41_000)
        told.applied("a.b to C", 41_000_000)
        told.applied("a.b to D", 40_000_000)
        told.waits("a.b", "429, again in", 12.4)
        told.waits("a.children", "waits for a.b")
        told.waits("a.refused", "breaker open for", 30)
        told.stands("a.refused", "failed")
        told.stands("a.refused", "done")  # of another map; what failed stays so
        told.waits("", "the database is away, waited for", 43)
        told.waits("other.one", "\x1b[2Jevil")
        told.cut("a.b", "its last write was cut")
    lines = lines_of(drawn_on(console))
    assert "a.b: its last write was cut" in [line.rstrip() for line in lines]
    shown_last = lines[-6:]
    text = "\n".join(shown_last)
    assert "41 000 000" in text
    assert "81 000 000" not in text  # two maps read the same records
    for words in (
        "429, again in 12 s",
        "waits for a.b",
        "breaker open for",
        "the database is away, waited for 43 s · 2.5 MB wait in memory to be loaded",
        "\\x1b[2Jevil",
        "a.refused  failed" if width == 80 else "a.refused   failed",
    ):
        assert words in text
    assert all(len(line) <= width for line in lines)


def test_more_resources_than_lines() -> None:
    console = fake(100, height=12)
    with RunProgress(quiet=False, console=console) as told:
        for number in range(40):
            told.stands(f"a.r{number}", "waiting")
        told.stands("a.r39", "fetching")
    lines = lines_of(drawn_on(console))
    assert [line.rstrip() for line in lines if line.strip()][-1] == "… and 33 more"
    assert any(line.startswith("a.r39") and "fetching" in line for line in lines)
    assert len(lines) < 2 * 12
