"""The conversation of `fieldmap repl`."""

from __future__ import annotations

import contextlib
import glob
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from fieldmap.compiler.evaluate import Evaluated, evaluate
from fieldmap.compiler.explain.jsontext import json_text
from fieldmap.dsl.standalone import is_empty, is_unfinished
from fieldmap.runtime.errors import FieldmapError

PROMPT = "> "
MORE = ". "
HELP = """\
$.name              any expression of the language; $ is the record
                    one that cannot end yet goes on in the next line; an empty line ends it, Ctrl-C gives it up
:record FILE        loads a JSON document as the record
:record             shows what the record holds
:type EXPR          says the type of an expression only
:help               this
:quit               leaves; so does the end of the input"""
_MOST_MEMBERS = 2_000


class Session:
    """document: what `$` stands for. load: reads another. Lines come from standard input, answers go to standard output."""

    def __init__(self, document: Any, load: Callable[[str], Any]) -> None:
        self._document = document
        self._load = load
        self._names: list[str] = []
        self._interactive = False
        self._waiting: list[str] = []

    def run(self) -> int:
        """Goes on to :quit or the end of the input. A mistake is one line, and the conversation goes on."""
        self._interactive = sys.stdin.isatty()
        if self._interactive:
            sys.stdout.write("$ is the record; :help says what there is\n")
            self._complete()
        while True:
            try:
                line = self._read()
                if line is None or line.strip() in (":quit", ":q", ":exit"):
                    return 0
                if line.strip().startswith(":") or not is_empty(line):
                    sys.stdout.write(self.answer(line.strip()) + "\n")
                    sys.stdout.flush()
            except KeyboardInterrupt:
                sys.stdout.write("\n")

    def _read(self) -> str | None:
        """An expression, which goes on while it cannot end yet, or a command; None at the end of the input. An empty line or a
        command ends it in any case."""
        lines: list[str] = []
        while True:
            line = self._waiting.pop() if self._waiting else self._line(MORE if lines else PROMPT)
            if line is None:
                return "\n".join(lines) if lines else None
            if lines and line.lstrip().startswith(":"):
                self._waiting.append(line)
                return "\n".join(lines)
            # What was pasted may bring several lines at once.
            lines.append(line)
            if not line.strip() or line.lstrip().startswith(":") or not is_unfinished("\n".join(lines)):
                return "\n".join(lines)

    def _line(self, prompt: str) -> str | None:
        if not self._interactive:
            line = sys.stdin.readline()
            return line.removesuffix("\n") if line else None
        try:
            return input(prompt)
        except EOFError:
            sys.stdout.write("\n")
            return None

    def answer(self, line: str) -> str:
        """What a line is answered with."""
        try:
            if re.match(r"let[ \t]+\w+[ \t]*=", line):
                return "error: a let stands in a map; here write the value itself"
            if not line.startswith(":"):
                found = evaluate(line, self._document)
                return f"{found.shown}    {found.type}"
            return self._command(*(line[1:].split(maxsplit=1) or [""]))
        except FieldmapError as error:
            return f"error: {error}"

    def _command(self, word: str, rest: str = "") -> str:
        match word:
            case "record" if rest:
                self._document = self._load(rest.strip())
                self._names = []
                return _outline(self._document)
            case "record":
                return _outline(self._document)
            case "type" if rest:
                found: Evaluated = evaluate(rest, self._document)
                return found.type
            case "type":
                return "error: say what of: :type $.name"
            case "help":
                return HELP
            case _:
                return f"error: there is no :{word}; there are :record, :type, :help and :quit"

    # ------------------------------------------------------------------------------------------------- completion

    def _complete(self) -> None:
        """History and completion, where this Python has readline."""
        with contextlib.suppress(ImportError):
            import readline

            # Without the signs of paths, so that a path is completed as a whole.
            readline.set_completer_delims(" \t\n(){},=+*/<>!")
            readline.set_completer(lambda text, number: self.completion(text, number, readline.get_line_buffer()))
            readline.parse_and_bind("tab: complete")

    def completion(self, text: str, number: int, line: str = "") -> str | None:
        """The number-th completion of what is written: paths of the record, functions, commands; files behind :record.

        text: what is to be completed, from the last delimiter on; line: all of the line.
        """
        command, blank, name = line.lstrip().partition(" ")
        fitting = _files(name, text) if command == ":record" and blank else self._fitting(text, line)
        return fitting[number] if number < len(fitting) else None

    def _fitting(self, text: str, line: str) -> list[str]:
        if not self._names:
            from fieldmap.compiler.functions import FUNCTIONS

            self._names = sorted(
                {*_paths(self._document), *(f"{name}(" for name in FUNCTIONS), ":record ", ":type ", ":help", ":quit"}
            )
        # An element that is named by its place has the members of all.
        general = re.sub(r"\[-?\d+\]", "[*]", text)
        found = [text + name[len(general) :] for name in self._names if name.startswith(general)]
        return [name for name in found if not name.startswith(":") or line.lstrip() == text]


def _files(name: str, text: str) -> list[str]:
    """Files and folders that begin so; text is the part of the name behind the last delimiter."""
    kept = len(name) - len(text)
    found = sorted(
        Path().glob(f"{glob.escape(name)}*")
        if not Path(name).is_absolute()
        else Path("/").glob(f"{glob.escape(name[1:])}*")
    )
    return [f"{path}{'/' if path.is_dir() else ''}"[kept:] for path in found]


def _outline(document: Any) -> str:
    if isinstance(document, dict):
        names = ", ".join(list(document)[:20])
        return f"an object with {names}{' …' if len(document) > 20 else ''}" if document else "an empty object"
    if isinstance(document, list):
        return f"a list of {len(document)}"
    return "a single value"


def _paths(document: Any) -> Iterator[str]:
    """Paths to the members of a record; the first element of a list stands for all."""
    waiting = [("$", document)]
    made = 0
    while waiting and made < _MOST_MEMBERS:
        path, value = waiting.pop()
        yield path
        made += 1
        if isinstance(value, dict):
            waiting.extend((f"{path}{_step(name)}", item) for name, item in value.items())
        elif isinstance(value, list) and value:
            waiting.append((f"{path}[*]", value[0]))


def _step(name: str) -> str:
    """The step to a member, in brackets where its name is no plain word."""
    return f".{name}" if re.fullmatch(r"[A-Za-z_]\w*", name) else f"[{json_text(name)}]"
