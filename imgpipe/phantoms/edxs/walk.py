"""The path of one electron after another: single scattering in vertical slabs below the plane z = 0, compiled.

z points into the specimen; x is the scan direction and the normal of the slabs. Lengths are nm, energies keV.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numba as nb
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


class Medium(NamedTuple):
    """What the electrons and photons meet; energies on a logarithmic grid."""

    edges: Floats  # (slab + 1) nm, from -inf to inf
    log_start: float  # ln of the lowest energy
    log_step: float
    scattering: Floats  # (slab, energy) elastic events per nm
    chooser: Floats  # (slab, energy, element) cumulated probability of the element that scatters
    rutherford: Floats  # (element, energy) share of screened Rutherford events
    stopping: Floats  # (slab, energy) keV/nm
    production: Floats  # (line, energy) photons per nm and atom density
    atoms: Floats  # (slab, line) atom density that belongs to the line
    attenuation: Floats  # (slab, line) 1/nm
    radiating: Floats  # (slab) sum of atom density times Z squared
    quanta: Floats  # (photon energy) keV, of the bremsstrahlung
    dimming: Floats  # (slab, photon energy) attenuation of the bremsstrahlung, 1/nm


class Aim(NamedTuple):
    """Direction of the beam and of the detector (unit vectors), lowest energies followed, share with bremsstrahlung."""

    beam: tuple[float, float, float]
    detector: tuple[float, float, float]
    start: float  # keV
    stop: float  # keV, of most electrons
    stop_radiating: float  # keV, of those whose bremsstrahlung is followed
    every: int  # one electron in so many has its bremsstrahlung followed
    width: float  # standard deviation of the beam, nm


@nb.njit(nogil=True, cache=True, inline="always")
def uniform(state):  # type: ignore[no-untyped-def]
    """Return a random number in (0, 1) by SplitMix64 (Steele, Lea, Flood 2014); `state` (1,) uint64 advances."""
    state[0] += np.uint64(0x9E3779B97F4A7C15)
    z = state[0]
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    z = z ^ (z >> np.uint64(31))
    return (np.float64(z >> np.uint64(11)) + 0.5) * 1.1102230246251565e-16


@nb.njit(nogil=True, cache=True)
def slab_at(edges, x):  # type: ignore[no-untyped-def]
    """Return the index of the slab at x."""
    return min(max(int(np.searchsorted(edges, x, side="right")) - 1, 0), len(edges) - 2)


@nb.njit(nogil=True, cache=True)
def depth(edges, attenuation, slab, x, length, slope, column):  # type: ignore[no-untyped-def]
    """Return the optical depth of a straight ray through the slabs.

    Parameters
    ----------
    attenuation : (slab, column) 1/nm
    slab, x : where the ray starts
    length : to the surface, nm
    slope : x component of the ray's direction
    column : of `attenuation`
    """
    total = 0.0
    left = length
    while True:
        if slope > 0.0:
            inside = (edges[slab + 1] - x) / slope
        elif slope < 0.0:
            inside = (edges[slab] - x) / slope
        else:
            inside = math.inf
        if inside >= left:
            return total + attenuation[slab, column] * left
        total += attenuation[slab, column] * inside
        left -= inside
        x += slope * inside
        slab += 1 if slope > 0.0 else -1


@nb.njit(nogil=True, cache=True, inline="always")
def turn(state, ux, uy, uz, cosine):  # type: ignore[no-untyped-def]
    """Return a direction turned by a polar angle of given cosine and a random azimuth."""
    sine = math.sqrt(max(0.0, 1.0 - cosine * cosine))
    azimuth = 2.0 * math.pi * uniform(state)
    c, s = math.cos(azimuth), math.sin(azimuth)
    across = math.sqrt(max(0.0, 1.0 - uz * uz))
    if across < 1e-9:
        return sine * c, sine * s, math.copysign(cosine, uz * cosine)
    vx = ux * cosine + sine * (ux * uz * c - uy * s) / across
    vy = uy * cosine + sine * (uy * uz * c + ux * s) / across
    vz = uz * cosine - sine * across * c
    norm = 1.0 / math.sqrt(vx * vx + vy * vy + vz * vz)
    return vx * norm, vy * norm, vz * norm


@nb.njit(nogil=True, cache=True, inline="always")
def scatter(state, medium, slab, index, energy, ux, uy, uz):  # type: ignore[no-untyped-def]
    """Return the direction after an elastic event (Browning 1994)."""
    chosen = uniform(state)
    element = 0
    last = medium.chooser.shape[2] - 1
    while element < last and chosen > medium.chooser[slab, index, element]:
        element += 1
    r = uniform(state)
    if uniform(state) < medium.rutherford[element, index]:
        screening = 7.0e-3 / energy
        cosine = 1.0 - 2.0 * screening * r / (1.0 + screening - r)
    else:
        cosine = 1.0 - 2.0 * r
    return turn(state, ux, uy, uz, cosine)


@nb.njit(nogil=True, cache=True)
def emit(medium, slab, x, z, detector, index, part, step, origin, tally, offset):  # type: ignore[no-untyped-def]
    """Add the characteristic X-rays of one step that reach the detector's direction to `tally` (line)."""
    length = z / -detector[2]
    for k in range(medium.production.shape[0]):
        atoms = medium.atoms[slab, k]
        if atoms > 0.0:
            low, high = medium.production[k, index], medium.production[k, index + 1]
            made = (low + part * (high - low)) * atoms * step
            if made > 0.0:
                seen = made * math.exp(-depth(medium.edges, medium.attenuation, slab, x, length, detector[0], k))
                tally[k] += seen
                offset[0, k] += seen * (x - origin)
                offset[1, k] += seen * (x - origin) ** 2
                offset[2, k] += made
                offset[3, k] += made * z


@nb.njit(nogil=True, cache=True)
def radiate(medium, slab, x, z, detector, energy, step, tally):  # type: ignore[no-untyped-def]
    """Add the bremsstrahlung of one step that reaches the detector's direction to `tally` (photon energy; per keV)."""
    length = z / -detector[2]
    speed = energy * (energy + 2.0 * 510.99895) / (energy + 510.99895) ** 2
    for q in range(medium.quanta.shape[0]):
        if medium.quanta[q] < energy:
            made = 5.603e-12 * medium.radiating[slab] * step / (speed * medium.quanta[q])
            tally[q] += made * math.exp(-depth(medium.edges, medium.dimming, slab, x, length, detector[0], q))


@nb.njit(nogil=True, cache=True, inline="always")
def shortened(edges, slab, x, ux, step):  # type: ignore[no-untyped-def]
    """Return a step cut at the slab's boundary, and to which side it crosses (-1, 0, 1)."""
    if ux > 0.0 and x + ux * step >= edges[slab + 1]:
        return (edges[slab + 1] - x) / ux, 1
    if ux < 0.0 and x + ux * step <= edges[slab]:
        return (edges[slab] - x) / ux, -1
    return step, 0


@nb.njit(nogil=True, cache=True)
def follow(state, medium, aim, origin, radiating, tally, offset, continuum):  # type: ignore[no-untyped-def]
    """Follow one electron from the surface at x = `origin` until it leaves or is too slow; return 1 if it leaves."""
    x, z = origin, 0.0
    if aim.width > 0.0:
        x += aim.width * math.sqrt(-2.0 * math.log(uniform(state))) * math.cos(2.0 * math.pi * uniform(state))
    ux, uy, uz = aim.beam
    energy = aim.start
    stop = aim.stop_radiating if radiating else aim.stop
    slab = slab_at(medium.edges, x)
    optical = -math.log(uniform(state))
    while energy > stop:
        place = (math.log(energy) - medium.log_start) / medium.log_step
        index = int(place)
        part = place - index
        events = medium.scattering[slab, index] * (1.0 - part) + medium.scattering[slab, index + 1] * part
        loss = medium.stopping[slab, index] * (1.0 - part) + medium.stopping[slab, index + 1] * part
        step = min(optical / events, 0.03 * energy / loss)
        step, crossing = shortened(medium.edges, slab, x, ux, step)
        leaves = z + uz * step <= 0.0 and uz < 0.0
        if leaves:
            step = -z / uz
        middle = energy - 0.5 * loss * step
        if middle > aim.stop:
            place = (math.log(middle) - medium.log_start) / medium.log_step
            at, along = int(place), 0.5 * step
            emit(
                medium, slab, x + ux * along, z + uz * along, aim.detector, at, place - at, step, origin, tally, offset
            )
        if radiating:
            radiate(medium, slab, x + ux * 0.5 * step, z + uz * 0.5 * step, aim.detector, middle, step, continuum)
        if leaves:
            return 1
        x, z = x + ux * step, max(z + uz * step, 0.0)
        energy -= loss * step
        optical -= events * step
        if crossing != 0:
            x = medium.edges[slab + 1] if crossing > 0 else medium.edges[slab]
            slab += crossing
        elif optical <= 1e-12:
            ux, uy, uz = scatter(state, medium, slab, index, energy, ux, uy, uz)
            optical = -math.log(uniform(state))
    return 0


@nb.njit(nogil=True, cache=True)
def shoot(seed, medium, aim, origin, electrons):  # type: ignore[no-untyped-def]
    """Follow many electrons that land at one place.

    Returns
    -------
    sums : (2, line) sum and sum of squares over electrons of the photons that leave towards the detector
    offset : (4, line) sums, weighted by photons: of x - origin and its square (seen); of 1 and of depth (made)
    continuum : (photon energy) bremsstrahlung per electron and keV, of the electrons whose radiation was followed
    back : electrons that left
    """
    state = np.empty(1, dtype=np.uint64)
    state[0] = seed
    lines = medium.production.shape[0]
    sums, offset, tally = np.zeros((2, lines)), np.zeros((4, lines)), np.zeros(lines)
    continuum = np.zeros(medium.quanta.shape[0])
    back, followed = 0, 0
    for electron in range(electrons):
        tally[:] = 0.0
        radiating = electron % aim.every == 0
        followed += radiating
        back += follow(state, medium, aim, origin, radiating, tally, offset, continuum)
        for k in range(lines):
            sums[0, k] += tally[k]
            sums[1, k] += tally[k] * tally[k]
    return sums, offset, continuum / max(followed, 1), back
