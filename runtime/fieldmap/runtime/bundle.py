"""The bundle: all that crosses from the compiler to the runtime, as files with digests.

    manifest.json      format, digests of every other part
    catalogue.json     tables, maps, entities, rules (`Catalogue`)
    ir.json            the meaning, for explain and tools; the runtime does not read it
    fetch/*.py         a fetch plan for each connector
    transform/*.py     a transform for each map
    deletes/*.py       a transform of the pages of its feed of deletes, where it has one
    data/*.json        large code lists and columns of tables, read when a record first needs them
    sql/apply/*.sql    the statements that apply a batch of a map, in named steps
    sql/merge/*.sql    the statements that merge an entity

The runtime owns this format as a machine owns its bytecode: the compiler writes it with `write`, and nothing is executed before
every digest was verified.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path, PurePosixPath
from types import ModuleType
from typing import Any

import msgspec

from fieldmap.runtime.errors import BundleError
from fieldmap.runtime.plan import Connector
from fieldmap.runtime.values.data import Data

FORMAT = 2
_PART = re.compile(r"(?:[a-z0-9_]+/)*[a-z0-9_]+\.(?:json|py|sql)")


class _Part(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    pass


class Table(_Part, frozen=True):
    """create: the statements that make it. columns: name and type in the order declared, of the author's fields only."""

    schema: str
    name: str
    create: str
    columns: tuple[tuple[str, str], ...]


class View(_Part, frozen=True):
    """A view of schema provenance. comment: what it is; comments: what its columns are, by name (it may lack some of them)."""

    name: str
    query: str
    comment: str = ""
    comments: dict[str, str] = {}


class ClaimColumn(_Part, frozen=True):
    """A field of a claim. codec: how its value is written for COPY: text, bool, int, number, float, date, datetime, json, money
    (amount, and a currency column), amount (money of a fixed currency), quantity (amount, and a unit column), document (a record,
    as JSON), or `list <codec>`. columns: its one or two columns."""

    field: str
    codec: str
    columns: tuple[str, ...]


class ClaimInfo(_Part, frozen=True):
    """number 0 is the record's own claim; its table holds a row for every record even where it claims nothing (entity None).
    numbering: that of its key, "" where the entity has one only. nulls: fields of which an explicit null is kept, in a column `_nulls`
    behind the others."""

    number: int
    table: str
    entity: str | None
    columns: tuple[ClaimColumn, ...]
    numbering: str = ""
    nulls: tuple[str, ...] = ()


class FieldOrigin(_Part, frozen=True):
    """How a map makes a field: what the provenance views show. The same for every row, so stored once.

    share: where the outcome is "hold", so many percent of the field's present values may be held in a run. assumed: why a currency is
    taken for granted, "" if none is. tag: pii or restricted where the field is, so that no message quotes a value of it.
    """

    claim: int
    field: str
    paths: tuple[str, ...]
    statement: str
    file: str
    line: int
    outcome: str
    share: str = ""
    assumed: str = ""
    tag: str = ""


class MapInfo(_Part, frozen=True):
    """keeps: fields of the record's own claim that a version of it may leave as an earlier one gave them. absence: records that a
    full sweep lacks are withdrawn, unless they are more than so many percent; "" where absence means nothing."""

    id: str
    title: str
    resource: str
    format: str
    version: str
    file: str
    line: int
    claims: tuple[ClaimInfo, ...]
    origins: tuple[FieldOrigin, ...]
    keeps: tuple[str, ...] = ()
    absence: str = ""


class RuleInfo(_Part, frozen=True):
    field: str
    rule: str
    file: str
    line: int


class ConditionInfo(_Part, frozen=True):
    """A `must` or `warn` of an entity; its number is its place in EntityInfo.conditions."""

    kind: str
    message: str
    file: str
    line: int


class MatchInfo(_Part, frozen=True):
    """A match line: between which numberings, on which fields, as written, and where."""

    source: str
    target: str
    fields: tuple[str, ...]
    text: str
    file: str
    line: int


class IdentityInfo(_Part, frozen=True):
    """The numberings of an entity: the base, whose keys are the entity's, and those of their own, in the order of resolution."""

    base: str
    own: tuple[str, ...]
    matches: tuple[MatchInfo, ...]
    agree: tuple[str, ...]

    @property
    def numberings(self) -> tuple[str, ...]:
        return (self.base, *self.own)


class EntityInfo(_Part, frozen=True):
    """fields: those whose winning claims `_claims` lists, in its order. units: field to what is shown behind its value.
    identity: None where all sources share one numbering. referrers: the entities whose rows follow when a key of this one becomes
    another, or a record that others name by its id. needs: the entities that its references of `must exist` refer to; waiters: those
    whose rows need its own in that way. history: whether rows of earlier times are kept."""

    name: str
    table: str
    version: str
    key: tuple[str, ...]
    fields: tuple[str, ...]
    units: dict[str, str]
    rules: tuple[RuleInfo, ...]
    identity: IdentityInfo | None = None
    referrers: tuple[str, ...] = ()
    conditions: tuple[ConditionInfo, ...] = ()
    needs: tuple[str, ...] = ()
    waiters: tuple[str, ...] = ()
    history: bool = False


class Catalogue(_Part, frozen=True):
    """registries: packages whose edition is part of what the maps mean (zones, countries …), with that edition."""

    tables: tuple[Table, ...]
    views: tuple[View, ...]
    entities: tuple[EntityInfo, ...]
    maps: tuple[MapInfo, ...]
    connectors: tuple[str, ...]
    registries: dict[str, str] = {}


class Manifest(_Part, frozen=True):
    format: int
    made_by: str
    parts: dict[str, str]


@dataclass(frozen=True)
class Bundle:
    """A verified bundle in memory. parts: path to bytes, manifest.json left out."""

    manifest: Manifest
    catalogue: Catalogue
    parts: Mapping[str, bytes]
    _modules: dict[str, ModuleType] = field(default_factory=dict, repr=False)

    @property
    def digest(self) -> str:
        """What names the bundle: the hash of its manifest."""
        return hashlib.sha256(_encode(self.manifest)).hexdigest()

    def map(self, id: str) -> MapInfo:
        return next(item for item in self.catalogue.maps if item.id == id)

    def entity(self, name: str) -> EntityInfo | None:
        return next((item for item in self.catalogue.entities if item.name == name), None)

    def transform(self, map_id: str) -> ModuleType:
        """The generated module of a map: `transform(record)`, `records(body)`."""
        return self._module(f"transform/{map_id}.py")

    def parent(self, resource: str) -> ModuleType:
        """The generated module that tells the records apart of a resource that others are asked for each of."""
        return self._module(_parent(resource))

    def apart(self, resource: str) -> str:
        """Tells that module from any other, as made by another release."""
        return f"{self.manifest.made_by} {self.manifest.parts[_parent(resource)]}"

    def deletes(self, map_id: str) -> ModuleType | None:
        """As `transform`, for the pages of the resource's feed of deletes; None where it has none."""
        path = f"deletes/{map_id}.py"
        return self._module(path) if path in self.parts else None

    def connector(self, name: str) -> Connector:
        """The fetch plan of a connector."""
        plan: Any = self._module(f"fetch/{name}.py").CONNECTOR
        return plan  # type: ignore[no-any-return]

    def steps(self, path: str) -> dict[str, str]:
        """The named steps of one of the bundle's `.sql` files."""
        text = self.parts[path].decode()
        pieces = re.split(r"^-- step (\w+)\n", text, flags=re.MULTILINE)
        return dict(zip(pieces[1::2], pieces[2::2], strict=True))

    def _module(self, path: str) -> ModuleType:
        if path not in self._modules:
            module = ModuleType(f"fieldmap_bundle.{path.removesuffix('.py').replace('/', '.')}")
            # The digest of the part was verified when the bundle was read; the file name makes tracebacks point into it.
            exec(compile(self.parts[path], f"<bundle {path}>", "exec"), module.__dict__)  # noqa: S102
            for value in vars(module).values():
                if isinstance(value, Data):
                    value.source = self.parts.__getitem__
            self._modules[path] = module
        return self._modules[path]


def _parent(resource: str) -> str:
    return f"parents/{resource.replace('.', '_')}.py"


def make(parts: Mapping[str, bytes], catalogue: Catalogue, made_by: str) -> Bundle:
    """A bundle from its parts (catalogue.json is added)."""
    whole = dict(sorted({**parts, "catalogue.json": _encode(catalogue)}.items()))
    manifest = Manifest(
        format=FORMAT, made_by=made_by, parts={path: hashlib.sha256(data).hexdigest() for path, data in whole.items()}
    )
    return Bundle(manifest, catalogue, whole)


def write(bundle: Bundle, folder: Path) -> None:
    """Writes the bundle into a folder, which then holds nothing else of an earlier one. The manifest comes last, so that an
    interrupted writing leaves a bundle that does not verify."""
    manifest = folder / "manifest.json"
    manifest.unlink(missing_ok=True)
    for stale in [
        path for path in folder.rglob("*") if path.is_file() and path.relative_to(folder).as_posix() not in bundle.parts
    ]:
        if _PART.fullmatch(stale.relative_to(folder).as_posix()):
            stale.unlink()
    for name, data in bundle.parts.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    manifest.write_bytes(_encode(bundle.manifest))


def read(folder: Path) -> Bundle:
    """Reads and verifies a bundle. Raises BundleError: not there, of another format, incomplete or altered."""
    manifest = _manifest(folder)
    parts: dict[str, bytes] = {}
    for name, digest in manifest.parts.items():
        if not _PART.fullmatch(name) or ".." in PurePosixPath(name).parts:
            raise BundleError(
                f"The bundle in {folder} names a part {name!r} that no bundle has; compile it again with: fieldmap compile"
            )
        try:
            parts[name] = (folder / name).read_bytes()
        except OSError:
            raise BundleError(
                f"The bundle in {folder} lacks its part {name}; compile it again with: fieldmap compile"
            ) from None
        if hashlib.sha256(parts[name]).hexdigest() != digest:
            raise BundleError(
                f"The bundle in {folder} was altered: {name} is not what was compiled; compile it again with: fieldmap compile"
            )
    try:
        catalogue = msgspec.json.decode(parts.get("catalogue.json", b""), type=Catalogue)
    except msgspec.DecodeError as error:
        raise BundleError(
            f"The bundle in {folder} has a catalogue that does not read ({error}); compile it again with: fieldmap compile"
        ) from None
    _check_registries(catalogue, folder)
    return Bundle(manifest, catalogue, parts)


def _check_registries(catalogue: Catalogue, folder: Path) -> None:
    for name, edition in catalogue.registries.items():
        try:
            found = metadata.version(name)
        except metadata.PackageNotFoundError:
            found = "none"
        if found != edition:
            raise BundleError(
                f"The bundle in {folder} was compiled with {name} {edition}, which its values depend on, and here is {found};"
                f" compile it again with: fieldmap compile, or install {name}=={edition}"
            )


def _manifest(folder: Path) -> Manifest:
    try:
        data = (folder / "manifest.json").read_bytes()
    except OSError:
        raise BundleError(f"There is no bundle in {folder}; make one with: fieldmap compile") from None
    try:
        format_ = msgspec.json.decode(data, type=dict[str, Any]).get("format")
        if format_ == FORMAT:
            return msgspec.json.decode(data, type=Manifest)
    except msgspec.DecodeError as error:
        raise BundleError(
            f"The manifest of the bundle in {folder} does not read ({error}); compile it again with: fieldmap compile"
        ) from None
    raise BundleError(
        f"The bundle in {folder} is of format {format_}, and this runtime reads format {FORMAT}; "
        "compile it again with this version of Fieldmap, or install the version that it was made with"
    )


def _encode(value: msgspec.Struct) -> bytes:
    return msgspec.json.format(msgspec.json.encode(value, order="deterministic"), indent=1) + b"\n"
