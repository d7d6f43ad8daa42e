"""Lines of a text file of an instrument, taken one by one, with errors that name the line (numpy only)."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from imgpipe.errors import ReadError
from imgpipe.readers.xps_spectrum import MISSING, Numbers

AGAIN = "copy the file again from the instrument; if it opens elsewhere, report it."
UNENDED = "the file ends without a line end: its last number may be cut"
"""Flag of texts that carry no closing mark."""
_MOST_BYTES = 1 << 30


def text_of(path: Path) -> str:
    """Return the text of a file: UTF-8 or UTF-16 where it says so, else Latin-1.

    Raises
    ------
    ReadError
        it holds zero bytes (a binary file, or an interrupted copy), or is larger than 1 GiB.
    """
    if path.stat().st_size > _MOST_BYTES:
        raise ReadError(f"a text file of {path.stat().st_size} bytes is no spectrum.", remedy="give a smaller file.")
    content = path.read_bytes()
    if content[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return content.decode("utf-16", "replace")
    if b"\0" in content:
        at = content.index(b"\0")
        raise ReadError(f"the text has zero bytes from byte {at} of {len(content)} on.", remedy=AGAIN)
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("latin-1")


def number_of(text: str) -> float | None:
    """Return a number, NaN where it is the sentinel 1E+37 (not known), None where the text is no number."""
    try:
        value = float(text)
    except ValueError:
        return None
    return None if "_" in text else np.nan if abs(value) >= MISSING else value


def numbers_of(texts: list[str]) -> Numbers:
    """Return an array of numbers, NaN for sentinels; ValueError where a text is no number."""
    values = np.fromiter(map(float, texts), np.float64, len(texts))
    if any("_" in text for text in texts):  # Python reads 1_0 as 10
        raise ValueError("_")
    values[np.abs(values) >= MISSING] = np.nan
    return values


class Lines:
    """The lines of a text, taken from the top.

    Parameters
    ----------
    text : whole text, any line ends
    first : index of the first line to take
    """

    def __init__(self, text: str, first: int = 0) -> None:
        self._lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
        if self._lines and not self._lines[-1]:
            self._lines.pop()
        self.at = first

    @property
    def left(self) -> int:
        """Return how many lines are left."""
        return len(self._lines) - self.at

    def text(self, what: str) -> str:
        """Return the next line without blanks around it."""
        if self.at >= len(self._lines):
            raise ReadError(f"the file is cut: it ends after line {self.at}, where {what} should stand.", remedy=AGAIN)
        self.at += 1
        return self._lines[self.at - 1].strip()

    def number(self, what: str) -> float:
        """Return the next line as a number, NaN where it says 1E+37."""
        found = self.text(what)
        value = number_of(found)
        if value is None or np.isinf(value):
            raise ReadError(f"line {self.at} should hold {what}, a number; it holds {found[:40]!r}.", remedy=AGAIN)
        return value

    def count(self, what: str, most: int = 10_000_000) -> int:
        """Return the next line as a whole number from 0 to `most`."""
        value = self.number(what)
        if not 0 <= value <= most or value != int(value):
            raise ReadError(f"line {self.at} should hold {what}, 0 to {most}; it holds {value:g}.", remedy=AGAIN)
        return int(value)

    def integer(self, what: str) -> int:
        """Return the next line as a whole number of either sign."""
        value = self.number(what)
        if value != value or value != int(value):
            raise ReadError(f"line {self.at} should hold {what}, a whole number; it holds {value:g}.", remedy=AGAIN)
        return int(value)

    def numbers(self, count: int, what: str) -> Numbers:
        """Return that many numbers from as many lines (several in one line are taken, too)."""
        if count <= self.left:
            texts = self._lines[self.at : self.at + count]
            try:
                values = numbers_of(texts)
            except ValueError:
                return self._numbers_anyhow(count, what)
            self.at += count
            return values
        return self._numbers_anyhow(count, what)

    def _numbers_anyhow(self, count: int, what: str) -> Numbers:
        texts: list[str] = []
        start = self.at
        while len(texts) < count and self.left:
            words = self._lines[self.at].split()
            wrong = next((word for word in words if number_of(word) is None), None)
            if wrong is not None or not words:
                raise ReadError(
                    f"line {self.at + 1} should hold a number ({what}: {count} values from line {start + 1} on); "
                    f"it holds {self._lines[self.at].strip()[:40]!r}.",
                    remedy=AGAIN,
                )
            texts += words
            self.at += 1
        if len(texts) != count:
            raise ReadError(f"the file is cut: {count} {what} are stated, {len(texts)} are there.", remedy=AGAIN)
        return numbers_of(texts)


def column_of(rows: list[list[str]], index: int, head: str, comma: bool) -> Numbers:
    """Return a column of a table as numbers; `comma`: the file writes decimals with a comma."""
    texts = [row[index].replace(",", ".") if comma else row[index] for row in rows]
    values = [number_of(text) for text in texts]
    if None in values:
        at = values.index(None)
        if not texts[at]:
            raise ReadError(
                f"row {at + 1} of column {head!r} is empty.", remedy=f"fill or delete row {at + 1} of the table."
            )
        raise ReadError(f"row {at + 1} of column {head!r} holds {texts[at][:40]!r}, no number.", remedy=AGAIN)
    return np.array(values, np.float64)
