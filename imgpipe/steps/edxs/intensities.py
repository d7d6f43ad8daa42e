"""Line intensities of EDX spectra, by a linear model of all lines or by windows."""

from typing import Annotated, Any, Literal

import numpy as np
import xarray as xr
from pydantic import Field

from imgpipe.errors import DataError
from imgpipe.step import step
from imgpipe.steps.edxs.intensities_lines import LOWEST, check_names, choose_rows, lines_present
from imgpipe.steps.edxs.intensities_maps import over_places, sum_spectrum
from imgpipe.steps.edxs.intensities_plan import Wish, measure_sum
from imgpipe.steps.edxs.intensities_result import Measured, as_dataset, joined_to
from imgpipe.units import Dims, Gives, Unit
from imgpipe.xrays.resolution import USUAL

Counts = Annotated[xr.DataArray, Unit("counts"), Dims("energy", whole="energy")]
Energy = Annotated[xr.DataArray, Unit("eV")]
DECLARED = "declared"
"""Value of the leaf's attribute `lithium` where it is said to be present; later steps then normalise nothing."""
ALWAYS = ["C", "O", "Ga"]
BESIDE = [2.0, 2.0]
Volts = Annotated[float, Field(gt=0), Unit("eV")]


def _check(settings: Any) -> None:
    """Refuse elements and lines that do not exist, and a background that a method does not know."""
    check_names([*(settings.elements or []), *settings.always], settings.lines or {})
    if settings.method == "model" and settings.background == "windows":
        raise DataError(
            "method: model takes its background from bremsstrahlung, not from windows.",
            remedy="leave `background` out, or set `method: window`.",
        )
    if settings.method == "window" and settings.background == "bremsstrahlung":
        raise DataError(
            "method: window takes its background from windows, not from bremsstrahlung.",
            remedy="leave `background` out, or set `method: model`.",
        )


@step(version=1, measures=True, check=_check, warm_up="imgpipe.kernels.spectrum_model_maps:warm_up")
def line_intensities(
    counts: Counts,
    leaf: xr.Dataset | None = None,
    beam_energy: Energy | None = None,
    detector_resolution: Energy | None = None,
    *,
    elements: list[str] | None = None,
    lines: dict[str, str] | None = None,
    method: Literal["model", "window"] = "model",
    always: list[str] = ALWAYS,
    background: Literal["bremsstrahlung", "windows", "none"] | None = None,
    lithium: bool = False,
    window_width: Annotated[float, Field(gt=0, le=10)] = 2.0,
    background_distance: Annotated[list[float], Field(min_length=2, max_length=2)] = BESIDE,
    confidence: Annotated[float, Field(gt=0.5, lt=1)] = 0.95,
    accelerating_energy: Volts | None = None,
    resolution: Volts | None = None,
) -> Annotated[
    xr.Dataset,
    Gives(
        table="elements", intensity="counts", u_intensity="counts", gross="counts", background="counts",
        total_intensity="counts", u_total_intensity="counts", critical_level="counts", detection_limit="counts",
        line_energy="eV", window_low="eV", window_high="eV", overvoltage="1", largest_correlation="1",
        sum_counts="counts", sum_fit="counts", sum_background="counts", sum_residual="counts", line_curve="counts",
        sum_pile_up="counts", pile_up="percent", u_pile_up="percent",
    ),
]:  # fmt: skip
    """Measure how many counts each element's line has, in a spectrum, along a line, or over a map.

    `model`: all lines of all elements, each shell one shape, and bremsstrahlung (Kramers' law times the detector's
    efficiency times a slow spline) are fitted to the sum of all spectra with Poisson likelihood and areas that can't be
    negative; the energy scale and the resolution are refined once. The same shapes, with weights from that sum, are
    then fitted to every spectrum: a weight never comes from the counts it weighs, so few counts make no bias; an area
    that would be negative is 0. `window`: counts around a line less the mean of a window on each side; a window that
    holds another element's line gives no number but a flag.

    An intensity of `model` is the counts of the named line alone, not those of its whole shell. Energies come from
    eXSpy, ratios between lines of a shell from `xrays.ratios`, since they depend on the beam energy and eXSpy gives L
    beta 1 of 3d metals a tenth of its photons (where it lists no L beta 1 at all, as for Mn, its photons count as L
    alpha). A ratio whose lines stand a FWHM apart is refined with its uncertainty as prior; nearer ones stay, and their
    uncertainty (25 % for L, 50 % for M) is part of ``u_total_intensity``, not of ``u_intensity``: it is common to all
    places, and to all spectra with that line.

    Sum peaks: two photons at once count as one of the sum of their energies. Their shape is that of all pairs of
    photons of one place (along a line) or of the sum spectrum (maps), which needs a true zero of the energy axis; its
    amplitude is fitted to the sum as one more area, and every spectrum is corrected for it where it is certain.
    ``pile_up`` is their share of all counts. Photons that lines lose to it are not given back. A detector that rejects
    pairs of hard photons better than those of soft ones makes another shape.

    Parameters
    ----------
    counts : (..., energy), counts; one spectrum, a line or a map, its chunks cut in space only
    leaf : the acquisition; its attribute `elements` holds what the file declares
    beam_energy, detector_resolution : eV; the FWHM at Mn Ka
    elements : symbols, or lines where a certain one is wanted ("Cu Ka"); without it those that the file declares
    lines : line that stands for an element ({Cu: Ka}); without it the alpha line of highest energy below half the beam
        energy, else the lowest
    method : model or window
    always : elements offered to the fit and given in the table whether asked for or not; C, O and Ga (from the
        milling) unless this says otherwise
    background : bremsstrahlung (model), windows (window) or none; without it what fits the method
    lithium : lithium is present: EDXS does not see it, so that nothing may be normalised to 100 %;
        stored as the leaf's attribute `lithium`, which later steps obey
    window_width : of the window of a line, in FWHM
    background_distance : where the background windows begin left and right of the line, in FWHM
    confidence : of the critical level and the detection limit (Currie 1968)
    accelerating_energy : replaces the beam energy of the file, in eV ("5 keV"), for later steps too
    resolution : replaces the FWHM at Mn Ka of the file, in eV, for later steps too

    Returns
    -------
    the leaf with, per element and place, ``intensity`` and ``u_intensity`` (counts of the line named in ``xray_line``;
    u from counting, overlaps included), ``gross`` and ``background`` (counts in the window); per element the line, its
    window, ``total_intensity`` of the sum of all spectra with u (counting, ratios of lines, calibration, misfit),
    ``critical_level`` and ``detection_limit``, ``overvoltage``, the worst overlap and a flag; the table of overlaps;
    the curves of the sum spectrum; ``pile_up`` in percent
    """
    energy = _energies(counts)
    volts = _beam(accelerating_energy, beam_energy)
    fwhm, assumed = _resolution(resolution, detector_resolution)
    declared = _declared(leaf)
    ends = float(energy[0]), float(energy[-1])
    rows = choose_rows(elements or declared, lines or {}, always, volts, ends)
    present = lines_present([*(row.element for row in rows), *declared, *always], volts, ends)
    wish = Wish(
        method, background or ("bremsstrahlung" if method == "model" else "windows"), window_width,
        (background_distance[0], background_distance[1]), confidence,
    )  # fmt: skip
    spectrum, pairs = sum_spectrum(counts, energy, LOWEST)
    _sound(spectrum)
    found = measure_sum(energy, spectrum, pairs, rows, present, volts, fwhm, wish)
    places = over_places(counts, len(rows), found.work)
    notes = [*assumed, *found.notes]
    result = as_dataset(Measured(counts, energy, spectrum, rows, present, volts, fwhm, wish, found, places))
    given = {"beam_energy": accelerating_energy, "detector_resolution": resolution}
    said = {"lithium": DECLARED} if lithium else {}
    return joined_to(leaf, result, notes, {name: value for name, value in given.items() if value is not None}, said)


def _energies(counts: xr.DataArray) -> np.ndarray:
    energy = counts["energy"].values.astype(np.float64)
    if energy.size < 20 or not np.all(np.diff(energy) > 0):
        raise DataError("the energy axis does not rise, or has fewer than 20 channels.")
    if energy[-1] < 200.0:
        raise DataError(
            f"the energy axis ends at {energy[-1]:g} eV: it seems to be in keV.", remedy="give energies in eV."
        )
    steps = np.diff(energy)
    if np.abs(steps - steps.mean()).max() > 1e-3 * steps.mean():
        raise DataError("the channels are not evenly spaced.", remedy="resample the spectrum to even channels.")
    return energy


def _beam(given: float | None, found: xr.DataArray | None) -> float:
    if given is not None:
        return given
    value = float(found.values) if found is not None else float("nan")
    if not value > 0:
        raise DataError(
            "the beam energy is unknown, so that nobody can say which lines are excited.",
            remedy="give it to the step: `accelerating_energy: 5 keV`.",
        )
    return value


def _resolution(given: float | None, found: xr.DataArray | None) -> tuple[float, list[str]]:
    value = given if given is not None else float(found.values) if found is not None else float("nan")
    if value > 0:
        return value, []
    return USUAL, [f"detector resolution unknown: {USUAL:g} eV taken"]


def _declared(leaf: xr.Dataset | None) -> list[str]:
    return str(leaf.attrs.get("elements", "")).split() if leaf is not None else []


def _sound(spectrum: np.ndarray) -> None:
    """Refuse what are no counts."""
    if not np.isfinite(spectrum).all() or spectrum.min() < 0:
        raise DataError("the spectra hold missing or negative counts.", remedy="give counts as recorded.")
    if not spectrum.sum() > 0:
        raise DataError("the spectra hold no counts at all.")
