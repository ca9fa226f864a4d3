"""Files of a folder, each archived whole (long JSON lines in parts), once for each content that it had."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Final
from urllib.parse import quote

from fieldmap.runtime.acquire.sweeps import new_sweep
from fieldmap.runtime.archive import Archived, Received, SweepEnd, Writer
from fieldmap.runtime.errors import SourceError, UsageError
from fieldmap.runtime.plan import FilesConnector, FilesResource, Format
from fieldmap.runtime.ports import Ports
from fieldmap.runtime.secrets import Secret, references, resolve_all

MOST_BYTES: Final = 256 << 20  # of one record
PART_BYTES: Final = 32 << 20  # of JSON lines are archived as one record


def fetch_files(
    connector: FilesConnector,
    resource: FilesResource,
    *,
    writer: Writer,
    ports: Ports,
    environ: Mapping[str, str],
) -> Iterator[Archived]:
    """Every file of the resource that is not archived as it is now, in order of name. Settings are checked at once."""
    folder = resolve_all(connector.name, {"folder": connector.folder}, environ)["folder"]
    if isinstance(folder, Secret):
        raise UsageError(f"The connector {connector.name} has a secret in its folder; a folder's name is none, use env")
    pattern = PurePosixPath(resource.pattern)
    if pattern.is_absolute() or ".." in pattern.parts or not pattern.parts:
        raise UsageError(f"{resource.name} asks for the files {resource.pattern!r}, and they must lie in its folder")
    return _sweep(connector, resource, Path(folder), writer, ports)


def _sweep(
    connector: FilesConnector, resource: FilesResource, folder: Path, writer: Writer, ports: Ports
) -> Iterator[Archived]:
    if not folder.is_dir():
        named = " ".join(references(connector.folder))
        raise SourceError(
            f"The folder {folder} of the connector {connector.name} is not there;"
            f" make it, or set {named or 'folder'} to the right one"
        )
    known = writer.requests()
    sweep = new_sweep(ports)
    page = 0
    try:
        files = _matching(folder, resource.pattern)
        if not files and not known:
            raise SourceError(
                f"No file in the folder {folder} of {resource.name} fits {resource.pattern!r}, and none ever did; check the pattern"
            )
        for path, name in files:
            for body, fingerprint in _parts(path, name, resource.format):
                if fingerprint in known:
                    continue
                page += 1
                yield writer.append(
                    Received(
                        resource=resource.name,
                        url=f"file:{quote(name, errors='surrogateescape')}",
                        fetched_at=ports.clock.now(),
                        status=None,
                        headers={},
                        body=body,
                        format=resource.format,
                        request=fingerprint,
                        sweep=sweep,
                        page=page,
                    )
                )
    except OSError as error:
        raise SourceError(
            f"{resource.name} cannot read {error.filename or folder} ({error.strerror}); check the file's permissions"
        ) from None
    if page:
        writer.close_sweep(sweep, page, SweepEnd(framed=True))


def _matching(folder: Path, pattern: str) -> list[tuple[Path, str]]:
    """Regular files within the folder, also when they are reached through a link, by their name within it."""
    inside = folder.resolve()
    found = []
    for path in folder.glob(pattern):
        real = path.resolve()
        if real.is_file() and real.is_relative_to(inside):
            found.append((real, path.relative_to(folder).as_posix()))
    return sorted(found, key=lambda item: item[1])


def _parts(path: Path, name: str, format: Format) -> Iterator[tuple[bytes, str]]:
    """The file's bodies with a fingerprint each, of the file's name, which part it is, and the part's size and content.

    So a long file that grew at its end is archived from the part on that is new.
    """
    for number, body in enumerate(bodies_of(path, format)):
        content = f"{len(body)}\0{hashlib.sha256(body).hexdigest()}"
        yield body, hashlib.sha256(f"FILE {name}\0{number}\0{content}".encode("utf-8", "surrogateescape")).hexdigest()


def bodies_of(path: Path, format: Format) -> Iterator[bytes]:
    """The file in one body, or JSON lines in several of about PART_BYTES, cut at ends of lines. Raises SourceError, OSError."""
    limit = MOST_BYTES if format != "ndjson" else PART_BYTES
    with path.open("rb") as file:
        body = file.read(limit + 1)
        if len(body) <= limit:
            yield body
            return
        if format != "ndjson":
            raise SourceError(f"The file {path.name} is longer than {MOST_BYTES >> 20} MiB; split it")
        rest = b""
        while body:
            whole, newline, rest = (rest + body).rpartition(b"\n")
            if newline:
                yield whole + newline
            elif len(rest) > MOST_BYTES:
                raise SourceError(f"The file {path.name} has a line of more than {MOST_BYTES >> 20} MiB; split it")
            body = file.read(limit)
        if rest:
            yield rest
