"""Spectra, lines and maps of Gatan DigitalMicrograph files, as rosettasciio gives them (child)."""

from __future__ import annotations

from collections.abc import Sequence

from imgpipe.readers.edxs_axes import energy_factor
from imgpipe.readers.edxs_images import image_leaf
from imgpipe.readers.edxs_leaves import leaves
from imgpipe.readers.edxs_signals import Signal, acquisition, is_image, ordered
from imgpipe.readers.leaf import Leaf, Source


def spectral(signals: Sequence[Signal]) -> list[Signal]:
    """Return the signals with an energy axis (eV or keV): these are no images."""
    return [signal for signal in signals if _has_energy(signal)]


def _has_energy(signal: Signal) -> bool:
    axes = ordered(signal["axes"])
    return bool(axes) and not signal["data"].dtype.names and energy_factor(axes[-1].get("units")) is not None


def spectrum_leaves(signals: Sequence[Signal], source: Source, flags: Sequence[str]) -> list[Leaf]:
    """Return the leaves of a file with spectra, and its images.

    Parameters
    ----------
    signals : all of the file
    flags : what is to be said of the file
    """
    chosen = spectral(signals)
    made = leaves([acquisition(signal) for signal in chosen], source)
    pictures: list[Leaf] = []
    for signal in signals:
        if is_image(signal) and not _has_energy(signal):
            pictures.append(image_leaf(signal, source, pictures, "Gatan"))
    for leaf in [*pictures, *made]:
        leaf.flags += flags
    return [*pictures, *made]
