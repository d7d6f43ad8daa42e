"""Energy losses on the way out: how probable it is that a photoelectron arrives with T eV less.

The loss function of a material is a sum of what it can do: electronic transitions of the valence electrons (the
universal cross-section), plasmons, and, as the simplest background there is, a loss that is equally probable at all T.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

UNIVERSAL_B, UNIVERSAL_C = 2866.0, 1643.0
"""eV^2, of the universal cross-section B T / (C + T^2)^2 (S. Tougaard, Surf. Interface Anal. 11, 453 (1988))."""


@dataclass(frozen=True)
class Plasmon:
    """A plasmon: its energy and damping in eV, and the mean number made per photoelectron."""

    energy: float
    damping: float
    number: float


@dataclass(frozen=True)
class Loss:
    """A loss function per mean escape; numbers, or arrays with one value per spectrum.

    Attributes
    ----------
    step : losses per eV, equally probable at all energies
    universal : strength of the universal cross-section; 1 is the mean of many solids
    gap : energy below which the universal cross-section is zero, eV (nothing is excited inside a band gap)
    plasmons : of a metal
    orders : how often an electron may lose energy
    """

    step: Any = 0.0
    universal: Any = 0.0
    gap: Any = 0.0
    plasmons: tuple[Plasmon, ...] = ()
    orders: int = 1

    def density(self, energy: NDArray[Any]) -> Floats:
        """Return losses per eV, (n, energies), at loss energies T >= 0, eV."""
        step, strength, gap = (np.atleast_1d(value)[:, None] for value in (self.step, self.universal, self.gap))
        total = step + strength * universal(energy) * (energy >= gap)
        for plasmon in self.plasmons:
            total = total + plasmon.number * drude(energy, plasmon.energy, plasmon.damping)
        return np.asarray(total, dtype=np.float64)


def universal(energy: NDArray[Any]) -> Floats:
    """Return the universal cross-section B T / (C + T^2)^2, losses per eV, at T >= 0, eV."""
    return UNIVERSAL_B * energy / (UNIVERSAL_C + energy**2) ** 2


def drude(energy: NDArray[Any], plasmon: float, damping: float) -> Floats:
    """Return the Drude loss function of one plasmon, area 1 over T > 0.

    Im(-1/eps) = Ep^2 G T / ((Ep^2 - T^2)^2 + (G T)^2); its integral is pi Ep/2 times a factor that is 1 for weak
    damping, so it is summed numerically.
    """

    def shape(loss: NDArray[Any]) -> NDArray[Any]:
        return plasmon**2 * damping * loss / ((plasmon**2 - loss**2) ** 2 + (damping * loss) ** 2)

    wide = np.linspace(0.0, 60.0 * plasmon, 60001)
    return shape(energy) / float(np.trapezoid(shape(wide), wide))


def inelastic(primary: Floats, loss: Loss, step: float) -> Floats:
    """Convolve a primary spectrum explicitly with a loss function, again for each further loss.

    Homogeneous matter turns F into F + F*K + F*K*K + ...: the electrons from deeper down lose more.

    Parameters
    ----------
    primary : (n, cells), per eV, on a grid of rising binding energy (that is, falling kinetic energy)
    loss : loss function; its arrays have n values or one
    step : of the grid, eV

    Returns
    -------
    (n, cells), what was lost at least once; zero below the lowest line
    """
    size = primary.shape[-1]
    kernel = loss.density(step * np.arange(size)) * step
    kernel[:, 0] *= 0.5
    length = 1 << (2 * size - 1).bit_length()
    kernel_hat = np.fft.rfft(kernel, length)
    lost = np.zeros_like(primary)
    order = primary
    for _ in range(loss.orders):
        order = np.fft.irfft(np.fft.rfft(order, length) * kernel_hat, length)[..., :size]
        lost += order
    return lost
