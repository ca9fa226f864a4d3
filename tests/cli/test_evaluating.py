"""eval and repl as a user gives them."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest

from fieldmap.cli.main import run
from fieldmap.cli.session import Session

RECORD = '{"name": "Ada", "miles": 12.50, "tags": ["a", null, "b"], "phones": [{"kind": "work", "number": "1"}, {"kind": "home"}]}'


@pytest.fixture
def record(tmp_path: Path) -> str:
    path = tmp_path / "worker.json"
    path.write_text(RECORD)
    return str(path)


@pytest.mark.parametrize(
    ("expression", "shown"),
    [
        ("$.miles as decimal in mi", "12.5 mi    number in mi"),
        ("upper($.name)", '"ADA"    text'),
        ('$.phones[?@.kind == "work"].number', '["1"]    list'),
        ("$.tags", '["a",null,"b"]    list'),
        ("$.tags[*]", '["a","b"]    list'),
        ("$.nothing", "absent    absent"),
        ("$.miles > 3", "true    bool"),
        ("5 km + 3 km", "8 km    number in km"),
        ("1 / 3", "1/3    number"),
        ('"2 lb" as quantity(in kg)', "0.90718474 kg    number in kg"),
        ('(2 in unit("LBR", unece)) + (0 kg)', "0.90718474 kg    number in kg"),
        ('(2 in unit("[lb_av]", ucum)) > 1 kg', "false    bool"),
    ],
)
def test_eval_shows_value_type_and_unit(
    expression: str, shown: str, record: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["eval", expression, "--record", record]) == 0
    assert capsys.readouterr().out.strip() == shown


def test_eval_for_programs(record: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["eval", "$.miles as decimal in mi", "--record", record, "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"value": 12.5, "type": "number in mi", "unit": "mi"}


def test_nodes_and_paths_are_those_of_the_rfc(record: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["eval", "--nodes", "$.tags[*]", "--record", record]) == 0
    assert json.loads(capsys.readouterr().out) == ["a", None, "b"]
    assert run(["eval", "--nodes", "--paths", "$..number", "--record", record]) == 0
    assert json.loads(capsys.readouterr().out) == ["$['phones'][0]['number']"]


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["$.phones[?@.kind = 1]"], 1, "in a filter `=` is written `==`"),
        (["$.name +"], 1, "breaks off"),
        (["$.name + 1"], 1, '"Ada" is not a number'),
        (["only($.phones[*].kind)"], 1, "only one value may be there"),
        (["--nodes", "$[01]"], 1, "no leading zero"),
        (["--nodes", " $"], 1, "a blank stands before or behind the path"),
        (["--nodes", "1 + 1"], 1, "this is no path"),
        (['2 in unit("LBR", unece)'], 1, "FM0325: the data names the unit here, and nothing says what is measured"),
        (['(2 in unit("LTR", unece)) > 1 kg'], 1, '"LTR" is litre, a volume; a mass is needed'),
        (["--paths", "$"], 2, "--paths goes with --nodes"),
    ],
)
def test_a_mistake_is_one_sentence(
    arguments: list[str], code: int, said: str, record: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["eval", *arguments, "--record", record]) == code
    found = capsys.readouterr()
    assert found.out == ""
    assert said in found.err
    assert len(found.err.strip().splitlines()) == 1


def test_documents_that_cannot_be_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["eval", "$", "--record", str(tmp_path / "none.json")]) == 2
    (tmp_path / "bad.json").write_text("{")
    assert run(["eval", "$", "--record", str(tmp_path / "bad.json")]) == 2
    assert "is not JSON" in capsys.readouterr().err
    assert run(["eval"]) == 2


def test_a_batch_answers_each_line_with_a_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asked = [{"selector": "$.a", "document": {"a": None}}, {"selector": "$.a[", "document": 1}]
    path = tmp_path / "asked.jsonl"
    path.write_text("\n".join(map(json.dumps, asked)) + "\n\n")
    assert run(["eval", "--batch", str(path)]) == 1
    first, second = map(json.loads, capsys.readouterr().out.splitlines())
    assert first == {"nodes": [None], "paths": ["$['a']"]}
    assert "never closed" in second["error"]


def test_the_conversation(record: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    lines = [
        "$.name",
        "",
        ":type $.miles in mi",
        ":record",
        "$.name +",
        ":nothing",
        ":type",
        ":record /none",
        ":help",
        ":quit",
        "1",
    ]
    monkeypatch.setattr("sys.stdin", io.StringIO("\n".join(lines)))
    assert run(["repl", record]) == 0
    out = capsys.readouterr().out.splitlines()
    assert out[:3] == ['"Ada"    text', "number in mi", "an object with name, miles, tags, phones"]
    assert [line[:5] for line in out[3:7]] == ["error"] * 4
    assert not any(line.startswith("1 ") for line in out)


def test_completion_offers_the_members_of_the_record() -> None:
    session = Session({"name": 1, "phones": [{"kind": 2}], "odd-name": 3}, lambda _: None)
    assert session.completion("$.n", 0) == "$.name"
    assert session.completion("$.phones[*].", 0) == "$.phones[*].kind"
    assert session.completion("upp", 0) == "upper("
    assert session.completion("$.name", 1) is None
