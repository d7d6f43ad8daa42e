"""Mass and atomic fractions by eXSpy's own Cliff-Lorimer quantification, with factors by name instead of by order."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
_LEAST = 0.1
"""Counts that eXSpy takes for none."""


def mass_percent(intensity: Floats, lines: Sequence[tuple[str, str]], factors: Sequence[float]) -> Floats:
    """Return the mass fractions that ``EDSTEMSpectrum.quantification(method="CL")`` gives, in percent.

    Parameters
    ----------
    intensity : (n, points) counts, not negative
    lines : (n,) element and line: ("Fe", "Ka")
    factors : (n,) k-factors of these lines, for mass fractions

    Returns
    -------
    (n, points); NaN where an intensity is NaN, or no line was seen
    """
    import exspy
    import hyperspy.api as hs

    known = np.isfinite(intensity).all(axis=0) & (intensity > _LEAST).any(axis=0)
    found = np.full(intensity.shape, np.nan)
    if not known.any():
        return found
    signals = []
    for row, (element, line) in zip(intensity[:, known], lines, strict=True):
        signal = hs.signals.BaseSignal(row).T
        signal.metadata.set_item("Sample", {"elements": [element], "xray_lines": [f"{element}_{line}"]})
        signals.append(signal)
    spectrum = exspy.signals.EDSTEMSpectrum(np.zeros((int(known.sum()), 2)))
    with _quiet(), np.errstate(divide="ignore", invalid="ignore"):  # eXSpy divides by counts of zero, rightly
        made = spectrum.quantification(
            signals, method="CL", factors=list(factors), composition_units="weight", navigation_mask=None
        )
    found[:, known] = [np.ravel(one.data) for one in made]
    return found


def atomic_percent(mass: Floats, elements: Sequence[str]) -> Floats:
    """Return mass fractions (n, points) as atomic fractions, in percent, by eXSpy."""
    import exspy

    return np.asarray(exspy.material.weight_to_atomic(mass, list(elements)), dtype=np.float64)


def atomic_weights(elements: Sequence[str]) -> Floats:
    """Return the atomic weights that eXSpy uses; `KeyError` for what is no element."""
    import exspy

    return np.array([exspy.material.elements[one]["General_properties"]["atomic_weight"] for one in elements], float)


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep HyperSpy from drawing progress bars."""
    import hyperspy.api as hs

    before = hs.preferences.General.show_progressbar
    hs.preferences.General.show_progressbar = False
    try:
        yield
    finally:
        hs.preferences.General.show_progressbar = before
