"""The `.map` files that a command of authors is about."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from fieldmap.cli.workspace import Workspace
from fieldmap.runtime.errors import UsageError


def sources(files: Sequence[Path] | None) -> tuple[Path, list[Path]]:
    """The folder that names are relative to, and the files. Files that are named need no project around them."""
    if files:
        missing = [path for path in files if not path.exists()]
        if missing:
            raise UsageError(f"There is no file {missing[0]}")
        found = [file for path in files for file in (_within(path) if path.is_dir() else [path])]
        if not found:
            raise UsageError(f"There is no .map file in {files[0]}")
        return _folder(found), [file.absolute() for file in found]
    workspace = Workspace.here()
    return workspace.root, workspace.files()


def _within(folder: Path) -> list[Path]:
    return sorted(file for file in folder.glob("**/*.map") if file.is_file())


def _folder(files: Sequence[Path]) -> Path:
    """The folder that files may `use` others of: the current one, or the one around them if they lie elsewhere."""
    here = Path.cwd()
    if all(file.absolute().is_relative_to(here) for file in files):
        return here
    return Path(os.path.commonpath([file.absolute().parent for file in files]))


def read_source(path: Path, root: Path) -> str:
    """The text of a file. Raises UsageError if it is none, is not UTF-8, or is a link that leads out of the project."""
    from fieldmap.compiler.sources import with_line_feeds

    if path.is_relative_to(root) and not path.resolve().is_relative_to(root.resolve()):
        raise UsageError(f"{path} leads out of the project; copy the file into the project's folder")
    if not path.is_file():
        raise UsageError(f"{path} is no file; name files that end in .map, or a folder of them")
    try:
        return with_line_feeds(path.read_bytes().decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise UsageError(f"{path} is not written in UTF-8; save it as UTF-8") from None


def colour() -> bool:
    """Whether the reader is a terminal that wants colour."""
    return sys.stdout.isatty() and "NO_COLOR" not in os.environ
