"""From paths to syntax trees: reads the files of a project and those that they `use`."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

from fieldmap.compiler.ahead import parse_ahead
from fieldmap.compiler.remembered import Remembered
from fieldmap.compiler.report import Report
from fieldmap.dsl import ast
from fieldmap.dsl.building import shortened
from fieldmap.dsl.diagnostics import Diagnostic
from fieldmap.dsl.limits import LARGEST_FILE
from fieldmap.dsl.parser import parse
from fieldmap.dsl.source import Source, Span


@dataclass
class Loaded:
    """The files of a project by path as shown to the user (relative to its root, forward slashes), in order of loading."""

    sources: dict[str, Source] = field(default_factory=dict)
    files: dict[str, ast.File] = field(default_factory=dict)


MOST_SHOWN = 12


def with_line_feeds(text: str) -> str:
    """The text of a file whose lines end in CR alone, as old programs write them; any other text as it is."""
    return text.replace("\r", "\n") if "\n" not in text else text


class Trees:
    """The trees of files that were read before, and what is known of them, so that a long-lived process reads again only what was
    changed."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[Source, ast.File, list[Diagnostic]]] = {}
        self.remembered = Remembered()

    def parse(self, shown: str, text: str) -> tuple[Source, ast.File, list[Diagnostic]]:
        known = self._known.get(shown)
        if known is None or known[0].text != text:
            source = Source(shown, text)
            known = self._known[shown] = (source, *parse(source))
        return known

    def knows(self, shown: str, text: str) -> bool:
        known = self._known.get(shown)
        return known is not None and known[0].text == text

    def put(self, shown: str, made: tuple[Source, ast.File, list[Diagnostic]]) -> None:
        self._known[shown] = made


def load(root: Path, paths: list[Path], report: Report, trees: Trees | None = None) -> Loaded:
    """Reads and parses the files at `paths` and all that they use. One namespace: a name is known to every file loaded.

    root: what `use` names lies within it. Files at `paths` may lie anywhere, since the caller named them.
    """
    loader = _Loader(root, report, trees if trees is not None else Trees())
    loader.begin(paths)
    for path in paths:
        loader.add(path, None)
    return loader.loaded


class _Loader:
    def __init__(self, root: Path, report: Report, trees: Trees) -> None:
        self._root = root
        self._report = report
        self._trees = trees
        self._open: dict[str, ast.File] = {}
        self.loaded = Loaded()

    def begin(self, paths: list[Path]) -> None:
        """Parses what is not known of these files, some of it beside this process. What is wrong with a file is said by `add`."""
        silent = _Loader(self._root, Report(), self._trees)
        found: dict[str, str] = {}
        for path in paths:
            shown = silent._shown(path)
            text = silent._read(path, shown, None) if shown not in found else None
            if text is not None and not self._trees.knows(shown, text):
                found[shown] = text
        parse_ahead(list(found.items()), self._trees.parse, self._trees.put)

    def _shown(self, path: Path) -> str:
        return Path(os.path.relpath(path, self._root)).as_posix()

    def add(self, path: Path, used_at: Span | None) -> None:
        """Reads a file, and those that it uses before it; without recursion, so that no chain of files is too long."""
        waiting = [iter([(path, used_at)])]
        while waiting:
            following = next(waiting[-1], None)
            if following is None:
                waiting.pop()
                if waiting:
                    shown, tree = self._open.popitem()
                    self.loaded.files[shown] = tree
                continue
            opened = self._opened(*following)
            if opened is not None:
                uses = [item for item in opened.items if isinstance(item, ast.Use)]
                waiting.append(iter([(following[0].parent / use.path.value, use.path.span) for use in uses]))

    def _opened(self, path: Path, used_at: Span | None) -> ast.File | None:
        """The tree of a file that is met for the first time and could be read."""
        shown = self._shown(path)
        if shown in self._open:
            open_ones = list(self._open)
            circle = [*open_ones[open_ones.index(shown) :], shown]
            if len(circle) > MOST_SHOWN:
                circle[MOST_SHOWN // 2 : -MOST_SHOWN // 2] = ["…"]
            self._report.error(
                "FM0210",
                f"files use each other in a circle: {' → '.join(circle)}",
                used_at or Span(shown, 0, 0),
                help="leave one use out",
            )
            return None
        if shown in self.loaded.files:
            return None
        text = self._read(path, shown, used_at)
        if text is None:
            self._report.unread()
            return None
        source, tree, mistakes = self._trees.parse(shown, text)
        self.loaded.sources[shown] = source
        self._report.add(source, tree, mistakes)
        self._open[shown] = tree
        return tree

    def _read(self, path: Path, shown: str, used_at: Span | None) -> str | None:
        place = used_at or Span(shown, 0, 0)
        try:
            outside = not path.resolve().is_relative_to(self._root.resolve())
            if outside and (used_at is not None or path.is_relative_to(self._root)):
                self._report.error(
                    "FM0902",
                    f"{shown} lies outside the project",
                    place,
                    help="a project reads no file but its own: copy it into the project's folder",
                )
                return None
            if path.exists() and not path.is_file():  # a folder, or a pipe that nobody may ever write to
                self._report.error("FM0901", f"{shown} is no file", place, help="name a file that ends in .map")
                return None
            if path.stat().st_size > LARGEST_FILE:
                self._report.error(
                    "FM0111",
                    f"the file has {path.stat().st_size // 1024} KB, and {LARGEST_FILE // 1024} KB are read",
                    place,
                    help="divide it into several files, joined by `use`",
                )
                return None
            return with_line_feeds(path.read_bytes().decode("utf-8-sig"))
        except FileNotFoundError:
            self._report.error(
                "FM0209",
                f"there is no file {shown}",
                place,
                help="a path after use is relative to the file that says it",
            )
        except UnicodeDecodeError:
            self._report.error("FM0111", f"{shown} is not written in UTF-8", place, help="save it as UTF-8")
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else "no file can be called so"
            self._report.error("FM0901", f"{shortened(shown)} cannot be read: {reason}", place)
        return None
