"""The console script: answers `fieldmap --version` before anything heavy is imported, and hands the rest on."""

from __future__ import annotations

import gc
import sys


def main() -> None:
    if sys.argv[1:] == ["--version"]:
        from importlib.metadata import version

        sys.stdout.write(f"fieldmap {version('fieldmap')}\n")
        return
    from fieldmap.cli.main import run

    code = run(sys.argv[1:])
    # A last look for cycles would go over all that is about to be given back anyway.
    gc.freeze()
    sys.exit(code)
