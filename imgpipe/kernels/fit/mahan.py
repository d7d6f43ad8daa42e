"""Core line of a metal with a tail that ends: Doniach-Sunjic with Mahan's cut-off, life time and Gaussian blur.

The soft electron-hole pairs that answer a core hole take up energies T > 0 with the density T^(a-1) exp(-T/e) /
(Gamma(a) e^a): the power law of Doniach and Sunjic, ended at the energy e that the band has to give. Its transform is
(1 - i e t)^-a, so a line with a Lorentzian and a Gaussian is one integral over t, and its area is one.

G. D. Mahan, Phys. Rev. B 11, 4814 (1975); S. Doniach, M. Sunjic, J. Phys. C 3, 285 (1970); the form in time is that of
P. H. Citrin, G. K. Wertheim, Y. Baer, Phys. Rev. B 16, 4256 (1977).
"""

from __future__ import annotations

import math

import numpy as np

from imgpipe.kernels.fit.peaks import LEAST, SIGMA

FADED = 6.2
"""The integral runs until the Gaussian's transform is exp(-FADED^2 / 2), 5e-9."""
MOST_NODES = 6000
MARGIN_TAIL, MARGIN_LORENTZ = 12.0, 200.0
"""The sum over t makes the line periodic; the period exceeds the abscissa by these numbers of cut-offs and widths."""
ROUND = 32.0
"""The period is rounded up to a multiple of this, in units of x, so that small changes leave the nodes alone."""


def mahan(x, p, value, derivative):  # type: ignore[no-untyped-def]
    """Metal line of position, gauss_fwhm, lorentz_fwhm, asymmetry a >= 0 and cutoff e; unit area.

    `position` is that of the line without tail; the mean lies a e higher.
    """
    position, sigma = p[0], SIGMA * max(p[1], LEAST)
    half, asymmetry, cutoff = 0.5 * max(p[2], 0.0), max(p[3], 0.0), max(p[4], LEAST)
    reach = max(abs(x[0] - position), abs(x[x.size - 1] - position), abs(x[x.size - 1] - x[0]))
    period = ROUND * math.ceil((reach + MARGIN_TAIL * cutoff + MARGIN_LORENTZ * half) / ROUND)
    step = 2.0 * math.pi / period
    nodes = min(int(FADED / (sigma * step)) + 1, MOST_NODES)
    value[:] = 0.0
    derivative[:, :] = 0.0
    cosine, sine = np.ones(x.size), np.zeros(x.size)
    turn_cosine, turn_sine = np.cos(step * (x - position)), np.sin(step * (x - position))
    for k in range(nodes):
        t = k * step
        weight = (0.5 if k == 0 else 1.0) * step / math.pi
        stretched = cutoff * t
        square = 1.0 + stretched * stretched
        log, angle = -0.5 * math.log(square), math.atan(stretched)
        size = weight * math.exp(-half * t - 0.5 * (sigma * t) ** 2 + asymmetry * log)
        even, odd = size * math.cos(asymmetry * angle), size * math.sin(asymmetry * angle)
        by_gauss, by_lorentz = -SIGMA * sigma * t * t, -0.5 * t
        end_size, end_angle = -asymmetry * stretched * t / square, asymmetry * t / square
        for i in range(x.size):
            c, s = cosine[i], sine[i]
            g, h = even * c + odd * s, odd * c - even * s
            value[i] += g
            derivative[0, i] -= t * h
            derivative[1, i] += by_gauss * g
            derivative[2, i] += by_lorentz * g
            derivative[3, i] += log * g - angle * h
            derivative[4, i] += end_size * g - end_angle * h
            cosine[i] = c * turn_cosine[i] - s * turn_sine[i]
            sine[i] = s * turn_cosine[i] + c * turn_sine[i]
    kink = step * step / (24.0 * math.pi)  # of exp(-half |t|) at 0: the trapezoid's error, which is the same everywhere
    value[:] -= 2.0 * kink * half
    derivative[2, :] -= kink
