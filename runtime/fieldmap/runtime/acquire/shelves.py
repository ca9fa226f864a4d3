"""What files lie on: a folder of this machine, or a bucket. Names are relative, with forward slashes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Final, Protocol

from fieldmap.runtime.errors import SourceError

MOST_FILES: Final = 200_000  # that one resource reads

# Names that programs give to what they are still writing. A pattern that spells one of them means it.
_UNFINISHED: Final = (".part", ".tmp", ".temp", ".partial", ".filepart", ".crdownload", ".download", ".swp")


@dataclass(frozen=True, slots=True)
class Found:
    """A file. version: another one for another content. modified: seconds since 1970. fresh: it changed so lately that another change
    may leave the same version. link: it is none, but leads to one."""

    name: str
    size: int
    modified: float
    version: str
    fresh: bool = False
    link: bool = False


class Readable(Protocol):
    def read(self, size: int, /) -> bytes:
        """At most so many bytes, fewer only at the end. May raise OSError, SourceError."""
        ...


class Handle(Readable, Protocol):
    """An open file."""

    def changed(self) -> bool:
        """Whether the file is not any more what was found."""
        ...


class Shelf(Protocol):
    shown: str
    """As messages name it."""

    def files(self, pattern: Pattern) -> Iterator[Found]:
        """All files that may fit the pattern or mark one that does. Raises SourceError; OSError."""
        ...

    def open(self, found: Found) -> AbstractContextManager[Handle]:
        """Raises ChangedError if it is not the file that was found, SourceError, OSError."""
        ...

    def url(self, name: str) -> str: ...


class ChangedError(Exception):
    """The file is not any more what was found."""


@dataclass(frozen=True)
class Pattern:
    """A glob: `*` and `?` within a name, `[…]`, and `**` for any folders. marker: see `plan.FilesResource`."""

    text: str
    marker: str = ""
    parts: tuple[str, ...] = field(init=False)
    _whole: re.Pattern[str] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "parts", PurePosixPath(self.text).parts)
        object.__setattr__(self, "_whole", re.compile(_expression(self.parts), re.DOTALL))

    @property
    def constant(self) -> str:
        """The folders that all of it lie in, with a slash at the end; "" if there is none."""
        constant = []
        for part in self.parts[:-1]:
            if re.search(r"[*?[]", part):
                break
            constant.append(part)
        return "/".join(constant) + "/" if constant else ""

    def fits(self, name: str) -> bool:
        return self._whole.fullmatch(name) is not None and not self._unfinished(name)

    def leads_into(self, folders: tuple[str, ...]) -> bool:
        """Whether files that fit may lie in or below this folder."""
        for wanted, folder in zip(self.parts[:-1], folders, strict=False):
            if wanted == "**":
                return True
            if re.fullmatch(_piece(wanted), folder, re.DOTALL) is None:
                return False
        return len(folders) < len(self.parts) or "**" in self.parts

    def marks(self, name: str) -> bool:
        marker = self.marker
        return bool(marker) and (name.endswith(marker) if marker.startswith(".") else name.rpartition("/")[2] == marker)

    def marked_by(self, name: str) -> str:
        """The name of the file that marks this one as complete."""
        if self.marker.startswith("."):
            return name + self.marker
        return name.rpartition("/")[0] + "/" + self.marker if "/" in name else self.marker

    def _unfinished(self, name: str) -> bool:
        last, spelled = name.rpartition("/")[2], self.parts[-1]
        if last.startswith((".", "~$")) and not spelled.startswith((last[0], "[")):
            return True
        return last.endswith(_UNFINISHED) and not spelled.endswith(
            tuple(end for end in _UNFINISHED if last.endswith(end))
        )


def _expression(parts: tuple[str, ...]) -> str:
    made = ""
    for number, part in enumerate(parts):
        last = number == len(parts) - 1
        if part == "**":
            made += "(?:.+)" if last else "(?:[^/]+/)*"
        else:
            made += _piece(part) + ("" if last else "/")
    return made


def _piece(part: str) -> str:
    """One name of a glob as a regular expression."""
    made, at = "", 0
    while at < len(part):
        sign = part[at]
        at += 1
        if sign == "*":
            made += "" if made.endswith("[^/]*") else "[^/]*"
        elif sign == "?":
            made += "[^/]"
        elif sign == "[" and (end := part.find("]", at + 1 + part.startswith("!", at))) > 0:
            inner = part[at:end].replace("\\", "\\\\").replace("[", "\\[").replace("^", "\\^").replace("&&", "&\\&")
            made += f"(?!/)[{'^' + inner[1:] if inner.startswith('!') else inner}]"
            at = end + 1
        else:
            made += re.escape(sign)
    return made


def bounded(files: Iterator[Found], what: str) -> list[Found]:
    """Raises SourceError if there are more than can be looked through."""
    found = []
    for one in files:
        found.append(one)
        if len(found) > MOST_FILES:
            raise SourceError(
                f"{what} has more than {MOST_FILES:,} files; read a folder below it, or move away what was read long ago"
            )
    return found
