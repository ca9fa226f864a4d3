"""Too many dead letters stop a resource: nothing of the batch is kept, the position stays, and one sentence says what to do."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.support import rows

from fieldmap.cli.main import run
from fieldmap.runtime.store.database import Server

MAPS = """
entity Thing {
  key number : text
  state : enum { good }?
}
codes states { "G" -> good }
connector one is files {
  folder "one"
  resource things {
    files "*.json" as json
    records $[*]
    id $.n
    changed unknown
    shape { n: text, s: text pii }
  }
}
connector two is files {
  folder "two"
  resource things {
    files "*.json" as json
    records $[*]
    id $.n
    changed unknown
    shape { n: text, s: text }
  }
}
map one.things to Thing {
  number = $.n
  state  = $.s via states if invalid reject
}
map two.things to Thing {
  number = $.n
  state  = $.s via states if invalid reject
}
merge Thing {
  same number of one, two
  default prefer one, two
}
"""


@pytest.fixture
def project(tmp_path: Path, database: Server, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("FIELDMAP_DATABASE_URL", database.url)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "all.map").write_text(MAPS.replace("text pii", "text"), "utf-8")
    (tmp_path / "fieldmap.toml").write_text("", "utf-8")
    write(tmp_path, "one", good=48, bad=0)
    write(tmp_path, "two", good=20, bad=0)
    return tmp_path


def write(project: Path, connector: str, *, good: int, bad: int) -> None:
    folder = project / connector
    folder.mkdir(exist_ok=True)
    states = ["G"] * good + ["Quorx"] * bad
    number = len(list(folder.iterdir()))
    made = [{"n": f"{connector}{number}-{n}", "s": state} for n, state in enumerate(states)]
    (folder / f"{number}.json").write_text(json.dumps(made), "utf-8")


def positions(database: Server) -> list[tuple[object, ...]]:
    return rows(database, "SELECT map, applied_through FROM fieldmap.positions ORDER BY 1")


def test_a_resource_stops_and_the_others_go_on(
    project: Path, database: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["sync"]) == 0
    before = positions(database)
    write(project, "one", good=40, bad=20)
    write(project, "two", good=5, bad=0)
    capsys.readouterr()
    assert run(["sync"]) == 1
    said = " ".join(capsys.readouterr().err.split())
    assert (
        "one.things to Thing stopped before these pages were loaded: 20 of 60 records could not be read (mostly FM2110 in state: a code or"
        " text that the list does not name), and more than 10 % is too many; mend all.map:29, or let it pass with dead_letters = 34 in"
        " fieldmap.toml, and run the command again" in said
    )
    assert "Quorx" not in said
    after = positions(database)
    assert after[0] == before[0]
    assert after[1] != before[1]
    assert rows(database, "SELECT count(*) FROM canonical.thing") == [(48 + 20 + 5,)]
    assert rows(database, "SELECT FROM fieldmap.dead_letters") == []
    # Again and again the same, and no page is archived twice for it.
    assert run(["sync"]) == 1
    assert positions(database) == after


@pytest.mark.parametrize("setting", ["dead_letters = 34", '[dead_letters_of]\n"one.things" = 33.4'])
def test_it_passes_if_the_settings_say_so(project: Path, database: Server, setting: str) -> None:
    write(project, "one", good=40, bad=20)
    (project / "one" / "0.json").unlink()
    assert run(["sync"]) == 1
    (project / "fieldmap.toml").write_text(setting, "utf-8")
    assert run(["sync"]) == 0
    assert rows(database, "SELECT count(*) FROM fieldmap.dead_letters") == [(20,)]


def test_a_map_that_loaded_is_not_mended_without_a_replay(
    project: Path, database: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    write(project, "one", good=40, bad=20)
    (project / "one" / "0.json").unlink()
    assert run(["sync"]) == 1
    text = (project / "all.map").read_text("utf-8")
    (project / "all.map").write_text(text.replace('"G" -> good', '"G" -> good; "Quorx" -> good'), "utf-8")
    assert run(["sync"]) == 1
    # The other was loaded: its rows might become others.
    assert "The map two.things to Thing changed" in " ".join(capsys.readouterr().err.split())
    assert run(["replay"]) == 0
    assert rows(database, "SELECT count(*) FROM canonical.thing") == [(80,)]


def test_a_map_that_never_loaded_and_is_alone_is_mended_without_a_replay(
    project: Path, database: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    write(project, "one", good=40, bad=20)
    (project / "one" / "0.json").unlink()
    text = (project / "all.map").read_text("utf-8")
    text = text.replace("via states if", "via ones if", 1) + 'codes ones { "G" -> good }\n'
    (project / "all.map").write_text(text, "utf-8")
    assert run(["sync"]) == 1
    (project / "all.map").write_text(text.replace('ones { "G"', 'ones { "Quorx" -> good; "G"'), "utf-8")
    capsys.readouterr()
    assert run(["sync"]) == 0, capsys.readouterr().err
    assert rows(database, "SELECT count(*) FROM canonical.thing") == [(80,)]
    assert rows(database, "SELECT map, applied_through >= 0, replaying FROM fieldmap.positions ORDER BY 1") == [
        ("one_things__thing", True, False),
        ("two_things__thing", True, False),
    ]


def test_it_is_mended_without_a_replay_where_the_archive_held_something(
    project: Path, database: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    """What was imported stops the map before the sync asks for anything."""
    text = (project / "all.map").read_text("utf-8").replace("via states if", "via ones if", 1)
    (project / "all.map").write_text(text + 'codes ones { "H" -> good }\n', "utf-8")
    write(project, "one", good=60, bad=0)
    assert run(["archive", "import", "one/1.json", "--resource", "one.things"]) == 0
    assert run(["sync", "one.things"]) == 1
    (project / "all.map").write_text(text + 'codes ones { "G" -> good }\n', "utf-8")
    capsys.readouterr()
    assert run(["status"]) == 0
    line = next(line for line in capsys.readouterr().out.splitlines() if line.startswith("one.things"))
    assert "nothing applied yet" in line
    assert run(["sync", "one.things"]) == 0, capsys.readouterr().err
    assert rows(database, "SELECT count(*) > 0 FROM canonical.thing") == [(True,)]


def test_the_environment_overrides(project: Path, database: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    write(project, "one", good=0, bad=60)
    assert run(["sync", "one.things"]) == 1
    monkeypatch.setenv("FIELDMAP_DEAD_LETTERS", "100")
    assert run(["sync"]) == 0
    assert rows(database, "SELECT count(*) FROM fieldmap.dead_letters") == [(60,)]


def test_few_records_tell_nothing(project: Path) -> None:
    write(project, "two", good=9, bad=20)
    (project / "two" / "0.json").unlink()
    assert run(["sync"]) == 0


def test_a_replay_stops_too(project: Path, database: Server, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["sync"]) == 0
    text = (project / "all.map").read_text("utf-8")
    (project / "all.map").write_text(text.replace('"G" -> good', '"X" -> good'), "utf-8")
    write(project, "one", good=60, bad=0)
    capsys.readouterr()
    assert run(["archive", "import", "one/1.json", "--resource", "one.things"]) == 0
    assert run(["replay"]) == 1
    assert "stopped before these pages were loaded" in " ".join(capsys.readouterr().err.split())


@pytest.mark.parametrize(
    ("setting", "says"),
    [
        ("dead_letters = 101", "The setting dead_letters in"),
        ("dead_letters = -1", "The setting dead_letters in"),
        (
            '[dead_letters_of]\n"one.nothing" = 5',
            "No map reads one.nothing, which dead_letters_of of fieldmap.toml names",
        ),
    ],
)
def test_settings_that_mean_nothing(project: Path, capsys: pytest.CaptureFixture[str], setting: str, says: str) -> None:
    (project / "fieldmap.toml").write_text(setting, "utf-8")
    assert run(["sync"]) == 2
    assert says in " ".join(capsys.readouterr().err.split())


def test_references_to_personal_keys_are_quoted_by_no_sentence(
    tmp_path: Path, database: Server, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A reference holds the key of what it refers to: that one is personal, though the field itself says nothing."""
    maps = """
entity Person { key badge : int pii }
entity Thing { key number : text; owner : Person? }
connector one is files {
  folder "one"
  resource things { files "*.json" as json; records $[*]; id $.n; changed unknown; shape { n: text, s: text } }
}
map one.things to Thing {
  number = $.n
  owner  = $.s as int
}
"""
    monkeypatch.setenv("FIELDMAP_DATABASE_URL", database.url)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "all.map").write_text(maps, "utf-8")
    (tmp_path / "fieldmap.toml").write_text("", "utf-8")
    write(tmp_path, "one", good=0, bad=60)
    assert run(["sync"]) == 1
    told = "".join(capsys.readouterr())
    assert "60 of 60 values of owner could not be read" in " ".join(told.split())
    assert "Quorx" not in told
