"""Figures: right size, right numbers, readable lettering, equal bytes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from matplotlib.figure import Figure
from matplotlib.text import Text
from PIL import Image
from sample_result import make_leaf

from imgpipe.figures import grey_limits, group_figures, overview_figure
from imgpipe.figures import section as section_module
from imgpipe.figures.budget import budget_table
from imgpipe.figures.distribution import binned
from imgpipe.figures.drawing import shortened, shown_length, spread_apart
from imgpipe.figures.layers import edges_of
from imgpipe.figures.overview import overview_table
from imgpipe.figures.section import MOST_PIXELS, bar_length, detail_window, panel_of
from imgpipe.model import axis, quantity
from imgpipe.tables import leaf_tables

WRITERS = ("budget", "distribution", "section", "overview")


@pytest.fixture(scope="module")
def leaf() -> xr.Dataset:
    return make_leaf({"Mg": 60.0, "W": 12.0})


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> dict[str, Figure]:
    """Figures by name, caught as they are written."""
    caught: dict[str, Figure] = {}

    def catch(figure: Figure, curves: pd.DataFrame, folder: Path, name: str) -> list[Path]:
        caught[name] = figure
        return []

    for module in WRITERS:
        monkeypatch.setattr(f"imgpipe.figures.{module}.write_figure", catch)
    return caught


def tree_of(leaf: xr.Dataset) -> xr.DataTree:
    return xr.DataTree.from_dict({"/image": leaf})


def image_of(values: np.ndarray, step_y: float = 1.0, step_x: float = 1.0, unit: str = "nm") -> xr.DataArray:
    coords = {d: axis(d, n, s, unit) for d, n, s in zip("yx", values.shape, (step_y, step_x), strict=True)}
    return quantity(values, "counts", "grey", "y x", coords=coords)


def test_each_figure_is_png_pdf_and_csv_at_a_column_width(leaf: xr.Dataset, tmp_path: Path) -> None:
    found = group_figures(tree_of(leaf), tmp_path, grey_limits=(0, 255), title="A")
    assert sorted(found) == ["budget", "section", "thickness"]
    for name, width_mm in (("section", 170), ("thickness", 85), ("budget", 85)):
        assert [path.suffix for path in found[name]] == [".png", ".pdf", ".csv"]
        with Image.open(found[name][0]) as image:
            assert image.width == pytest.approx(width_mm / 25.4 * 300, abs=1)
            assert image.info["dpi"][0] == pytest.approx(300, abs=0.1)
        assert found[name][1].read_bytes().startswith(b"%PDF")


def test_equal_input_gives_equal_bytes(leaf: xr.Dataset, tmp_path: Path) -> None:
    for folder in ("one", "two"):
        group_figures(tree_of(leaf), tmp_path / folder, grey_limits=(0, 255))
    files = sorted(path.name for path in (tmp_path / "one").iterdir())
    assert len(files) == 9
    for name in files:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes(), name


def test_curves_of_the_section_are_the_edges(leaf: xr.Dataset, tmp_path: Path) -> None:
    group_figures(tree_of(leaf), tmp_path, grey_limits=(0, 255))
    curves = pd.read_csv(tmp_path / "section.csv", encoding="utf-8-sig")
    assert list(curves) == ["x_nm", "Pt|Mg_nm", "Mg|W_nm", "W|Cu_nm"]
    np.testing.assert_allclose(curves.iloc[:, 1:].to_numpy().T, leaf["interface_position"].values)


def test_axes_are_labelled_with_units_and_lettering_is_readable(
    leaf: xr.Dataset, drawn: dict[str, Figure], tmp_path: Path
) -> None:
    group_figures(tree_of(leaf), tmp_path, grey_limits=(0, 255), title="A")
    overview_figure(leaf_tables(leaf)["layers"].assign(group="A"), tmp_path)
    assert set(drawn) == {"section", "thickness", "budget", "overview"}
    for name, figure in drawn.items():
        texts = [text for text in figure.findobj(Text) if text.get_text()]
        assert min(text.get_fontsize() for text in texts) >= 6, name
        assert any("(nm)" in axes.get_xlabel() for axes in figure.axes), name
    assert all("(nm)" in axes.get_ylabel() for axes in drawn["section"].axes)
    assert all("(%)" in axes.get_ylabel() for axes in drawn["thickness"].axes)


def test_every_material_is_named_beside_the_section(leaf: xr.Dataset, drawn: dict[str, Figure], tmp_path: Path) -> None:
    group_figures(tree_of(leaf), tmp_path, grey_limits=(0, 255))
    texts = {text.get_text() for text in drawn["section"].findobj(Text)}
    assert {"Pt", "Mg", "W", "Cu"} <= texts


def test_without_a_scale_nothing_is_said_in_nm(drawn: dict[str, Figure], tmp_path: Path) -> None:
    leaf = make_leaf({"Mg": 40.0}, pixel=None)
    group_figures(tree_of(leaf), tmp_path, grey_limits=(0, 255))
    assert set(drawn) == {"section", "thickness"}
    for figure in drawn.values():
        texts = [text.get_text() for text in figure.findobj(Text)]
        assert not [text for text in texts if "nm" in text or "µm" in text]
        assert any("px" in text for text in texts)


def test_compared_panels_share_grey_limits(leaf: xr.Dataset, drawn: dict[str, Figure], tmp_path: Path) -> None:
    group_figures(tree_of(make_leaf({"Mg": 12.0})), tmp_path, grey_limits=(31, 180))
    shown = [image.get_clim() for axes in drawn["section"].axes for image in axes.images]
    assert shown == [(31, 180), (31, 180)]


def test_grey_limits_rest_on_all_images_together() -> None:
    dark, bright = image_of(np.full((50, 50), 10.0)), image_of(np.full((50, 50), 200.0))
    assert grey_limits([dark, bright]) == (10.0, 200.0)
    assert grey_limits([dark]) == (10.0, 11.0)
    assert grey_limits([]) == (0.0, 1.0)


def test_pixels_of_unequal_sides_are_drawn_true_to_the_specimen(drawn: dict[str, Figure], tmp_path: Path) -> None:
    image = image_of(np.zeros((100, 200)), step_y=2.0)
    assert panel_of(image).ratio == pytest.approx(1.0)
    leaf = make_leaf({"Mg": 60.0}, pixel=2.0, shape=(120, 160))
    stretched = leaf.assign_coords(y=leaf["y"] * 1.25).assign(interface_position=leaf["interface_position"] * 1.25)
    for name in ("y", "interface_position"):
        stretched[name].attrs = leaf[name].attrs
    group_figures(tree_of(stretched), tmp_path, grey_limits=(0, 255))
    axes, figure = drawn["section"].axes[0], drawn["section"]
    box, (across, up) = axes.get_position(), figure.get_size_inches()
    assert box.width * across / (box.height * up) == pytest.approx(160 / (120 * 1.25), rel=1e-3)


def test_large_images_are_averaged_for_display() -> None:
    rng = np.random.default_rng(1)
    values = rng.integers(0, 255, (10, 3 * MOST_PIXELS)).astype(np.uint8)
    panel = panel_of(image_of(values))
    assert panel.grey.shape == (10, MOST_PIXELS)
    np.testing.assert_allclose(panel.grey[0, 0], values[0, :3].mean(), rtol=1e-6)
    assert panel.window == (-0.5, 3 * MOST_PIXELS - 0.5, 9.5, -0.5)


def test_detail_shows_all_layers_magnified() -> None:
    leaf = make_leaf({"Mg": 20.0, "W": 5.0}, pixel=1.0, shape=(400, 500))
    edges = edges_of(leaf)
    assert edges is not None
    window = detail_window(edges, panel_of(leaf["image"]))
    assert window is not None
    left, right, bottom, top = window
    inside = (edges.x >= left) & (edges.x <= right)
    assert top < edges.y[:, inside].min()
    assert bottom > edges.y[:, inside].max()
    assert bottom - top < 100


def test_no_detail_where_the_layers_fill_the_image() -> None:
    leaf = make_leaf({"Mg": 180.0}, pixel=1.0)
    edges = edges_of(leaf)
    assert edges is not None
    assert detail_window(edges, panel_of(leaf["image"])) is None


def test_a_section_without_edges_is_drawn_all_the_same(leaf: xr.Dataset, tmp_path: Path) -> None:
    bare = leaf.drop_vars("interface_position")
    found = section_module.section_figure(bare, (0, 255), tmp_path, "section", "")
    assert found[0].stat().st_size > 10_000


@pytest.mark.parametrize(("extent", "length"), [(1000, 200), (399, 50), (4096, 1000), (30, 5), (7.9, 1)])
def test_scale_bar_is_round_and_at_most_a_quarter(extent: float, length: float) -> None:
    assert bar_length(extent) == pytest.approx(length)


def test_long_axes_are_shown_in_micrometres_and_pixels_stay_pixels() -> None:
    assert shown_length(25_000, "nm") == (1e-3, "µm")
    assert shown_length(2_000, "nm") == (1.0, "nm")
    assert shown_length(25_000, "px") == (1.0, "px")


def test_distribution_counts_the_columns_that_have_a_value() -> None:
    values = np.concatenate([np.random.default_rng(0).normal(100, 5, 4000), np.full(1000, np.nan)])
    edges, share = binned(values)
    assert share.sum() == pytest.approx(100)
    assert edges[0] == np.nanmin(values)
    assert edges[-1] == np.nanmax(values)
    middle = (edges[1:] + edges[:-1]) / 2
    assert (middle * share).sum() / 100 == pytest.approx(np.nanmean(values), abs=0.1)


def test_distribution_of_nothing_and_of_one_value() -> None:
    assert binned(np.full(9, np.nan))[1].size == 0
    edges, share = binned(np.full(9, 7.0))
    assert share.sum() == pytest.approx(100)
    assert edges[0] < 7.0 < edges[-1]


def test_distribution_of_a_layer_without_any_column_is_said(drawn: dict[str, Figure], tmp_path: Path) -> None:
    leaf = make_leaf({"Mg": 40.0, "W": 9.0})
    leaf["local_thickness"][1] = np.nan
    group_figures(tree_of(leaf), tmp_path, grey_limits=(0, 255))
    assert "no column measured" in {text.get_text() for text in drawn["thickness"].findobj(Text)}


def test_a_bound_is_named_as_such(drawn: dict[str, Figure], tmp_path: Path) -> None:
    leaf = make_leaf({"W": 4.0}, flags={"W": "below edge width: upper bound"})
    group_figures(tree_of(leaf), tmp_path, grey_limits=(0, 255))
    titles = [axes.get_title(loc="left") for axes in drawn["thickness"].axes]
    assert titles == [f"W: at most {float(leaf['thickness_high'][0]):.3g} nm (95 %)"]


def test_budget_tells_random_from_shared(leaf: xr.Dataset) -> None:
    table = budget_table(leaf).set_index(["layer", "term"])
    assert set(table.xs("pixel scale", level="term")["kind"]) == {"shared"}
    assert set(table.xs("sampling", level="term")["kind"]) == {"random"}
    mg = table.loc["Mg"]
    terms = mg.drop(["all random", "all shared"])
    for kind in ("random", "shared"):
        total = np.sqrt((terms.loc[terms["kind"] == kind, "u_nm"] ** 2).sum())
        assert mg.loc[f"all {kind}", "u_nm"] == pytest.approx(total)


def test_terms_that_do_not_apply_are_left_out(leaf: xr.Dataset) -> None:
    bare = leaf.assign(u_curtain=leaf["u_curtain"] * 0, u_fields=leaf["u_curtain"] * np.nan)
    assert not {"curtains", "fields"} & set(budget_table(bare)["term"])
    assert "curtains" in set(budget_table(leaf)["term"])


def test_wide_ranges_are_logarithmic_with_plain_numbers(drawn: dict[str, Figure], tmp_path: Path) -> None:
    parts = {"a": make_leaf({"Mg": 3.0}), "b": make_leaf({"Mg": 150.0})}
    layers = pd.concat([leaf_tables(leaf)["layers"].assign(group=name) for name, leaf in parts.items()])
    overview_figure(layers, tmp_path)
    figure = drawn["overview"]
    figure.draw_without_rendering()
    axes = figure.axes[0]
    assert axes.get_xscale() == "log"
    assert "100" in {tick.get_text() for tick in axes.get_xticklabels()}


def test_overview_puts_results_without_scale_into_pixels() -> None:
    parts = {"a": make_leaf({"Mg": 40.0}), "b": make_leaf({"Mg": 40.0}, pixel=None)}
    layers = pd.concat([leaf_tables(leaf)["layers"].assign(group=name) for name, leaf in parts.items()])
    rows = overview_table(layers).set_index("group")
    assert dict(rows["unit"]) == {"a": "nm", "b": "px"}
    assert rows.loc["a", "thickness"] == pytest.approx(2 * rows.loc["b", "thickness"], rel=1e-9)


def test_labels_move_apart_as_little_as_needed() -> None:
    assert spread_apart([1.0, 5.0, 9.0], 2.0, 0.0, 10.0) == [1.0, 5.0, 9.0]
    assert spread_apart([1.0, 1.5, 9.0], 2.0, 0.0, 10.0) == [1.0, 3.0, 9.0]
    assert spread_apart([1.0, 9.5, 9.9], 2.0, 0.0, 10.0) == [1.0, 8.0, 10.0]


def test_long_names_lose_their_middle() -> None:
    assert shortened("short") == "short"
    assert len(shortened("x" * 80, 26)) == 26
