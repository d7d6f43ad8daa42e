"""Simulate an X-ray line scan: tables of what electrons and photons meet, then electrons at each position."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from imgpipe.model import quantity
from imgpipe.phantoms.edxs.atoms import (
    AVOGADRO,
    atomic_number,
    atomic_weight,
    elastic_cross_section,
    rutherford_share,
    stopping_power,
)
from imgpipe.phantoms.edxs.lines import Line, line, mass_absorption
from imgpipe.phantoms.edxs.slabs import Layer, Slabs, interfaces, slabs
from imgpipe.phantoms.edxs.walk import Aim, Medium, shoot

Floats = NDArray[np.float64]

PER_NM = 1e-7
"""cm per nm."""
GRID = 400
"""Electron energies of a table."""
QUANTA = 16
"""Photon energies of the bremsstrahlung."""
LOWEST_QUANTUM = 150.0
"""Lowest photon energy of the bremsstrahlung, eV."""


def simulate(
    layers: Sequence[Layer],
    *,
    lines: Sequence[str],
    beam_energy: float,
    positions: Sequence[float] | Floats,
    electrons: int,
    seed: int,
    incidence: float = 90.0,
    tilt_azimuth: float = 0.0,
    take_off: float = 35.0,
    azimuth: float = 90.0,
    sigma: Sequence[float] | float = 0.0,
    beam_width: float = 0.0,
    every: int = 10,
    quanta: bool = True,
) -> xr.Dataset:
    """Simulate a line scan over vertical layers by Monte Carlo.

    Fluorescence by characteristic lines and bremsstrahlung is left out.

    Parameters
    ----------
    layers : from left to right; the first interface lies at x = 0
    lines : labels ("Mg Ka"), one per row of the result
    beam_energy : eV
    positions : where the beam lands, nm
    electrons : per position
    seed : equal seeds and settings give equal numbers
    incidence : angle between beam and face, deg
    tilt_azimuth : direction in the face into which the beam points, from the scan direction, deg
    take_off : angle between face and detector's direction, deg
    azimuth : direction of the detector in the face, from the scan direction, deg
    sigma : standard deviation of the mixing at each interface, nm
    beam_width : standard deviation of the beam, nm
    every : one electron in so many has its bremsstrahlung followed
    quanta : follow bremsstrahlung at all

    Returns
    -------
    (element, position): ``intensity`` and ``u_intensity`` in photons per electron and steradian, ``offset`` and
    ``spread`` of the emission along x (nm), ``mean_depth`` (nm), ``generated`` (photons per electron and steradian);
    ``bremsstrahlung`` (quantum, position) in photons per electron, steradian and eV; ``backscatter`` (position)
    """
    chosen = [line(label) for label in lines]
    body = slabs(layers, sigma)
    medium = medium_of(body, chosen, beam_energy * 1e-3, quanta)
    aim = Aim(
        _direction(incidence, tilt_azimuth, down=True),
        _direction(take_off, azimuth, down=False),
        beam_energy * 1e-3,
        min(one.edge for one in chosen) * 1e-3,
        min(LOWEST_QUANTUM, min(one.edge for one in chosen)) * 1e-3,
        every if quanta else electrons + 1,
        beam_width,
    )
    where = np.asarray(positions, dtype=np.float64)
    seeds = np.random.SeedSequence(seed).generate_state(where.size, np.uint64)
    shots = [shoot(s, medium, aim, x, electrons) for s, x in zip(seeds, where, strict=True)]
    settings = {
        "layers": [f"{one.name}: {one.formula}, {one.density:g} g/cm3" for one in layers],
        "beam_energy_eV": beam_energy, "electrons": electrons, "seed": seed, "incidence_deg": incidence,
        "tilt_azimuth_deg": tilt_azimuth, "take_off_deg": take_off, "azimuth_deg": azimuth,
        "mixing_sigma_nm": [float(s) for s in np.broadcast_to(sigma, interfaces(layers).shape)],
        "beam_width_nm": beam_width,
    }  # fmt: skip
    return _dataset(shots, chosen, where, medium.quanta, electrons).assign_attrs(settings=json.dumps(settings))


def _direction(elevation: float, azimuth: float, *, down: bool) -> tuple[float, float, float]:
    up, around = np.deg2rad(elevation), np.deg2rad(azimuth)
    flat = 0.0 if abs(elevation - 90.0) < 1e-9 else float(np.cos(up))
    return _exact(flat * np.cos(around)), _exact(flat * np.sin(around)), float(np.sin(up)) * (1.0 if down else -1.0)


def _exact(component: float) -> float:
    """Return 0 for what is only rounding: a detector at 90 deg looks along the layers."""
    return 0.0 if abs(component) < 1e-12 else float(component)


def medium_of(body: Slabs, lines: Sequence[Line], start: float, quanta: bool = True) -> Medium:
    """Return the tables for slabs, lines and the energy of the beam (keV)."""
    lowest = 0.9 * min(1e-3 * LOWEST_QUANTUM, *(1e-3 * one.edge for one in lines))
    energy = np.geomspace(lowest, start * 1.01, GRID)
    numbers = [atomic_number(symbol) for symbol in body.symbols]
    weights = np.array([atomic_weight(symbol) for symbol in body.symbols])
    atoms = body.densities * AVOGADRO / weights
    events = atoms[:, None, :] * np.array([elastic_cross_section(z, energy) for z in numbers]).T[None] * PER_NM
    slowing = np.array([stopping_power(z, a, energy) for z, a in zip(numbers, weights, strict=True)])
    photon = np.geomspace(LOWEST_QUANTUM, 980.0 * start, QUANTA) if quanta else np.empty(0)
    own = [body.symbols.index(one.symbol) for one in lines]
    absorbed = np.array([mass_absorption(s, np.array([one.energy for one in lines])) for s in body.symbols])
    dimmed = np.array([mass_absorption(s, photon) if quanta else np.empty(0) for s in body.symbols])
    return Medium(
        edges=body.edges,
        log_start=float(np.log(energy[0])),
        log_step=float(np.log(energy[1] / energy[0])),
        scattering=np.ascontiguousarray(events.sum(axis=2)),
        chooser=np.cumsum(events, axis=2) / events.sum(axis=2, keepdims=True),
        rutherford=np.array([rutherford_share(z, energy) for z in numbers]),
        stopping=body.densities @ slowing * PER_NM,
        production=np.array([one.production(energy) for one in lines]) * PER_NM,
        atoms=np.ascontiguousarray(atoms[:, own]),
        attenuation=body.densities @ absorbed * PER_NM,
        radiating=atoms @ (np.array(numbers, dtype=np.float64) ** 2) * 1e-22,
        quanta=photon * 1e-3,
        dimming=body.densities @ dimmed * PER_NM,
    )


def _dataset(shots: list[Any], lines: list[Line], where: Floats, quanta: Floats, electrons: int) -> xr.Dataset:
    """Gather what `shoot` counted at each position."""
    sums = np.stack([shot[0] for shot in shots], axis=-1)  # (2, line, position)
    offset = np.stack([shot[1] for shot in shots], axis=-1)  # (4, line, position)
    continuum = np.stack([shot[2] for shot in shots], axis=-1)  # (quantum, position)
    mean = sums[0] / electrons
    error = np.sqrt(np.maximum(sums[1] / electrons - mean**2, 0.0) / electrons)
    sphere = 4.0 * np.pi
    with np.errstate(invalid="ignore", divide="ignore"):
        shift, square, depth = offset[0] / sums[0], offset[1] / sums[0], offset[3] / offset[2]
    both = "element position"
    per = "1/steradian"
    return xr.Dataset(
        {
            "intensity": quantity(mean / sphere, per, "photons per electron and steradian", both),
            "u_intensity": quantity(error / sphere, per, "statistical standard uncertainty of intensity", both),
            "generated": quantity(offset[2] / electrons / sphere, per, "photons made, before absorption", both),
            "offset": quantity(shift, "nm", "mean place of emission minus place of the beam", both),
            "spread": quantity(
                np.sqrt(np.maximum(square - shift**2, 0.0)), "nm", "standard deviation of emission along x", both
            ),
            "mean_depth": quantity(depth, "nm", "mean depth of generation", both),
            "bremsstrahlung": quantity(
                continuum / sphere * 1e-3, "1/steradian/eV", "bremsstrahlung photons per electron", "quantum position"
            ),
            "backscatter": quantity(
                np.array([shot[3] for shot in shots]) / electrons, "1", "backscatter coefficient", "position"
            ),
            "line_energy": quantity(np.array([one.energy for one in lines]), "eV", "energy of the line", "element"),
        },
        coords={
            "element": ("element", np.array([one.symbol for one in lines], dtype=object)),
            "xray_line": ("element", np.array([one.label for one in lines], dtype=object)),
            "position": ("position", where, {"units": "nm", "long_name": "position"}),
            "quantum": ("quantum", quanta * 1e3, {"units": "eV", "long_name": "photon energy"}),
        },
    )
