"""The story that `fieldmap demo` tells in five screens, each made by the very commands that it prints.

The project of `mappings/demo` is copied into a work folder, run there against the three systems of `systems.py` and an
embedded PostgreSQL, and left there for the reader to look at.
"""

from __future__ import annotations

import contextlib
import os
import shlex
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.resources import as_file, files
from pathlib import Path

from fieldmap.cli.console import err, out
from fieldmap.cli.main import run as run_command
from fieldmap.demo.systems import Systems
from fieldmap.runtime.errors import UsageError
from fieldmap.runtime.store.database import open_database

FOLDER = Path(".fieldmap/demo")
PROJECT = "project"
"""Where the work folder is made, below the current one."""

_MARK = f"{PROJECT}/fieldmap.toml"
_LEFT_OUT = shutil.ignore_patterns("__pycache__", "*.py", ".fieldmap", "archive")
_SCREENS = 5


@dataclass(frozen=True, slots=True)
class Edit:
    """A change that the story makes in a file of the project. why: in the words of who asks for it."""

    file: str
    old: str
    new: str
    why: str

    def apply(self, project: Path) -> None:
        path = project / self.file
        text = path.read_text("utf-8")
        if text.count(self.old) != 1:
            raise AssertionError(f"{self.file} no longer has the line that the story edits")
        path.write_text(text.replace(self.old, self.new), "utf-8")


EDITS = (
    Edit(
        "workday.map",
        '  "On Leave", "Sabbatical" -> leave\n',
        '  "On Leave", "Sabbatical", "Dormant" -> leave\n',
        "HR says: Dormant is a leave without an end",
    ),
    Edit(
        "merge.map",
        "  email       newest\n",
        "  email       newest\n  commute     prefer payroll, workday\n",
        "the payroll measures the way to work, and HR asks for it",
    ),
)

SOURCES = (
    (
        "HR",
        "REST with OAuth2 and cursor pages: JSON",
        'dates as 03/01/2021 or 00/00/0000, distances in miles or -1, "N/A" for nothing, a status',
        "that nobody explained; answers 429 and 503 on the way",
    ),
    (
        "ERP",
        "OData V2 with a password and links to the next page: JSON",
        'dates as /Date(1518393600000)/, "" for nothing, "X" for true, addresses',
        "within their partners",
    ),
    (
        "Payroll",
        "a folder into which files are dropped: CSV",
        'German columns, dates as 01.03.2021, distances as "18,5" in km, numbers padded with',
        "zeros, and a second file that corrects the first",
    ),
)

NEXT = (
    ("explain Worker 21001 commute", "the same value, which now comes from the payroll"),
    ("query Party --limit 3", "business partners, from the ERP"),
    ("dlq", "the one record that still wants a decision"),
)
"""What the reader may try afterwards, in the project's folder."""


def run() -> int:
    """Tells the whole story; the exit code is 0, or that of the command that failed."""
    home = _prepare(Path.cwd() / FOLDER)
    project = home / PROJECT
    try:
        with _surroundings(project):
            _first_four(home, project)
            _fifth(project)
    except _StoppedError as stopped:
        err().print(f"\nThe demo stopped: {stopped.command} ended with exit code {stopped.code}.")
        return stopped.code
    _farewell(project)
    return 0


def _first_four(home: Path, project: Path) -> None:
    with Systems(home) as systems:
        os.environ.update(systems.environ)
        _screen(1, "Three systems, each with its quirks, and the maps that read them.")
        _show_sources(systems)
        _command("check")
        _screen(
            2, "The first sync. Every record ends in exactly one place: read = claimed + filtered + deleted + dead."
        )
        _command("sync")
        _screen(3, "Canonical rows, from all systems that know a worker; and one value explained down to its bytes.")
        _command("query Worker --limit 4 --fields legal_name,status,hired_on,commute,email --reveal")
        _command("explain Worker 21001 commute")
        _screen(4, "What could not be read is kept with its reason, and nothing was guessed.")
        _command("dlq")
        _command("dlq show 1")
        _command("dlq held")


def _fifth(project: Path) -> None:
    _screen(_SCREENS, "The systems are switched off now. The maps are mended, and the archive is read again.")
    for edit in EDITS:
        edit.apply(project)
        _show_edit(edit)
    _command("replay")


def _farewell(project: Path) -> None:
    console = out()
    console.print("\nThat was the demo. Its project, its archive and its database stay where they are:\n", style="bold")
    console.print(f"  cd {shlex.quote(_shown(project))}", soft_wrap=True)
    if os.environ.get("FIELDMAP_DATABASE_URL"):
        console.print("  unset FIELDMAP_DATABASE_URL    # the rows are in the demo's own PostgreSQL")
    console.print("\nThree commands to try there:\n")
    lines = [(f"{_program()} {arguments}", what) for arguments, what in NEXT]
    width = max(len(line) for line, _ in lines)
    beside = width + max(len(what) for _, what in lines) + 8 <= console.width
    for line, what in lines:
        console.print(f"  {line:<{width}}    # {what}" if beside else f"  # {what}\n  {line}", soft_wrap=True)


# ------------------------------------------------------------------------------------------------------- screens


class _StoppedError(Exception):
    def __init__(self, command: str, code: int) -> None:
        super().__init__(command, code)
        self.command = command
        self.code = code


def _screen(number: int, what: str) -> None:
    console = out()
    console.print()
    console.rule(f"{number} of {_SCREENS}", style="dim", align="left")
    console.print(what, style="bold")


def _command(line: str) -> None:
    """Prints a command line and runs it in this process. Raises _StoppedError if it fails."""
    out().print(f"\n$ fieldmap {line}", style="cyan")
    sys.stdout.flush()
    code = run_command(shlex.split(line))
    sys.stdout.flush()
    if code:
        raise _StoppedError(f"fieldmap {line}", code)


def _show_sources(systems: Systems) -> None:
    addresses = (systems.environ["WORKDAY_URL"], systems.environ["S4_URL"], _shown(systems.drop))
    console = out()
    for (name, how, *quirks), address in zip(SOURCES, addresses, strict=True):
        console.print(f"\n  {name:<8} {address}", soft_wrap=True)
        console.print(f"           {how}")
        for line in quirks:
            console.print(f"           {line}", style="dim", soft_wrap=True)


def _show_edit(edit: Edit) -> None:
    console = out()
    console.print(f"\n{edit.file}    {edit.why}")
    before, after = edit.old.splitlines(), edit.new.splitlines()
    for line in before:
        console.print(
            f"  {' ' if line in after else '-'} {line}", style="dim" if line in after else "red", soft_wrap=True
        )
    for line in after:
        if line not in before:
            console.print(f"  + {line}", style="green", soft_wrap=True)


# -------------------------------------------------------------------------------------------------- surroundings


def _prepare(home: Path) -> Path:
    """A fresh work folder with the demo's project in it. Only a folder that an earlier demo made is replaced."""
    if home.exists():
        if not (home / _MARK).is_file():
            raise UsageError(f"{home} is in the way; move it, or run the demo from another folder")
        shutil.rmtree(home)
    try:
        home.mkdir(parents=True)
        with as_file(files("fieldmap.mappings")) as mappings:
            shutil.copytree(mappings / "demo", home / PROJECT, ignore=_LEFT_OUT)
            # The ERP is read by the map that Fieldmap brings.
            for name in ("sap_s4.map", "parties.map"):
                shutil.copy(mappings / name, home / PROJECT / name)
    except OSError as error:
        raise UsageError(f"{error.filename} cannot be written: {error.strerror}") from None
    return home


@contextlib.contextmanager
def _surroundings(project: Path) -> Iterator[None]:
    """The project's folder as the current one, one embedded PostgreSQL, and the user's own settings out of the way."""
    before = dict(os.environ)
    for name in before:
        if name.startswith("FIELDMAP_") and name != "FIELDMAP_DEBUG":
            del os.environ[name]
    try:
        with contextlib.chdir(project), open_database("", project / ".fieldmap" / "postgres") as server:
            os.environ["FIELDMAP_DATABASE_URL"] = server.url
            yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def _program() -> str:
    """How the reader calls the command: by its name if that finds this one, else by its path."""
    called = Path(sys.argv[0]).resolve()
    found = shutil.which("fieldmap")
    if found is not None and Path(found).resolve() == called:
        return "fieldmap"
    return shlex.quote(str(called)) if called.name == "fieldmap" else f"{shlex.quote(sys.executable)} -m fieldmap"


def _shown(path: Path) -> str:
    """A path relative to where the reader is, if it is below."""
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)
