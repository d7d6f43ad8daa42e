"""The step cliff_lorimer."""

from typing import Annotated, Any

import numpy as np
import xarray as xr
from pydantic import Field

from imgpipe.errors import DataError
from imgpipe.kernels.atomic_fractions import fractions
from imgpipe.kernels.parted import Parted
from imgpipe.kernels.share_intervals import ONE_SIDED
from imgpipe.model import quantity, unit_of
from imgpipe.spelling import nearest
from imgpipe.step import step
from imgpipe.steps.edxs.element_rows import line_of, lithium_declared, row_names, rows_of, spread, with_columns
from imgpipe.steps.edxs.exspy_fractions import atomic_percent, atomic_weights, mass_percent
from imgpipe.units import Gives, Unit, convert

Intensity = Annotated[xr.DataArray, Unit("counts")]
Factor = Annotated[float, Field(gt=0, lt=1e6)]
THIN = 45e3
"""Beam energy below which no foil is thin for a scanning microscope's spectrum, eV."""


def _check(settings: Any) -> None:
    """Refuse fewer than two factors, and uncertainties of factors that are not there."""
    if len(settings.k_factors) < 2:
        raise DataError("k_factors: Cliff-Lorimer is a ratio; give at least two elements.")
    for name in settings.u_k_factors or {}:
        if name not in settings.k_factors:
            raise DataError(f"u_k_factors: there is no factor of {name!r}{nearest(name, settings.k_factors)}.")


@step(version=1, measures=True, check=_check)
def cliff_lorimer(
    leaf: xr.Dataset,
    total_intensity: Intensity,
    u_total_intensity: Intensity,
    *,
    k_factors: dict[str, Factor],
    u_k_factors: dict[str, Annotated[float, Field(ge=0)]] | None = None,
    lithium: bool = False,
) -> Annotated[
    xr.Dataset,
    Gives(
        table="elements", atomic_percent="percent", u_atomic_percent="percent", weight_percent="percent",
        u_weight_percent="percent",
    ),
]:  # fmt: skip
    """Measure the composition of a thin foil by Cliff and Lorimer's ratios, as eXSpy computes them.

    C_a / C_b = (k_a I_a) / (k_b I_b), the mass fractions of the named elements normalised to 100 %. The numbers are
    those of ``EDSTEMSpectrum.quantification(method="CL")`` without absorption; factors are given by element, so that no
    order can be mistaken. It holds for foils in which nothing is absorbed, never for a bulk section: below 45 kV a
    flag says so. Where lithium is declared present no composition is given, since it is not measured and any number
    normalised to 100 % without it is wrong.

    Uncertainty: counting (linear propagation of the uncertainties of the intensities; ``_random``) and the stated
    uncertainties of the factors (``_shared``: the same in every spectrum quantified with them). Overlap covariance
    between two lines is not in it.

    Parameters
    ----------
    leaf : the leaf with the intensities; the columns are added to it
    total_intensity, u_total_intensity : (element, ...) counts of the lines, from line_intensities; name others, such as
        those of each point (``intensity``), with `from:`
    k_factors : factor of each element that counts, for mass fractions and for the line in use: {Fe: 1.45, Pt: 5.08}; of
        an element with two lines the row, such as Cu Ka
    u_k_factors : standard uncertainties of the factors, in the same numbers; without them the budget is counting alone
    lithium : the specimen holds lithium: no composition is given

    Returns
    -------
    Dataset : the leaf with ``atomic_percent`` and ``weight_percent`` (element, ...), their ``u_``, ``u_..._random``,
        ``u_..._shared``, ``_low``, ``_high`` (95 %), ``k_factor``; NaN for elements without a factor

    References
    ----------
    G. Cliff, G. W. Lorimer, J. Microsc. 103 (1975) 203, eq. 2.
    """
    rows, names = rows_of(leaf, list(k_factors)), row_names(leaf)
    lines = [line_of(leaf, row) for row in rows]
    factors = np.array([k_factors[name] for name in k_factors])
    relative = np.array([(u_k_factors or {}).get(name, 0.0) for name in k_factors]) / factors
    counts, u_counts = _on_rows(total_intensity, rows), _on_rows(u_total_intensity, rows)
    left_out = _left_out(total_intensity, u_total_intensity, list(k_factors), names)
    general = _flags(leaf, left_out, stated=u_k_factors is not None)
    flags = dict.fromkeys(rows, general)
    if lithium_declared(leaf, lithium):
        counts = np.full_like(counts, np.nan)
        said = "no composition: lithium is present and not measured, fractions of the others are not normalised"
        flags = {row: [said] for row in rows}
    symbols = [symbol for symbol, _ in lines]
    mass = mass_percent(counts.reshape(len(rows), -1), lines, list(factors)).reshape(counts.shape)
    atoms = atomic_percent(mass, symbols)
    weights = atomic_weights(symbols)
    shape, dims = leaf.sizes["element"], ("element", *(str(d) for d in total_intensity.dims if d != "element"))
    columns = {"k_factor": quantity(spread(factors, rows, shape), "1", "Cliff-Lorimer factor", "element")}
    for kind, percent, per in (("atomic", atoms, factors / weights), ("weight", mass, factors)):
        made = _with_u(counts, u_counts, per, relative)
        for name, values, title in _columns(kind, percent, made):
            columns[name] = quantity(spread(values, rows, shape), "percent", title, dims)
    return with_columns(leaf, columns, flags)


def _on_rows(array: xr.DataArray, rows: list[int]) -> np.ndarray:
    """Return the values of some rows, (row, ...), none below zero."""
    first = array.transpose("element", ...).isel(element=rows)
    return np.maximum(np.asarray(first.values, dtype=np.float64), 0.0)


def _with_u(counts: np.ndarray, u_counts: np.ndarray, per: np.ndarray, relative: np.ndarray) -> Parted:
    """Return the fractions with their uncertainties; the last axis is the element."""
    return fractions(np.moveaxis(counts, 0, -1) * per, np.moveaxis(u_counts, 0, -1) * per, relative)


def _columns(kind: str, percent: np.ndarray, made: Parted) -> list[tuple[str, np.ndarray, str]]:
    word = "atomic" if kind == "atomic" else "mass"
    parts = {
        "{}": (np.moveaxis(percent, 0, -1), f"{word} fraction"),
        "u_{}": (made.u, f"u of the {word} fraction"),
        "u_{}_random": (made.u_random, f"part of u from counting, {word} fraction"),
        "u_{}_shared": (made.u_shared, f"part of u from the factors, {word} fraction"),
        "{}_low": (made.low, f"{word} fraction, lower end of the 95 % interval"),
        "{}_high": (made.high, f"{word} fraction, upper end of the 95 % interval"),
    }
    known = np.where(np.isfinite(np.moveaxis(percent, 0, -1)), 1.0, np.nan)
    name = f"{kind}_percent"
    return [(key.format(name), np.moveaxis(values * known, -1, 0), title) for key, (values, title) in parts.items()]


def _left_out(counts: xr.DataArray, u_counts: xr.DataArray, chosen: list[str], names: list[str]) -> list[str]:
    """Return the elements without a factor whose lines hold more than noise, all points together."""
    around = [dim for dim in counts.dims if dim != "element"]
    seen = counts.sum(around).values > ONE_SIDED * np.sqrt((u_counts**2).sum(around).values)
    symbols = {name.split()[0] for name in chosen}
    return [name for name, there in zip(names, seen, strict=True) if there and name.split()[0] not in symbols]


def _flags(leaf: xr.Dataset, left_out: list[str], *, stated: bool) -> list[str]:
    said = [] if stated else ["u of the k-factors not given: counting alone"]
    if "beam_energy" in leaf:
        energy = float(convert(float(leaf["beam_energy"]), unit_of(leaf["beam_energy"]), "eV"))
        said += [f"beam of {energy / 1e3:g} keV: Cliff-Lorimer holds for thin foils alone"] if energy < THIN else []
    return said + ([f"normalised without {', '.join(left_out)}"] if left_out else [])
