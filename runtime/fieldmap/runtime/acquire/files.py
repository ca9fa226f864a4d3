"""Files of a folder or bucket, each archived whole (long JSON lines in parts) whenever its content is another one.

What was there and what of it is archived stands in the mark of a sweep's end, see `listing`.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Final

from fieldmap.runtime.acquire import listing
from fieldmap.runtime.acquire.folders import LocalFolder
from fieldmap.runtime.acquire.listing import Begun, Entry, fingerprint
from fieldmap.runtime.acquire.shelves import ChangedError, Found, Handle, Pattern, Readable, Shelf, bounded
from fieldmap.runtime.acquire.sweeps import Wanted, new_sweep
from fieldmap.runtime.archive import Archived, ClosedSweep, Received, SweepEnd, Writer
from fieldmap.runtime.errors import SourceError, UsageError
from fieldmap.runtime.plan import FilesConnector, FilesResource, Format
from fieldmap.runtime.ports import Ports
from fieldmap.runtime.secrets import Secret, references, resolve_all

MOST_BYTES: Final = 256 << 20  # of one record
PART_BYTES: Final = 32 << 20  # of JSON lines are archived as one record
_NAMED: Final = 3  # files that a note names


def fetch_files(
    connector: FilesConnector,
    resource: FilesResource,
    *,
    writer: Writer,
    ports: Ports,
    environ: Mapping[str, str],
    wanted: Wanted = Wanted(),  # noqa: B008  (frozen)
) -> Iterator[Archived | ClosedSweep]:
    """Every file of the resource that is not archived as it is now. Settings are checked at once."""
    folder = resolve_all(connector.name, {"folder": connector.folder}, environ)["folder"]
    if isinstance(folder, Secret):
        raise UsageError(f"The connector {connector.name} has a secret in its folder; a folder's name is none, use env")
    pattern = PurePosixPath(resource.pattern)
    if pattern.is_absolute() or ".." in pattern.parts or not pattern.parts:
        raise UsageError(f"{resource.name} asks for the files {resource.pattern!r}, and they must lie in its folder")
    shelf = _shelf(connector, folder, ports, environ)
    return Sweep(connector, resource, shelf, writer, ports, wanted).run()


def _shelf(connector: FilesConnector, folder: str, ports: Ports, environ: Mapping[str, str]) -> Shelf:
    if "://" in folder:
        from fieldmap.runtime.acquire.buckets import Bucket

        return Bucket(connector, folder, environ)
    if connector.s3 is not None:
        raise UsageError(
            f"The connector {connector.name} has an s3 block, and its folder {folder} is no s3://bucket/prefix"
        )
    return LocalFolder(Path(folder), ports.clock)


@dataclass
class Sweep:
    """One pass over the files of a resource."""

    connector: FilesConnector
    resource: FilesResource
    shelf: Shelf
    writer: Writer
    ports: Ports
    wanted: Wanted
    sweep: str = ""
    page: int = 0
    first: int = -1
    entries: dict[str, Entry] = field(default_factory=dict)
    mixed: bool = False
    waiting: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)

    def run(self) -> Iterator[Archived | ClosedSweep]:
        standing = self.writer.standing()
        end = standing.end
        known = listing.read(end.listing, self.resource.name) if end is not None else {}
        begun = listing.begun(standing)
        files = self._files(known, is_first=end is None and begun is None)
        # Absence is judged by what one sweep holds, so such a sweep holds all there is.
        anew = self.wanted.full or (
            self.resource.absence and not self.waiting and (end is None or self._is_due(end, files, known))
        )
        left = self._taken_up(files, begun, anew=anew)
        for found in files:
            yield from self._file(found, known.get(found.name), left, anew=anew)
        self._say_waiting()
        if self.page or self._tells_more(known) or end is None or anew:
            full = anew and self.resource.absence and not (self.waiting or self.failed or self.mixed)
            yield self.writer.close_sweep(
                self.sweep,
                self.page,
                SweepEnd(
                    framed=True,
                    full=full,
                    first=self.first,
                    confirmed=self.wanted.confirmed,
                    listing=listing.written(self.entries),
                ),
            )
        if self.failed:
            more = f" ({len(self.failed) - 1} more files could not be read either)" if len(self.failed) > 1 else ""
            raise SourceError(self.failed[0] + more)

    # --------------------------------------------------------------------------------------------- which files

    def _files(self, known: Mapping[str, Entry], *, is_first: bool) -> list[Found]:
        """The files to read, in order; what is not yet complete is noted."""
        pattern = Pattern(self.resource.pattern, self.resource.marker)
        with self._told():
            found = bounded(self.shelf.files(pattern), self.shelf.shown)
        self._say_links([one.name for one in found if one.link])
        marks = {one.name for one in found if pattern.marks(one.name)}
        fitting = [one for one in found if not one.link and pattern.fits(one.name) and one.name not in marks]
        if not fitting and is_first:
            raise SourceError(
                f"No file in the folder {self.shelf.shown} of {self.resource.name} fits {self.resource.pattern!r}, and none ever did; check the pattern"
            )
        now = self.ports.clock.now().timestamp()
        ready = []
        for one in sorted(fitting, key=lambda one: one.name):
            if pattern.marker and pattern.marked_by(one.name) not in marks:
                reason = f"waits for {pattern.marked_by(one.name)}"
            elif abs(now - one.modified) * 1000 < self.resource.settles_ms:
                reason = f"was written less than {_length(self.resource.settles_ms)} ago"
            else:
                ready.append(one)
                continue
            self.waiting.append(f"{one.name} {reason}")
            if one.name in known:
                self.entries[one.name] = known[one.name]
        # By name otherwise; the sort is stable.
        return sorted(ready, key=lambda one: one.modified) if self.resource.order == "time" else ready

    def _is_due(self, end: SweepEnd, files: list[Found], known: Mapping[str, Entry]) -> bool:
        """Whether a sweep of all there is is wanted. One that failed at a file is begun again when the files are other ones."""
        failed = any(not entry.parts for entry in known.values())
        return (not end.full and not failed) or self._differs(files, known)

    def _tells_more(self, known: Mapping[str, Entry]) -> bool:
        """Whether the mark would say something else than the one before. Where all files are one picture, files that were written again as
        they were are none: a mark that is not of the whole picture would have all of it read again."""
        if not self.resource.absence:
            return self.entries != known
        return {name: one.parts for name, one in self.entries.items()} != {
            name: one.parts for name, one in known.items()
        }

    def _differs(self, files: list[Found], known: Mapping[str, Entry]) -> bool:
        """Whether the files are other ones, or others in content, than those that are archived."""
        if {one.name for one in files} != known.keys():
            return True
        for found in files:
            entry = known[found.name]
            if entry.version and found.version == entry.version:
                continue
            try:
                with self._opened(found) as handle:
                    digests = tuple(
                        _digest(body)
                        for body in _bodies(handle, found.name, self.resource.format, self.resource.packed)
                    )
                    if digests != entry.parts or handle.changed():
                        return True
            except (ChangedError, SourceError):
                return True
        return False

    def _taken_up(self, files: list[Found], begun: Begun | None, *, anew: bool) -> Begun | None:
        """Begins a sweep, or goes on with one that was cut off; then what it has of each part."""
        if begun is not None and (not anew or self._goes_on(files, begun)):
            self.sweep, self.first = begun.sweep, begun.frames[0].position
            self.page = 0 if anew else begun.frames[-1].page
            return begun
        self.sweep = new_sweep(self.ports)
        # What was archived since the mark counts all the same: it is what the archive has last of these files.
        return begun

    def _goes_on(self, files: list[Found], begun: Begun) -> bool:
        """Whether the pages of a sweep that holds all there is are those that it would begin with now."""

        def fingerprints() -> Iterator[str]:
            for found in files:
                with self._opened(found) as handle:
                    for number, body in enumerate(
                        _bodies(handle, found.name, self.resource.format, self.resource.packed)
                    ):
                        yield fingerprint(found.name, number, _digest(body))

        try:
            return listing.rests_on(begun.frames, fingerprints())
        except (ChangedError, SourceError):
            return False

    # --------------------------------------------------------------------------------------------- one file

    def _file(self, found: Found, entry: Entry | None, left: Begun | None, *, anew: bool) -> Iterator[Archived]:
        begun = left is not None and left.names(found.name)
        if (
            not anew
            and not begun
            and entry is not None
            and entry.parts
            and entry.version
            and entry.version == found.version
        ):
            self.entries[found.name] = entry
            return
        try:
            parts = yield from self._parts(found, entry, left, anew=anew)
        except ChangedError:
            self.waiting.append(f"{found.name} changed while it was read")
        except SourceError as error:
            self.failed.append(str(error))
            self.entries[found.name] = Entry(found.version, ())
        else:
            self.entries[found.name] = Entry("" if found.fresh else found.version, tuple(parts))

    def _parts(
        self, found: Found, entry: Entry | None, left: Begun | None, *, anew: bool
    ) -> Generator[Archived, None, list[str]]:
        """Archives what is new; returns the digest of each part."""
        digests: list[str] = []
        other = False
        continued = left is not None and left.sweep == self.sweep
        with self._opened(found) as handle:
            for number, body in enumerate(_bodies(handle, found.name, self.resource.format, self.resource.packed)):
                digest = _digest(body)
                before = left.part(found.name, number) if left is not None else None
                if anew:
                    # Only what this very sweep has already.
                    has = continued and before == digest
                    # It changed since the sweep was taken up, which then holds two contents of it.
                    self.mixed |= continued and before is not None and not has
                else:
                    before = before or (
                        entry.parts[number] if entry is not None and number < len(entry.parts) else None
                    )
                    # Behind a part that is new all others are archived again: of two records with one identity the later counts.
                    has = before == digest and not other
                if handle.changed():
                    raise ChangedError
                digests.append(digest)
                if has:
                    self.page += anew
                    continue
                other = True
                yield self._append(found.name, number, body, digest)
            if handle.changed():
                raise ChangedError
        return digests

    @contextlib.contextmanager
    def _opened(self, found: Found) -> Iterator[Handle]:
        """Raises ChangedError; SourceError, also where it is longer than it may be: then nothing of it is read."""
        if found.size > MOST_BYTES and not _is_parted(self.resource.format, self.resource.packed):
            raise _too_long(found.name, self.resource.format, self.resource.packed)
        with self._told(), self.shelf.open(found) as handle:
            yield handle

    def _append(self, name: str, number: int, body: bytes, digest: str) -> Archived:
        self.page += 1
        made = self.writer.append(
            Received(
                resource=self.resource.name,
                url=self.shelf.url(name),
                fetched_at=self.ports.clock.now(),
                status=None,
                headers={},
                body=body,
                format=self.resource.format,
                request=fingerprint(name, number, digest),
                sweep=self.sweep,
                page=self.page,
                digest=digest,
            )
        )
        self.first = made.position if self.first < 0 else self.first
        return made

    # --------------------------------------------------------------------------------------------- what is said

    def _say_waiting(self) -> None:
        if not self.waiting:
            return
        told = "; ".join(_printable(text) for text in self.waiting[:_NAMED])
        more = f"; and {len(self.waiting) - _NAMED} more files" if len(self.waiting) > _NAMED else ""
        self.wanted.note(f"not read yet: {told}{more}; the next sync looks again")

    def _say_links(self, names: list[str]) -> None:
        if names:
            told = ", ".join(_printable(name) for name in sorted(names)[:_NAMED])
            more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
            self.wanted.note(f"not read: {told}{more}, since links are not followed; put the files themselves there")

    @contextlib.contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except FileNotFoundError:
            named = " ".join(references(self.connector.folder))
            raise SourceError(
                f"The folder {self.shelf.shown} of the connector {self.connector.name} is not there;"
                f" make it, or set {named or 'folder'} to the right one"
            ) from None
        except NotADirectoryError:
            raise SourceError(
                f"{self.shelf.shown}, the folder of the connector {self.connector.name}, is no folder; name one"
            ) from None
        except OSError as error:
            raise SourceError(
                f"{self.resource.name} cannot read {error.filename or self.shelf.shown} ({error.strerror}); check the file's permissions"
            ) from None


def _digest(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()


def _printable(text: str) -> str:
    return "".join(sign if sign.isprintable() else "�" for sign in text)


def _length(milliseconds: int) -> str:
    for size, unit in ((3_600_000, "h"), (60_000, "min"), (1000, "s")):
        if milliseconds % size == 0:
            return f"{milliseconds // size} {unit}"
    return f"{milliseconds} ms"


def bodies_of(path: Path, format: Format, packed: str = "") -> Iterator[bytes]:
    """As `_bodies`, of a file by its path. Raises SourceError, OSError."""
    with path.open("rb") as file:
        yield from _bodies(file, path.name, format, packed)


def _bodies(file: Readable, name: str, format: Format, packed: str) -> Iterator[bytes]:
    """The file in one body, or JSON lines that are not packed in several of about PART_BYTES, cut at ends of lines. Raises SourceError, OSError."""
    parted = _is_parted(format, packed)
    limit = PART_BYTES if parted else MOST_BYTES
    body = file.read(limit + 1)
    if len(body) <= limit:
        yield body
        return
    if not parted:
        # It has grown since it was looked for.
        raise _too_long(name, format, packed)
    rest = b""
    while body:
        whole, newline, rest = (rest + body).rpartition(b"\n")
        if newline:
            yield whole + newline
        elif len(rest) > MOST_BYTES:
            raise SourceError(f"The file {name} has a line of more than {MOST_BYTES >> 20} MiB; split it")
        body = file.read(limit)
    if rest:
        yield rest


def _is_parted(format: Format, packed: str) -> bool:
    """Whether such a file is read in parts, and may have any length."""
    return format == "ndjson" and not packed


def _too_long(name: str, format: Format, packed: str) -> SourceError:
    may = "JSON lines that are not packed" if packed else "JSON lines"
    header = ", with its header in each part" if format == "csv" else ""
    return SourceError(
        f"The file {name} is longer than {MOST_BYTES >> 20} MiB, and only {may} may be; split it{header}"
    )
