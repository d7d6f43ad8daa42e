"""Draw what is not known exactly about a spectrum, so that a test of uncertainties covers it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from imgpipe.phantoms.xps.losses import universal
from imgpipe.phantoms.xps.published import Published
from imgpipe.phantoms.xps.specimen import stream

_UNIVERSAL_AT_10 = float(universal(np.array(10.0)))  # per eV, at a loss of 10 eV

_MATCHED: dict[str, Any] = {
    "loss_step": 0.02,
    "loss_universal": 0.0,
    "orders": 1,
    "floor_slope": 0.0,
    "transmission_exponent": 0.0,
}
MATCHED: dict[str, Any] = {**_MATCHED, "distant_area": 0.0, "u_charge": 0.0, "u_differential": 0.0}
"""Parameters of the preset `published` with which a constant and an active Shirley background describe region S 2p
exactly: one loss, equally probable at all energies, no sloping floor, no transmission; only counts are drawn."""
MATCHED_ARGYRODITE: dict[str, Any] = {**_MATCHED, "u_differential": 0.0}
"""The same for the preset `argyrodite`."""
MATCHED_SERIES = _MATCHED
"""The same for the preset `series`."""


def draw_systematics(
    seeds: Sequence[int],
    *,
    u_shift: float = 0.1,
    u_separation: float = 0.1,
    u_fwhm: float = 0.03,
    u_width_ratio: float = 0.1,
    u_splitting: float = 0.01,
    natural_width: tuple[float, float] = (0.05, 0.25),
    loss_strength: float = 0.02,
    u_loss: float = 0.2,
    step_share: tuple[float, float] = (0.0, 1.0),
    u_floor_slope: float = 0.002,
) -> dict[str, Any]:
    """Draw the systematics of the preset `published`, as parameters for `make_batch`; a `u_` of 0 leaves one out.

    Parameters
    ----------
    seeds : one set each; equal seeds draw equally
    u_shift : of the energy axis, eV
    u_separation : of Li2S from Li6PS5Cl, eV (chemical shift and differential charging)
    u_fwhm : of the common width, relative
    u_width_ratio : of the width of Li2S over that of Li6PS5Cl
    u_splitting : eV
    natural_width : range of the lifetime FWHM, uniform, eV
    loss_strength, u_loss : losses per eV near 10 eV, and relative sd
    step_share : range of how much of it is equally probable at all energies, the rest being the universal
        cross-section, uniform
    u_floor_slope : of the floor, per eV

    Returns
    -------
    name -> (seeds,); nothing else is drawn: ``u_charge`` and ``u_differential`` are 0
    """
    usual = Published()
    normal = np.array([stream(seed, "systematics").standard_normal(7) for seed in seeds]).T
    uniform = np.array([stream(seed, "systematic ranges").random(2) for seed in seeds]).T
    low, high = natural_width
    share = step_share[0] + (step_share[1] - step_share[0]) * uniform[1]
    strength = loss_strength * np.exp(u_loss * normal[5])
    return {
        "charge": u_shift * normal[0],
        "li2s": usual.li2s + u_separation * normal[1],
        "fwhm": usual.fwhm * (1.0 + u_fwhm * normal[2]),
        "li2s_width": 1.0 + u_width_ratio * normal[3],
        "splitting": usual.splitting + u_splitting * normal[4],
        "natural_width": low + (high - low) * uniform[0],
        "loss_step": share * strength,
        "loss_universal": (1.0 - share) * strength / _UNIVERSAL_AT_10,
        "floor_slope": u_floor_slope * normal[6],
        "u_charge": 0.0,
        "u_differential": 0.0,
    }
