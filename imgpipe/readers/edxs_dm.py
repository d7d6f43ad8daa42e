"""Spectra, lines and maps of Gatan DigitalMicrograph files, as rosettasciio gives them (child)."""

from __future__ import annotations

from collections.abc import Sequence

from imgpipe.readers.edxs_axes import energy_factor
from imgpipe.readers.edxs_images import image_leaf
from imgpipe.readers.edxs_leaves import Acquisition, leaves
from imgpipe.readers.edxs_signals import Signal, acquisition, header_of, is_image, ordered
from imgpipe.readers.edxs_times import leave_out
from imgpipe.readers.leaf import Leaf, Source


def spectral(signals: Sequence[Signal]) -> list[Signal]:
    """Return the signals with an energy axis (eV or keV): these are no images."""
    return [signal for signal in signals if _has_energy(signal)]


def _has_energy(signal: Signal) -> bool:
    axes = ordered(signal["axes"])
    return bool(axes) and not signal["data"].dtype.names and energy_factor(axes[-1].get("units")) is not None


def _acquisition(signal: Signal) -> Acquisition:
    header = header_of(signal)
    if signal["data"].ndim > 1:
        leave_out(header)
    return acquisition(signal, header=header)


def spectrum_leaves(signals: Sequence[Signal], source: Source, flags: Sequence[str]) -> list[Leaf]:
    """Return the leaves of a file with spectra, and its images.

    Parameters
    ----------
    signals : all of the file
    flags : what is to be said of the file
    """
    chosen = spectral(signals)
    made = leaves([_acquisition(signal) for signal in chosen], source)
    pictures: list[Leaf] = []
    for signal in signals:
        if is_image(signal) and not _has_energy(signal):
            pictures.append(image_leaf(signal, source, pictures, "Gatan"))
    for leaf in [*pictures, *made]:
        leaf.flags += flags
    return [*pictures, *made]
