"""The README names no command that is not there; the links of all pages lead somewhere."""

from __future__ import annotations

import re
from pathlib import Path

from fieldmap.cli.main import COMMANDS

README = Path(__file__).parents[2] / "README.md"


def test_the_commands_are_there() -> None:
    table = README.read_text("utf-8").partition("## Commands")[2].partition("\n## ")[0]
    first = [re.findall(r"`([^`]+)`", line.split("|")[1]) for line in table.splitlines() if line.startswith("| `")]
    named = {word.removeprefix("fieldmap ") for words in first for word in words}
    assert named == {command for commands in COMMANDS.values() for command in commands}


def test_links_lead_somewhere() -> None:
    for page in (README, *(README.parent / "docs").glob("*.md")):
        for link in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text("utf-8")):
            if "://" not in link:
                assert (page.parent / link).exists(), f"{page.name}: {link}"


def test_links_into_pages_name_their_headings() -> None:
    for page in (README, *(README.parent / "docs").glob("*.md")):
        for link, anchor in re.findall(r"\]\(([^)#:]+\.md)#([^)]+)\)", page.read_text("utf-8")):
            headings = re.findall(r"^#+ (.*)$", (page.parent / link).read_text("utf-8"), re.MULTILINE)
            anchors = {re.sub(r"[^\w -]", "", title).lower().replace(" ", "-") for title in headings}
            assert anchor in anchors, f"{page.name}: {link}#{anchor}"
