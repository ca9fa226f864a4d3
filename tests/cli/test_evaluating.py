"""eval and repl as a user gives them."""

from __future__ import annotations

import io
import json
import os
import select
import signal
import sys
import time
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


def test_an_expression_may_go_over_several_lines(record: str, capsys: pytest.CaptureFixture[str]) -> None:
    for text, shown in (
        ('case $.name {\n  "Ada" -> 1  # she\n  else -> 2\n}', "1    int"),
        ('\nif $.name is absent\n  then "#"\n  else "b"\n', '"b"    text'),
        ("$.miles as decimal +\n1", "13.5    number"),
    ):
        assert run(["eval", text, "--record", record]) == 0
        assert capsys.readouterr().out.strip() == shown
    for text in ("# nothing", "", 'case $.name {\n  "Ada" -> 1 +\n  else -> 2\n}'):
        assert run(["eval", text, "--record", record]) == 1
        assert capsys.readouterr().err.startswith("error: FM0104: th")


@pytest.mark.parametrize(
    ("expression", "said"),
    [
        ("case $.name { otherwise -> 1 }", "written `else`"),
        ("case $.name { absent -> 1; else -> 2 }", "`absent` cannot be an arm"),
    ],
)
def test_mistakes_within_a_part_are_told(expression: str, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["eval", expression]) == 1
    assert said in capsys.readouterr().err


def test_a_minus_in_front_is_no_option(record: str, capsys: pytest.CaptureFixture[str]) -> None:
    for text, shown in (
        ("-5 degC", "-5 degC    number in degC"),
        ("-$.miles", "-12.5    number"),
        ("-(2 + 1)", "-3    int"),
    ):
        assert run(["eval", text, "--record", record]) == 0
        assert capsys.readouterr().out.strip() == shown
    assert run(["eval", "--recrod", record]) == 2


def test_a_long_text_is_shown_whole(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["eval", 'sha256("a")']) == 0
    assert "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb" in capsys.readouterr().out
    assert run(["eval", '"a\\u202eb"']) == 0
    assert capsys.readouterr().out.startswith('"a\\u202eb"')


def test_an_expression_goes_on_until_it_can_end(
    record: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = ["case $.name {", '  "Ada" -> 1', "  else -> 2", "}", "# a remark", "upper(", "", "let x = 1", "1 +"]
    monkeypatch.setattr("sys.stdin", io.StringIO("\n".join(lines)))
    assert run(["repl", record]) == 0
    first, *errors = capsys.readouterr().out.splitlines()
    assert first == "1    int"
    assert [("never closed" in errors[0]), ("a let stands in a map" in errors[1]), ("breaks off" in errors[2])] == [
        True
    ] * 3
    assert len(errors) == 3


@pytest.mark.skipif(sys.platform == "win32", reason="a pseudo-terminal")
def test_the_conversation_at_a_terminal(record: str) -> None:
    import pty

    child, terminal = pty.fork()
    if child == 0:  # pragma: no cover  (the other process)
        os.environ["TERM"] = "xterm"
        # What runs in the background is often started with the interrupt ignored, and hands that on.
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        os.execv(sys.executable, [sys.executable, "-m", "fieldmap", "repl", record])  # noqa: S606
    seen = _until(terminal, "> ")
    for typed, shown in (
        ("$.na\t\n", '"Ada"    text'),
        ("$.phones[0].k\t\n", '"work"    text'),
        ("if $.name is absent\nthen 1\nelse 2\n", "2    int"),
        ("upper(\n", "\n. "),
        ("\x03", "> "),
        ("$.miles\n", "12.5    number"),
        ('\x1b[200~case $.name {\n "Ada" -> 7\n else -> 8\n}\x1b[201~\n', "7    int"),
        (f":record {record[:-3]}\t\n", "an object with name"),
    ):
        os.write(terminal, typed.encode())
        seen = _until(terminal, shown, again="\x03" if typed == "\x03" else "")
        assert shown in seen
    os.write(terminal, b":quit\n")
    assert os.waitpid(child, 0)[1] == 0
    os.close(terminal)


def _until(terminal: int, wanted: str, again: str = "") -> str:
    """What the terminal shows until this is in it, or 20 seconds have gone. again: typed once a second meanwhile, for Python forgets an
    interrupt that comes while it is about to read, until the next key."""
    seen, end, typed = "", time.monotonic() + 20, time.monotonic()
    while wanted not in seen and time.monotonic() < end:
        if select.select([terminal], [], [], 0.2)[0]:
            seen += os.read(terminal, 65536).decode(errors="replace")
        elif again and time.monotonic() > typed + 1:
            os.write(terminal, again.encode())
            typed = time.monotonic()
    return seen


def test_completion_offers_the_members_of_the_record() -> None:
    session = Session({"name": 1, "phones": [{"kind": 2}], "odd-name": 3}, lambda _: None)
    assert session.completion("$.n", 0) == "$.name"
    assert session.completion("$.phones[*].", 0) == "$.phones[*].kind"
    assert session.completion("upp", 0) == "upper("
    assert session.completion("$.name", 1) is None
    assert session.completion("$.phones[-1].", 0) == "$.phones[-1].kind"
    assert session.completion('$["odd', 0) == '$["odd-name"]'
    assert session.completion(":rec", 0, ":rec") == ":record "
    assert session.completion("", 0, "upper(") == "$"
