"""Which values may stand in a comment, and how they are written there. A comment is read by people who may not see the data."""

from __future__ import annotations

import re

_LONGEST = 32
_TELLTALE = re.compile(
    r"@|^\+?[0-9(][0-9 ()/.-]{6,}$|^[A-Z]{2}[0-9]{2}[A-Z0-9]{10,}$|^[0-9]{3}-[0-9]{2}-[0-9]{4}$|://|\b[A-Za-z0-9_-]{20,}\b"
    r"|^(?:[0-9]{1,3}\.){3}[0-9]{1,3}$"
)


def is_telling(value: str) -> bool:
    """Whether a text looks like an address, a number of a person, a key: by itself, whatever its member is called."""
    return len(value) > _LONGEST or _TELLTALE.search(value) is not None


def quoted(value: str) -> str:
    """A text as a map or a comment has it: in quotes, on one line, nothing in it that cannot be seen."""
    return f'"{"".join(map(_char, value))}"'


def template(value: str) -> str:
    """A text where holes may stand: its braces are braces."""
    return quoted(value).replace("{", "{{").replace("}", "}}")


def _char(char: str) -> str:
    if char in '"\\':
        return f"\\{char}"
    return char if char.isprintable() or ord(char) > 0xFFFF else f"\\u{ord(char):04x}"


def masked(value: str) -> str:
    """The form of a text without what it says: `WD-21001` is `"AA-99999"`."""
    form = "".join("9" if c.isdigit() else "A" if c.isupper() else "a" if c.isalpha() else c for c in value)
    return quoted(form[:_LONGEST] + ("…" if len(form) > _LONGEST else ""))


def as_note(text: str) -> str:
    """Any text as one line of a comment: nothing in it can end the comment, or hide."""
    line = " ".join(text.split())
    return "".join(char if char.isprintable() else "�" for char in line)[:300]
