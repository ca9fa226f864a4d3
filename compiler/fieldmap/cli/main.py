"""The `fieldmap` command. Each command lives with its kin; here they are gathered, and errors become one sentence and an exit code.

Exit codes: 0 good, 1 findings (mistakes in maps, sources that failed), 2 usage, 3 a fault of the surroundings.
"""

from __future__ import annotations

import errno
import io
import os
import re
import sys
import traceback
from collections.abc import Sequence
from importlib import import_module
from typing import Annotated, TextIO

import typer

from fieldmap.cli.console import err, safe, say
from fieldmap.cli.numbers import refuse_empty
from fieldmap.runtime.errors import FieldmapError

# What the shell's own exit code for Ctrl-C is.
_INTERRUPTED = 130
# What an output says that takes no more, or has nobody who reads it.
_UNWRITABLE = (errno.EPIPE, errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)

# Which module has which commands: a command imports its own, and --help all of them.
COMMANDS: dict[str, tuple[str, ...]] = {
    "author": ("init", "fmt", "demo", "compile"),
    "checking": ("check", "explain-code"),
    "inferring": ("infer",),
    "drafting": ("draft",),
    "evaluating": ("eval", "repl"),
    "measuring": ("units",),
    "operate": ("sync", "replay"),
    "status": ("status",),
    "fetching": ("fetch",),
    "pushing": ("ingest",),
    "serving": ("serve",),
    "metadata": ("metadata",),
    "query": ("query",),
    "inspect": ("explain",),
    "dlq": ("dlq",),
    "reporting": ("report",),
    "listing": ("conflicts", "incomplete", "duplicates", "dangling", "stale"),
    "archive": ("archive",),
    "identity": ("identity",),
}


def _application(arguments: Sequence[str]) -> typer.Typer:
    """The commands that a command line may mean."""
    app = typer.Typer(
        name="fieldmap",
        help="Unifies what many systems say about the same things into one typed, explained model in PostgreSQL.",
        epilog="Start with: fieldmap init my-project · or see it at work: fieldmap demo",
        no_args_is_help=True,
        add_completion=True,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    )
    app.callback()(_common)
    named = arguments[0] if arguments else ""
    wanted = [module for module, commands in COMMANDS.items() if named in commands]
    for name in wanted or COMMANDS:
        module = import_module(f"fieldmap.cli.{name}")
        if hasattr(module, "app"):
            app.add_typer(module.app, name=name)
        else:
            module.register(app)
    return app


def _common(
    version: Annotated[bool, typer.Option("--version", help="Show the version and exit.")] = False,
) -> None:
    # Answered by start.py before this module is imported; named here for --help.
    del version


def run(arguments: Sequence[str]) -> int:
    """Runs one command line (without the program's name) in this process; returns the exit code."""
    code = _run(arguments)
    try:
        # Whether the last of it could be written, a script must know by the exit code.
        sys.stdout.flush()
    except OSError as error:
        return _unwritten(error, code)
    return code


def _run(arguments: Sequence[str]) -> int:
    try:
        _settle_streams()
        if arguments[:1] not in (["eval"], ("eval",)):
            refuse_empty(arguments)
        _application(arguments)(args=_plain(arguments), prog_name="fieldmap")
    except SystemExit as stop:
        # Usage mistakes and --help were answered already.
        if stop.code == _INTERRUPTED:
            _stopped()
        return stop.code if isinstance(stop.code, int) else 2
    except FieldmapError as error:
        _say(error)
        return error.exit_code
    except KeyboardInterrupt:
        _stopped()
        return _INTERRUPTED
    except OSError as error:
        if error.errno in _UNWRITABLE:
            return _unwritten(error, 0)
        return _failed(error)
    except Exception as error:  # noqa: BLE001  (the last resort: a fault of the program is told as such)
        return _failed(error)
    return 0


def _failed(error: Exception) -> int:
    if os.environ.get("FIELDMAP_DEBUG"):
        traceback.print_exc()
    err().print(
        f"error: Fieldmap itself failed ({type(error).__name__}: {safe(str(error))[:200]}); nothing half-done was kept. "
        "FIELDMAP_DEBUG=1 shows where; please report it"
    )
    return 3


def _unwritten(error: OSError, code: int) -> int:
    """The exit code where the output cannot be written: that of the command, where only its reader has gone (`head`)."""
    # What is still waiting would be tried again at the end of the process.
    sys.stdout = _nowhere()
    if isinstance(error, BrokenPipeError):
        return code
    err().print(f"error: The output could not be written ({error.strerror}); make room, and run the command again")
    return 3


def _plain(arguments: Sequence[str]) -> list[str]:
    """The arguments, with a blank before an expression that begins with a minus, which is no option."""
    minus = re.compile(r"-[\d.$@(]")
    if arguments[:1] not in (["eval"], ("eval",)):
        return list(arguments)
    return [f" {argument}" if minus.match(argument) else argument for argument in arguments]


def _stopped() -> None:
    err().print("stopped; what was committed stays, and the next run goes on from there")


def _settle_streams() -> None:
    """Signs for which the surroundings name no encoding are replaced, rather than ending the command; a stream that is closed (`>&-`) takes
    everything."""
    if sys.stdout is None:
        sys.stdout = _nowhere()
    if sys.stderr is None:
        sys.stderr = _nowhere()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")


def _nowhere() -> TextIO:
    """A stream for the rest of the process, which takes everything."""
    return open(os.devnull, "w")


def _say(error: FieldmapError) -> None:
    """First line folded by the console, what follows (rendered mistakes) as it is."""
    head, _, rest = str(error).partition("\n")
    say(err(), f"error: {head}", indent=len("error: "))
    if rest:
        sys.stderr.write(rest.lstrip("\n") + "\n")
