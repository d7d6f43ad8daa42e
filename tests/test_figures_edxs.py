"""Figures of EDXS: right numbers, labels with units, what was not seen said so, nothing that stops on bad leaves."""

from __future__ import annotations

import json
from pathlib import Path

import edxs_leaves as leaves
import numpy as np
import pandas as pd
import pytest
import xarray as xr
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.text import Text
from PIL import Image

from imgpipe.figures import group_figures, leaf_kind, width_overview_figure
from imgpipe.figures.drawing import FAINT
from imgpipe.figures.edxs_data import boundaries, layers, response_of, segments
from imgpipe.figures.edxs_gradients import contrast_text
from imgpipe.figures.edxs_overview import thickness_rows, width_rows
from imgpipe.figures.edxs_place import segments_on
from imgpipe.figures.edxs_profile import drawn_elements, limited_note, profile_table, residual_of
from imgpipe.figures.edxs_scan import scan_image
from imgpipe.figures.edxs_spectrum import _apart, line_table, shown_window
from imgpipe.tables import group_tables

WRITERS = ("edxs_profile", "edxs_spectrum", "edxs_maps", "edxs_scan", "edxs_gradients", "overview")


@pytest.fixture(scope="module")
def line() -> xr.Dataset:
    return leaves.make_line()


@pytest.fixture(scope="module")
def tree(line: xr.Dataset) -> xr.DataTree:
    return xr.DataTree.from_dict({"/line": line, "/map": leaves.make_map()})


def catching(patch: pytest.MonkeyPatch) -> dict[str, Figure]:
    """Return a place where figures are caught by name as they are written."""
    caught: dict[str, Figure] = {}

    def catch(figure: Figure, curves: pd.DataFrame, folder: Path, name: str) -> list[Path]:
        caught[name] = figure
        return [folder / name]

    for module in WRITERS:
        patch.setattr(f"imgpipe.figures.{module}.write_figure", catch)
    return caught


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> dict[str, Figure]:
    """Figures by name, caught as they are written."""
    return catching(monkeypatch)


@pytest.fixture(scope="module")
def figures(tree: xr.DataTree) -> dict[str, Figure]:
    """Figures of a group of a line scan and a map."""
    with pytest.MonkeyPatch.context() as patch:
        caught = catching(patch)
        draw(tree, Path("nowhere"))
    return caught


def few(tree: xr.DataTree) -> xr.DataTree:
    """Return a group with gallium and magnesium only."""
    return xr.DataTree.from_dict({n.path: n.to_dataset().isel(element=[3, 4]) for n in tree.leaves})


def draw(tree: xr.DataTree, folder: Path) -> dict[str, list[Path]]:
    return group_figures(tree, folder, grey_limits=(0.0, 1.0), title="plated")


def two_tracks(leaf: xr.Dataset) -> xr.Dataset:
    """Return a leaf with two parallel lines, each with profiles and results of its own."""
    own = [n for n, array in leaf.data_vars.items() if {"position", "interface", "layer", "gradient"} & set(array.dims)]
    return leaf.assign({name: leaf[name].expand_dims(track=[1, 2]) for name in own})


def texts_of(figure: Figure) -> list[str]:
    return [text.get_text() for text in figure.findobj(Text) if text.get_text() and text.get_visible()]


def only(leaf: xr.Dataset, name: str = "line") -> xr.DataTree:
    return xr.DataTree.from_dict({f"/{name}": leaf})


def tables(leaf: xr.Dataset, group: str = "A") -> dict[str, pd.DataFrame]:
    return group_tables({"line": leaf}, group, {}, {})


def test_each_kind_of_leaf_has_its_figures(tree: xr.DataTree, tmp_path: Path) -> None:
    found = draw(few(tree), tmp_path)
    assert list(found) == ["line_profiles", "line_scan", "line_gradients", "line_lines", "map_maps", "map_lines"]
    for paths in found.values():
        assert [path.suffix for path in paths] == [".png", ".pdf", ".csv"]
        with Image.open(paths[0]) as image:
            assert image.width in (1003, 1004, 2007, 2008)  # one or two columns at 300 dpi
            assert image.info["dpi"][0] == pytest.approx(300, abs=0.1)


def test_equal_input_gives_equal_bytes(tree: xr.DataTree, tmp_path: Path) -> None:
    for folder in ("one", "two"):
        draw(only(few(tree)["line"].to_dataset()), tmp_path / folder)
    names = sorted(path.name for path in (tmp_path / "one").iterdir())
    assert len(names) == 9
    for name in names:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes(), name


def test_spectra_lines_and_images_are_told_from_each_other(line: xr.Dataset) -> None:
    assert leaf_kind(line) == leaf_kind(leaves.make_map()) == leaf_kind(leaves.make_recorded()) == "edxs"
    image = leaves.make_map()[["image"]].assign_attrs(technique="sem")
    assert leaf_kind(image) == ""
    assert leaf_kind(image.assign_attrs(technique="edxs")) == ""


def test_axes_have_units_and_lettering_is_readable(figures: dict[str, Figure]) -> None:
    for name, figure in figures.items():
        labels = {axes.get_xlabel() for axes in figure.axes} - {""}
        assert labels <= {"position (nm)", "position (nm), along the arrow", "x (nm)", "X-ray energy (keV)"}, name
        assert labels, name
        assert min(text.get_fontsize() for text in figure.findobj(Text) if text.get_text()) >= 6, name
        assert any("counts" in axes.get_ylabel() or axes.get_title(loc="left") == "counts" for axes in figure.axes), (
            name
        )


def test_no_word_lies_outside_of_the_figure(figures: dict[str, Figure]) -> None:
    for name, figure in figures.items():
        figure.draw_without_rendering()
        across, up = figure.get_size_inches() * figure.dpi
        for text in figure.findobj(Text):
            if text.get_text().strip() and text.get_visible():
                box = text.get_window_extent()
                inside = box.x0 > -1 and box.x1 < across + 1 and box.y0 > -1 and box.y1 < up + 1
                ticks = text.get_text().replace("−", "").replace("\u2009", "").replace(".", "").isdigit()
                assert inside or ticks, (name, text.get_text())  # ticks beyond the axis are not drawn


def test_profile_shows_response_layers_and_what_is_not_resolved(figures: dict[str, Figure]) -> None:
    words = texts_of(figures["line_profiles"])
    width = 2.3548 * 0.33 * 490
    assert f"response {round(width, -1):.0f} nm in Mg" in words
    assert {"SE", "Mg", "W†", "Cu"} <= set(words)
    assert "† resolution-limited: W at most 410 nm (95 %)" in words
    assert "Ga Lα" not in words


def test_profile_table_holds_counts_fit_and_residual(line: xr.Dataset) -> None:
    table = profile_table(line).set_index("element").loc["Mg"]
    for column, variable in (("counts", "intensity"), ("fitted", "fitted"), ("fitted_low", "fitted_low"),
                             ("u_counts", "u_intensity"), ("residual", "fit_residual")):  # fmt: skip
        np.testing.assert_allclose(table[column], line[variable].sel(element="Mg"), equal_nan=True)
    np.testing.assert_allclose(table["position_nm"], line["position"])


def test_without_residuals_of_the_fit_they_follow_from_counting(line: xr.Dataset) -> None:
    bare = line.drop_vars("fit_residual")
    counted = line["fitted"].sel(element="Mg").values > 1
    np.testing.assert_allclose(residual_of(bare, "Mg")[counted], line["fit_residual"].sel(element="Mg")[counted])


def test_fitted_elements_come_first_in_the_order_of_the_layers(line: xr.Dataset) -> None:
    assert drawn_elements(line) == ["S", "Cl", "Mg", "W", "Cu", "C", "O"]


def test_joint_row_speaks_for_a_boundary_else_the_best_element(line: xr.Dataset) -> None:
    assert [row.element for row in boundaries(line)] == ["all", "all", "all"]
    single = line.isel(interface=[1, 2])
    single["u_interface_position"][0] = 3.0
    single["interface_position_low"][0], single["interface_position_high"][0] = 1503.0, 1515.0
    assert [row.element for row in boundaries(single)] == ["S"]
    found = layers(line, 0.0, 8000.0)
    assert [layer.name for layer in found] == ["SE", "Mg", "W", "Cu"]
    assert [layer.limited for layer in found] == [False, False, True, False]
    assert (found[1].start, found[1].end) == (1500.0, 4500.0)


def test_response_is_that_of_the_layer_where_the_element_is(line: xr.Dataset) -> None:
    found = response_of(line, "Mg")
    assert found is not None
    assert found.layer == "Mg"
    assert found.depth == pytest.approx(490.0)
    bare = line.drop_vars("response_sigma")
    by_range = response_of(bare, "Mg")
    assert by_range is not None
    assert by_range.by_range
    assert by_range.width == pytest.approx(490.0)
    assert response_of(line.drop_vars(["response_sigma", "xray_range"]), "Mg") is None


def test_spectrum_table_and_window(line: xr.Dataset) -> None:
    table = line_table(line)
    np.testing.assert_allclose(table["counts"], line["sum_counts"])
    np.testing.assert_allclose(table["line Mg"], line["line_curve"].sel(element="Mg"))
    np.testing.assert_allclose(table["residual"], line["sum_residual"])
    energy = np.asarray(line["energy"].values)
    assert shown_window(line, energy, np.asarray(line["sum_counts"])) == (0.0, 5090.0)
    low = line.assign(beam_energy=line["beam_energy"] * 0.6)
    assert shown_window(low, energy, np.asarray(line["sum_counts"]))[1] == pytest.approx(3150.0)


def test_lines_are_named_and_those_not_detected_are_grey_with_their_limit(figures: dict[str, Figure]) -> None:
    figure = figures["line_lines"]
    words = texts_of(figure)
    assert "9800 ± 99" in words
    assert "< 31" in words
    grey = [text for text in figure.findobj(Text) if text.get_text() == "Ga Lα"]
    assert [to_rgb(text.get_color()) for text in grey] == [to_rgb(FAINT)]  # in the list only, not above the spectrum
    assert len([word for word in words if word == "Mg Kα"]) == 2
    assert figure.axes[0].get_yscale() == "log"


def test_few_counts_are_drawn_as_square_roots(drawn: dict[str, Figure], tmp_path: Path) -> None:
    draw(only(leaves.make_sum(counts=0.03), "sum"), tmp_path)
    assert drawn["lines"].axes[0].get_yscale() == "function"


def test_names_of_lines_neither_touch_nor_leave_the_axis() -> None:
    places = _apart([0.1, 0.11, 0.12, 4.9], [0.3, 0.3, 0.5, 0.4], 0.0, 5.0)
    halves = [0.15, 0.15, 0.25, 0.2]
    for (a, half_a), (b, half_b) in zip(
        zip(places, halves, strict=True), list(zip(places, halves, strict=True))[1:], strict=False
    ):
        assert b - a >= half_a + half_b - 1e-9
    assert places[0] - 0.15 >= 0
    assert places[-1] + 0.2 <= 5.0


def test_maps_have_their_own_scales_and_the_line(tree: xr.DataTree, figures: dict[str, Figure]) -> None:
    figure = figures["map_maps"]
    panels = [axes for axes in figure.axes if axes.images and axes.get_title(loc="left")]
    titles = [axes.get_title(loc="left") for axes in panels]
    assert titles[-2:] == ["Ga Lα: not detected", "P Kα: not detected"]
    assert [axes.images[0].get_cmap().name for axes in panels][-2:] == ["gray", "gray"]
    mg = panels[titles.index("Mg Kα")].images[0]
    found = tree["map"]["intensity"].sel(element="Mg").values
    assert mg.get_clim() == (0.0, pytest.approx(np.percentile(found, 99.8)))
    boxes = [axes.get_position() for axes in panels]
    width, height = figure.get_size_inches()
    assert boxes[0].width * width / (boxes[0].height * height) == pytest.approx(164 / 36, rel=1e-3)
    assert "2000 nm" in texts_of(figure)
    assert all(len(axes.patches) >= 4 for axes in panels)  # scale bar on its ground, strip, arrow


def test_map_table_keeps_the_counts(tree: xr.DataTree, tmp_path: Path) -> None:
    draw(only(few(tree)["map"].to_dataset(), "map"), tmp_path)
    table = pd.read_csv(tmp_path / "maps.csv", encoding="utf-8-sig")
    assert len(table) == 36 * 164
    assert table["Mg counts"].sum() == pytest.approx(float(tree["map"]["intensity"].sel(element="Mg").sum()))
    assert table["x_nm"].iloc[1] - table["x_nm"].iloc[0] == pytest.approx(50.0)


def test_a_line_is_drawn_only_where_it_lies(line: xr.Dataset, tree: xr.DataTree) -> None:
    one = tree["map"].to_dataset()
    assert len(segments_on(line, one)) == 1
    assert segments_on(line, one.isel(x=slice(0, 100))) == []
    assert segments_on(line, leaves.make_map(unit="px")) == []
    beside = {"map": one, "image": one[["image"]].assign_attrs(technique="sem")}
    assert scan_image(line, beside) is not None
    assert scan_image(line, {"image": beside["image"]}) is None  # an image whose place on the map is not known


def test_lines_are_found_in_the_history_of_a_leaf_too(line: xr.Dataset) -> None:
    bare = line.drop_vars(["segment_x", "segment_y", "segment_width"])
    ((x, y, width),) = segments(bare)
    assert (x[0], x[-1], y[0], width) == (200.0, 8160.0, 900.0, 400.0)
    assert segments(bare.assign_attrs(provenance=json.dumps([]))) == []


def test_segregation_says_what_lies_beyond_uniform_composition(line: xr.Dataset) -> None:
    said = contrast_text(line, 0).split("\n")
    assert said[0] == "Mg in Mg towards W: none beyond physics"
    assert said[1] == "beyond uniform composition −3.1 ± 4.0 % (95 %: −11.0 to 4.9 %)"
    assert said[2] == "by raw counts alone −21 %"


def test_overviews_show_bounds_as_such(line: xr.Dataset, drawn: dict[str, Figure], tmp_path: Path) -> None:
    made = [tables(line, "A"), tables(leaves.make_line(seed=8), "B"), tables(leaves.make_line(unit="px"), "C")]
    joined = {name: pd.concat([one[name] for one in made], ignore_index=True) for name in ("layers", "interfaces")}
    rows = width_rows(joined["interfaces"])
    assert list(rows["layer"]) == ["SE|Mg", "Mg|W", "W|Cu"] * 3
    assert list(rows["flag"]) == ["", "upper bound", "upper bound"] * 3
    assert list(rows["unit"]) == ["nm"] * 6 + ["px"] * 3
    assert rows["high"][1] == pytest.approx(74.0)
    thick = thickness_rows(joined["layers"])
    assert list(thick["layer"]) == ["Mg", "W"] * 3
    assert list(thick["flag"]) == ["", "upper bound"] * 3
    width_overview_figure(joined["interfaces"], tmp_path)
    assert {axes.get_xlabel() for axes in drawn["widths"].axes} == {"width sigma (nm)", "width sigma (px)"}


def test_no_overview_of_nothing() -> None:
    assert width_rows(pd.DataFrame({"group": ["A"], "interface": ["Pt|Mg"]})).empty
    assert thickness_rows(pd.DataFrame({"group": ["A"], "layer": ["Mg"], "thickness_nm": [np.nan]})).empty


@pytest.mark.parametrize(
    "leaf",
    [
        pytest.param(leaves.make_line(fitted=False), id="no fit"),
        pytest.param(leaves.make_line(unit="px"), id="px"),
        pytest.param(leaves.without_numbers(leaves.make_line()), id="NaN"),
        pytest.param(leaves.make_line().isel(position=slice(0, 2)), id="two places"),
        pytest.param(leaves.make_line().drop_dims("layer"), id="no layers"),
        pytest.param(leaves.make_line().isel(element=slice(0, 0)), id="no elements"),
        pytest.param(leaves.make_line().isel(interface=slice(0, 0), gradient=slice(0, 0)), id="no interfaces"),
        pytest.param(leaves.make_line()[["intensity"]].assign_attrs(technique="edxs"), id="counts only"),
        pytest.param(two_tracks(leaves.make_line()), id="two tracks"),
        pytest.param(leaves.without_numbers(leaves.make_map()), id="NaN map"),
        pytest.param(leaves.make_map(unit="px", shape=(9, 3)), id="px map"),
        pytest.param(leaves.make_map().isel(y=slice(0, 1)), id="one row"),
        pytest.param(leaves.make_sum(counts=0.0), id="no counts"),
        pytest.param(leaves.make_recorded(), id="recorded"),
    ],
)  # fmt: skip
def test_poor_leaves_are_drawn_all_the_same(leaf: xr.Dataset, drawn: dict[str, Figure], tmp_path: Path) -> None:
    draw(only(leaf), tmp_path)
    for figure in drawn.values():
        figure.draw_without_rendering()
        if leaf.sizes.get("position") and leaf["position"].attrs.get("units") == "px":
            assert not [word for word in texts_of(figure) if "nm" in word or "response" in word]


def test_no_note_without_a_limited_layer(line: xr.Dataset) -> None:
    assert limited_note(line.drop_vars("layer_flag")) == ""
