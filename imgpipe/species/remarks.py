"""What is to be said against a result: flags of components and of spectra."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from imgpipe.kernels.fit import CONVERGED
from imgpipe.species.measuring import Measured
from imgpipe.species.parts import Built, Column, Spot

SPARROW = 0.849
"""Two equal Gaussian peaks closer than this times their FWHM have one maximum only (Sparrow 1916)."""
DETECTION = 1.645
"""A smaller area, in its own u, is below the critical level (ISO 11929, 5 % false alarms)."""
FEW_COUNTS = 50.0
NO_DATA = "no data"
BAD_CHI, BAD_ABBE = 3.0, 0.5
"""Reduced chi-square above, Abbe value below which every share of a misfit is in doubt."""
IMPROBABLE = 2.0
"""Standard deviations of its prior beyond which a charge shift is improbable."""
STRUCTURE = 3.0
"""Standard deviations of chi-square or the Abbe value beyond which a fit is a misfit."""


class Remarks:
    """Flags over an array of results: text is added where a condition holds."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        self.texts = np.full(shape, "", dtype=object)

    def add(self, where: np.ndarray, text: str, place: int) -> None:
        """Add a text where `where` (b,) holds; `place` is the component or spot."""
        column = self.texts[:, place]
        hit = np.asarray(where, dtype=bool)
        joined = {old: f"{old}; {text}" if old else text for old in set(column[hit])}
        column[hit] = [joined[old] for old in column[hit]]


def component_flags(built: Built, found: Measured, links: np.ndarray) -> np.ndarray:
    """Return the flags (b, c) of all components."""
    remarks = Remarks(found["area"].shape)
    everywhere = np.ones(len(found["area"]), dtype=bool)
    bound = (found["at_low"] + found["at_high"]) > 0
    for place, one in enumerate(built.columns):
        component = one.component
        zero = np.asarray(found["at_zero"][:, place] > 0, dtype=bool)
        remarks.add(zero, "at bound: area is zero, interval one-sided", place)
        faint: np.ndarray = ~zero & (found["area"][:, place] < DETECTION * found["u_area"][:, place])
        remarks.add(faint, "below detection", place)
        for word, handle in zip(("position", "width"), one.main[:2], strict=True):
            tied = np.abs(links[handle]) > 0
            remarks.add(np.asarray(bound[:, tied].any(axis=1)), f"at bound: {word}", place)
        for text, close in _unresolved(built, found, place):
            remarks.add(close, text, place)
        if not component.verified:
            remarks.add(everywhere, "unverified energy", place)
        for text in component.overlaps:
            remarks.add(everywhere, f"overlap: {text}", place)
        if component.follows is not None:
            text = f"no {component.follows} is seen: this is not {component.name}, but what the other components leave"
            remarks.add(_owner_unseen(built, found, place), text, place)
        if component.kind == "foreign":
            remarks.add(everywhere, "foreign line, in no percent", place)
        for text, where in _of_spectrum(built, found, links, one.spot):
            remarks.add(where, text, place)
    gone = found["missing"][:, [c.spot for c in built.columns]] >= 1.0
    remarks.texts[gone] = NO_DATA
    return remarks.texts


def _of_spectrum(built: Built, found: Measured, links: np.ndarray, number: int) -> list[tuple[str, np.ndarray]]:
    """Return what is to be said against every component of a spectrum."""
    spot = built.spots[number]
    bad = (found["reduced"][:, number] > BAD_CHI) | (found["abbe"][:, number] < BAD_ABBE)
    charge = found["q"] @ links[built.shifts[number]]
    return [
        ("misfit", bad & misfit(found, number, spot.x.size)),
        ("charge shift improbable", np.abs(charge) > IMPROBABLE * spot.u_charge),
        ("missing points", found["missing"][:, number] > 0.0),
    ]


def _owner_unseen(built: Built, found: Measured, place: int) -> np.ndarray:
    """Tell where the component that this one follows is not detected though this one is (b,)."""
    one = built.columns[place]
    area, u = found["area"], found["u_area"]
    owner = next(
        (n for n, c in enumerate(built.columns) if c.spot == one.spot and c.component.name == one.component.follows),
        None,
    )
    if owner is None:
        return np.zeros(len(area), dtype=bool)
    unseen = area[:, owner] < DETECTION * u[:, owner]
    return np.asarray((unseen | (found["at_zero"][:, owner] > 0)) & (area[:, place] >= DETECTION * u[:, place]))


def _unresolved(built: Built, found: Measured, place: int) -> list[tuple[str, np.ndarray]]:
    """Return what lies closer to a component than peaks of this width can be told apart by eye."""
    one = built.columns[place]
    said = []
    for other, two in enumerate(built.columns):
        if other == place or two.spot != one.spot:
            continue
        apart = np.abs(found["position"][:, place] - found["position"][:, other])
        width = 0.5 * (found["fwhm"][:, place] + found["fwhm"][:, other])
        close = (apart < SPARROW * width) & (found["at_zero"][:, other] == 0)
        said.append((f"resolution: {two.component.name} is closer than {SPARROW:g} FWHM", close))
    return said


def spectrum_flags(built: Built, found: Measured) -> np.ndarray:
    """Return the flags (b, spot) of all spectra."""
    remarks = Remarks(found["reduced"].shape)
    bound = (found["at_low"] + found["at_high"]) > 0
    for number, spot in enumerate(built.spots):
        gone = found["missing"][:, number] >= 1.0
        remarks.add((found["sum"][:, number] <= 0) & ~gone, "all-zero spectrum", number)
        remarks.add(gone, NO_DATA, number)
        remarks.add((found["missing"][:, number] > 0.0) & ~gone, "missing points", number)
        remarks.add(found["status"][:, 0] != CONVERGED, "not converged", number)
        few = (found["sum"][:, number] > 0) & (_peak_counts(built.columns, found, number) < FEW_COUNTS)
        remarks.add(few, "counts too low", number)
        remarks.add(misfit(found, number, spot.x.size), "misfit", number)
        for name, place in _shape_parameters(built, spot):
            remarks.add(bound[:, place], f"at bound: {name}", number)
    return remarks.texts


def _shape_parameters(built: Built, spot: Spot) -> list[tuple[str, int]]:
    """Return the parameters of shape and background of a spot: name, and place among the free ones."""
    order: dict[int, int] = {handle: place for place, handle in enumerate(built.start)}
    return [
        (key[1] if key[0] == "mixing" else f"background of {key[1]}", order[handle])
        for key, handle in built.shared.items()
        if handle in order
        and key[0] in ("mixing", "background")
        and key[1].endswith(spot.region.region)
        and key[-1] in ("", spot.sample)
    ]


def _peak_counts(columns: Sequence[Column], found: Measured, spot: int) -> np.ndarray:
    """Return the area of all components of a spot in counts x eV."""
    return np.asarray(found["area"][:, [n for n, c in enumerate(columns) if c.spot == spot]].sum(axis=1))


def misfit(found: Measured, spot: int, points: int) -> np.ndarray:
    """Tell where chi-square or the Abbe value say that structure is left (three standard deviations)."""
    high = found["reduced"][:, spot] > 1.0 + STRUCTURE * np.sqrt(2.0 / points)
    structured = found["abbe"][:, spot] < 1.0 - STRUCTURE / np.sqrt(points)
    return np.asarray(high | structured)
