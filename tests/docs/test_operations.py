"""The manual of operation, followed in a project of `fieldmap init`: commands, edits, and what they show."""

from __future__ import annotations

import re
import uuid
from pathlib import Path

import pytest
from tests.docs.pages import FENCE, follow, write

from fieldmap.cli.main import COMMANDS, run
from fieldmap.cli.settings import Settings
from fieldmap.runtime.store.database import Server

PAGE = (Path(__file__).parents[2] / "docs" / "operations.md").read_text("utf-8")


@pytest.fixture
def project(tmp_path: Path, database: Server, monkeypatch: pytest.MonkeyPatch) -> Server:
    """The database of a project of `init`, in whose folder the test is."""
    monkeypatch.setenv("FIELDMAP_DATABASE_URL", database.url)
    monkeypatch.chdir(tmp_path)
    assert run(["init", "p"]) == 0
    monkeypatch.chdir(tmp_path / "p")
    return database


def test_the_manual_as_written(project: Server, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    ran = 0
    for kind, name, text in FENCE.findall(PAGE):
        if kind == "diff":
            old, new = (
                "".join(line[1:] for line in text.splitlines(keepends=True) if line[0] == sign) for sign in "-+"
            )
            before = Path(name).read_text("utf-8")
            assert before.count(old) == 1, old
            write(name, before.replace(old, new))
        elif kind == "console":
            ran += follow(text, capsys)
        elif kind == "toml":
            write("fieldmap.toml", text)
            assert run(["replay"]) == 0, capsys.readouterr()
            capsys.readouterr()
    assert ran >= 12


def test_what_an_administrator_types_works(project: Server, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["sync"]) == 0, capsys.readouterr()
    # Roles are of the whole server, on which other tests run.
    roles = {name: f"{name}_{uuid.uuid4().hex[:12]}" for name in ("fieldmap", "reports")}
    with project.connect() as connection:
        for _, _, text in (fence for fence in FENCE.findall(PAGE) if fence[0] == "sql"):
            text = text.replace("DATABASE facts", f"DATABASE {connection.info.dbname}")
            for name, own in roles.items():
                text = re.sub(rf"\b(TO|ROLE) {name}\b", rf"\1 {own}", text)
            connection.execute(text.encode())
        connection.execute(f"SET ROLE {roles['reports']}".encode())
        assert connection.execute("SELECT count(*) FROM canonical.worker").fetchone() == (3,)
        connection.execute("RESET ROLE")
        assert connection.execute("SELECT count(*) FROM reporting.staff").fetchone() == (3,)
        for own in roles.values():
            connection.execute(f"DROP OWNED BY {own}; DROP ROLE {own}".encode())


def test_settings_and_commands_that_it_names_are_there() -> None:
    known = {command for commands in COMMANDS.values() for command in commands}
    for word in ("dlq", "report", "conflicts", "incomplete", "duplicates", "dangling", "stale", "archive", "status"):
        assert word in known
    for name in ("dead_letters", "dead_letters_of"):
        assert name in Settings.model_fields
