"""Names of XPS regions: what vendors and users write, and the one canonical name (standard library only)."""

from __future__ import annotations

import re
from dataclasses import dataclass

SURVEY = "survey"
VALENCE = "VB"
_SYMBOLS = """
H He Li Be B C N O F Ne Na Mg Al Si P S Cl Ar K Ca Sc Ti V Cr Mn Fe Co Ni Cu Zn Ga Ge As Se Br Kr Rb Sr Y Zr Nb
Mo Tc Ru Rh Pd Ag Cd In Sn Sb Te I Xe Cs Ba La Ce Pr Nd Pm Sm Eu Gd Tb Dy Ho Er Tm Yb Lu Hf Ta W Re Os Ir Pt Au
Hg Tl Pb Bi Po At Rn Fr Ra Ac Th Pa U
"""
_ELEMENTS = frozenset(_SYMBOLS.split())
_BY_LOWER = {symbol.lower(): symbol for symbol in _ELEMENTS}
_LINES = ("1s", "2s", "2p", "3s", "3p", "3d", "4s", "4p", "4d", "4f", "5s", "5p", "5d", "6s", "6p")
_LINE = re.compile(r"(?<![A-Za-z])([A-Za-z]{1,2})[\s_-]*([1-6])[\s_]*([spdf])(?![A-Za-z])(?:[\s_]*[1357](?:/2)?)?")
_AUGER = re.compile(r"(?<![A-Za-z])([A-Z][a-z]?)[\s_-]*([KLMN][1-5]{0,2}[LMNV][1-5]{0,3}[LMNV][1-5]{0,3})(?![A-Za-z])")
_SURVEY = re.compile(r"\b(survey|wide|overview|full ?range)\b|^su(1s|rvey)?\d*$|^wide", re.IGNORECASE)
_VALENCE = re.compile(r"^(scan\s+)?(vb|valence([\s_-]*band)?|vbm)(\s*scan)?\d*$", re.IGNORECASE)
_FERMI = re.compile(r"\bfermi\b|^ef$", re.IGNORECASE)


@dataclass(frozen=True)
class RegionName:
    """Canonical name of a region (``S 2p``, ``Cu LMM``, ``survey``, ``VB``), its element and line ("" when none)."""

    name: str
    element: str = ""
    line: str = ""


def canonical(label: str) -> RegionName | None:
    """Return the canonical name of a region, None when the label names none.

    ``S2p``, ``S 2p3/2``, ``Scan S2p`` -> ``S 2p``; ``Su1s`` (PHI), ``Wide``, ``XPS Survey`` -> ``survey``. A label
    with several lines (``Mg 2p + Li 1s``) is named after the first.
    """
    text = " ".join(label.replace("_", " ").split())
    if _SURVEY.search(text):
        return RegionName(SURVEY)
    for match in _LINE.finditer(text):
        symbol, line = _symbol(match[1]), match[2] + match[3]
        if symbol and line in _LINES:
            return RegionName(f"{symbol} {line}", symbol, line)
    auger = _AUGER.search(text)
    if auger and auger[1] in _ELEMENTS:
        return RegionName(f"{auger[1]} {auger[2]}", auger[1], auger[2])
    if _VALENCE.search(text):
        return RegionName(VALENCE)
    return RegionName("Fermi edge") if _FERMI.search(text) else None


def region_name(*labels: str) -> RegionName:
    """Return the canonical name from the first label that gives one; else the first label that is not empty, as is."""
    for label in labels:
        found = canonical(label)
        if found is not None:
            return found
    return RegionName(path_part(next((label for label in labels if label.strip()), "spectrum")))


def path_part(text: str) -> str:
    """Return a text that can be a part of a leaf's name: no slash, no control characters, not empty."""
    clean = "".join("_" if char in "/\\" or ord(char) < 32 else char for char in text).strip(" .")
    return clean[:80] or "spectrum"


def _symbol(text: str) -> str:
    """Return an element's symbol; lower case is understood where the whole text is in lower case."""
    return text if text in _ELEMENTS else _BY_LOWER.get(text, "") if text.islower() else ""
