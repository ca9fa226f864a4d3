"""`fieldmap init`: a project that works from the first minute."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

from fieldmap.runtime.errors import UsageError

_PARTS = (
    "fieldmap.toml",
    "people.map",
    "staff.map",
    "payroll.map",
    "merge.map",
    "sample/staff.json",
    "sample/payroll.csv",
)


def create(folder: Path) -> list[str]:
    """Writes the starting project into a folder; gives the names of its files. Raises UsageError if files are in the way."""
    taken = [name for name in _PARTS if (folder / name).exists()]
    if taken:
        raise UsageError(f"{folder} already has {taken[0]}; name a new folder: fieldmap init my-project")
    template = resources.files("fieldmap.mappings").joinpath("starter")
    try:
        for name in _PARTS:
            target = folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            part = template
            for step in name.split("/"):
                part = part.joinpath(step)
            target.write_bytes(part.read_bytes())
    except OSError as error:
        raise UsageError(f"{folder} cannot be written: {error.strerror}") from None
    return [name for name in _PARTS if "/" not in name] + ["sample/"]
