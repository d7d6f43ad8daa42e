"""Line scans fitted by imgpipe: from everybody's start, and finding the interfaces itself."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from benchmarks.edxs_scan_peers import ScanFits
from benchmarks.edxs_scans import PLACES, WIDTH
from imgpipe.kernels.profile_fit import ProfileFit, fit_profiles

Floats = NDArray[np.float64]


def equal_start(x: Floats, counts: Floats) -> ScanFits:
    """Fit by maximum likelihood of Poisson counts from everybody's start."""
    return _named(fitted(x, counts))


def own_start(x: Floats, counts: Floats) -> ScanFits:
    """Fit without any start: the interfaces are looked for first."""
    return _named(fit_profiles(x, counts, len(PLACES)))


def fitted(x: Floats, counts: Floats) -> ProfileFit:
    """Return the kernel's result from everybody's start."""
    shape = (len(counts), len(PLACES))
    return fit_profiles(x, counts, len(PLACES), start=(np.tile(PLACES, (len(counts), 1)), np.full(shape, WIDTH)))


def _named(found: ProfileFit) -> ScanFits:
    u = found.u_position
    good = found.converged & np.isfinite(u).all(axis=1)
    return ScanFits(found.position, u, found.plateau[:, :, 0], good)
