"""A table of which only the header is there: names are all that is known."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

from fieldmap.compiler.infer.concluding import writable
from fieldmap.compiler.infer.model import Member, Object, Resource, Scalar, Setting
from fieldmap.compiler.infer.places import Identity, path_of
from fieldmap.compiler.infer.words import tag_of
from fieldmap.runtime.errors import UsageError
from fieldmap.runtime.values.reading import ENCODINGS, Reading


def from_header(path: Path, reading: Reading, name: str, asked: Sequence[Setting]) -> Resource:
    """The resource with every column an optional text. Raises UsageError where the header is none."""
    encoding = ENCODINGS.get(reading.encoding, reading.encoding)
    with path.open(encoding="utf-8-sig" if encoding == "utf-8" else encoding, newline="") as file:
        header = next(csv.reader(file, delimiter=reading.delimiter), [])
    if not header or any(not column for column in header) or len(set(header)) < len(header):
        raise UsageError(f"{path} has no header to infer from: each column needs a name of its own")
    key = max((column for column in header if writable(column)), key=Identity(name).rank)
    members = (
        Member(name=column, kind=Scalar("text"), optional=column != key, tag=tag_of(column))
        for column in header
        if writable(column)
    )
    settings = (*asked, Setting(word="id", text=path_of((key,)), note="by its name alone: confirm"))
    return Resource(
        name=name,
        settings=settings,
        shape=Object(tuple(members)),
        notes=("Only the header was there, so every column is an optional text.",),
    )
