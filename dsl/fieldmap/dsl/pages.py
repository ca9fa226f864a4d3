"""The page of each code: `docs/codes/FM0304.md`, which ships with the package as `fieldmap.codes`."""

from __future__ import annotations

from importlib import resources


def page(code: str) -> str:
    """The page as Markdown; "" if the code has none."""
    if not (len(code) == 6 and code.startswith("FM") and code[2:].isdecimal()):
        return ""
    found = resources.files("fieldmap.codes") / f"{code}.md"
    return found.read_text("utf-8") if found.is_file() else ""
