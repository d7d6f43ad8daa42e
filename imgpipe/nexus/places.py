"""Where NeXus keeps what a leaf holds (NXxps, NXfit, NXpeak; definitions of 2026), and the class of each group."""

from __future__ import annotations

ANALYSER = "instrument/electronanalyzer"

CLASSES: dict[str, str] = {
    "data": "NXdata",
    "sample": "NXsample",
    "instrument": "NXinstrument",
    "instrument/device_information": "NXfabrication",
    "instrument/beam_probe": "NXbeam",
    "instrument/energy_resolution": "NXresolution",
    "instrument/flood_gun": "NXactuator",
    ANALYSER: "NXelectronanalyzer",
    f"{ANALYSER}/energydispersion": "NXenergydispersion",
    f"{ANALYSER}/detector": "NXelectron_detector",
    f"{ANALYSER}/transformations": "NXtransformations",
    "energy_referencing": "NXcalibration",
    "transmission_correction": "NXcalibration",
    "transmission_correction/transmission_function": "NXdata",
    "fit": "NXfit",
    "fit/data": "NXdata",
    "fit/error_function": "NXfit_function",
    "fit/global_fit_function": "NXfit_function",
    "fit/background": "NXpeak",
    "fit/background/data": "NXdata",
    "fit/background/function": "NXfit_function",
    "fit/peak": "NXpeak",
    "fit/peak/data": "NXdata",
    "fit/peak/function": "NXfit_function",
    "fit/peak/function/fit_parameters": "NXparameters",
}
"""Path of a group (peaks without their number) -> NX_class; anything else is an NXcollection."""

MEASURED: dict[str, str] = {
    "counts": "data/data",
    "intensity": "data/data",
    "photon_energy": "instrument/beam_probe/incident_energy",
    "pass_energy": f"{ANALYSER}/energydispersion/pass_energy",
    "work_function": f"{ANALYSER}/work_function",
    "dwell_time": f"{ANALYSER}/detector/count_time",
    "sweeps": f"{ANALYSER}/detector/number_of_cycles",
    "emission_angle": f"{ANALYSER}/transformations/analyzer_take_off_polar_angle",
    "transmission": "transmission_correction/transmission_function/relative_intensity",
    "energy_shift": "energy_referencing/offset",
    "u_energy_shift": "energy_referencing/offset_errors",
    "instrument_width": "instrument/energy_resolution/resolution",
    "u_instrument_width": "instrument/energy_resolution/resolution_errors",
    "envelope": "fit/data/fit_sum",
    "residual": "fit/data/residual",
    "background": "fit/background/data/intensity",
}
"""Variable -> its field."""

METRICS: dict[str, str] = {
    "reduced_chi_square": "reduced chi-square",
    "residual_sd_counts": "standard deviation of the residuals, counts",
    "abbe": "Abbe value of the residuals (1: random)",
    "aic": "Akaike information criterion",
    "bic": "Bayesian information criterion",
}
"""Figures of merit of a fit -> what they measure (``figure_of_meritMETRIC@metric``)."""

PER_PEAK: dict[str, str] = {
    "component_curve": "data/intensity",
    "area": "total_area",
    "u_area": "total_area_errors",
    "position": "function/fit_parameters/position",
    "u_position": "function/fit_parameters/position_errors",
    "fwhm": "function/fit_parameters/width",
    "u_fwhm": "function/fit_parameters/width_errors",
}
"""Variable along `component` -> its field in the peak of each component; the others take their own name."""

TEXTS: dict[str, str] = {
    "sample": "sample/name",
    "instrument": "instrument/device_information/model",
    "charge_neutraliser": "instrument/flood_gun/description",
    "acquired": "start_time",
}
"""Attribute of a leaf -> a copy of it for other programs."""
