"""Identify the elements of a survey."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import numpy as np
import xarray as xr
from pydantic import Field

from imgpipe.errors import DataError
from imgpipe.kernels.survey_lines import Assignment, Survey, assign, loss_of
from imgpipe.kernels.survey_peaks import Peaks, find_peaks, spread_over_mean
from imgpipe.model import quantity, texts
from imgpipe.spelling import nearest
from imgpipe.step import step
from imgpipe.steps.xps.line_table import LineTable, known_elements, line_table
from imgpipe.steps.xps.samples import number
from imgpipe.units import Dims, Gives, Unit

Energy = Annotated[float, Field(ge=0), Unit("eV")]
WIDE = 250.0
"""Range in eV from which on a region without a name is a survey."""
SURE = 0.8
"""Confidence below which an assignment is flagged."""
SHORTEST = 60
"""Least number of points of a survey."""


@step(version=1, measures=True)
def identify_lines(
    tree: Annotated[xr.DataTree, Dims("energy")],
    *,
    threshold: Annotated[float, Field(ge=3, le=20)] = 5.0,
    contrast: Annotated[float, Field(ge=0, le=1)] = 0.02,
    elements: list[str] | None = None,
    expected: list[str] | None = None,
    largest_shift: Energy = 0.0,
    photon_energy: Annotated[float, Field(gt=100), Unit("eV")] | None = None,
) -> Annotated[xr.DataTree, Gives(table="peaks", peak_position="eV", peak_height="counts", confidence="1")]:
    """Find the peaks of surveys and the lines that explain them.

    A peak stands out of both its sides (Li and Ma 1983: counts against counts). An element is assumed when all its
    lines together speak for it: those that meet a peak which nothing else explains, in the order of their
    cross-sections, against strong ones that are missing. Photoelectron energies and cross-sections are those of
    xraylib (elements, so chemical shifts are allowed for: sd 1.8 eV); Auger lines come from a table of rounded, not
    verified energies (sd 3.5 eV). A weak peak up to 33 eV above a strong one may be its loss. An element with one line
    in the survey (Li, C, N) rests on that line: look at its region before you rely on it.

    Parameters
    ----------
    tree : surveys with counts over binding energy; other leaves stay as they are. A series is summed
    threshold : least significance of a peak in standard deviations; 5 lets less than one survey of background in a
        hundred show a peak
    contrast : least height of a peak over its background
    elements : the only elements that are tried; without it all but noble gases and those without stable isotopes
    expected : elements known to be in the sample: they need less evidence
    largest_shift : charging may have moved the whole survey by so much; the shift that explains most is found in
        steps of 1 eV
    photon_energy : replaces that of the file

    Returns
    -------
    the surveys with, per peak, ``peak_position`` (as recorded), ``u_peak_position``, ``peak_height``, ``peak_area``,
    ``significance``, ``peak_width``, ``assigned`` ("O 1s"), ``element``, ``candidates``, ``confidence`` (probability
    among all explanations tried, none included) and ``peak_flag``; ``survey_shift``; the attribute ``elements_found``
    """
    for name in (*(elements or []), *(expected or [])):
        if name not in known_elements():
            raise DataError(f"{name!r} is no element with lines here{nearest(name, known_elements())}.")
    leaves = {node.path.strip("/"): node.to_dataset() for node in tree.leaves}
    surveys = {path: leaf for path, leaf in leaves.items() if _is_survey(path, leaf)}
    if not surveys:
        raise DataError("no leaf is a survey.", remedy=f"a survey is named so, or spans {WIDE:g} eV.")
    result = {}
    for path, leaf in surveys.items():
        spectrum = _spectrum(path, leaf, photon_energy)
        peaks, needed = find_peaks(spectrum.energy, spectrum.counts, threshold, contrast)
        reach = largest_shift + 5.0
        ends = float(spectrum.energy[0]) - reach, float(spectrum.energy[-1]) + reach
        table = line_table(spectrum.photon_energy, *ends, elements, expected or [])
        survey = Survey(peaks.position, peaks.area, spectrum.energy, needed)
        found = assign(survey, table.lines, table.prior, largest_shift)
        result[path] = _with_peaks(leaf, spectrum, peaks, found, table)
    return xr.DataTree.from_dict({f"/{path}": leaf for path, leaf in result.items()})


def _is_survey(path: str, leaf: xr.Dataset) -> bool:
    name = str(leaf.attrs.get("region") or path.rpartition("/")[2])
    return name == "survey" or float(np.ptp(leaf["energy"].values)) >= WIDE


@dataclass(frozen=True)
class Spectrum:
    """Binding energy in eV and counts with Poisson noise, (n,); what a count stands for, in units of the file; remark.

    A rate, or counts that were worked on, are divided by the variance over mean of their noise.
    """

    energy: np.ndarray
    counts: np.ndarray
    photon_energy: float
    worth: float
    unit: str
    remark: str


def _spectrum(path: str, leaf: xr.Dataset, photon_energy: float | None) -> Spectrum:
    source = photon_energy if photon_energy is not None else number(leaf, "photon_energy")
    if source is None:
        raise DataError(f"{path}: the photon energy is unknown.", remedy="give `photon_energy: 1486.6 eV`.")
    name = next((n for n in ("counts", "intensity") if n in leaf), None)
    if name is None:
        raise DataError(f"{path} has no counts.")
    values = leaf[name]
    values = values.sum([d for d in values.dims if d != "energy"]).astype(np.float64)
    energy, counts = leaf["energy"].values.astype(np.float64), values.values
    if energy.size < SHORTEST or not np.isfinite(counts).all() or counts.min() < 0 or counts.max() == 0:
        raise DataError(
            f"{path} can't be searched: fewer than {SHORTEST} points, missing, negative or all-zero counts."
        )
    if leaf["energy"].attrs.get("energy_type") == "kinetic":
        energy, counts = source - energy[::-1], counts[::-1]
    if not np.all(np.diff(energy) > 0):
        raise DataError(f"{path}: the energy axis does not rise.", remedy="sort it: leaf.sortby('energy').")
    even = np.linspace(energy[0], energy[-1], energy.size)
    if np.abs(np.diff(energy) - (even[1] - even[0])).max() > 0.2 * (even[1] - even[0]):
        raise DataError(f"{path}: the energies are not evenly spaced.")
    noise = spread_over_mean(counts)
    corrected = name == "intensity" or "already divided" in str(leaf.attrs.get("flags", ""))
    worth = 1.0
    if corrected or noise > 1.5:
        worth = max(noise, 1e-300) if name == "intensity" else max(noise, 1.0)
    remark = "noise taken from the scatter of the survey" if worth != 1.0 else ""
    return Spectrum(energy, counts / worth, source, worth, str(leaf[name].attrs["units"]), remark)


def _with_peaks(leaf: xr.Dataset, spectrum: Spectrum, peaks: Peaks, found: Assignment, table: LineTable) -> xr.Dataset:
    flags = [_flag(peaks, found, table, n, spectrum.remark) for n in range(peaks.position.size)]
    before = leaf.drop_dims("peak", errors="ignore").drop_vars("survey_shift", errors="ignore")
    result = before.merge(_table(peaks, found, table, flags, spectrum), join="exact")
    seen = ", ".join(table.elements[e] for e in np.flatnonzero(found.present))
    return result.assign_attrs(leaf.attrs | {"elements_found": seen})


def _flag(peaks: Peaks, found: Assignment, table: LineTable, place: int, said: str) -> str:
    line = int(found.line[place])
    if line < 0:
        parent = int(loss_of(peaks.position, peaks.area)[place])
        distance = peaks.position[place] - peaks.position[parent]
        of = found.line[parent] if parent >= 0 else -1
        may = f": may be a loss or satellite of {table.names[of]} ({distance:.0f} eV above)" if of >= 0 else ""
        return "; ".join(t for t in (f"unassigned{may}", said) if t)
    rival = f"ambiguous: {_rivals(found, table, place)}" if found.rivals[place] else "ambiguous"
    doubtful = rival if found.confidence[place] < SURE else ""
    own = table.lines.element[line]
    alone = sum(table.lines.element[one] == own for one in found.line if one >= 0) == 1
    single = f"the only peak of {table.elements[own]}" if alone else ""
    return "; ".join(t for t in (doubtful, single, said) if t)


def _rivals(found: Assignment, table: LineTable, place: int) -> str:
    return ", ".join(table.names[line] for line in found.rivals[place])


def _table(peaks: Peaks, found: Assignment, table: LineTable, flags: Sequence[str], spectrum: Spectrum) -> xr.Dataset:
    lines = [int(line) for line in found.line]
    scale, unit = spectrum.worth, spectrum.unit
    numbers = {
        "peak_position": (peaks.position, "eV", "binding energy as recorded"),
        "u_peak_position": (peaks.u_position, "eV", "u of the binding energy, from counting"),
        "peak_height": (peaks.height * scale, unit, "height above the background"),
        "peak_area": (peaks.area * scale, unit, "sum above the background"),
        "significance": (peaks.significance, "1", "significance"),
        "peak_width": (peaks.width, "eV", "width of the window that shows it best"),
        "confidence": (found.confidence, "1", "probability of the assignment"),
    }
    words = {
        "assigned": ([table.names[n] if n >= 0 else "" for n in lines], "assigned to"),
        "element": ([table.elements[table.lines.element[n]] if n >= 0 else "" for n in lines], "element"),
        "candidates": ([_rivals(found, table, n) for n in range(len(lines))], "other candidates"),
        "peak_flag": (list(flags), "flag"),
    }
    names = [f"{position:.1f} eV" for position in peaks.position]
    result = xr.Dataset(
        {
            **{name: quantity(v, u, title, "peak") for name, (v, u, title) in numbers.items()},
            **{name: texts(v, title, "peak") for name, (v, title) in words.items()},
        },
        coords={"peak": texts(names, "peak", "peak")},
    )
    result["survey_shift"] = quantity(found.shift, "eV", "shift of the survey that explains most")
    return result
