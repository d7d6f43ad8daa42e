"""Thickness of a thin film from the lines of film and substrate."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from imgpipe.kernels.share_intervals import ONE_SIDED, TWO_SIDED

Floats = NDArray[np.float64]
DEEPEST = 3.0
"""Beyond this many attenuation lengths (times the cosine) a thickness rests on less than 5 % of the substrate."""


@dataclass(frozen=True)
class Film:
    """What is known of film and substrate.

    Attributes
    ----------
    length_film, length_substrate : attenuation lengths of the lines compared, nm; u_film, u_substrate : relative u
    density_ratio : atoms of the element per volume, substrate over film; u_density_ratio : relative u
    angle : of emission from the surface normal, radians; u_angle : radians
    """

    length_film: float
    length_substrate: float
    density_ratio: float
    angle: float = 0.0
    u_film: float = 0.0
    u_substrate: float = 0.0
    u_density_ratio: float = 0.0
    u_angle: float = 0.0

    @property
    def reach(self) -> float:
        """Attenuation length in the film along the normal, nm."""
        return self.length_film * float(np.cos(self.angle))

    @property
    def factor(self) -> float:
        """(N_m lambda_m) / (N_o lambda_o)."""
        return self.density_ratio * self.length_substrate / self.length_film

    def thickness(self, ratio: Floats) -> Floats:
        """Return nm for the intensity of the film over that of the substrate."""
        return np.asarray(self.reach * np.log1p(self.factor * np.clip(ratio, 0.0, None)))

    def u_shared(self, ratio: Floats) -> Floats:
        """Return u in nm of lengths, densities and angle together.

        d = L ln(1 + K R) with L = lambda_o cos(theta), K = N_m lambda_m / (N_o lambda_o): the length of the film acts
        on both L and K.
        """
        inner = self.factor * np.clip(ratio, 0.0, None)
        pull = self.reach * inner / (1.0 + inner)
        whole = self.thickness(ratio)
        terms = (
            (whole - pull) * self.u_film,
            pull * self.u_substrate,
            pull * self.u_density_ratio,
            whole * np.tan(self.angle) * self.u_angle,
        )
        return np.asarray(np.sqrt(np.sum(np.stack(np.broadcast_arrays(*terms)) ** 2, axis=0)))


@dataclass(frozen=True)
class Thickness:
    """Thickness in nm with u and 95 % interval; NaN with a bound where a line was not detected."""

    value: Floats
    u_random: Floats
    u_shared: Floats
    low: Floats
    high: Floats
    bare: NDArray[np.bool_]
    covered: NDArray[np.bool_]
    deep: NDArray[np.bool_]


def from_shares(percent: Floats, u: Floats, film: Film, undetected: NDArray[np.bool_] | None = None) -> Thickness:
    """Return the thickness from the substrate's share of the line that film and substrate have in common.

    Parameters
    ----------
    percent, u : share of the substrate in percent, film being the rest, and its u
    undetected : where the film is known to be within its own u of nothing; its thickness is then a bound

    Notes
    -----
    d = lambda_o cos(theta) ln(1 + N_m lambda_m I_o / (N_o lambda_o I_m)); B. R. Strohmeier, Surf. Interface Anal. 15,
    51 (1990). The interval of the share is carried over end by end, as the relation is curved; shared terms are added
    in quadrature to each half. A share that is not above 0 (or not below 100) by 1.645 u gives a bound on one side.
    """
    covered = percent <= ONE_SIDED * u
    bare = ~covered & (percent >= 100.0 - ONE_SIDED * u)
    if undetected is not None:
        bare |= ~covered & undetected
    sides = np.where(covered | bare, ONE_SIDED, TWO_SIDED)
    thick, thin = (film.thickness(_ratio(percent + sign * sides * u)) for sign in (-1.0, 1.0))
    value = film.thickness(_ratio(percent))
    shared = film.u_shared(_ratio(percent))
    low = value - np.hypot(value - thin, sides * shared)
    with np.errstate(invalid="ignore"):
        high = value + np.hypot(thick - value, sides * shared)
    slope = film.reach * 100.0 * film.factor / (1.0 + film.factor * _ratio(percent)) / np.clip(percent, 1e-9, None) ** 2
    known = ~(covered | bare)
    return Thickness(
        value=np.where(known, value, np.nan),
        u_random=np.where(known, slope * u, np.nan),
        u_shared=np.where(known, shared, np.nan),
        low=np.where(bare, 0.0, np.clip(np.where(covered, _bound(film, percent, u), low), 0.0, None)),
        high=np.where(covered, np.nan, high),
        bare=bare,
        covered=covered,
        deep=known & (value > DEEPEST * film.reach),
    )


def _ratio(percent: Floats) -> Floats:
    """Return film over substrate; a share of the substrate of zero counts as 1e-6 percent."""
    share = np.clip(percent, 1e-6, 100.0)
    return np.asarray((100.0 - share) / share)


def _bound(film: Film, percent: Floats, u: Floats) -> Floats:
    """Return the smallest thickness with which the substrate would have stayed unseen (one-sided 95 %)."""
    ratio = _ratio(np.clip(percent, 0.0, None) + ONE_SIDED * u)
    return film.thickness(ratio) - ONE_SIDED * film.u_shared(ratio)


def from_attenuation(intensity: Floats, u: Floats, clean: float, u_clean: float, film: Film) -> Thickness:
    """Return the thickness from how much weaker the substrate is than when clean: d = lambda cos(theta) ln(I0 / I).

    Parameters
    ----------
    intensity, u : of the substrate below the film
    clean, u_clean : of the clean substrate, under equal conditions
    """
    covered = intensity <= ONE_SIDED * u
    safe = np.where(covered, np.clip(intensity, 0.0, None) + ONE_SIDED * u, intensity)
    value = film.reach * np.log(clean / safe)
    random = film.reach * np.hypot(u / safe, u_clean / clean)
    shared = np.abs(value) * np.hypot(film.u_film, np.tan(film.angle) * film.u_angle)
    bare = ~covered & (value <= ONE_SIDED * random)
    total = np.hypot(random, shared)
    known = ~(covered | bare)
    low = np.where(covered, value - ONE_SIDED * shared, value - TWO_SIDED * total)
    high = np.where(bare, np.clip(value, 0.0, None) + ONE_SIDED * total, value + TWO_SIDED * total)
    return Thickness(
        value=np.where(known, value, np.nan),
        u_random=np.where(known, random, np.nan),
        u_shared=np.where(known, shared, np.nan),
        low=np.where(bare, 0.0, np.clip(low, 0.0, None)),
        high=np.where(covered, np.nan, high),
        bare=bare,
        covered=covered,
        deep=known & (value > DEEPEST * film.reach),
    )
