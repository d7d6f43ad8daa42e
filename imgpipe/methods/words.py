"""Numbers and lists in words."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

GREEK = {"Ka": "Kα", "Kb": "Kβ", "La": "Lα", "Lb": "Lβ", "Ma": "Mα", "Mb": "Mβ", "Mz": "Mζ", "Ll": "Lℓ"}
"""Families of X-ray lines as they are printed."""


def different(values: Iterable[Any]) -> list[Any]:
    """Return values without repeats, in order."""
    return list(dict.fromkeys(values))


def count(number: int, thing: str, plural: str = "") -> str:
    """Return a count in words up to nine: ``two images``."""
    words = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
    return f"{words[number] if number < len(words) else number} {thing if number == 1 else plural or f'{thing}s'}"


def listed(parts: Sequence[str]) -> str:
    """Return parts as a list in a sentence: ``a, b and c``."""
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}" if parts else ""


def shown_line(line: str) -> str:
    """Return an X-ray line in Greek letters: ``Mg Ka`` -> ``Mg Kα``."""
    element, _, family = line.partition(" ")
    return f"{element} {GREEK.get(family, family)}".strip()


def span(values: Iterable[float], digits: int = 4) -> str:
    """Return one number, or the smallest and largest of several different ones: ``20`` or ``20 to 40``."""
    shown = different(f"{value:.{digits}g}" for value in sorted(values))
    return shown[0] if len(shown) == 1 else f"{shown[0]} to {shown[-1]}" if shown else ""
