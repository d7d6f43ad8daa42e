"""What a cross-section phantom hands over: the dataset as a reader gives it, and the truth behind it."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from imgpipe.model import axis, quantity, texts
from imgpipe.phantoms.rough_interfaces import mean_of_covered, spread_of_thickness
from imgpipe.phantoms.section import Section

Floats = NDArray[np.float64]


def as_dataset(section: Section, counts: NDArray[Any]) -> xr.Dataset:
    """Return the recorded image (y, x) with the metadata that a microscope gives: nominal pixel size and angle."""
    size = section.pixel_size
    coords = {"y": axis("y", counts.shape[0], size, "nm"), "x": axis("x", counts.shape[1], size, "nm")}
    image = quantity(counts, "counts", "signal", "y x", coords, bits=section.bits)
    metadata = {
        "pixel_size_x": quantity(size, "nm", "pixel size along x"),
        "pixel_size_y": quantity(size, "nm", "pixel size along y"),
        "beam_energy": quantity(section.beam_energy, "eV", "beam energy"),
        "beam_current": quantity(5e-11, "A", "beam current"),
        "working_distance": quantity(4.0e6, "nm", "working distance"),
        "magnification": quantity(round(127e6 / (size * counts.shape[1]), -1), "1", "magnification"),
        "dwell_time": quantity(3e-6, "s", "dwell time per pixel"),
    }
    if section.face_angle is not None:
        metadata["stage_tilt"] = quantity(section.face_angle, "deg", "stage tilt")
    return xr.Dataset({"image": image, **metadata}, attrs=_attrs(section))


def _attrs(section: Section) -> dict[str, Any]:
    attrs = {
        "technique": "sem",
        "source_file": "",
        "instrument": section.instrument,
        "detector": section.detector,
        "acquired": "2026-03-02T10:00:00",
        "tilt_corrected": "unknown" if section.face_angle is None else ("yes" if section.tilt_corrected else "no"),
        "pixel_size_source": "phantom",
        "data_bar_rows": 0,
        "flags": "",
        "vendor_metadata": "{}",
        "provenance": "[]",
    }
    if section.tilt_corrected:
        attrs["tilt_correction_angle"] = f"{section.face_angle:g}"
    return attrs


def as_truth(section: Section, depth: Floats, hidden: NDArray[np.bool_]) -> xr.Dataset:
    """Return the truth of an image.

    Parameters
    ----------
    depth : (interface, x) nm down the face
    hidden : (y, x) what frost hides
    """
    names = {
        "x": axis("x", section.shape[1], section.pixel_size, "nm"),
        "layer": texts(section.layers[1:-1], "layer", "layer"),
        "interface": texts(section.interfaces, "interface", "interface"),
    }
    tables = {**_layers(section, depth), **_interfaces(section, depth), **_numbers(section, hidden)}
    return xr.Dataset(tables, coords=names)


def _layers(section: Section, depth: Floats) -> dict[str, xr.DataArray]:
    cosine = np.cos(np.radians(section.tilt))
    pairs = pairwise(section.per_interface(section.roughness))
    spread = np.array([cosine * spread_of_thickness(above, below, section.conformality) for above, below in pairs])
    local = np.diff(depth, axis=0) * cosine
    process = np.array([mean_of_covered(t, s) for t, s in zip(section.thickness, spread, strict=True)])
    chord = section.rows_per_nm / cosine / np.hypot(1.0, section.image_slope)  # px along the mean normal in the image
    return {
        "thickness": quantity(process, "nm", "thickness, mean of the process", "layer"),
        "process_thickness": quantity(process, "nm", "thickness, mean of the process", "layer"),
        "realised_thickness": quantity(local.mean(axis=1), "nm", "thickness, mean over this image", "layer"),
        "thickness_px": quantity(process * chord, "px", "thickness as seen in the image", "layer"),
        "sd_thickness": quantity(spread, "nm", "spread of the local thickness", "layer"),
        "covered_fraction": quantity((local > 0).mean(axis=1), "1", "fraction of columns with the layer", "layer"),
    }


def _interfaces(section: Section, depth: Floats) -> dict[str, xr.DataArray]:
    length = np.array(section.per_interface(section.correlation_length))
    rows = depth * section.rows_per_nm
    return {
        "roughness": quantity(np.array(section.per_interface(section.roughness)), "nm", "roughness", "interface"),
        "correlation_length": quantity(length, "nm", "correlation length", "interface"),
        "interface_position": quantity(depth, "nm", "true depth down the face", "interface x"),
        "interface_position_px": quantity(rows, "px", "true row in the image", "interface x"),
    }


def _numbers(section: Section, hidden: NDArray[np.bool_]) -> dict[str, xr.DataArray]:
    edge = float(np.hypot(section.beam_sigma / section.nm_per_column, np.sqrt(1 / 12)))
    image_tilt = float(np.degrees(np.arctan(section.image_slope)))
    return {
        "edge_sigma": quantity(edge, "px", "sigma of probe core and pixel along y"),
        "noise": quantity(section.noise * 2.0 ** (section.bits - 8), "counts", "noise at the mean grey"),
        "curtains": quantity(section.curtains, "1", "rms of the curtains, relative"),
        "pixel_size": quantity(section.pixel_size, "nm", "pixel size of the metadata"),
        "true_pixel_size": quantity(section.nm_per_column, "nm", "true pixel size"),
        "face_angle": quantity(section.nominal_angle, "deg", "face angle of the metadata"),
        "true_face_angle": quantity(section.true_angle, "deg", "true face angle"),
        "tilt": quantity(section.tilt, "deg", "slope of the stack in the face"),
        "image_tilt": quantity(image_tilt, "deg", "slope of the stack in the image"),
        "hidden_fraction": quantity(float(hidden.mean()), "1", "image area hidden by frost"),
    }
