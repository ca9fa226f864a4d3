"""Proves that the tests can fail: `make mutants` takes away one protection after the other, and a named test must notice.

Each mutant is a change of a source text, made in a copy of the tree. A mutant that survives is a missing test.
"""

from __future__ import annotations

import argparse
import os
import queue
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from tests.faults.protections import PROTECTIONS, Protection

from fieldmap.runtime.store.database import open_database

ROOT = Path(__file__).parents[2]
DEADLINE = 180  # seconds, of one test
_PARTS = ("compiler", "docs", "dsl", "grammar", "mappings", "runtime", "tests", "pyproject.toml")
_PACKAGES = {
    "cli": "compiler/fieldmap/cli",
    "codes": "docs/codes",
    "compiler": "compiler/fieldmap/compiler",
    "demo": "compiler/fieldmap/demo",
    "dsl": "dsl/fieldmap/dsl",
    "grammar": "grammar",
    "mappings": "mappings",
    "runtime": "runtime/fieldmap/runtime",
}


@dataclass(frozen=True)
class Result:
    outcome: str
    seconds: float


class Copy:
    """A copy of the tree, whose packages come before the installed ones."""

    def __init__(self, folder: Path, database: str) -> None:
        self._folder = folder
        ignored = shutil.ignore_patterns("__pycache__", "*.egg-info", ".hypothesis")
        for part in _PARTS:
            source = ROOT / part
            if source.is_dir():
                shutil.copytree(source, folder / part, ignore=ignored)
            else:
                shutil.copy(source, folder / part)
        (folder / "site" / "fieldmap").mkdir(parents=True)
        for name, place in _PACKAGES.items():
            (folder / "site" / "fieldmap" / name).symlink_to(folder / place)
        path = os.pathsep.join([str(folder / "site"), str(folder)])
        self._environ = {
            **os.environ,
            "PYTHONPATH": path,
            "FIELDMAP_TEST_DATABASE_URL": database,
            "PYTHONDONTWRITEBYTECODE": "1",
        }

    def run(self, tests: list[str], deadline: float = DEADLINE) -> Result:
        """Runs tests: passed, failed, hung, or broken where pytest itself could not run them."""
        began = time.monotonic()
        command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:xdist", *tests]
        try:
            done = subprocess.run(
                command,
                cwd=self._folder,
                env=self._environ,
                capture_output=True,
                text=True,
                timeout=deadline,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return Result("hung", time.monotonic() - began)
        # A test that could not even begin has noticed nothing.
        failed = done.returncode == 1 and " error" not in (done.stdout.strip().splitlines() or [""])[-1]
        outcome = (
            "passed"
            if done.returncode == 0
            else "failed"
            if failed
            else f"broken\n{done.stdout[-2000:]}{done.stderr[-500:]}"
        )
        return Result(outcome, time.monotonic() - began)

    def without(self, protection: Protection) -> Result:
        kept: dict[Path, str] = {}
        try:
            for file, old, new in protection.changes:
                path = self._folder / file
                text = path.read_text("utf-8")
                kept.setdefault(path, text)
                if text.count(old) != 1:
                    return Result(f"broken: {file} has {text.count(old)} times what is to be changed: {old}", 0.0)
                path.write_text(text.replace(old, new), "utf-8")
            return self.run([protection.test])
        finally:
            for path, text in kept.items():
                path.write_text(text, "utf-8")

    def own(self) -> bool:
        """Whether what runs here is the copy."""
        command = [
            sys.executable,
            "-c",
            "import fieldmap.runtime as r, fieldmap.compiler as c; print(r.__file__, c.__file__)",
        ]
        found = subprocess.run(command, cwd=self._folder, env=self._environ, capture_output=True, text=True, check=True)
        return found.stdout.count(str(self._folder)) == 2


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m tests.faults.mutants", description=__doc__.splitlines()[0] if __doc__ else ""
    )
    parser.add_argument("--only", help="only protections whose name holds this text")
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()
    chosen = [one for one in PROTECTIONS if (options.only or "") in one.name]
    if not chosen:
        parser.error(f"no protection has {options.only} in its name")
    folder = Path(tempfile.mkdtemp(prefix="fieldmap-mutants-"))
    folder.chmod(0o755)
    try:
        with open_database("", folder / "pg") as server:
            bad = tried(chosen, folder, server.url, options.workers)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print(f"{len(chosen) - bad} of {len(chosen)} killed")
    if bad:
        sys.exit(1)


def tried(chosen: list[Protection], folder: Path, database: str, workers: int) -> int:
    """Tries all, some at a time; prints a line each and gives how many were not killed."""
    copies: queue.Queue[Copy] = queue.Queue()
    for number in range(workers):
        copy = Copy(folder / f"copy{number}", database)
        if not copy.own():
            sys.exit("the tests would not run what is changed")
        copies.put(copy)
    # What is killed by a test that fails anyway tells nothing.
    whole = copies.get()
    sound = whole.run(sorted({one.test for one in chosen}), DEADLINE * (1 + len(chosen) // 10))
    copies.put(whole)
    if sound.outcome != "passed":
        sys.exit(f"without any change: {sound.outcome}")

    def one(protection: Protection) -> bool:
        copy = copies.get()
        try:
            result = copy.without(protection)
        finally:
            copies.put(copy)
        killed = result.outcome in ("failed", "hung")
        told = "killed" if killed else "SURVIVED" if result.outcome == "passed" else result.outcome
        print(f"{protection.name:68} {told:9} {result.seconds:4.0f} s  {protection.test}", flush=True)
        return killed

    with ThreadPoolExecutor(workers) as pool:
        return [*pool.map(one, chosen)].count(False)


if __name__ == "__main__":
    main()
