"""The console script: answers `fieldmap --version` before anything heavy is imported, and hands the rest on."""

from __future__ import annotations

import sys


def main() -> None:
    if sys.argv[1:] == ["--version"]:
        from importlib.metadata import version

        sys.stdout.write(f"fieldmap {version('fieldmap')}\n")
        return
    from fieldmap.cli.main import run

    sys.exit(run(sys.argv[1:]))
