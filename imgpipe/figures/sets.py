"""The set of figures of one group: what each kind of leaf is drawn as."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import xarray as xr

from imgpipe.figures.budget import budget_figure
from imgpipe.figures.distribution import distribution_figure
from imgpipe.figures.drawing import figure_style
from imgpipe.figures.edxs_data import is_edxs, is_measured_edxs, is_recorded_edxs, profile_name
from imgpipe.figures.edxs_gradients import gradient_figure, has_gradient_curves
from imgpipe.figures.edxs_maps import map_figure, map_name
from imgpipe.figures.edxs_profile import profile_figure
from imgpipe.figures.edxs_scan import scan_figure, scan_image
from imgpipe.figures.edxs_spectrum import has_spectrum, line_figure
from imgpipe.figures.intervals import interval_figure, interval_names
from imgpipe.figures.section import section_figure
from imgpipe.figures.series import series_figure
from imgpipe.figures.shares import has_shares, shares_figure
from imgpipe.figures.spectra import is_fitted, is_spectrum, series_coordinate
from imgpipe.figures.spectrum import spectrum_figure


@dataclass(frozen=True)
class Plate:
    """Where and how one figure is drawn: folder, name of its files, heading, grey limits, all leaves of the group."""

    folder: Path
    name: str
    heading: str
    grey_limits: tuple[float, float]
    beside: Mapping[str, xr.Dataset] = field(default_factory=dict)


@dataclass(frozen=True)
class Maker:
    """One figure: the kind of leaf it belongs to, when it applies, and what draws it."""

    name: str
    kind: str
    applies: Callable[[xr.Dataset], bool]
    draw: Callable[[xr.Dataset, Plate], list[Path]]


def leaf_kind(leaf: xr.Dataset) -> str:
    """Return what a leaf is: ``section`` (layers were looked for), ``spectrum``, ``edxs``, ``numbers``, or none."""
    if is_edxs(leaf):
        return "edxs" if is_measured_edxs(leaf) else ""
    if {"layer", "interface"} & {str(dim) for dim in leaf.dims} and leaf.attrs.get("technique") != "xps":
        return "section"
    if is_spectrum(leaf):
        return "spectrum"
    return "numbers" if interval_names(leaf) else ""


def _section(leaf: xr.Dataset, plate: Plate) -> list[Path]:
    with figure_style():
        return section_figure(leaf, plate.grey_limits, plate.folder, plate.name, plate.heading)


def _plain(figure: Callable[[xr.Dataset, Path, str, str], list[Path]]) -> Callable[[xr.Dataset, Plate], list[Path]]:
    return lambda leaf, plate: figure(leaf, plate.folder, plate.name, plate.heading)


def _maps(leaf: xr.Dataset, plate: Plate) -> list[Path]:
    lines = [one for one in plate.beside.values() if "position" in one.dims]
    return map_figure(leaf, lines, plate.folder, plate.name, plate.heading)


def _scan(leaf: xr.Dataset, plate: Plate) -> list[Path]:
    """Draw a line on its image; nothing where no image is known to lie under it."""
    image = scan_image(leaf, plate.beside)
    return [] if image is None else scan_figure(leaf, image, plate.folder, plate.name, plate.heading)


def _is_series(leaf: xr.Dataset) -> bool:
    return series_coordinate(leaf) is not None


MAKERS: tuple[Maker, ...] = (
    Maker("section", "section", lambda leaf: "image" in leaf, _section),
    Maker("thickness", "section", lambda leaf: "local_thickness" in leaf and leaf.sizes["layer"] > 0,
          _plain(lambda *given: distribution_figure(*given))),
    Maker("budget", "section", lambda leaf: "u_thickness" in leaf and bool(leaf["u_thickness"].notnull().any()),
          _plain(lambda *given: budget_figure(*given))),
    Maker("spectra", "spectrum", lambda leaf: True, _plain(spectrum_figure)),
    Maker("series", "spectrum", _is_series, _plain(series_figure)),
    Maker("shares", "spectrum", lambda leaf: is_fitted(leaf) and has_shares(leaf), _plain(shares_figure)),
    Maker("intervals", "spectrum", lambda leaf: bool(interval_names(leaf)), _plain(interval_figure)),
    Maker("profiles", "edxs", lambda leaf: profile_name(leaf) is not None, _plain(profile_figure)),
    Maker("scan", "edxs", lambda leaf: profile_name(leaf) is not None, _scan),
    Maker("gradients", "edxs", has_gradient_curves, _plain(gradient_figure)),
    Maker("maps", "edxs", lambda leaf: map_name(leaf) is not None, _maps),
    Maker("lines", "edxs", has_spectrum, _plain(line_figure)),
    Maker("intervals", "numbers", lambda leaf: True, _plain(interval_figure)),
)  # fmt: skip
"""Every figure of a group, in the order in which a page shows them."""


def group_figures(
    tree: xr.DataTree, folder: Path, *, grey_limits: tuple[float, float], title: str = ""
) -> dict[str, list[Path]]:
    """Draw all figures of a group for which it holds the data.

    Parameters
    ----------
    tree : data of the group
    folder : where they go, made when missing
    grey_limits : grey values drawn black and white in the section, shared by the groups that are compared
    title : short text above each figure, such as the name of the group

    Returns
    -------
    What each figure shows -> its paths (png, pdf, csv).
    """
    drawn: dict[str, list[Path]] = {}
    several = sum(1 for _ in measured_leaves(tree)) > 1
    beside = {node.path.strip("/"): node.to_dataset() for node in tree.leaves}
    for name, leaf in measured_leaves(tree):
        mark = f"{file_mark(name)}_" if several else ""
        heading = f"{title} {name}".strip() if several else _heading(title, leaf)
        for maker in MAKERS:
            if maker.kind == leaf_kind(leaf) and maker.applies(leaf):
                place = f"{mark}{maker.name}"
                paths = maker.draw(leaf, Plate(folder, place, heading, grey_limits, beside))
                drawn |= {place: paths} if paths else {}
    return drawn


def file_mark(leaf: str) -> str:
    """Return a leaf's name as part of a file name: ``Mg-Cu/S 2p`` -> ``Mg-Cu_S2p``."""
    return leaf.replace("/", "_").replace(" ", "")


def measured_leaves(tree: xr.DataTree) -> Iterator[tuple[str, xr.Dataset]]:
    """Yield name and data of each leaf that a step has measured: layers, spectra, numbers with intervals; by name.

    EDX spectra as they were recorded are left out beside those of which lines were measured.
    """
    nodes = sorted(tree.leaves, key=lambda node: node.path)  # a disk has no order
    leaves = {node.path.strip("/"): leaf for node in nodes if leaf_kind(leaf := node.to_dataset())}
    fitted = any(is_edxs(leaf) and not is_recorded_edxs(leaf) for leaf in leaves.values())
    yield from ((name, leaf) for name, leaf in leaves.items() if not (fitted and is_recorded_edxs(leaf)))


def _heading(title: str, leaf: xr.Dataset) -> str:
    region = str(leaf.attrs.get("region", "")) if leaf_kind(leaf) == "spectrum" else ""
    return f"{title} {region}".strip()
