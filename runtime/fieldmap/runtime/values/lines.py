"""The lines of a page of text: decoded one by one, each with the byte where it starts, without what the resource says is no row."""

from __future__ import annotations

from collections.abc import Iterator

from fieldmap.runtime.values.outcome import Failed
from fieldmap.runtime.values.reading import ENCODINGS, Reading

_BOM = b"\xef\xbb\xbf"
_MARKS = (b"\xff\xfe", b"\xfe\xff")


def text_of(content: bytes, reading: Reading) -> tuple[bytes, str]:
    """The bytes in which rows are looked for, and how they are decoded: of UTF-16 those of its text in UTF-8, without a mark.

    Raises Failed if they are not of the encoding that the resource says.
    """
    encoding = ENCODINGS.get(reading.encoding, reading.encoding)
    if encoding.startswith("utf-16"):
        try:
            marked = content.startswith(_MARKS)
            text = content.decode("utf-16" if marked else "utf-16-le" if encoding == "utf-16" else encoding)
        except UnicodeError:
            raise Failed("FM2120", "the file is not UTF-16") from None
        return text.encode(), "utf-8"
    if content.startswith(_MARKS):
        raise Failed("FM2120", f'the file is UTF-16: say so with encoding "utf-16" instead of "{reading.encoding}"')
    if "\0" in content[:64].decode("latin-1"):
        raise Failed("FM2120", 'the file is no text, or UTF-16 without a mark: encoding "utf-16le" or "utf-16be"')
    return content, encoding


class Lines:
    """Hands out the lines of a text and knows the byte where the next one starts. Undecodable ones raise UnicodeDecodeError."""

    def __init__(self, content: bytes, encoding: str, skip: int, footer: int) -> None:
        self.next = len(_BOM) if content.startswith(_BOM) else 0
        self._content = content
        self._encoding = encoding
        self._end = len(content)
        for _ in range(skip):
            self._line()
        for _ in range(footer):
            self._cut()

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        if self.next >= self._end:
            raise StopIteration
        return self._line().decode(self._encoding)

    def _line(self) -> bytes:
        end = self._content.find(b"\n", self.next, self._end) + 1 or self._end
        line = self._content[self.next : end]
        self.next = end
        return line

    def _cut(self) -> None:
        """Leaves the last line that is not empty out, and the empty ones behind it."""
        end = self._end
        while end > self.next and self._content[end - 1] in b" \t\r\n\x1a":
            end -= 1
        self._end = max(self._content.rfind(b"\n", self.next, end) + 1, self.next)
