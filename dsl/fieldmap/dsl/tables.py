"""Keeps the built grammar in the user's cache: building it takes a third of a second, reading it back a few hundredths.

The file is the user's own, named after everything that it was made of, and worth nothing: whatever is wrong with it, the grammar
is built anew.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import pickle
import sys
import tempfile
from pathlib import Path
from typing import Any

import lark
import platformdirs


def built(grammar: str, options: dict[str, Any]) -> lark.Lark:
    """The parser of a grammar. options: of `lark.Lark`."""
    made_of = repr((grammar, sorted(options.items()), lark.__version__, sys.version_info[:3]))
    path = _folder() / f"grammar-{hashlib.sha256(made_of.encode()).hexdigest()[:32]}.bin"
    with (
        contextlib.suppress(OSError, EOFError, pickle.UnpicklingError, KeyError, ValueError, AttributeError, TypeError),
        path.open("rb") as file,
    ):
        return lark.Lark.load(file)
    parser = lark.Lark(grammar, **options)
    _keep(parser, path)
    return parser


def _folder() -> Path:
    return Path(platformdirs.user_cache_dir("fieldmap", appauthor=False))


def _keep(parser: lark.Lark, path: Path) -> None:
    """Written beside its place and moved there, so that no other process reads half of it. A cache that cannot be kept is none."""
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=path.name)
        try:
            with os.fdopen(handle, "wb") as file:
                parser.save(file)
            Path(temporary).replace(path)
        except BaseException:
            Path(temporary).unlink()
            raise
