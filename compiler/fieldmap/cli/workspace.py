"""A project opened for a command: its settings, its checked sources or its bundle, its archive and its database."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from fieldmap.runtime.errors import FindingsError, UsageError

# What a command needs is imported when it needs it: `fieldmap check` opens neither an archive nor a database.
if TYPE_CHECKING:
    from fieldmap.cli.settings import Settings
    from fieldmap.compiler.project import Checked
    from fieldmap.runtime.archive import Archive
    from fieldmap.runtime.bundle import Bundle
    from fieldmap.runtime.store.database import Connection, Server


@dataclass(frozen=True)
class Workspace:
    root: Path
    settings: Settings

    @classmethod
    def here(cls) -> Workspace:
        """The project of the current folder."""
        from fieldmap.cli.settings import find_project, read_settings

        root = find_project(Path.cwd())
        return cls(root, read_settings(root))

    @property
    def state(self) -> Path:
        """The folder of what outlives a run and belongs to no archive: tokens, circuit breakers."""
        return self.root / ".fieldmap" / "state"

    def files(self, named: list[Path] | None = None) -> list[Path]:
        """The `.map` files named, or those that the settings name. Raises UsageError where there are none."""
        if named:
            found = [file for path in named for file in (sorted(path.glob("*.map")) if path.is_dir() else [path])]
        else:
            found = sorted(
                {file for pattern in self.settings.maps for file in self.root.glob(pattern) if file.is_file()}
            )
        if not found:
            raise UsageError(
                f"There is no .map file in {self.root} that fits maps = {self.settings.maps} of fieldmap.toml"
            )
        return found

    def check(self) -> Checked:
        """Checks the project's sources."""
        from fieldmap.compiler.project import check

        return check(self.root, self.files())

    def compiled(self) -> Bundle:
        """The bundle of the sources as they are, written where the settings say. Raises FindingsError with the mistakes rendered."""
        from fieldmap.compiler.project import compile_project
        from fieldmap.dsl.render import render_text
        from fieldmap.runtime import bundle as bundles

        checked = self.check()
        if not checked.ok:
            rendered = render_text(checked.diagnostics, checked.sources, color=False)
            raise FindingsError(f"The maps do not compile, so nothing was run.\n\n{rendered}")
        bundle = compile_project(checked)
        bundles.write(bundle, self.root / self.settings.bundle)
        return bundle

    def bundle(self, folder: Path | None) -> Bundle:
        """The bundle in a folder as it is, or the compiled sources if no folder is named."""
        from fieldmap.runtime import bundle as bundles

        return bundles.read(folder) if folder is not None else self.compiled()

    def existing_bundle(self) -> Bundle:
        """The bundle of the last run, whatever the sources say now; compiled if there was none."""
        from fieldmap.runtime import bundle as bundles

        folder = self.root / self.settings.bundle
        return bundles.read(folder) if (folder / "manifest.json").exists() else self.compiled()

    def archive(self) -> Archive:
        from fieldmap.runtime.archive import Archive
        from fieldmap.runtime.ports import Ports

        return Archive(self.root / self.settings.archive, Ports.real())

    @contextlib.contextmanager
    def database(self) -> Iterator[Server]:
        from fieldmap.runtime.store.database import open_database

        url = self.settings.database_url.get_secret_value() or os.environ.get("FIELDMAP_DATABASE_URL", "")
        with open_database(url, self.root / self.settings.database_folder) as server:
            yield server

    @contextlib.contextmanager
    def loaded(self) -> Iterator[Connection]:
        """A connection to a database that holds something of this project. Raises FindingsError if it holds nothing."""
        from fieldmap.runtime.store.database import told

        with self.database() as database, told("looking"), database.connect() as connection:
            found = connection.execute("SELECT to_regclass('fieldmap.positions') IS NOT NULL").fetchone()
            if found is None or not found[0]:
                raise FindingsError(self.nothing_loaded())
            try:
                yield connection
            except BaseException:
                # Rows that are still on their way hold the connection, and a rollback would wait for them for ever.
                connection.close()
                raise

    def nothing_loaded(self) -> str:
        """What to say where the database holds nothing: what would fill it."""
        kept = len(self.archive().resources())
        if kept:
            noun = "1 resource" if kept == 1 else f"{kept} resources"
            return f"Nothing was loaded into this database yet, and the archive holds {noun}; run: fieldmap replay"
        return "Nothing was loaded into this database yet; run: fieldmap sync"
