"""The step k_ratios."""

import math
from collections.abc import Mapping, Sequence
from typing import Annotated

import numpy as np
import xarray as xr
from pydantic import Field

from imgpipe.errors import DataError
from imgpipe.kernels.intensity_ratio import ratio
from imgpipe.kernels.parted import Parted
from imgpipe.model import quantity
from imgpipe.step import step
from imgpipe.steps.edxs.element_rows import lithium_declared, row_names, rows_of, spread, with_columns
from imgpipe.steps.edxs.standards import Measured, Standards, check_standards, conditions, read_standards, standard
from imgpipe.units import Dims, Gives, Unit

ENERGY_AGREEMENT = 0.005
"""Largest relative difference of beam energies that counts as equal."""
Relative = Annotated[float, Field(ge=0, le=1), Unit("1")]


@step(version=1, measures=True, check=check_standards)
def k_ratios(
    tree: Annotated[xr.DataTree, Dims("element")],
    *,
    standards: Standards,
    u_dose: Relative = 0.01,
    lithium: bool = False,
) -> Annotated[xr.DataTree, Gives(table="elements", k_ratio="1", u_k_ratio="1")]:
    """Measure k-ratios: the intensity of the specimen over that of a standard, each per live time and beam current.

    A k-ratio is not a composition. It becomes one by the correction for atomic number, absorption and fluorescence
    (ZAF, phi-rho-z), which this step does not do; near an interface, where the beam excites two layers at once, no
    such correction holds at all. So nothing is normalised to 100 %, and the sum of the k-ratios is given as it is
    (``k_ratio_total``): it tells of missing elements, of a tilted or charged face, and of the dose.

    Specimen and standard must be measured at the same beam energy, with the same line, detector and take-off angle.
    Where the beam current of either is unknown both are taken as equal, and a flag says so; where a live time is
    unknown there is no k-ratio.

    Parameters
    ----------
    tree : leaves with line intensities; those that serve as standards get no k-ratios
    standards : by element: {Mg: {counts: 120000, u: 400, live_time: 60 s, beam_current: 1 nA, beam_energy: 5 keV}}, or
        {Mg: {leaf: sum 2}} for a leaf of the same group measured on the standard (other keys then correct the leaf's
        own); u is the square root of the counts where not given
    u_dose : relative standard uncertainty of the dose of specimen over standard (current, time), shared by all elements
    lithium : the specimen holds lithium, which is not measured; a flag says that the total is without it

    Returns
    -------
    DataTree : the leaves with ``k_ratio`` (element), ``u_k_ratio`` with its parts ``_random`` and ``_shared``,
        ``k_ratio_low``, ``k_ratio_high`` (95 %; 0 and an upper bound where not detected), and ``k_ratio_total``

    Raises
    ------
    DataError
        when beam energies differ, or an element of `standards` was not measured.

    References
    ----------
    ISO 22489 and ISO 14594 name the quantity and its conditions; R. Castaing, thesis, Paris 1951.
    """
    read = read_standards(dict(standards))
    leaves = {node.path.strip("/"): node.to_dataset() for node in tree.leaves if node.path != "/"}
    serving = {str(said["leaf"]) for said in read.values() if "leaf" in said}
    made = {name: standard(name, said, leaves) for name, said in read.items()}
    specimens = {path: leaf for path, leaf in leaves.items() if path not in serving}
    if not specimens:
        raise DataError("all leaves serve as standards; none is left to be measured.", remedy="name the others too.")
    result = {path: _measured(leaf, made, u_dose, lithium_declared(leaf, lithium)) for path, leaf in specimens.items()}
    return xr.DataTree.from_dict({f"/{path}": leaf for path, leaf in result.items()})


def _measured(leaf: xr.Dataset, standards: Mapping[str, Measured], u_dose: float, lithium: bool) -> xr.Dataset:
    rows, here = rows_of(leaf, list(standards)), conditions(leaf)
    flags = {row: _flags(name, one, here) for row, (name, one) in zip(rows, standards.items(), strict=True)}
    counts, u = (_values(leaf, name)[rows] for name in ("total_intensity", "u_total_intensity"))
    known = list(standards.values())
    found = ratio(
        counts,
        u,
        np.array([one.counts for one in known]),
        np.array([one.u for one in known]),
        np.array([_dose(here, one) for one in known]),
        u_dose,
    )
    for row, seen in zip(rows, found.detected, strict=True):
        flags[row] += [] if seen else ["not detected: upper bound"]
    columns = _columns(found, rows, leaf.sizes["element"]) | _total(found, leaf, rows, lithium=lithium)
    return with_columns(leaf, columns, flags)


def _values(leaf: xr.Dataset, name: str) -> np.ndarray:
    if name not in leaf or leaf[name].dims != ("element",):
        raise DataError(f"there is no {name}(element).", remedy="put line_intensities before this step.")
    return np.asarray(leaf[name].values, dtype=np.float64)


def _dose(here: Mapping[str, float], one: Measured) -> float:
    """Return the dose of the specimen over that of the standard; NaN when a live time is unknown."""
    current = here["beam_current"] / one.beam_current
    return here["live_time"] / one.live_time * (current if math.isfinite(current) else 1.0)


def _flags(name: str, one: Measured, here: Mapping[str, float]) -> list[str]:
    energies = here["beam_energy"], one.beam_energy
    said: list[str] = []
    if not all(map(math.isfinite, energies)):
        said.append("beam energies of specimen and standard not compared: unknown")
    elif abs(energies[0] - energies[1]) > ENERGY_AGREEMENT * energies[1]:
        raise DataError(
            f"standard {name} was measured at {energies[1] / 1e3:g} keV, the specimen at {energies[0] / 1e3:g} keV.",
            remedy="measure the standard at the beam energy of the specimen.",
        )
    if not math.isfinite(here["beam_current"] / one.beam_current):
        said.append("beam current unknown, taken as equal")
    if not math.isfinite(here["live_time"] / one.live_time):
        said.append("no k-ratio: live time unknown")
    return said


def _columns(found: Parted, rows: Sequence[int], count: int) -> dict[str, xr.DataArray]:
    parts = {
        "k_ratio": (found.value, "k-ratio (no composition)"),
        "u_k_ratio": (found.u, "u of the k-ratio"),
        "u_k_ratio_random": (found.u_random, "part of u from counting"),
        "u_k_ratio_shared": (found.u_shared, "part of u from the dose"),
        "k_ratio_low": (found.low, "k-ratio, lower end of the 95 % interval"),
        "k_ratio_high": (found.high, "k-ratio, upper end of the 95 % interval"),
    }
    return {name: quantity(spread(v, rows, count), "1", title, "element") for name, (v, title) in parts.items()}


def _total(found: Parted, leaf: xr.Dataset, rows: Sequence[int], *, lithium: bool) -> dict[str, xr.DataArray]:
    """Return the sum of the k-ratios: never normalised."""
    names = " + ".join(row_names(leaf)[row] for row in rows)
    title = f"sum of the k-ratios of {names}, not normalised" + (", lithium not measured" if lithium else "")
    u = math.hypot(math.sqrt(float((found.u_random**2).sum())), float(found.u_shared.sum()))
    return {
        "k_ratio_total": quantity(float(found.value.sum()), "1", title),
        "u_k_ratio_total": quantity(u, "1", "u of the sum of the k-ratios"),
    }
