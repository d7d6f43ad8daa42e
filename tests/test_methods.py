"""The methods paragraph says what was done, and only that."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import xarray as xr
from sample_result import make_leaf, write_result

from imgpipe.bundle import open_bundle
from imgpipe.methods import methods_paragraphs, write_methods
from imgpipe.model import quantity


def text_of(tmp_path: Path, **leaves: xr.Dataset) -> str:
    return "\n".join(methods_paragraphs(open_bundle(write_result(tmp_path / "out", leaves))))


def without(leaf: xr.Dataset, *steps: str) -> xr.Dataset:
    kept = [entry for entry in json.loads(leaf.attrs["provenance"]) if entry["step"] not in steps]
    return leaf.assign_attrs(provenance=json.dumps(kept))


def changed(leaf: xr.Dataset, step: str, **settings: object) -> xr.Dataset:
    steps = json.loads(leaf.attrs["provenance"])
    for entry in steps:
        if entry["step"] == step:
            entry["settings"] |= settings
    return leaf.assign_attrs(provenance=json.dumps(steps))


@pytest.fixture(scope="module")
def leaf() -> xr.Dataset:
    return make_leaf({"Mg": 60.0, "W": 12.0}, shape=(120, 160))


def test_counts_of_specimens_sections_and_images(leaf: xr.Dataset, tmp_path: Path) -> None:
    text = text_of(tmp_path, A_1=leaf, A_2=leaf, B_1=leaf)
    assert "Three cross-sections of two specimens (three images) were imaged" in text
    assert "FEI Helios G4 at 5 kV with the detector TLD" in text
    assert "The pixel size was 2 nm." in text


def test_what_is_not_known_is_said(leaf: xr.Dataset, tmp_path: Path) -> None:
    bare = leaf.drop_vars(["beam_energy"]).assign_attrs(instrument="", detector="")
    text = text_of(tmp_path, A_1=bare)
    assert "One cross-section of one specimen (one image) was imaged by SEM (instrument not recorded)" in text
    assert "(beam energy not recorded)" in text


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"u": 0.005, "u_is": "standard"}, "u = 0.5 %, k = 1"),
        ({"u": 0.05, "u_is": "limit"}, "limits of ±5 %, rectangular"),
    ],
)
def test_certificate_and_what_its_u_means(
    leaf: xr.Dataset, tmp_path: Path, settings: dict[str, object], said: str
) -> None:
    text = text_of(tmp_path, A_1=changed(leaf, "calibrate_scale", **settings))
    assert "NPL-2291" in text
    assert said in text


def test_nominal_scale_without_a_certificate(leaf: xr.Dataset, tmp_path: Path) -> None:
    text = text_of(tmp_path, A_1=without(leaf, "calibrate_scale").drop_vars("pixel_scale_u"))
    assert "nominal one, taken to be within ±5 %" in text


def faced(leaf: xr.Dataset, angle: float, stretch: float) -> xr.Dataset:
    y = (leaf["y"] * stretch).assign_attrs(leaf["y"].attrs)
    angles = {"face_angle": angle, "u_face_angle": 0.5}
    return leaf.assign_coords(y=y).assign({n: quantity(v, "deg", n) for n, v in angles.items()})


def test_foreshortening_tells_who_corrected_it(leaf: xr.Dataset, tmp_path: Path) -> None:
    ours, theirs = faced(leaf, 52.0, 1.269), faced(leaf, 52.0, 1.0)
    text = text_of(tmp_path / "a", A_1=ours, A_2=ours, B_1=theirs)
    assert text.count("Three faces stood at 52° to the beam (u = 0.5°).") == 1
    assert "The foreshortening of two sections was removed by stretching y" in text
    assert "In one section the microscope had corrected it while scanning" in text
    assert "No foreshortening was corrected" in text_of(tmp_path / "b", A_1=leaf)


def test_only_steps_that_ran_are_named(leaf: xr.Dataset, tmp_path: Path) -> None:
    assert "urtain" not in text_of(tmp_path / "a", A_1=without(leaf, "remove_curtains").drop_vars("u_curtain"))
    assert "asymmetric" not in text_of(tmp_path / "b", A_1=without(leaf, "fit_edges"))


def test_missing_scale_and_bounds_are_said(tmp_path: Path) -> None:
    flags = {"W": "below edge width: upper bound; edited"}
    thin, bare = make_leaf({"W": 12.0}, flags=flags), make_leaf({"Mg": 40.0}, pixel=None)
    text = text_of(tmp_path, A_1=thin, B_1=bare)
    assert "One section had no pixel size; thicknesses there are in pixels." in text
    assert "given as an upper bound" in text
    assert "flagged as edited" in text


def test_it_is_written_beside_the_tables(leaf: xr.Dataset, tmp_path: Path) -> None:
    out = write_result(tmp_path / "out", {"A_1": leaf})
    path = write_methods(open_bundle(out))
    assert path == out / "methods.txt"
    assert "effective number of columns was 26" in path.read_text(encoding="utf-8")
