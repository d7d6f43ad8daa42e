"""Cliff-Lorimer by eXSpy: the published numbers of FePt, an uncertainty that covers, nothing where lithium is."""

from __future__ import annotations

import h5py
import numpy as np
import pytest
import xarray as xr
from edxs_by_hand import intensities, run

import imgpipe
from imgpipe.binding import Call, apply
from imgpipe.errors import DataError, StepError
from imgpipe.model import axis, check, quantity
from imgpipe.steps.edxs.cliff_lorimer import cliff_lorimer
from imgpipe.steps.edxs.intensities import line_intensities

FACTORS = {"Fe": 1.450226, "Pt": 5.075602}
KILO = {"beam_energy": (200e3, "eV")}


def fept(**rows: tuple[float, float]) -> xr.Dataset:
    """Return the line intensities of the FePt spectrum, with other rows."""
    found = {"Fe": (2754.0, 68.0), "Pt": (15090.0, 136.0), **rows}
    return intensities(found, ["Fe Ka", "Pt La", *(f"{name} Ka" for name in rows)], **KILO)


def measured(leaf: xr.Dataset, **settings: object) -> xr.Dataset:
    """Return the table with the composition."""
    return run(cliff_lorimer, {"sum": leaf}, **{"k_factors": FACTORS, **settings})["sum"].to_dataset()


def test_fept_in_any_order_of_factors():
    for factors in (FACTORS, dict(reversed(FACTORS.items()))):
        found = measured(fept(), k_factors=factors)
        np.testing.assert_allclose(found["atomic_percent"], [15.409, 84.591], atol=5e-4)
        amount = np.array([2754.0 * FACTORS["Fe"], 15090.0 * FACTORS["Pt"]])
        np.testing.assert_allclose(found["weight_percent"], 100.0 * amount / amount.sum(), rtol=1e-9)
    assert check(found) == []


def test_the_uncertainty_is_that_of_drawn_counts_and_factors():
    generator, n = np.random.default_rng(4), 4000
    iron, platinum = generator.normal(2754.0, 68.0, n), generator.normal(15090.0, 136.0, n)
    factor = generator.normal(FACTORS["Fe"], 0.05, n)
    atoms = iron * factor / 55.845, platinum * FACTORS["Pt"] / 195.084
    share = 100.0 * atoms[0] / (atoms[0] + atoms[1])
    found = measured(fept(), u_k_factors={"Fe": 0.05}).sel(element="Fe")
    assert float(found["u_atomic_percent"]) == pytest.approx(share.std(), rel=0.05)
    ends = np.percentile(share, [2.5, 97.5])
    width = float(found["atomic_percent_high"] - found["atomic_percent_low"])
    assert width == pytest.approx(ends[1] - ends[0], rel=0.06)
    parts = np.hypot(found["u_atomic_percent_random"], found["u_atomic_percent_shared"])
    assert float(parts) == pytest.approx(float(found["u_atomic_percent"]))


def test_the_interval_covers_the_truth():
    n, truth = 3000, 15.0
    generator = np.random.default_rng(5)
    atoms = {"Fe": truth * 55.845 / FACTORS["Fe"], "Pt": (100.0 - truth) * 195.084 / FACTORS["Pt"]}
    scale = 300.0 / atoms["Fe"]
    draws = {name: generator.poisson(value * scale, n).astype(float) for name, value in atoms.items()}
    leaf = fept().assign_coords(position=("position", np.arange(n) * 1.0, {"units": "nm", "long_name": "position"}))
    counts = np.array([draws["Fe"], draws["Pt"]])
    leaf["total_intensity"] = quantity(counts, "counts", "i", "element position")
    leaf["u_total_intensity"] = quantity(np.sqrt(counts), "counts", "u", "element position")
    found = measured(leaf)
    assert found["atomic_percent"].dims == ("element", "position")
    iron = found.sel(element="Fe")
    covered = ((iron["atomic_percent_low"] <= truth) & (truth <= iron["atomic_percent_high"])).mean()
    assert abs(float(covered) - 0.95) <= 3.0 * np.sqrt(0.95 * 0.05 / n)


def test_elements_without_a_factor_get_no_number_and_are_named():
    found = measured(fept(C=(900.0, 40.0)))
    assert np.isnan(found["atomic_percent"].sel(element="C"))
    np.testing.assert_allclose(found["atomic_percent"].sum(), 100.0)
    assert "normalised without C" in str(found["element_flag"].sel(element="Fe").item())
    assert "counting alone" in str(found["element_flag"].sel(element="Fe").item())


def test_elements_that_were_not_seen_are_not_named():
    assert "C" not in str(measured(fept(C=(20.0, 40.0)))["element_flag"].sel(element="Fe").item()).partition(";")[2]


def test_no_composition_where_lithium_is():
    for leaf, settings in ((fept(), {"lithium": True}), (fept().assign_attrs(elements="Fe Pt Li"), {})):
        found = measured(leaf, **settings)
        for name in ("atomic_percent", "weight_percent", "u_atomic_percent", "atomic_percent_high"):
            assert np.isnan(found[name]).all(), name
        assert "lithium" in str(found["element_flag"].values[0])


def test_a_bulk_section_is_flagged():
    leaf = fept().assign(beam_energy=quantity(5000.0, "eV", "beam energy"))
    assert "thin foils alone" in str(measured(leaf)["element_flag"].values[1])


def test_flags_of_the_table_are_kept():
    leaf = fept().assign(flag=("element", np.array(["overlaps W M", ""], dtype=object), {"long_name": "flag"}))
    assert str(measured(leaf)["flag"].values[0]).startswith("overlaps W M; ")


def test_what_was_not_seen_is_zero_with_a_bound():
    found = measured(fept(Cu=(0.0, 20.0)), k_factors={**FACTORS, "Cu": 1.6}).sel(element="Cu")
    assert (float(found["atomic_percent"]), float(found["atomic_percent_low"])) == (0.0, 0.0)
    assert 0.0 < float(found["atomic_percent_high"]) < 1.0
    nothing = fept()
    nothing["total_intensity"] = nothing["total_intensity"] * 0.0
    nothing["total_intensity"].attrs["units"] = "counts"
    assert np.isnan(measured(nothing)["atomic_percent"]).all()


def test_wrong_names_are_told():
    with pytest.raises(DataError, match=r"'Fee'.*did you mean 'Fe'"):
        measured(fept(), k_factors={"Fee": 1.0, "Pt": 5.0})
    with pytest.raises(DataError, match="at least two"):
        cliff_lorimer.check(cliff_lorimer.settings(k_factors={"Fe": 1.0}))
    with pytest.raises(DataError, match="u_k_factors"):
        cliff_lorimer.check(cliff_lorimer.settings(k_factors=FACTORS, u_k_factors={"Cu": 0.1}))
    with pytest.raises(StepError, match="exist"):
        measured(measured(fept()))


def spectrum(file: str) -> xr.Dataset:
    """Return the FePt spectrum as its file holds it."""
    with h5py.File(file) as opened:
        counts = opened["Experiments/EDS TEM Spectrum/data"][...]
        along = opened["Experiments/EDS TEM Spectrum/axis-0"].attrs
        energy = axis("energy", counts.size, 1e3 * along["scale"], "eV", start=1e3 * along["offset"])
    leaf = xr.Dataset({"counts": quantity(counts, "counts", "counts", "energy", {"energy": energy})})
    numbers = {"beam_energy": (200e3, "eV"), "detector_resolution": (133.312296, "eV")}
    leaf = leaf.assign({name: quantity(value, unit, name) for name, (value, unit) in numbers.items()})
    return leaf.assign_attrs(technique="edxs", elements="Fe Pt")


def test_real_fept_from_file_to_composition(real_data):
    leaf = spectrum(str(real_data / "fibsem/exspy/EDS_TEM_FePt_nanoparticles.hspy"))
    assert int(leaf["counts"].sum()) == 205795
    signal = imgpipe.to_hyperspy(leaf)
    assert signal.metadata.Signal.signal_type == "EDS_TEM"
    signal.add_lines(["Fe_Ka", "Pt_La"])
    windows = signal.estimate_background_windows(line_width=[5.0, 2.0])
    net = signal.get_lines_intensity(background_windows=windows)
    raw = signal.get_lines_intensity()
    assert [round(float(one.data[0])) for one in net] == [2754, 15090]
    assert [round(float(one.data[0])) for one in raw] == [3710, 15872]
    rows = {
        name: (float(one.data[0]), float(np.sqrt(2 * gross.data[0] - one.data[0])))
        for name, one, gross in zip(("Fe", "Pt"), net, raw, strict=True)
    }
    found = measured(intensities(rows, ["Fe Ka", "Pt La"], **KILO))
    np.testing.assert_allclose(found["atomic_percent"], [15.409, 84.591], atol=5e-4)


def test_real_fept_by_the_steps_of_a_recipe(real_data):
    tree = imgpipe.read(real_data / "fibsem/exspy/EDS_TEM_FePt_nanoparticles.hspy")
    windows = {"method": "window", "background": "windows", "background_distance": [5.0, 2.0]}
    settings = line_intensities.settings(elements=["Fe", "Pt"], lines={"Fe": "Ka", "Pt": "La"}, **windows)
    tree = apply(Call(line_intensities, settings), tree)
    tree = apply(Call(cliff_lorimer, cliff_lorimer.settings(k_factors=FACTORS)), tree)
    found = tree["sum"].to_dataset().sel(element=["Fe", "Pt"])
    np.testing.assert_array_equal(found["total_intensity"], [2754.0, 15090.0])
    np.testing.assert_allclose(found["atomic_percent"], [15.409, 84.591], atol=5e-4)
    np.testing.assert_allclose(found["u_atomic_percent"], 0.34, atol=0.01)  # counting: 68 of 2754, 129 of 15090
