"""From paths to syntax trees: reads the files of a project and those that they `use`."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

from fieldmap.compiler.report import Report
from fieldmap.dsl import ast
from fieldmap.dsl.diagnostics import Diagnostic
from fieldmap.dsl.limits import LARGEST_FILE
from fieldmap.dsl.parser import parse
from fieldmap.dsl.source import Source, Span


@dataclass
class Loaded:
    """The files of a project by path as shown to the user (relative to its root, forward slashes), in order of loading."""

    sources: dict[str, Source] = field(default_factory=dict)
    files: dict[str, ast.File] = field(default_factory=dict)


class Trees:
    """The trees of files that were read before, so that a long-lived process reads again only what was changed."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[Source, ast.File, list[Diagnostic]]] = {}

    def parse(self, shown: str, text: str) -> tuple[Source, ast.File, list[Diagnostic]]:
        known = self._known.get(shown)
        if known is None or known[0].text != text:
            source = Source(shown, text)
            known = self._known[shown] = (source, *parse(source))
        return known


def load(root: Path, paths: list[Path], report: Report, trees: Trees | None = None) -> Loaded:
    """Reads and parses the files at `paths` and all that they use. One namespace: a name is known to every file loaded.

    root: what `use` names lies within it. Files at `paths` may lie anywhere, since the caller named them.
    """
    loader = _Loader(root, report, trees or Trees())
    for path in paths:
        loader.add(path, None)
    return loader.loaded


class _Loader:
    def __init__(self, root: Path, report: Report, trees: Trees) -> None:
        self._root = root
        self._report = report
        self._trees = trees
        self._open: list[str] = []
        self.loaded = Loaded()

    def add(self, path: Path, used_at: Span | None) -> None:
        shown = Path(os.path.relpath(path, self._root)).as_posix()
        if shown in self._open:
            circle = " → ".join([*self._open[self._open.index(shown) :], shown])
            self._report.error(
                "FM0210",
                f"files use each other in a circle: {circle}",
                used_at or Span(shown, 0, 0),
                help="leave one use out",
            )
            return
        if shown in self.loaded.files:
            return
        text = self._read(path, shown, used_at)
        if text is None:
            self._report.unread()
            return
        source, tree, mistakes = self._trees.parse(shown, text)
        self.loaded.sources[shown] = source
        self._report.add(source, tree, mistakes)
        self._open.append(shown)
        for item in tree.items:
            if isinstance(item, ast.Use):
                self.add(path.parent / item.path.value, item.path.span)
        self._open.pop()
        self.loaded.files[shown] = tree

    def _read(self, path: Path, shown: str, used_at: Span | None) -> str | None:
        place = used_at or Span(shown, 0, 0)
        if used_at is not None and not path.resolve().is_relative_to(self._root.resolve()):
            self._report.error(
                "FM0902",
                f"{shown} lies outside the project",
                place,
                help="a project reads no file but its own: copy it into the project's folder",
            )
            return None
        try:
            if path.stat().st_size > LARGEST_FILE:
                self._report.error(
                    "FM0111",
                    f"the file has {path.stat().st_size // 1024} KB, and {LARGEST_FILE // 1024} KB are read",
                    place,
                    help="divide it into several files, joined by `use`",
                )
                return None
            return path.read_bytes().decode("utf-8-sig")
        except FileNotFoundError:
            self._report.error(
                "FM0209",
                f"there is no file {shown}",
                place,
                help="a path after use is relative to the file that says it",
            )
        except UnicodeDecodeError:
            self._report.error("FM0111", f"{shown} is not written in UTF-8", place, help="save it as UTF-8")
        except OSError as error:
            self._report.error("FM0901", f"{shown} cannot be read: {error.strerror}", place)
        return None
