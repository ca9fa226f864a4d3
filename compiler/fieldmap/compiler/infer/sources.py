"""Which kind of source a file is, and the connector that comes of it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from fieldmap.compiler.infer import samples as sampled
from fieldmap.compiler.infer.inferring import from_samples
from fieldmap.compiler.infer.markup import root_of
from fieldmap.compiler.infer.masking import as_note, quoted, template
from fieldmap.compiler.infer.model import Resource, Setting, Source, plain_name
from fieldmap.runtime.acquire.importer import check_size
from fieldmap.runtime.errors import SourceError, UsageError
from fieldmap.runtime.values.decode import json_body
from fieldmap.runtime.values.reading import PLAIN, Reading

_SUFFIXES = {
    ".json": "json", ".jsonl": "ndjson", ".ndjson": "ndjson", ".csv": "csv", ".tsv": "csv", ".txt": "csv", ".xml": "xml", ".xlsx": "excel",
    ".har": "har", ".yaml": "openapi", ".yml": "openapi", ".edmx": "metadata",
}  # fmt: skip
_FORMATS = ("json", "ndjson", "csv", "xml", "excel")
# A part of an address that is the number of something.
_NUMBERED = re.compile(
    r"(?<=/)(?:[0-9]+|[0-9a-f-]{32,36}|[^/]*(?:@|%40)[^/]*|[A-Za-z0-9_-]{8,}[0-9][A-Za-z0-9_-]{8,})(?=/|$)"
)
_EDMX = re.compile(rb"<(?:\w+:)?Edmx\b")


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What a user said. resources: names, of a description the ones to take. form: of --as. files: JSON lies in a folder. folder: where the
    map will lie."""

    name: str | None = None
    resources: tuple[str, ...] = ()
    form: str | None = None
    files: bool = False
    limit: int = sampled.MOST_RECORDS
    folder: Path = Path()


def of_file(path: Path, wanted: Wanted) -> Source:
    """The connector that a file makes. Raises UsageError where it is none of the kinds, or broken."""
    form = wanted.form or _form(path)
    try:
        if form in _FORMATS:
            return _of_samples(path, form, wanted)
        check_size(path)
        if form == "har":
            return _of_recording(path, wanted)
        return _described(path, form, wanted)
    except OSError as error:
        raise UsageError(f"{path} cannot be read ({error.strerror}); check its permissions") from None
    except SourceError as error:
        raise UsageError(str(error)) from None


def _form(path: Path) -> str:
    form = _SUFFIXES.get(path.suffix.lower())
    if form is None:
        raise UsageError(f"The name of {path} does not tell what it is; say it: --as json, csv, openapi …")
    with path.open("rb") as file:
        head = file.read(1 << 14)
    if form == "xml" and _EDMX.search(head):
        return "metadata"
    if form == "json":
        check_size(path)
        return _form_of_json(path)
    return form


def _form_of_json(path: Path) -> str:
    body = json_body(path.read_bytes().removeprefix(b"\xef\xbb\xbf"))
    if not isinstance(body, dict):
        return "json"
    if isinstance(body.get("openapi"), str) or isinstance(body.get("swagger"), str):
        return "openapi"
    log = body.get("log")
    if isinstance(log, dict) and isinstance(log.get("entries"), list):
        return "har"
    described = isinstance(body.get("$schema"), str) or isinstance(body.get("$defs"), dict)
    return (
        "schema" if described or (body.get("type") == "object" and isinstance(body.get("properties"), dict)) else "json"
    )


def _described(path: Path, form: str, wanted: Wanted) -> Source:
    name = plain_name(wanted.name or path.stem.split(".")[0], "source")
    if form == "metadata":
        from fieldmap.compiler.infer.metadata import of_metadata

        return of_metadata(path, name, wanted.resources, wanted.folder)
    from fieldmap.compiler.infer.documents import document

    found = document(path)
    if form == "schema":
        from fieldmap.compiler.infer.schema import of_schema

        return of_schema(found, name, path.name, wanted.resources)
    from fieldmap.compiler.infer.openapi import of_openapi

    return of_openapi(found, plain_name(wanted.name, "source") if wanted.name else "", path.name, wanted.resources)


# ------------------------------------------------------------------------------------------------------------ samples


def _of_samples(path: Path, form: Any, wanted: Wanted) -> Source:
    if len(wanted.resources) > 1:
        raise UsageError("A file of samples is one resource; name it with one --resource")
    stem = path.stem
    name = plain_name(wanted.name or "source", "source")
    resource = plain_name(wanted.resources[0] if wanted.resources else stem, "records")
    samples = sampled.of_file(path, form)
    if form == "json" and not wanted.files:
        asked = [Setting(word="get", text=quoted(f"/{resource}"), note="the path after base: say which")]
        found = from_samples(samples, resource, asked, limit=wanted.limit, what=path.name)
        return _http(name, "", (found,), f"Inferred from {path.name}; if it lies in a folder, infer it with --files.")
    pattern = re.sub(r"[0-9]+", "*", stem) + path.suffix
    settings = _csv_settings(samples.reading) if form == "csv" else _root(path) if form == "xml" else ""
    asked = [Setting(word="files", text=f"{quoted(pattern)} as {form}{settings}")]
    if form == "csv":
        found = _of_table(samples, resource, asked, wanted, path)
    else:
        found = from_samples(samples, resource, asked, limit=wanted.limit, what=path.name, http=False)
    folder = Setting(word="folder", text=f"env.{name.upper()}_FOLDER")
    return Source(
        name=name, kind="files", settings=(folder,), resources=(found,), notes=(f"Inferred from {path.name}.",)
    )


def _of_table(samples: sampled.Samples, name: str, asked: Sequence[Setting], wanted: Wanted, path: Path) -> Resource:
    """A table; of one that has a header alone the names are known, and nothing else."""
    from fieldmap.compiler.infer.header import from_header

    if next(samples.bodies(), None) is None and not samples.unread:
        return from_header(path, samples.reading, name, asked)
    return from_samples(samples, name, asked, limit=wanted.limit, what=path.name, http=False)


def _csv_settings(reading: Reading) -> str:
    said = []
    if reading.delimiter != PLAIN.delimiter:
        said.append("delimiter tab" if reading.delimiter == "\t" else f"delimiter {quoted(reading.delimiter)}")
    if reading.encoding != PLAIN.encoding:
        said.append(f"encoding {quoted(reading.encoding)}")
    return f" {{ {'; '.join(said)} }}" if said else ""


def _root(path: Path) -> str:
    with path.open("rb") as file:
        root = root_of(file.read(1 << 20))
    return f" {{ root {quoted(root)} }}" if root else ""


def _of_recording(path: Path, wanted: Wanted) -> Source:
    """A resource for each path of the first host; what has a number of something in its path is named, and left out."""
    by_address, skipped = sampled.of_recording(path)
    hosts = list(dict.fromkeys(_origin(address) for address in by_address))
    if not hosts:
        raise UsageError(f"{path} has no response with a JSON body; record the requests to the source's API")
    found: list[Resource] = []
    notes = [f"Inferred from the recording {path.name}."]
    for address, samples in by_address.items():
        place = urlsplit(address).path
        if _origin(address) != hosts[0] or _NUMBERED.search(place):
            notes.append(f"Left out: {as_note(_origin(address) + _NUMBERED.sub('…', place))}")
            continue
        name = _unused(plain_name(place.rstrip("/").rpartition("/")[2], "records"), found)
        if wanted.resources and name not in wanted.resources:
            continue
        asked = [Setting(word="get", text=template(place)), *_asked(samples.addresses)]
        try:
            found.append(
                from_samples(samples, name, asked, limit=wanted.limit, what=f"the answers of {as_note(place)}")
            )
        except UsageError as fault:
            notes.append(f"Left out: {as_note(str(fault))}")
    if not found:
        raise UsageError(
            f"{path} has nothing to infer from: {notes[-1] if len(notes) > 1 else 'no resource of that name'}"
        )
    if skipped:
        notes.append(f"Passed over: {', '.join(f'{count} {why}' for why, count in sorted(skipped.items()))}.")
    return _http(plain_name(wanted.name or "source", "source"), hosts[0], tuple(found), *notes)


def _asked(addresses: Sequence[str]) -> list[Setting]:
    """The names of the parameters that were sent, for the reader: their values may be anybody's."""
    names = sorted(
        {part.partition("=")[0] for address in addresses for part in urlsplit(address).query.split("&") if part}
    )
    return [Setting(word="", text="", note=f"It was asked with: {', '.join(names)}")] if names else []


def of_archive(archive: Any, resource: str, wanted: Wanted) -> Source:
    """The connector of an archived resource. Raises UsageError where the archive has no answer of it."""
    samples = sampled.of_archive(archive, resource)
    if samples is None:
        raise UsageError(f"The archive of {resource} holds no response yet")
    connector, _, name = resource.partition(".")
    first = next((page.address for page in samples.pages() if page.address), "")
    place = urlsplit(first).path if first else ""
    http = bool(first) or samples.format == "json"
    lines = [Setting(word="get", text=template(place or f"/{name}"))] if http else []
    if http and samples.format != "json":
        lines.append(Setting(word="format", text=samples.format + _csv_settings(samples.reading)))
    if not http:
        suffix = {"ndjson": "jsonl", "excel": "xlsx"}.get(samples.format, samples.format)
        lines.append(Setting(word="files", text=f'"*.{suffix}" as {samples.format}{_csv_settings(samples.reading)}'))
    found = from_samples(samples, name, lines, limit=wanted.limit, what=f"the archive of {resource}", http=http)
    note = f"Inferred from the archive of {resource}."
    named = plain_name(wanted.name or connector, "source")
    if http:
        return _http(named, _origin(first) if first else "", (found,), note)
    folder = Setting(word="folder", text=f"env.{named.upper()}_FOLDER")
    return Source(name=named, kind="files", settings=(folder,), resources=(found,), notes=(note,))


def _http(name: str, origin: str, found: tuple[Resource, ...], *notes: str) -> Source:
    base = (
        Setting(word="base", text=template(origin)) if origin else Setting(word="base", text=f"env.{name.upper()}_URL")
    )
    auth = Setting(word="", text="", note=f"auth bearer {{ token secret.{name.upper()}_TOKEN }}")
    return Source(name=name, kind="", settings=(base, auth), resources=found, notes=notes)


def _origin(address: str) -> str:
    place = urlsplit(address)
    return f"{place.scheme}://{place.netloc}"


def _unused(name: str, found: Sequence[Resource]) -> str:
    taken = {one.name for one in found}
    number = 2
    while name in taken:
        name, number = f"{name.rstrip('0123456789').rstrip('_')}_{number}", number + 1
    return name
