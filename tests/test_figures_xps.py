"""Figures of spectra: the field's habits, right numbers, readable lettering, equal bytes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from matplotlib.figure import Figure
from matplotlib.text import Text
from PIL import Image
from sample_spectra import SPECIES, make_spectrum, tree_of

from imgpipe.figures import group_figures, leaf_kind, share_overview_figure
from imgpipe.figures.drawing import SINGLE
from imgpipe.figures.intervals import interval_table
from imgpipe.figures.share_overview import share_rows
from imgpipe.figures.shares import share_table
from imgpipe.figures.spectra import drawn_places, formula, places, series_coordinate
from imgpipe.figures.spectrum import COMPONENT_COLOURS
from imgpipe.model import quantity, texts
from imgpipe.tables import group_tables

WRITERS = ("spectrum", "series", "shares", "intervals", "share_overview")
SAMPLES = ("MgW-Cu", "Mg-Cu", "W-Cu", "Cu")
LI2S = np.array([0.14, 0.19, 0.27, 0.43])


@pytest.fixture(scope="module")
def leaf() -> xr.Dataset:
    return make_spectrum()


@pytest.fixture(scope="module")
def four() -> xr.Dataset:
    shares = {"Li2S": LI2S, "Li6PS5Cl": 0.95 - LI2S, "SOx": 0.05}
    return make_spectrum(shares, series={"sample": list(SAMPLES)}, flags={"SOx": "below detection"})


def series_of(count: int) -> xr.Dataset:
    rising = np.linspace(0.1, 0.5, count)
    shares = {"Li2S": rising, "Li6PS5Cl": 0.95 - rising, "SOx": 0.05}
    return make_spectrum(shares, series={"cycle": np.arange(1, count + 1)})


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> dict[str, Figure]:
    """Figures by name, caught as they are written."""
    caught: dict[str, Figure] = {}

    def catch(figure: Figure, curves: pd.DataFrame, folder: Path, name: str) -> list[Path]:
        caught[name] = figure
        return [folder / f"{name}.png"]

    for module in WRITERS:
        monkeypatch.setattr(f"imgpipe.figures.{module}.write_figure", catch)
    return caught


def draw(leaf: xr.Dataset, folder: Path) -> dict[str, list[Path]]:
    return group_figures(tree_of(S_2p=leaf), folder, grey_limits=(0.0, 1.0), title="cell")


def test_each_figure_is_png_pdf_and_csv_of_one_column(leaf: xr.Dataset, tmp_path: Path) -> None:
    found = draw(leaf, tmp_path)
    assert list(found) == ["spectra"]
    assert [path.suffix for path in found["spectra"]] == [".png", ".pdf", ".csv"]
    with Image.open(found["spectra"][0]) as image:
        assert image.width == pytest.approx(SINGLE / 25.4 * 300, abs=1)
        assert image.info["dpi"][0] == pytest.approx(300, abs=0.1)


def test_equal_input_gives_equal_bytes(tmp_path: Path) -> None:
    names = {path.name for folder in ("one", "two") for paths in draw(series_of(14), tmp_path / folder).values()
             for path in paths}  # fmt: skip
    assert len(names) == 9
    for name in names:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes(), name


def test_binding_energy_rises_to_the_left_and_kinetic_to_the_right(
    leaf: xr.Dataset, drawn: dict[str, Figure], tmp_path: Path
) -> None:
    draw(leaf, tmp_path)
    for axes in drawn["spectra"].axes:
        left, right = axes.get_xlim()
        assert left > right
    assert drawn["spectra"].axes[-1].get_xlabel() == "binding energy (eV)"
    kinetic = leaf.copy()
    kinetic["energy"].attrs["energy_type"] = "kinetic"
    draw(kinetic, tmp_path)
    left, right = drawn["spectra"].axes[0].get_xlim()
    assert left < right
    assert drawn["spectra"].axes[-1].get_xlabel() == "kinetic energy (eV)"


def test_curves_in_the_csv_are_those_of_the_fit(leaf: xr.Dataset, tmp_path: Path) -> None:
    draw(leaf, tmp_path)
    curves = pd.read_csv(tmp_path / "spectra.csv", encoding="utf-8-sig")
    inside = np.isfinite(leaf["envelope"].values)
    assert len(curves) == inside.sum() < leaf.sizes["energy"]
    np.testing.assert_allclose(curves["binding_energy_eV"], leaf["energy"].values[inside])
    np.testing.assert_allclose(curves["measured"], leaf["counts"].values[inside])
    parts = curves[[f"component {name}" for name in SPECIES]].sum(axis=1)
    np.testing.assert_allclose(curves["background"] + parts, curves["envelope"], rtol=1e-9)
    np.testing.assert_allclose(
        curves["residual"], (curves["measured"] - curves["envelope"]) / np.sqrt(curves["envelope"]), atol=1e-9
    )


def test_residuals_stand_below_with_a_band_of_two(leaf: xr.Dataset, drawn: dict[str, Figure], tmp_path: Path) -> None:
    draw(leaf, tmp_path)
    upper, lower = drawn["spectra"].axes
    assert lower.get_position().y1 < upper.get_position().y0
    assert lower.get_xlim() == upper.get_xlim()
    band = lower.patches[0].get_bbox()
    assert (band.y0, band.y1) == (-2, 2)
    low, high = lower.get_ylim()
    assert low == -high <= -4


def test_every_component_is_named_with_position_and_share(
    leaf: xr.Dataset, drawn: dict[str, Figure], tmp_path: Path
) -> None:
    draw(leaf, tmp_path)
    said = {text.get_text() for text in drawn["spectra"].findobj(Text)}
    assert {"Li₂S", "Li₆PS₅Cl", "SOₓ"} <= said
    assert "160.40 eV\n27.0 %" in said
    assert "167.00 eV\n7.0 %" in said


def test_labels_neither_touch_each_other_nor_leave_the_axes(
    leaf: xr.Dataset, drawn: dict[str, Figure], tmp_path: Path
) -> None:
    draw(leaf, tmp_path)
    figure = drawn["spectra"]
    figure.draw_without_rendering()
    boxes = [t.get_window_extent() for t in figure.axes[0].texts if "eV" in t.get_text()]
    assert len(boxes) == 3
    whole = figure.axes[0].get_window_extent()
    for number, box in enumerate(boxes):
        assert whole.x0 <= box.x0 < box.x1 <= whole.x1 + 1
        assert not any(box.overlaps(other) for other in boxes[number + 1 :])


def test_lettering_is_readable_and_axes_carry_units(four: xr.Dataset, drawn: dict[str, Figure], tmp_path: Path) -> None:
    draw(four, tmp_path / "four")
    caught = {f"four {name}": figure for name, figure in drawn.items()}
    draw(series_of(14), tmp_path / "series")
    for name, figure in (caught | drawn).items():
        written = [text for text in figure.findobj(Text) if text.get_text()]
        assert min(text.get_fontsize() for text in written) >= 6, name
        assert any("(eV)" in axes.get_xlabel() or "%" in axes.get_xlabel() + axes.get_ylabel() for axes in figure.axes)


def test_every_sample_has_its_panel_up_to_eight(four: xr.Dataset, drawn: dict[str, Figure], tmp_path: Path) -> None:
    draw(four, tmp_path)
    assert len(drawn["spectra"].axes) == 8
    assert set(SAMPLES) <= {text.get_text() for text in drawn["spectra"].findobj(Text)}
    many = make_spectrum({"Li2S": np.full(7, 0.2), "SOx": 0.8}, series={"sample": [f"s{n}" for n in range(7)]})
    draw(many, tmp_path)
    assert len(drawn["spectra"].axes) == 14
    assert drawn["spectra"].get_size_inches()[0] == pytest.approx(2 * SINGLE / 25.4)


def test_a_series_shows_its_ends_and_all_of_it_at_a_glance(drawn: dict[str, Figure], tmp_path: Path) -> None:
    leaf = series_of(30)
    assert drawn_places(leaf, 4) == [0, 10, 19, 29]
    found = draw(leaf, tmp_path)
    assert list(found) == ["spectra", "series", "shares"]
    assert drawn["series"].axes[0].get_ylabel() == "charge (mAh/cm²)"
    assert drawn["series"].axes[0].get_xlim()[0] > drawn["series"].axes[0].get_xlim()[1]
    draw(series_of(5), tmp_path)
    assert len(drawn["series"].axes[0].lines) == 5


def test_shares_along_a_series_have_a_band_of_95_percent(drawn: dict[str, Figure], tmp_path: Path) -> None:
    leaf = series_of(20)
    draw(leaf, tmp_path)
    axes = drawn["shares"].axes[0]
    assert len(axes.collections) == len(axes.lines) == 3
    edge = axes.collections[0].get_paths()[0].vertices[:, 1]
    np.testing.assert_allclose(edge.max(), leaf["area_percent_high"].sel(component="Li2S").max())
    assert "charge" in axes.get_xlabel()


def test_shares_of_samples_are_points_with_intervals(
    four: xr.Dataset, drawn: dict[str, Figure], tmp_path: Path
) -> None:
    table = share_table(four)
    assert list(table["spectrum"].unique()) == list(SAMPLES)
    np.testing.assert_allclose(table.loc[table["component"] == "Li2S", "share"], 100 * LI2S)
    draw(four, tmp_path)
    axes = drawn["shares"].axes[0]
    assert [tick.get_text() for tick in axes.get_yticklabels()] == list(SAMPLES)
    arrows = [line for line in axes.lines if line.get_marker() == 8 and len(line.get_xdata())]
    assert len(arrows) == 1
    np.testing.assert_allclose(arrows[0].get_xdata(), four["area_percent_high"].sel(component="SOx"))


def test_colours_are_told_apart_by_colour_blind_readers() -> None:
    assert len(set(COMPONENT_COLOURS)) == 7
    assert set(COMPONENT_COLOURS) == {"#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#56B4E9", "#F0E442"}


def test_a_spectrum_without_fit_is_drawn_as_it_is(leaf: xr.Dataset, drawn: dict[str, Figure], tmp_path: Path) -> None:
    survey = leaf[["counts"]].drop_vars(["component", "peak", "constraint", "sensitivity", "region"], errors="ignore")
    assert leaf_kind(survey) == "spectrum"
    assert list(draw(survey, tmp_path)) == ["spectra"]
    assert len(drawn["spectra"].axes) == 1


def test_a_long_series_without_curves_still_shows_its_shares(drawn: dict[str, Figure], tmp_path: Path) -> None:
    leaf = series_of(14).drop_vars(["envelope", "background", "residual", "component_curve"])
    assert list(draw(leaf, tmp_path)) == ["spectra", "series", "shares"]


def test_several_leaves_have_names_that_files_can_have(leaf: xr.Dataset, tmp_path: Path) -> None:
    tree = xr.DataTree.from_dict({"/Mg-Cu/S 2p": leaf, "/Mg-Cu/P 2p": leaf})
    found = group_figures(tree, tmp_path, grey_limits=(0.0, 1.0))
    assert list(found) == ["Mg-Cu_P2p_spectra", "Mg-Cu_S2p_spectra"]


def test_overview_has_a_row_per_sample_and_a_panel_per_region(drawn: dict[str, Figure], tmp_path: Path) -> None:
    parts = []
    for name, share in zip(SAMPLES, LI2S, strict=True):
        leaves = {"S 2p": make_spectrum({"Li2S": share, "SOx": 1 - share}), "P 2p": make_spectrum({"PS4": 1.0})}
        parts.append(group_tables(leaves, name, {"sample": name}, {})["components"])
    long = group_tables({"S 2p": series_of(13)}, "operando", {}, {})["components"]
    table = pd.concat([*parts, long], ignore_index=True).drop(columns="component_region")
    rows = share_rows(table)
    assert list(rows["spectrum"].unique()) == list(SAMPLES)
    np.testing.assert_allclose(rows.loc[rows["component"] == "Li2S", "share"], 100 * LI2S)
    share_overview_figure(table, tmp_path)
    assert [axes.get_xlabel().split(" (")[0] for axes in drawn["shares"].axes] == [
        "share of the area of S 2p", "share of the area of P 2p",
    ]  # fmt: skip


def test_overview_tells_the_places_of_a_short_series_apart() -> None:
    table = group_tables({"S 2p": series_of(3)}, "operando", {}, {})["components"]
    assert list(share_rows(table)["spectrum"].unique()) == ["operando 1 0.1", "operando 2 0.2", "operando 3 0.3"]


def test_further_numbers_with_intervals_are_drawn(drawn: dict[str, Figure], tmp_path: Path) -> None:
    names = {"overlayer_thickness": 3.2, "overlayer_thickness_low": 2.6, "overlayer_thickness_high": 3.8}
    values = {name: quantity([value], "nm", "thickness of the overlayer", "pair") for name, value in names.items()}
    numbers = xr.Dataset(values | {"pair": texts(["WO3 on W"], "pair", "pair")})
    assert leaf_kind(numbers) == "numbers"
    table = interval_table(numbers, "overlayer_thickness")
    assert table.iloc[0].to_dict() == {
        "quantity": "thickness of the overlayer", "of": "WO3 on W", "value": 3.2, "low": 2.6, "high": 3.8, "unit": "nm",
    }  # fmt: skip
    group_figures(xr.DataTree.from_dict({"/oxide": numbers}), tmp_path, grey_limits=(0.0, 1.0))
    assert drawn["intervals"].axes[0].get_xlabel() == "thickness of the overlayer, 95 % interval (nm)"


def test_a_lower_bound_is_drawn_as_one(drawn: dict[str, Figure], tmp_path: Path) -> None:
    ends = {"thickness": np.nan, "thickness_low": 7.5, "thickness_high": np.nan}
    values = {name: quantity([value], "nm", "thickness", "layer") for name, value in ends.items()}
    numbers = xr.Dataset(values | {"layer": texts(["WO3"], "layer", "layer")}, attrs={"technique": "xps"})
    group_figures(xr.DataTree.from_dict({"/overlayer": numbers}), tmp_path, grey_limits=(0.0, 1.0))
    axes = drawn["intervals"].axes[0]
    assert not axes.texts
    assert [7.5] in [list(line.get_xdata()) for line in axes.lines]


def test_overview_names_a_single_group_by_its_sample() -> None:
    leaf = make_spectrum({"Li2S": np.full(1, 0.3), "SOx": 0.7}, series={"sample": ["Cu"]})
    table = group_tables({"S 2p": leaf}, "all", {}, {})["components"]
    assert list(share_rows(table)["spectrum"].unique()) == ["Cu"]


def test_places_are_named_by_what_changes() -> None:
    leaf = series_of(3)
    assert places(leaf) == ["charge 0.1 mAh/cm²", "charge 0.2 mAh/cm²", "charge 0.3 mAh/cm²"]
    constant = leaf.assign_coords(charge=leaf["charge"] * 0)
    along = series_coordinate(constant)
    assert along is not None
    assert along.name == "cycle"


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("Li6PS5Cl", "Li₆PS₅Cl"), ("S2-", "S²⁻"), ("SOx", "SOₓ"), ("WO3", "WO₃"), ("Mg(OH)2", "Mg(OH)₂"),
        ("Cu-S", "Cu-S"), ("polysulfide", "polysulfide"), ("W 5p3/2", "W 5p3/2"), ("C-C", "C-C"),
        ("P-S-P", "P-S-P"), ("Li+", "Li⁺"),
    ],
)  # fmt: skip
def test_formulae_have_indices(name: str, shown: str) -> None:
    assert formula(name) == shown
