"""A project's settings: `fieldmap.toml`, overridden by FIELDMAP_* variables, overridden by options."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Annotated

from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, TomlConfigSettingsSource

from fieldmap.runtime.errors import UsageError

FILE = "fieldmap.toml"
Percent = Annotated[Decimal, Field(ge=0, le=100)]


class Settings(BaseSettings):
    """Paths are relative to the project's folder."""

    model_config = SettingsConfigDict(env_prefix="FIELDMAP_", extra="forbid")

    maps: list[str] = Field(
        default=["*.map"], description="the files to compile, as globs; what they `use` comes along"
    )
    archive: Path = Field(default=Path("archive"), description="where every response is kept as received")
    bundle: Path = Field(default=Path(".fieldmap/bundle"), description="where compiled bundles go")
    database_url: SecretStr = Field(
        default=SecretStr(""), description="a PostgreSQL server; empty for the embedded one"
    )
    database_folder: Path = Field(
        default=Path(".fieldmap/postgres"), description="where the embedded PostgreSQL keeps its data"
    )
    workers: int | None = Field(
        default=None,
        ge=0,
        le=64,
        description="how many processes map the pages of a large load; one for each core, at most four, where it is not set",
    )
    dead_letters: Percent = Field(
        default=Decimal(10), description="of a map's records so many percent may be dead letters in a run; more stop it"
    )
    dead_letters_of: dict[str, Percent] = Field(
        default={}, description="the same for single resources, such as workday.workers"
    )

    resources_at_once: int = Field(
        default=4, ge=1, le=64, description="so many resources are fetched, and so many loaded, at a time"
    )
    requests_per_second: int = Field(
        default=0, ge=0, le=10_000, description="so many requests at most to all sources together; 0 for any number"
    )
    memory_mb: int = Field(
        default=16,
        ge=1,
        le=65_536,
        description="so many MB of fetched pages may wait in memory; others wait in the archive",
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls)


def find_project(start: Path) -> Path:
    """The folder with `fieldmap.toml`, here or above. Raises UsageError."""
    for folder in (start, *start.parents):
        if (folder / FILE).is_file():
            return folder
    raise UsageError(f"There is no {FILE} in {start} or above it; make a project with: fieldmap init my-project")


def read_settings(folder: Path) -> Settings:
    """The settings of the project in a folder. Raises UsageError that names the setting."""
    path = folder / FILE

    class _Here(Settings):
        model_config = SettingsConfigDict(toml_file=path)

    try:
        return _Here()
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"])
        raise UsageError(
            f"The setting {name} in {path} (or FIELDMAP_{name.upper()}) cannot be used: {first['msg']}"
        ) from None
    except ValueError as error:
        raise UsageError(f"{path} is not written as TOML: {error}") from None
