"""How long `fieldmap check` takes: 50 files, 200 entities and 5,000 mapped fields, cold and with one file changed in a warm process;
one small file; and `fieldmap --version`."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from fieldmap.compiler.project import check
from fieldmap.compiler.sources import Trees

FILES, ENTITIES, FIELDS = 50, 200, 25

_TYPES = ["text?", "date?", "decimal(12, 3) in kg?", "enum { active, leave }?", "money(12, 2)?"]
_MEMBERS = ["text?", "text?", "number?", "text?", "number?"]
_VALUES = [
    "lower(trim($.source_{}))",
    '$.source_{} as date("MM/dd/yyyy")',
    "$.source_{} in lb",
    "$.source_{} via states_§",
    "$.source_{} in $.currency",
]


def write_project(folder: Path) -> list[Path]:
    """The project's files, each with four entities, their connector, and their maps."""
    folder.mkdir()
    (folder / "fieldmap.toml").write_text("")
    share = ENTITIES // FILES
    return [_file(folder, number, range(number * share, (number + 1) * share)) for number in range(FILES)]


def _file(folder: Path, number: int, entities: range) -> Path:
    blocks = [_entity(one) for one in entities]
    blocks.append(f'codes states_{number} {{\n  "A" -> active\n  "L" -> leave\n}}\n')
    blocks.append(f"connector erp_{number} {{\n  base env.ERP\n" + "".join(map(_resource, entities)) + "}\n")
    blocks += [_map(number, one) for one in entities]
    path = folder / f"file_{number:02}.map"
    path.write_text("\n".join(blocks))
    return path


def _entity(number: int) -> str:
    lines = [f"  field_{index} : {_TYPES[index % 5]}" for index in range(FIELDS - 1)]
    return "\n".join([f"entity Part{number} {{", "  key number : text", *lines, "}\n"])


def _resource(number: int) -> str:
    members = [f"      source_{index} : {_MEMBERS[index % 5]}" for index in range(FIELDS - 1)]
    shape = "\n".join(["    shape {", "      number : text", *members, "      currency : text?", "    }"])
    return f'  resource parts_{number} {{\n    get "/{number}"\n    records $.data[*]\n    id $.number\n{shape}\n  }}\n'


def _map(file: int, number: int) -> str:
    values = [_VALUES[index % 5].format(index).replace("§", str(file)) for index in range(FIELDS - 1)]
    lines = [f"  field_{index} = {value}" for index, value in enumerate(values)]
    return "\n".join([f"map erp_{file}.parts_{number} to Part{number} {{", "  number = $.number", *lines, "}\n"])


def figures(folder: Path, runs: int) -> dict[str, float]:
    """Medians in seconds, of the clock and of the processor: where others use the machine, only the latter says much."""
    paths = write_project(folder / "large")
    small = folder / "small.map"
    small.write_text("entity Worker {\n  key id   : text\n  commute : decimal(8, 1) in km?\n}\n")
    command = [sys.executable, "-m", "fieldmap"]
    _run([*command, "check", "small.map"], folder)  # the bytecode of all modules is written once in a machine's life
    measured = {
        "check 5,000 fields, cold": _median(runs, lambda: _run([*command, "check"], folder / "large")),
        "check 5,000 fields, one file changed": _warm(folder / "large", paths, runs),
        "check one small file": _median(runs, lambda: _run([*command, "check", "small.map"], folder)),
        "--version": _median(runs, lambda: _run([*command, "--version"], folder)),
    }
    return {
        f"{name}{of}": pair[index] for name, pair in measured.items() for index, of in enumerate(("", ", processor"))
    }


def _warm(folder: Path, paths: list[Path], runs: int) -> tuple[float, float]:
    """What an editor waits for: a process that has read the project, and one file that is another now."""
    trees = Trees()
    check(folder, paths, trees)

    def change_and_check() -> None:
        paths[7].write_text(paths[7].read_text() + "# changed\n")
        if not check(folder, paths, trees).ok:
            raise SystemExit("the project of the benchmark has mistakes")

    return _median(runs, change_and_check)


def _run(command: list[str], folder: Path) -> None:
    surroundings = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    subprocess.run(command, cwd=folder, check=True, capture_output=True, env=surroundings)


def _median(runs: int, action: Callable[[], None]) -> tuple[float, float]:
    clock, processor = [], []
    for _ in range(runs):
        begin, used = time.perf_counter(), _processor()
        action()
        clock.append(time.perf_counter() - begin)
        processor.append(_processor() - used)
    return statistics.median(clock), statistics.median(processor)


def _processor() -> float:
    """Seconds of the processor that this process and those that it waited for have used."""
    used = os.times()
    return used.user + used.system + used.children_user + used.children_system


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        for name, seconds in figures(Path(folder), 5).items():
            print(f"{name:<50} {seconds:6.2f} s")


if __name__ == "__main__":
    main()
