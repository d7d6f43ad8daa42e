"""The phantom keeps its own truth: geometry, statistics, shared errors, determinism."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from imgpipe.model import check
from imgpipe.phantoms.cross_section import (
    PRESETS,
    Section,
    draw_shared,
    effect_streams,
    interface_depths,
    make,
    noise_free,
)
from imgpipe.phantoms.materials import MATERIALS, electron_range

SMALL = {"shape": (160, 400)}
ONE_LAYER = {"layers": ("Pt", "Mg", "Cu"), "grey": {"Pt": 0.0, "Mg": 1.0, "Cu": 0.0}, "beam_sigma": 0.0}


def drawn(section: Section, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    streams = effect_streams(seed)
    depth = interface_depths(section, streams["interfaces"])
    return depth, noise_free(section, depth, streams)[0]


def test_share_of_a_material_is_its_thickness() -> None:
    section = Section(**ONE_LAYER, thickness=(140.0,), tilt=1.7, face_angle=52.0, true_face_angle=51.0)
    depth, image = drawn(section)
    seen = image.sum() / image.shape[1] / section.rows_per_nm
    assert seen == pytest.approx(np.diff(depth, axis=0).mean(), rel=1e-9)
    assert seen * np.cos(np.radians(1.7)) == pytest.approx(140.0, rel=0.03)


@pytest.mark.parametrize(
    ("truth", "rows"),
    [
        ({}, 50.0),
        ({"face_angle": 52.0}, 50.0 * np.sin(np.radians(52.0))),
        ({"face_angle": 52.0, "true_face_angle": 50.0}, 50.0 * np.sin(np.radians(50.0))),
        ({"face_angle": 54.0, "tilt_corrected": True}, 50.0),
        ({"true_pixel_size": 2.02}, 50.0 / 1.01),
    ],
)
def test_rows_of_a_flat_layer(truth: dict[str, float], rows: float) -> None:
    _, image = drawn(Section(**ONE_LAYER, thickness=(100.0,), roughness=0.0, **truth))
    np.testing.assert_allclose(image.sum(axis=0), rows, rtol=1e-9)


@pytest.mark.parametrize("tilt", [0.0, 1.72, -3.0])
def test_half_height_of_symmetric_edges_is_the_true_position(tilt: float) -> None:
    section = Section(
        layers=("Pt", "Mg", "Cu"), thickness=(140.0,), tilt=tilt, roughness=0.0, face_angle=52.0, shape=(256, 400)
    )
    depth, image = drawn(section)
    half = 0.5 * (MATERIALS["Pt"].grey + MATERIALS["Mg"].grey)
    below = np.argmax(image < half, axis=0)
    columns = np.arange(image.shape[1])
    before, after = image[below - 1, columns], image[below, columns]
    crossing = below - 1 + (before - half) / (before - after)
    inner = slice(20, -20)  # the image ends where the probe still reaches over the edge
    np.testing.assert_allclose(crossing[inner], depth[0, inner] * section.rows_per_nm, atol=0.03)


def test_realistic_edges_are_displaced() -> None:
    """The preset is no disguised error function: half height moves by a good part of a px."""
    options = {"layers": ("Pt", "Mg", "Cu"), "thickness": (140.0,), "roughness": 0.0, "shape": (256, 64)}
    effects = {name: PRESETS["realistic"][name] for name in ("tail_share", "reach_share", "relief", "mixing_share")}
    widths = []
    for changes in ({}, effects):
        _, image = drawn(Section(**options, **changes))
        profile = image[:, 32]
        half = 0.5 * (MATERIALS["Pt"].grey + MATERIALS["Mg"].grey)
        below = int(np.argmax(profile < half))
        widths.append(below - 1 + (profile[below - 1] - half) / (profile[below - 1] - profile[below]))
    assert 0.1 < abs(widths[1] - widths[0]) < 3.0


def test_truth_has_the_dimensions_of_a_result() -> None:
    dataset, truth = make(3, **SMALL)
    assert check(dataset) == []
    assert check(truth.drop_vars("interface_position_px")) == []
    assert list(truth["layer"].values) == ["Mg", "W"]
    assert list(truth["interface"].values) == ["Pt|Mg", "Mg|W", "W|Cu"]
    assert truth["thickness"].dims == ("layer",)
    assert truth["interface_position"].shape == (3, 400)
    np.testing.assert_allclose(truth["process_thickness"], [140.0, 30.0], rtol=1e-6)
    assert dataset["image"].attrs["units"] == "counts"
    assert float(dataset["pixel_size_y"]) == 2.0


def test_thickness_in_px_is_the_chord_in_the_image() -> None:
    _, truth = make(0, **SMALL, tilt=5.0, face_angle=52.0, roughness=0.0)
    rows = truth["interface_position_px"].values
    slope = np.diff(rows[0]).mean()
    assert np.degrees(np.arctan(slope)) == pytest.approx(float(truth["image_tilt"]))
    chord = np.diff(rows, axis=0).mean(axis=1) / np.hypot(1.0, slope)
    np.testing.assert_allclose(truth["thickness_px"], chord, rtol=1e-9)
    np.testing.assert_allclose(truth["realised_thickness"], [140.0, 30.0], rtol=1e-9)


def test_image_mean_scatters_about_the_process_mean_as_neighbours_allow() -> None:
    section = Section(layers=("Pt", "Mg", "Cu"), thickness=(100.0,), shape=(64, 600), conformality=0.0, roughness=5.0)
    means = [
        np.diff(interface_depths(section, effect_streams(seed)["interfaces"]), axis=0).mean() for seed in range(200)
    ]
    length = 60.0 / 2.0
    expected = 5.0 * np.sqrt(2) * np.sqrt(2 * length / 600 * (1 - length / 600))
    assert np.std(means) == pytest.approx(expected, rel=0.15)
    assert np.mean(means) == pytest.approx(100.0, abs=3.5 * expected / np.sqrt(200))


def test_noise_is_what_the_truth_says() -> None:
    dataset, truth = make(
        1, shape=(256, 256), roughness=0.0, noise=7.0, grey=dict.fromkeys(("Pt", "Mg", "W", "Cu"), 100.0)
    )
    assert float(dataset["image"].std()) == pytest.approx(np.hypot(float(truth["noise"]), np.sqrt(1 / 12)), rel=0.02)


def test_equal_seeds_equal_images_other_seeds_others() -> None:
    first, again, other = (make(seed, preset="realistic", **SMALL)[0] for seed in (5, 5, 6))
    xr.testing.assert_identical(first, again)
    assert (first["image"] != other["image"]).mean() > 0.5


def test_switching_one_effect_off_leaves_the_others() -> None:
    section = {"preset": "realistic", **SMALL, "noise": 0.0, "shot_share": 0.0, "bits": 16}
    (full, whole), (bare, same) = make(2, **section), make(2, **section, curtains=0.0)
    xr.testing.assert_equal(whole["interface_position"], same["interface_position"])
    ratio = full["image"].values / bare["image"].values.astype(float)
    clear = ratio[5:40]  # in the cap, one stripe pattern for all rows
    assert np.abs(ratio - 1).max() > 0.02
    assert np.abs(clear - clear[:1]).max() < 0.01


def test_shared_errors_have_their_size() -> None:
    draws = [draw_shared(seed, 0.005, 1.0, pixel_size=3.0, face_angle=54.0) for seed in range(600)]
    scale = np.array([draw["true_pixel_size"] / 3.0 - 1.0 for draw in draws])
    angle = np.array([draw["true_face_angle"] - 54.0 for draw in draws])
    assert scale.std() == pytest.approx(0.005, rel=0.1)
    assert angle.std() == pytest.approx(1.0, rel=0.1)
    assert abs(np.corrcoef(scale, angle)[0, 1]) < 0.12
    dataset, truth = make(0, **SMALL, **draws[0])
    assert float(dataset["pixel_size_x"]) == 3.0
    assert float(truth["true_pixel_size"]) == draws[0]["true_pixel_size"]
    assert dataset.attrs["tilt_corrected"] == "no"


def test_missing_layer_is_told() -> None:
    _, truth = make(0, **SMALL, thickness=(140.0, 2.0), roughness=4.0, conformality=0.0)
    assert 0.4 < float(truth["covered_fraction"][1]) < 0.95
    assert float(truth["process_thickness"][1]) > 2.0
    assert float(truth["covered_fraction"][0]) == 1.0


@pytest.mark.parametrize(
    "wrong",
    [{"thickness": (1.0,)}, {"layers": ("Pt", "Unobtainium", "Cu"), "thickness": (1.0,)}, {"roughness": (1.0, 2.0)}],
)
def test_a_stack_that_cannot_be_drawn_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"thicknesses|unknown materials|need 3 values"):
        make(0, **SMALL, **wrong)


def test_electron_range_follows_kanaya_and_okayama() -> None:
    """Values of the literature table: Mg 0.62 um, Cu 0.14, W 0.084 at 5 kV; Mg 135 nm, W 18 nm at 2 kV."""
    for name, energy, expected in (
        ("Mg", 5e3, 620),
        ("Cu", 5e3, 140),
        ("W", 5e3, 84),
        ("Mg", 2e3, 135),
        ("W", 2e3, 18),
    ):
        assert electron_range(MATERIALS[name], energy) == pytest.approx(expected, rel=0.04)


def test_grey_order_of_the_literature() -> None:
    grey = {name: material.grey for name, material in MATERIALS.items()}
    assert grey["Li"] < grey["Mg"] < grey["Cu"] < grey["W"] < grey["Pt"]
