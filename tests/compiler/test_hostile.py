"""Files that want to do harm, or that no author means: each ends soon, in bounded memory, with a diagnostic and no traceback."""

from __future__ import annotations

import os
import subprocess
import sys
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fieldmap.cli.main import run
from fieldmap.compiler.project import check
from fieldmap.dsl.format import format_source
from fieldmap.dsl.source import Source

HEAD = 'entity A { key k : text; x : text? }\nconnector c { base env.B; resource r { get "/r"; id $.id; shape { id : text, a : text? } } }\n'
FREE = HEAD.replace("; shape { id : text, a : text? }", "")


def mapped(value: str, *, free: bool = False) -> str:
    return f"{FREE if free else HEAD}map c.r to A {{\n  k = $.id\n{value}\n}}\n"


def chain(count: int) -> str:
    one = 'fn f{0}(x: text): text {{ gives f{1}(x); expect f{0}("a") == "a" }}\n'
    return (
        "".join(one.format(i, i + 1) for i in range(count))
        + f'fn f{count}(x: text): text {{ gives x; expect f{count}("a") == "a" }}\n'
    )


def backwards(text: str) -> str:
    return "\n".join(reversed(text.splitlines())) + "\n"


DOUBLED = "\n".join(f'  let a{i} = "{{a{i - 1}!}}{{a{i - 1}!}}"' for i in range(1, 60))
TEN_TIMES = (
    'fn f(x: text): text { gives "{x}{x}{x}{x}{x}{x}{x}{x}{x}{x}"; expect f("a") == "a" }\n'
    'fn g(x: text): text { gives f(f(f(f(f(f(f(f(f(f(x)))))))))); expect g("a") == "b" }\n'
)
TEXTS = [
    ("brackets", mapped("  x = " + "(" * 5000 + "$.a" + ")" * 5000), "FM0111"),
    ("not not", mapped("  when " + "not " * 9000 + "true"), "FM0111"),
    ("if in if", mapped("  x = " + 'if true then "a" else\n' * 3000 + '"b"'), "FM0111"),
    ("list of list", "entity A { key k : text; y : " + "list of " * 8000 + "text }\n", "FM0111"),
    ("minus minus", mapped("  x = " + "-" * 60_000 + "1"), "FM0111"),
    ("json", 'example "e" { given c.r { "a": ' + "[" * 20_000 + "]" * 20_000 + " }; expect reject }\n", "FM0111"),
    ("filters", mapped("  x = $" + "[?@" * 3000 + ".a" + "]" * 3000), "FM0111"),
    ("steps", mapped("  x = $" + ".a" * 20_000, free=True), "FM0111"),
    ("a sum", mapped("  x = text($.a" + "\n + $.a" * 20_000 + ")"), "FM0111"),
    ("ten megabytes", "# " + "x" * 10_000_000, "FM0111"),
    ("one long line", "# " + "x" * 100_000, "FM0111"),
    ("backslashes", mapped('  x = "' + "\\" * 60_001), "FM0107"),
    ("quotes", mapped('  x = ' + '"' * 60_001), "FM01"),
    ("unterminated texts", '"\n' * 60_000, "FM0107"),
    ("opening braces", "entity A {\n" * 20_000, "FM0111"),
    ("closing braces", "}\n" * 100_000, "FM0101"),
    ("ten thousand broken lines", "map c.r to A {\n" + "  x = = \n" * 10_000 + "}\n", "FM01"),
    ("ten thousand wrong types", "entity A { key k : text\n" + "".join(f"  f{i} : txt\n" for i in range(10_000)) + "}\n", "FM0212"),
    ("NUL", "\0" * 1000, "FM0106"),
    ("NUL in a text", mapped('  x = "a\0b"'), "FM0106"),
    ("NUL escaped", mapped('  x = "a\\u0000b"'), "FM0114"),
    ("a name that looks the same", mapped("  х = $.a"), "FM0106"),
    ("a member that looks the same", mapped("  x = $.а"), "FM0206"),
    ("direction of writing in a text", mapped('  x = "\u202etxet\u202c"'), "FM0106"),
    ("direction of writing in a comment", mapped("  x = $.a # \u2066abc"), "FM0106"),
    ("direction of writing behind a name", mapped("  x\u200f = $.a"), "FM0106"),
    ("an invisible blank", mapped("  x\u200b = $.a"), "FM0106"),
    ("a no-break space", mapped("  x\u00a0= $.a"), "FM0106"),
    ("a number", mapped("  when 1e400 > 2"), "FM0110"),
    ("a long number", mapped("  x = text(" + "9" * 60_000 + ")"), "FM0110"),
    ("a power of a unit", "entity A { key k : text; y : decimal(9, 2) in m^999999999? }\n", "FM0320"),
    ("units of units", "unit q0 = 1000000 kg\n" + "".join(f"unit q{i} = 1000000000000 q{i - 1}\n" for i in range(1, 3000)), "FM0323"),
    ("units of units, backwards", "".join(f"unit q{i} = 2 q{i + 1}\n" for i in range(3000)) + "unit q3000 = 1 kg\n", "FM0322"),
    ("functions of functions", chain(2000), "FM0216"),
    ("functions of functions, backwards", backwards(chain(2000)), "FM0216"),
    ("keys of keys", "".join(f"entity A{i} {{ key k : A{i + 1} }}\n" for i in range(2000)) + "entity A2000 { key k : text }\n", "FM0303"),
    ("keys in a circle", "".join(f"entity A{i} {{ key k : A{(i + 1) % 500} }}\n" for i in range(500)), "FM0303"),
    ("lets of lets", mapped(f'  let a0 = "{{$.a!}}"\n{DOUBLED}\n  x = a59') + 'example "e" {\n  given c.r { "id": "1", "a": "x" }\n  expect A { x = "1" }\n}\n', "FM0701"),
    ("a text of texts", TEN_TIMES, "FM0701"),
    ("a regular expression", "entity A { key k : text; y : text matching '((a{1,1000}){1,1000}){1,1000}'? }\n", "FM0345"),
    ("a long name", "entity " + "A" * 60_000 + " { key k : text }\n", "FM0213"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "code"), [case[1:] for case in TEXTS], ids=[case[0] for case in TEXTS])
def test_texts(text: str, code: str, tmp_path: Path) -> None:
    path = tmp_path / "x.map"
    path.write_text(text, "utf-8")
    begin = time.process_time()
    checked = check(tmp_path, [path])
    assert time.process_time() - begin < 30
    assert any(one.code.startswith(code) for one in checked.diagnostics), [one.code for one in checked.diagnostics][:5]
    assert not checked.ok


def test_the_memory_of_a_hostile_file_is_bounded(tmp_path: Path) -> None:
    """The largest file of the costliest sort: a few hundred bytes for each of its characters, and no more."""
    path = tmp_path / "x.map"
    path.write_text((mapped('  x = "' + "\\" * 60_000) * 4)[: 250 * 1024], "utf-8")
    tracemalloc.start()
    check(tmp_path, [path])
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 300 * 2**20


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"entity A { key k : text }\n# \xff\xfe\x80", "FM0111"),
        ("entity A { key k : text }\n".encode("utf-16"), "FM0111"),
        (b"\xef\xbb\xbf" + HEAD.replace("\n", "\r\n").encode(), ""),
        (HEAD.replace("\n", "\r").encode(), ""),
        (b"", ""),
    ],
    ids=["no UTF-8", "UTF-16", "BOM and CRLF", "CR", "empty"],
)
def test_bytes(content: bytes, code: str, tmp_path: Path) -> None:
    path = tmp_path / "x.map"
    path.write_bytes(content)
    assert [one.code for one in check(tmp_path, [path]).diagnostics] == ([code] if code else [])


def test_line_ends_are_no_matter() -> None:
    plain = format_source(Source("x.map", mapped("  x = $.a  # why")))
    assert format_source(Source("x.map", mapped("  x = $.a  # why").replace("\n", "\r\n"))) == plain


# ---------------------------------------------------------------------------------------------------------- other files


def _fifo(path: Path) -> None:
    os.mkfifo(path)


USED: list[tuple[str, str, Callable[[Path], Any] | None, str]] = [
    ("use a link out", 'use "s.map"\n', lambda path: path.symlink_to("/etc/passwd"), "FM0902"),
    ("use outside", 'use "../../etc/passwd"\n', None, "FM0902"),
    ("use from the root", 'use "/etc/passwd"\n', None, "FM0902"),
    ("use a pipe", 'use "s.map"\n', _fifo, "FM0901"),
    ("use a folder", 'use "s.map"\n', Path.mkdir, "FM0901"),
    ("use a device", 'use "s.map"\n', lambda path: path.symlink_to("/dev/zero"), "FM0902"),
    ("use an address", 'use "https://example.com/x.map"\n', None, "FM0209"),
    ("use an impossible name", f'use "{"a" * 5000}"\n', None, "FM0901"),
    ("codes from a link out", 'codes s from "s.map"\n', lambda path: path.symlink_to("/etc/passwd"), "FM0218"),
    ("codes from outside", 'codes s from "/etc/passwd"\n', None, "FM0218"),
    ("codes from a pipe", 'codes s from "s.map"\n', _fifo, "FM0218"),
    ("table from outside", 'table t from "../../etc/passwd" { key a : text, b : text }\n', None, "FM0218"),
    ("rates from a pipe", 'rates r from "s.map"\n', _fifo, "FM0332"),
    ("rates from a folder", 'rates r from "s.map"\n', Path.mkdir, "FM0332"),
    ("rates from a link out", 'rates r from "s.map"\n', lambda path: path.symlink_to("/etc/passwd"), "FM0332"),
    ("codes from a huge cell", 'codes s from "s.map"\n', lambda path: path.write_text("code,value\n" + "x" * 5_000_000 + ",1\n"), "FM0365"),
    ("codes from a huge file", 'codes s from "s.map"\n', lambda path: path.write_text("code,value\n" + "x,1\n" * 9_000_000), "FM0218"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "make", "code"), [case[1:] for case in USED], ids=[case[0] for case in USED])
def test_files_that_are_used(text: str, make: Callable[[Path], Any] | None, code: str, tmp_path: Path) -> None:
    path = tmp_path / "x.map"
    path.write_text(text, "utf-8")
    if make is not None:
        make(tmp_path / "s.map")
    checked = check(tmp_path, [path])
    assert code in [one.code for one in checked.diagnostics], checked.diagnostics
    assert "root:" not in "".join(source.text for source in checked.sources.values())


@pytest.mark.parametrize("make", [_fifo, Path.mkdir, lambda path: path.symlink_to("/etc/passwd")], ids=["pipe", "folder", "link"])  # fmt: skip
def test_what_is_called_like_a_map_and_is_none(
    make: Callable[[Path], Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "fieldmap.toml").write_text("")
    make(tmp_path / "x.map")
    monkeypatch.chdir(tmp_path)
    for arguments in (["check"], ["check", "x.map"], ["fmt", "--check", "x.map"], ["check", "--fix"]):
        assert run(arguments) in (1, 2)
        captured = capsys.readouterr()
        assert "Traceback" not in captured.err + captured.out
        assert "root:" not in captured.out


def test_files_in_circles_and_long_chains(tmp_path: Path) -> None:
    for number in range(3000):
        (tmp_path / f"x{number}.map").write_text(f'use "x{number + 1}.map"\n')
    (tmp_path / "x3000.map").write_text(HEAD)
    checked = check(tmp_path, [tmp_path / "x0.map"])
    assert checked.ok
    assert len(checked.sources) == 3001
    (tmp_path / "x3000.map").write_text('use "./sub/../x0.map"\n')
    (circle,) = check(tmp_path, [tmp_path / "x0.map"]).diagnostics
    assert circle.code == "FM0210"
    assert len(circle.message) < 200


# ------------------------------------------------------------------------------------------------ what checking never does


PROBE = """
import sys
from pathlib import Path
root = Path(sys.argv[1]).resolve()
from fieldmap.compiler.project import check, compile_project
import encodings.idna, zoneinfo  # what a first use would import later
checked = check(root, sorted(root.glob("*.map")))  # once without watching: libraries read their own tables
seen = []
def watch(event, arguments):
    if event == "open" and isinstance(arguments[0], str):
        path = Path(arguments[0]).resolve()
        own = any(path.is_relative_to(place) for place in places)
        if not own or (arguments[2] or 0) & 0b11:
            seen.append((event, str(path)))
    elif event.split(".")[0] in ("socket", "subprocess", "ctypes", "shutil", "pty", "urllib", "ftplib", "smtplib") or event in (
        "os.system", "os.exec", "os.posix_spawn", "os.spawn", "os.fork", "os.remove", "os.rename", "os.mkdir", "exec",
    ):
        seen.append((event, str(arguments)[:200]))
places = [root, *(Path(one).resolve() for one in sys.path if one), Path(sys.prefix), Path(sys.base_prefix), Path("/usr/share/zoneinfo")]
places += [Path(one).resolve() for one in sys.argv[2:]]
sys.addaudithook(watch)
checked = check(root, sorted(root.glob("*.map")))
print(len(checked.sources), "files,", len(checked.diagnostics), "mistakes, seen", seen)
seen.clear()
open("/etc/hosts").close()
open(root / "written", "w").close()
import socket; socket.socket().close()
print("then", len(seen))
"""


@pytest.mark.parametrize("kind", ["good", "hostile"])
def test_checking_opens_nothing_runs_nothing_asks_nobody(kind: str, tmp_path: Path) -> None:
    """Seen by an audit hook: no file outside the project but the libraries' own, nothing written, no socket, no process, no exec."""
    folder = Path(__file__).parents[2]
    if kind == "good":
        for path in (folder / "mappings" / "starter").glob("*.map"):
            (tmp_path / path.name).write_bytes(path.read_bytes())
    else:
        lines = [text for _, text, _, _ in USED] + [
            'use "~/x.map"\n',
            'codes h from "file:///etc/passwd"\n',
            'rates w from "http://localhost/x.csv"\n',
        ]
        lines += [
            mapped('  x = __import__("os")'),
            'example "e" {\n  given c.r { "id": "{{ 1 }}" }\n  expect A { x = "{x.__class__}" }\n}\n',
        ]
        (tmp_path / "x.map").write_text("".join(lines), "utf-8")
    sources = [str(folder / name) for name in ("dsl", "compiler", "grammar", "mappings", "runtime")]
    done = subprocess.run(
        [sys.executable, "-c", PROBE, str(tmp_path), *sources], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "seen []" in done.stdout, done.stdout
    assert "then 3" in done.stdout, "the hook sees what it is there to see"
    assert not done.stdout.startswith("0 ")
