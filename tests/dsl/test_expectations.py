"""Every terminal of the grammar has words of its own, or is the keyword that its name spells."""

from __future__ import annotations

import re

from fieldmap.dsl import expectations
from fieldmap.dsl.language import lark

SAID_OTHERWISE = expectations._ENDS | {"TEMPLATE", "RAW"}
NEVER_EXPECTED = {"JOIN", "BLANK", "COMMENT"}


def test_every_terminal_has_words() -> None:
    bare = [
        terminal.name
        for terminal in lark().terminals
        if terminal.name not in SAID_OTHERWISE | NEVER_EXPECTED
        and terminal.name not in expectations._WORDS
        and not re.fullmatch(terminal.pattern.to_regexp(), terminal.name.strip("_").lower().replace("_", " "))
    ]
    assert bare == []
