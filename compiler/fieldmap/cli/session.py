"""The conversation of `fieldmap repl`."""

from __future__ import annotations

import contextlib
import re
import sys
from collections.abc import Callable, Iterator
from typing import Any

from fieldmap.compiler.evaluate import Evaluated, evaluate
from fieldmap.runtime.errors import FieldmapError

PROMPT = "> "
HELP = """\
$.name              any expression of the language; $ is the record
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

    def run(self) -> int:
        """Goes on to :quit or the end of the input. A mistake is one line, and the conversation goes on."""
        interactive = sys.stdin.isatty()
        if interactive:
            sys.stdout.write("$ is the record; :help says what there is\n")
            self._complete()
        while True:
            try:
                line = input(PROMPT) if interactive else sys.stdin.readline()
            except EOFError:
                sys.stdout.write("\n")
                return 0
            except KeyboardInterrupt:
                sys.stdout.write("\n")
                continue
            if not interactive and not line:
                return 0
            if line.strip() in (":quit", ":q", ":exit"):
                return 0
            if line.strip():
                sys.stdout.write(self.answer(line.strip()) + "\n")
                sys.stdout.flush()

    def answer(self, line: str) -> str:
        """What a line is answered with."""
        try:
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

            readline.set_completer_delims(" \t\n()[]{},=+*/<>!")
            readline.set_completer(self.completion)
            readline.parse_and_bind("tab: complete")

    def completion(self, text: str, number: int) -> str | None:
        """The number-th completion of what is written: paths of the record, functions, commands."""
        if not self._names:
            from fieldmap.compiler.functions import FUNCTIONS

            self._names = sorted(
                {*_paths(self._document), *(f"{name}(" for name in FUNCTIONS), ":record ", ":type ", ":help", ":quit"}
            )
        fitting = [name for name in self._names if name.startswith(text)]
        return fitting[number] if number < len(fitting) else None


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
            waiting.extend(
                (f"{path}.{name}", item) for name, item in value.items() if re.fullmatch(r"[A-Za-z_]\w*", name)
            )
        elif isinstance(value, list) and value:
            waiting.append((f"{path}[*]", value[0]))
