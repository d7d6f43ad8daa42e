"""Draw the figures of a result and carry them inside the page."""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import pandas as pd
import xarray as xr
from PIL import Image

from imgpipe.bundle import Bundle
from imgpipe.figures import (
    grey_limits,
    group_figures,
    measured_leaves,
    overview_figure,
    share_overview_figure,
    width_overview_figure,
)
from imgpipe.figures.edxs_data import is_edxs, profile_name
from imgpipe.figures.edxs_overview import thickness_overview_figure, thickness_rows, width_rows
from imgpipe.figures.edxs_profile import profile_words
from imgpipe.figures.sets import file_mark
from imgpipe.figures.share_overview import share_rows
from imgpipe.figures.spectra import is_fitted

FOLDER = "figures"
WIDEST = 1500
"""Width up to which a picture is carried in the page, pixels; the files beside it keep 300 dpi."""

CAPTIONS = {
    "section": "Section with traced edges; a second panel magnifies the framed part.",
    "thickness": "Distribution of local thickness: median, 16 to 84 %, and the 95 % interval of the mean.",
    "budget": "Terms of the uncertainty budget: random ones, and those shared by all images of a session.",
    "overview": "Thickness of each layer in each group with its 95 % interval.",
    "spectra": "Measured counts (points), envelope, components on the fitted background (dashed), and residuals in"
    " units of their expected deviation, with the band of ±2.",
    "recorded": "Measured counts; nothing was fitted.",
    "series": "All spectra of the series.",
    "shares": "Share of each component with its 95 % interval; an arrow is an upper bound.",
    "intervals": "Further results with their 95 % intervals.",
    "profiles": "Lines across are interfaces with their 95 % intervals. The bar shows how far the line is smeared out"
    " by electrons: nothing thinner can be seen. Hatched layers (†) are resolution-limited.",
    "scan": "Where the line was taken (arrow, with the strip that it averages over), and all profiles along it.",
    "gradients": "Measured profile of a layer, and what uniform composition would show, with its 95 % band: only what"
    " lies beyond the band is segregation.",
    "counts": "Counts of all channels as they were recorded, added over all places; no line was fitted.",
    "maps": "Counts of each element, each on its own scale; elements not detected or not assessable are grey. Arrows"
    " are lines of profiles.",
    "lines": "Sum spectrum (grey), model of all lines (black), bremsstrahlung (dashed), each line filled; windows"
    " (open: spoilt by an overlap), and residuals in units of their expected deviation. Grey elements were not"
    " detected, or could not be assessed.",
    "thicknesses": "Thickness of each layer in each group with its 95 % interval; an arrow is an upper bound.",
    "widths": "Intrinsic width of each interface in each group; an arrow is an upper bound.",
}


PHOTOS = ("section", "scan", "maps")
"""Pictures that are stored with some loss, as photographs are."""


@dataclass(frozen=True)
class Picture:
    """A picture in the page: what it shows, its bytes as a data address, and links to its files."""

    kind: str
    caption: str
    data: str
    width: int
    height: int
    links: tuple[tuple[str, str], ...]


def draw_groups(bundle: Bundle) -> dict[str, list[Picture]]:
    """Draw the figures of every group, with the same grey limits for groups of one kind of image."""
    trees = {name: bundle.tree(name) for name in bundle.groups}
    limits = _shared_limits(trees)
    pictures: dict[str, list[Picture]] = {}
    for name, tree in trees.items():
        folder = bundle.path / name / FOLDER
        found = group_figures(tree, folder, grey_limits=limits[_kind_of(tree)], title=name)
        captions = _captions(tree)
        pictures[name] = [_picture(kind, paths, bundle.path, captions.get(kind, "")) for kind, paths in found.items()]
    return pictures


def draw_overview(bundle: Bundle, layers: pd.DataFrame) -> Picture:
    """Draw the thickness of all groups into ``OUT/figures``."""
    return _picture("overview", overview_figure(layers, bundle.path / FOLDER), bundle.path)


def draw_share_overview(bundle: Bundle, components: pd.DataFrame) -> Picture | None:
    """Draw the shares of all groups into ``OUT/figures``; nothing where there are long series only."""
    if share_rows(components).empty:
        return None
    return _picture("shares", share_overview_figure(components, bundle.path / FOLDER), bundle.path)


def draw_edxs_overviews(bundle: Bundle, layers: pd.DataFrame, interfaces: pd.DataFrame) -> list[Picture]:
    """Draw thicknesses and widths of several EDXS groups into ``OUT/figures``; nothing for a single one."""
    drawn = (("thicknesses", thickness_rows(layers), layers, thickness_overview_figure),
             ("widths", width_rows(interfaces), interfaces, width_overview_figure))  # fmt: skip
    return [
        _picture(name, figure(table, bundle.path / FOLDER, name), bundle.path)
        for name, rows, table, figure in drawn
        if len(rows) and rows["group"].nunique() > 1
    ]


def _shared_limits(trees: dict[str, xr.DataTree]) -> dict[tuple[str, ...], tuple[float, float]]:
    """Return grey limits per kind of image: grey values of other detectors or bit depths can't be compared."""
    kinds: dict[tuple[str, ...], list[xr.DataArray]] = {_kind_of(tree): [] for tree in trees.values()}
    for tree in trees.values():
        kinds[_kind_of(tree)] += [leaf["image"] for _, leaf in measured_leaves(tree) if "image" in leaf]
    return {kind: grey_limits(images) for kind, images in kinds.items()}


def _kind_of(tree: xr.DataTree) -> tuple[str, ...]:
    leaf = next((leaf for _, leaf in measured_leaves(tree)), xr.Dataset())
    bits = str(leaf["image"].attrs.get("bits", leaf["image"].dtype)) if "image" in leaf else ""
    return str(leaf.attrs.get("instrument", "")), str(leaf.attrs.get("detector", "")), bits


def _captions(tree: xr.DataTree) -> dict[str, str]:
    """Return the captions of figures that depend on their data: what was not fitted, which bars are drawn."""
    leaves = dict(measured_leaves(tree))
    found: dict[str, str] = {}
    for name, leaf in leaves.items():
        mark = f"{file_mark(name)}_" if len(leaves) > 1 else ""
        if not is_fitted(leaf):
            found[f"{mark}spectra"] = CAPTIONS["recorded"]
        if is_edxs(leaf) and "sum_fit" not in leaf:
            found[f"{mark}lines"] = CAPTIONS["counts"]
        if is_edxs(leaf) and profile_name(leaf) is not None:
            found[f"{mark}profiles"] = (
                f"{profile_words(leaf)} {CAPTIONS['profiles'] if 'fitted' in leaf else ''}".strip()
            )
    return found


def _picture(kind: str, paths: list[Path], out: Path, caption: str = "") -> Picture:
    plain = kind.rpartition("_")[2]
    with Image.open(paths[0]) as image:
        shown = image.convert("RGB")
    shown.thumbnail((WIDEST, 10 * WIDEST))
    stream = io.BytesIO()
    photo = plain in PHOTOS
    shown.save(stream, "WEBP", quality=82 if photo else 60, lossless=not photo, method=4)
    links = tuple((path.suffix[1:], quote(path.relative_to(out).as_posix())) for path in paths)
    data = "data:image/webp;base64," + base64.b64encode(stream.getvalue()).decode("ascii")
    return Picture(plain, caption or CAPTIONS[plain], data, shown.width, shown.height, links)
