"""The set of figures of one group: section, distribution, budget."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import xarray as xr

from imgpipe.figures.budget import budget_figure
from imgpipe.figures.distribution import distribution_figure
from imgpipe.figures.drawing import figure_style
from imgpipe.figures.section import section_figure


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
    for name, leaf in measured_leaves(tree):
        mark = f"{name.replace('/', '_')}_" if several else ""
        heading = f"{title} {name}".strip() if several else title
        if "image" in leaf:
            with figure_style():
                drawn[f"{mark}section"] = section_figure(leaf, grey_limits, folder, f"{mark}section", heading)
        if "local_thickness" in leaf and leaf.sizes["layer"]:
            drawn[f"{mark}thickness"] = distribution_figure(leaf, folder, f"{mark}thickness", heading)
        if "u_thickness" in leaf and leaf["u_thickness"].notnull().any():
            drawn[f"{mark}budget"] = budget_figure(leaf, folder, f"{mark}budget", heading)
    return drawn


def measured_leaves(tree: xr.DataTree) -> Iterator[tuple[str, xr.Dataset]]:
    """Yield name and data of each leaf on which layers were looked for."""
    for node in tree.leaves:
        if {"layer", "interface"} & {str(dim) for dim in node.dims}:
            yield node.path.strip("/"), node.to_dataset()
