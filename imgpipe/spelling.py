"""Say what a user may have meant."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def nearest(found: str, known: Iterable[str]) -> str:
    """Return ``"; did you mean 'x'?"``-like text with the nearest known name, or all names when none is near."""
    names = sorted(set(known))
    close = difflib.get_close_matches(found, names, n=1, cutoff=0.5)
    if close:
        return f"; did you mean {close[0]!r}? Known: {', '.join(names)}"
    return f"; known: {', '.join(names)}"
