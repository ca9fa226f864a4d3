"""Shows a page of the manual, which is Markdown, to somebody at a terminal."""

from __future__ import annotations

import re

from rich.console import Console
from rich.text import Text

from fieldmap.cli.console import out

# A heading, a fenced block, an item of a list, or a paragraph.
_PART = re.compile(
    r"^(?:# (?P<title>[^\n]*)\n|```(?P<kind>[^\n]*)\n(?P<block>.*?)^```\n|(?P<text>\S.*?)(?:\n(?=\n|```)|\Z))",
    re.M | re.S,
)
_CODE = re.compile(r"`` ?(.+?) ?``|`([^`]+)`")
_STYLES = {"Wrong:": "bold red", "Mended:": "bold green"}


def show_page(page: str) -> None:
    """The heading in bold, paragraphs folded at the console's width, snippets set in and left as they are."""
    console = out()
    for part in _PART.finditer(page):
        if part["title"] is not None:
            console.print(Text(part["title"], style="bold"))
        elif part["block"] is not None:
            for line in part["block"].splitlines():
                console.print(Text(f"    {line}".rstrip(), style="cyan"), soft_wrap=True)
        else:
            console.print()
            _paragraph(console, part["text"])


def _paragraph(console: Console, text: str) -> None:
    for item in re.split(r"\n(?=- )", text):
        words = " ".join(item.split())
        if words in _STYLES:
            console.print(Text(words, style=_STYLES[words]))
            continue
        hang = 2 if words.startswith("- ") else 0
        for number, line in enumerate(_marked(words).wrap(console, console.width - hang)):
            line.rstrip()
            console.print((Text(" " * hang) if number else Text()) + line)


def _marked(text: str) -> Text:
    """Words of the language in a colour; the marks round them stay, since not every reader sees colours."""
    made, at = Text(), 0
    for match in _CODE.finditer(text):
        made.append(text[at : match.start()]).append(match[0], style="cyan")
        at = match.end()
    return made.append(text[at:])
