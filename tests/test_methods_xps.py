"""The methods text of XPS names everything that held the fit, and only what is known."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from sample_result import make_leaf, write_result
from sample_spectra import CONSTRAINTS, make_spectrum

from imgpipe.bundle import open_bundle
from imgpipe.methods import methods_paragraphs
from imgpipe.methods.derived import derived_sentences
from imgpipe.methods.spectra import spectrum_paragraphs
from imgpipe.model import quantity, texts


def text_of(tmp_path: Path, **groups: xr.Dataset) -> str:
    leaves = {name: {"S 2p": leaf} for name, leaf in groups.items()}
    return "\n".join(methods_paragraphs(open_bundle(write_result(tmp_path / "out", leaves))))


@pytest.fixture(scope="module")
def leaf() -> xr.Dataset:
    return make_spectrum()


def test_acquisition_is_said_in_full(leaf: xr.Dataset, tmp_path: Path) -> None:
    text = text_of(tmp_path, A=leaf, B=leaf.assign_attrs(sample="Cu"))
    assert "Two spectra (S 2p) of two samples were measured by XPS on ULVAC-PHI Quantera II" in text
    assert (
        "photons of 1486.6 eV, a pass energy of 26 eV, 0.2 s per point and 20 sweeps, at 45° from the surface" in text
    )
    assert "Charge neutraliser: on." in text


def test_what_is_not_known_is_said(leaf: xr.Dataset, tmp_path: Path) -> None:
    unknown = ["photon_energy", "pass_energy", "dwell_time", "sweeps", "energy_shift", "u_energy_shift"]
    text = text_of(tmp_path, A=leaf.drop_vars(unknown).assign_attrs(instrument="", charge_neutraliser=""))
    told = ("(instrument not recorded)", "photon energy not recorded", "pass energy not recorded",
            "dwell time not recorded", "Charge neutraliser: not recorded.",
            "No energy reference was applied.")  # fmt: skip
    for said in told:
        assert said in text


def test_the_energy_scale_names_its_reference_and_u(leaf: xr.Dataset, tmp_path: Path) -> None:
    text = text_of(tmp_path, A=leaf)
    assert "photon energy minus kinetic energy; the work function field of the file was not added" in text
    assert "shifted by -0.31 eV (u = 0.1 eV), referenced to C 1s = 284.8 ± 0.1 eV (convention)." in text


def test_model_shapes_background_and_noise_are_named(leaf: xr.Dataset, tmp_path: Path) -> None:
    text = text_of(tmp_path, A=leaf)
    assert "S 2p was fitted from 157 to 173 eV with the published three-doublet model" in text
    assert "Li2S (S 2p, expected at 160.40 eV, doublet split by 1.18 eV with an area ratio of 0.5)" in text
    assert "sum of Gaussian and Lorentzian of equal height and FWHM (m is the Lorentz share)" in text
    assert "An active Shirley background was fitted together with the peaks, by maximum likelihood of Poisson" in text


def test_every_constraint_is_named_with_its_u_and_source(leaf: xr.Dataset, tmp_path: Path) -> None:
    text = text_of(tmp_path, A=leaf, B=leaf)
    for one in CONSTRAINTS:
        assert text.count(f"{one['constraint']} ") >= 1, one["constraint"]
    assert "Linked: splitting S 2p 1.180 ± 0.020 eV for Li2S, Li6PS5Cl, SOx [1.16 to 1.18 in the literature]." in text
    assert text.count("splitting S 2p") == 1
    assert "shift of Li2S -1.20 ± 0.15 eV* for Li2S from Li6PS5Cl [10.1002/adma.202410948]" in text
    assert "Values marked * were not checked against a source." in text
    assert "Shared by several spectra: S 2p width for all samples [recipe]." in text
    assert "width of Li2S changes a share most (by 6.1 points, Li2S)" in text


def test_denominators_and_terms_of_the_uncertainty_are_named(leaf: xr.Dataset, tmp_path: Path) -> None:
    text = text_of(tmp_path, A=leaf)
    assert "Shares are area percents of total S 2p: Li2S, Li6PS5Cl, SOx." in text
    assert "counting statistics and priors, propagated through all links, constants that were moved" in text
    assert "the spread over other models (tried: linear, Tougaard U2 and Voigt)" in text
    assert "The reduced chi-square was 1.04 and the Abbe value of the residuals 0.98" in text
    assert "the spread over" not in text_of(tmp_path / "b", A=leaf.drop_vars("u_model"))


def test_further_steps_are_named_with_their_settings(leaf: xr.Dataset, tmp_path: Path) -> None:
    steps = [
        *json.loads(leaf.attrs["provenance"]),
        {"step": "crop", "settings": {"low": 150, "u": None}},
    ]
    text = text_of(tmp_path, A=leaf.assign_attrs(provenance=json.dumps(steps)))
    assert "Further steps: crop (low 150)." in text


def test_derived_results_have_a_sentence_each(leaf: xr.Dataset) -> None:
    steps = [
        {"step": "trend", "settings": {"along": "charge", "variable": "area_percent", "look_for_onset": True}},
        {"step": "excess_sulfide", "settings": {"sulfide": "S2-", "thiophosphate": "PS4"}},
        {"step": "overlayer_thickness", "settings": {"u_attenuation": 0.15, "u_emission_angle": 2.0, "clean": None}},
    ]
    slopes = {"slope": [20.03, -1.2], "u_slope": [0.42, 0.3]}
    onsets = {"onset": [0.606, np.nan], "onset_low": [0.591, np.nan], "onset_high": [0.624, np.nan]}
    found = xr.Dataset(
        {name: quantity(np.array(v), "percent/(mAh/cm**2)", name, "trend") for name, v in slopes.items()}
        | {name: quantity(np.array(v), "mAh/cm**2", name, "trend") for name, v in onsets.items()}
        | {"excess_sulfide": quantity([12.0], "percent", "excess", "region")}
        | {"sulfide_of": texts(["S 2p area; lattice S2- : PS4 = 0.25 +- 0.03 (given)"], "percent of", "region")},
        coords={"trend": texts(["S2-", "SOx"], "component", "trend")},
        attrs={"provenance": json.dumps(steps)},
    )
    trend, sulfide, film = derived_sentences([found, found])
    assert "followed along charge" in trend
    assert "S2- 20.03 ± 0.42 %/(mAh/cm²), onset at 0.6060 mAh/cm² (95 % interval 0.5910 to 0.6240 mAh/cm²)" in trend
    assert "SOx -1.20 ± 0.30 %/(mAh/cm²), no onset." in trend
    assert sulfide.endswith("reckoned from PS4: lattice S2- : PS4 = 0.25 ± 0.03 (given).")
    assert "relative u of the attenuation lengths 0.15, u of the emission angle 2°" in film


def test_one_sample_is_counted_once_and_shares_nothing() -> None:
    one = make_spectrum({"Li2S": np.full(1, 0.3), "SOx": 0.7}, series={"sample": ["Cu"]}).drop_dims("constraint")
    text = "\n".join(spectrum_paragraphs([one]))
    assert "One spectrum (S 2p) of one sample was measured" in text
    assert "fitted jointly" not in text
    two = make_spectrum({"Li2S": np.full(2, 0.3), "SOx": 0.7}, series={"sample": ["Cu", "Mg"]})
    assert "Samples were fitted jointly and share width." in "\n".join(spectrum_paragraphs([two]))


def test_misfits_are_counted(tmp_path: Path) -> None:
    series = make_spectrum({"Li2S": np.full(3, 0.3), "SOx": 0.7}, series={"cycle": [1, 2, 3]})
    series["fit_flag"][:2, 0] = "misfit"
    text = text_of(tmp_path, A=series)
    assert "Three spectra (S 2p)" in text
    assert "Two spectra did not agree with the model within counting statistics" in text


def test_unfitted_spectra_have_no_model(leaf: xr.Dataset, tmp_path: Path) -> None:
    survey = leaf[["counts", "photon_energy"]]
    text = text_of(tmp_path, A=survey)
    assert "One spectrum (S 2p)" in text
    assert "fitted" not in text


def test_unknown_backgrounds_keep_their_name(leaf: xr.Dataset, tmp_path: Path) -> None:
    model = json.loads(leaf.attrs["fit_model"]) | {"background": "spline_of_degree_3", "noise": ""}
    text = text_of(tmp_path, A=leaf.assign_attrs(fit_model=json.dumps(model)))
    assert "Spline of degree 3 was fitted together with the peaks, with a noise model that is not recorded." in text


def test_sections_and_spectra_have_their_own_paragraphs(leaf: xr.Dataset, tmp_path: Path) -> None:
    groups = {"A_1": make_leaf({"Mg": 60.0}, shape=(120, 160)), "B": {"S 2p": leaf}}
    paragraphs = methods_paragraphs(open_bundle(write_result(tmp_path / "out", groups)))
    assert paragraphs[0].startswith("One cross-section of one specimen (one image)")
    assert any(paragraph.startswith("One spectrum (S 2p)") for paragraph in paragraphs)
    assert paragraphs[-1].startswith("Analysis: imgpipe")
