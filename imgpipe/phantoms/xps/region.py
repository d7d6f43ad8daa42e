"""One region of one specimen: lines, losses and floor, and the noise-free curve that they make.

All numbers may be arrays with one value per spectrum; then the curves are a batch.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imgpipe.phantoms.xps.core_lines import LINES
from imgpipe.phantoms.xps.losses import Loss, inelastic
from imgpipe.phantoms.xps.natural_lines import line_cells

Floats = NDArray[np.float64]

FINE_STEP = 0.02
"""Largest step of the fine grid, eV."""
_MARGIN = 6.0  # eV of fine grid beyond both ends of a region
_FWHM_TO_SIGMA = 1.0 / np.sqrt(8.0 * np.log(2.0))


@dataclass(frozen=True)
class Peak:
    """One line of one species; energies in eV on the recorded axis (charging included).

    Attributes
    ----------
    component : species
    line : "2p3/2"
    position : of the natural line
    area : of the primary line (before any loss)
    gauss_fwhm : of everything that broadens as a Gaussian: photons, analyser, disorder, phonons
    natural_width : lifetime FWHM
    asymmetry : of a metal (Doniach-Sunjic); 0: none
    charge_spread : decay of the one-sided spread of the surface potential to higher binding energy; the mean stays
    loss : name of the loss function, a key of `Region.losses`
    level : core level, "S 2p": shares are shares of one level
    """

    component: str
    line: str
    position: Any
    area: Any
    gauss_fwhm: Any
    natural_width: Any
    asymmetry: Any = 0.0
    charge_spread: Any = 0.0
    loss: str = "bulk"
    level: str = ""


@dataclass(frozen=True)
class Distant:
    """A line below the region, of which only the losses reach it: position, area relative to all peaks, loss."""

    position: float
    relative_area: Any
    loss: str = "bulk"


@dataclass(frozen=True)
class Region:
    """A window of binding energy and what is in it.

    Attributes
    ----------
    name : canonical, "S 2p"
    low, high, step : eV
    peaks : lines
    losses : loss functions by name
    floor : electrons of other origin at the low end, as a fraction of the highest point of all lines
    floor_slope : relative change of the floor per eV
    distant : lines at lower binding energy
    peak_counts : height of the highest point of all lines above the background; None: areas are counts x eV as given
    """

    name: str
    low: float
    high: float
    step: float
    peaks: tuple[Peak, ...]
    losses: Mapping[str, Loss] = field(default_factory=lambda: {"bulk": Loss()})
    floor: Any = 0.2
    floor_slope: Any = 0.0
    distant: tuple[Distant, ...] = ()
    peak_counts: Any = None

    @property
    def energy(self) -> Floats:
        """Channels, eV, rising."""
        count = round((self.high - self.low) / self.step) + 1
        return np.round(self.low + self.step * np.arange(count), 6)


@dataclass(frozen=True)
class Curves:
    """Noise-free parts of a region, each (n, energy), and the factor (n,) that turned areas into counts x eV."""

    elastic: Floats
    inelastic: Floats
    floor: Floats
    scale: Floats

    @property
    def total(self) -> Floats:
        """Everything that the analyser sees."""
        return self.elastic + self.inelastic + self.floor


def doublet(component: str, line: str, position: Any, area: Any, gauss_fwhm: Any, **further: Any) -> list[Peak]:
    """Return the lines of one core level: the one of lowest binding energy at `position`, `area` in all.

    Parameters
    ----------
    line : key of `LINES`
    further : other attributes of `Peak`; also ``splitting`` (eV) and ``share`` (of the second line) instead of those
        of `LINES`
    """
    known = LINES[line]
    splitting = further.pop("splitting", known.splitting)
    share = further.pop("share", known.second_share)
    widths = further.pop("natural_width", None)
    first, *second = known.sublines
    further["level"] = line
    peaks = [
        Peak(component, first, position, area * (1.0 - share if second else 1.0), gauss_fwhm,
             known.natural_width[0] if widths is None else widths, **further)
    ]  # fmt: skip
    if second:
        peaks.append(
            Peak(component, second[0], position + splitting, area * share, gauss_fwhm,
                 known.natural_width[1] if widths is None else widths, **further)
        )  # fmt: skip
    return peaks


def noise_free(region: Region) -> Curves:
    """Return the noise-free curves of a region; (1, energy) when no number is an array."""
    fine = max(1, round(region.step / FINE_STEP))
    step = region.step / fine
    below = round(_MARGIN / region.step) * fine
    size = (region.energy.size - 1) * fine + 1 + 2 * below
    grid = region.low + step * (np.arange(size) - below)
    primary = primaries(region.peaks, grid, step)
    elastic = np.asarray(sum(primary.values()))
    lost = np.asarray(sum(inelastic(part, region.losses[name], step) for name, part in primary.items()))
    keep = slice(below, size - below, fine)
    height = elastic[:, below : size - below].max(axis=-1)
    scale = np.ones_like(height) if region.peak_counts is None else np.atleast_1d(region.peak_counts) / height
    floor = np.atleast_1d(region.floor)[:, None] * height[:, None]
    floor = floor * (1.0 + np.atleast_1d(region.floor_slope)[:, None] * (region.energy - region.low))
    tails = lost[:, keep] + distant_losses(region)
    factor = scale[:, None]
    parts = np.broadcast_arrays(elastic[:, keep] * factor, tails * factor, floor * factor)
    return Curves(parts[0], parts[1], parts[2], scale)


def primaries(peaks: tuple[Peak, ...], grid: NDArray[Any], step: float) -> dict[str, Floats]:
    """Return the primary spectra, (n, grid) per eV, one for each loss function.

    Each natural line is laid into the cells of the grid, then convolved with the Gaussian and the charge spread by the
    convolution theorem on a padded grid. The width of a cell is taken off the Gaussian's variance.
    """
    length = 1 << (grid.size + round(_MARGIN / step)).bit_length()
    frequency = 2.0 * np.pi * np.fft.rfftfreq(length, step)
    edges = np.append(grid, grid[-1] + step) - 0.5 * step
    spectra: dict[str, Any] = {}
    for peak in peaks:
        position, width, asymmetry, area = (
            np.atleast_1d(value)[:, None] for value in (peak.position, peak.natural_width, peak.asymmetry, peak.area)
        )
        line = np.fft.rfft(area / step * line_cells(edges, position, width, asymmetry), length)
        spectra[peak.loss] = spectra.get(peak.loss, 0.0) + line * broadening(peak, frequency, step)
    return {name: np.fft.irfft(spectrum, length)[..., : grid.size] for name, spectrum in spectra.items()}


def broadening(peak: Peak, frequency: NDArray[Any], step: float) -> NDArray[Any]:
    """Return the transform of all that broadens a line after the lifetime, (n, frequencies)."""
    variance = (np.atleast_1d(peak.gauss_fwhm)[:, None] * _FWHM_TO_SIGMA) ** 2 - step**2 / 12.0
    spread = np.atleast_1d(peak.charge_spread)[:, None]
    gaussian = np.exp(-0.5 * variance * frequency**2)
    if np.all(spread == 0):
        return np.asarray(gaussian)
    return np.asarray(gaussian * np.exp(1j * frequency * spread) / (1.0 + 1j * frequency * spread))


def distant_losses(region: Region) -> Floats:
    """Return what lines below the region add to it, (n or 1, energy)."""
    total = np.zeros((1, region.energy.size))
    areas = np.atleast_1d(np.asarray(sum(peak.area for peak in region.peaks)))[:, None]
    for line in region.distant:
        density = region.losses[line.loss].density(region.energy - line.position)
        total = total + np.atleast_1d(line.relative_area)[:, None] * areas * density
    return total
