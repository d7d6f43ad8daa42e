"""Line intensities of real files: window sums to the count, eXSpy's backgrounds, and the model's areas."""

from __future__ import annotations

import h5py
import numpy as np
import pytest
import xarray as xr

from imgpipe.binding import Call, apply, leaf_datasets
from imgpipe.model import quantity
from imgpipe.readers import read
from imgpipe.steps.edxs.intensities import line_intensities
from imgpipe.xrays.lines import element_lines, excited_lines
from imgpipe.xrays.resolution import fwhm

TM002 = {"Al": (84163, 62895), "C": (89063, 74112), "Cu": (96117, 70487), "Mn": (96700, 64252), "Zr": (99075, 67481)}
"""Counts in the window of 2 FWHM, and area by HyperSpy's model with its polynomial background (SOURCES.md)."""


def spectrum(path, beam_energy, resolution):
    """Return a spectrum with HDF5 alone."""
    with h5py.File(path) as file:
        one = next(iter(file["Experiments"].values()))
        axis, counts = dict(one["axis-0"].attrs), one["data"][...]
    energy = 1000.0 * (axis["offset"] + axis["scale"] * np.arange(axis["size"]))
    coords = {"energy": xr.DataArray(energy, dims="energy", attrs={"units": "eV", "long_name": "X-ray energy"})}
    data = xr.Dataset({"counts": quantity(counts, "counts", "counts", "energy", coords=coords)})
    data["beam_energy"] = quantity(beam_energy, "eV", "beam energy")
    data["detector_resolution"] = quantity(resolution, "eV", "resolution")
    return data


def measure(data, **settings):
    tree = xr.DataTree.from_dict({"/sum": data})
    return apply(Call(line_intensities, line_intensities.settings(**settings)), tree)["sum"].to_dataset()


@pytest.fixture
def tm002(real_data):
    return spectrum(real_data / "fibsem/exspy/EDS_SEM_TM002.hspy", 10_000.0, 130.0)


@pytest.fixture
def fept(real_data):
    return spectrum(real_data / "fibsem/exspy/EDS_TEM_FePt_nanoparticles.hspy", 200_000.0, 133.312296)


def test_window_sums_of_tm002(tm002):
    assert int(tm002["counts"].sum()) == 1000279
    found = measure(tm002, elements=list(TM002))
    for element, (window, _) in TM002.items():
        assert float(found["gross"].sel(element=element)) == window


def test_the_model_of_tm002_agrees_within_what_backgrounds_differ(tm002):
    """All lines of a shell together: HyperSpy's areas are those of one line at eXSpy's ratios, ours are at others.

    The same line shapes over polynomials, at our ratios and at eXSpy's, tell how far an area depends on both.
    """
    found = measure(tm002, elements=[*TM002, "Si"])
    ours_or_theirs = (lambda element: excited_lines(element, 10_000.0), element_lines)
    others = [polynomial_areas(tm002, found, order, of) for order in (5, 6, 7, 8) for of in ours_or_theirs]
    for element, (_, theirs) in TM002.items():
        one = found.sel(element=element)
        whole = theirs * exspy_share(str(one["xray_line"].values))
        ours = float(one["line_curve"].sum())
        areas = [ours, *(other[element] for other in others)]
        counting = float(one["u_total_intensity"] / one["total_intensity"]) * ours
        spread = max(np.ptp(areas), counting)
        print(f"{element}: {ours:.0f} +- {spread:.0f}, HyperSpy {whole:.0f}, polynomials {np.rint(areas[1:])}")
        assert abs(ours - whole) < 2.0 * spread
    assert float(found["intensity"].min()) >= 0.0


def exspy_share(label):
    """Return counts of all lines of a shell over those of its main line, after eXSpy's weights."""
    element, name = label.split()
    return sum(line.weight for line in element_lines(element) if line.family == name[0] and line.edge < 10_000.0)


def polynomial_areas(data, found, order, lines_of):
    """Return areas of whole shells over a polynomial background, lines as wide as the file says."""
    energy, counts = data["energy"].values, data["counts"].values.astype(float)
    inside = (energy > 150.0) & (energy < 10_000.0)
    axis = energy[inside]
    columns, names = [], []
    for element in (*TM002, "Si", "O"):
        for family in "KL":
            lines = [x for x in lines_of(element) if x.name[0] == family and x.energy > 150.0 and x.edge < 10_000.0]
            if lines:
                sd = [float(fwhm(x.energy, 130.0)) / 2.3548 for x in lines]
                shapes = [
                    x.weight * np.exp(-0.5 * ((axis - x.energy) / s) ** 2) / s for x, s in zip(lines, sd, strict=True)
                ]
                columns.append(np.sum(shapes, axis=0) / np.sum(shapes))
                names.append(f"{element} {family}a")
    scaled = 2.0 * (axis - axis[0]) / (axis[-1] - axis[0]) - 1.0
    design = np.hstack([np.stack(columns, axis=1), np.polynomial.legendre.legvander(scaled, order)])
    weights = 1.0 / np.sqrt(np.maximum(np.convolve(counts[inside], np.full(5, 0.2), mode="same"), 1.0))
    areas = np.linalg.lstsq(design * weights[:, None], counts[inside] * weights, rcond=None)[0]
    labels = dict(zip(found["element"].values, found["xray_line"].values, strict=True))
    return {element: float(areas[names.index(labels[element])]) for element in TM002}


def test_background_subtracted_windows_of_iron_and_platinum(fept):
    settings = {"elements": ["Fe", "Pt"], "method": "window", "background_distance": [5.0, 2.0]}
    found = measure(fept, **settings).sel(element=["Fe", "Pt"])
    assert list(found["xray_line"].values) == ["Fe Ka", "Pt La"]
    assert list(found["gross"].values) == [3710.0, 15872.0]
    np.testing.assert_allclose(found["intensity"], [2754.0, 15090.0], atol=1e-6)


def test_no_area_of_the_model_is_negative(fept):
    found = measure(fept, elements=["Fe", "Pt", "Fe La", "Pt Ma", "Cu", "Si"])
    assert float(found["intensity"].min()) >= 0.0
    assert float(found["line_curve"].min()) >= 0.0
    for element, window in (("Fe", 2754.0), ("Pt", 15090.0)):
        one = found.sel(element=element)
        above = float(one["total_gross"] - one["background"])
        print(f"{element}: counts above the model's bremsstrahlung {above:.0f}, above eXSpy's windows {window:.0f}")
        assert above == pytest.approx(window, rel=0.05)


def test_copper_of_the_grid_is_noticed_where_it_was_forgotten(fept):
    assert "unexplained peak at 8.0" in measure(fept, elements=["Fe", "Pt"]).attrs["flags"]


def test_window_sums_of_a_bruker_map(real_data, tmp_path):
    tree = read(real_data / "fibsem/rosettasciio/bruker/bcf_v2_50x50px.bcf", scratch=tmp_path)
    data = leaf_datasets(tree)["map"]
    data["detector_resolution"] = quantity(130.0, "eV", "resolution")
    found = measure(data)
    wanted = {"Al Ka": 426346, "Ag La": 72153, "C Ka": 18600, "Cu Ka": 5764, "O Ka": 3032}
    sums = dict(zip(found["xray_line"].values, found["gross"].sum(("y", "x"), dtype=np.float64).values, strict=True))
    assert {line: sums[line] for line in wanted} == wanted
    assert float(found["intensity"].min()) >= 0.0
    for line, name in (("Al Ka", "Al"), ("Ag La", "Ag")):
        total = float(found["intensity"].sel(element=name).sum(dtype=np.float64))
        assert total == pytest.approx(float(found["total_intensity"].sel(element=name)), rel=0.01), line


def test_the_line_scan_of_a_phenom_file(real_data, tmp_path):
    tree = read(real_data / "fibsem/rosettasciio/phenom/Elid2Version4.elid", scratch=tmp_path)
    data = leaf_datasets(tree)["line"]
    found = measure(data, elements=["Al", "Si"])
    assert found["intensity"].dims == ("element", "position")
    assert int(found["sum_counts"].sum()) == 67239
