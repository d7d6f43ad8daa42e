"""Figures for the paper: png (300 dpi), pdf and the curves as csv, at the width of one or two columns."""

from __future__ import annotations

from imgpipe.figures.edxs_overview import width_overview_figure
from imgpipe.figures.overview import overview_figure
from imgpipe.figures.section import grey_limits
from imgpipe.figures.sets import group_figures, leaf_kind, measured_leaves
from imgpipe.figures.share_overview import share_overview_figure

__all__ = [
    "grey_limits",
    "group_figures",
    "leaf_kind",
    "measured_leaves",
    "overview_figure",
    "share_overview_figure",
    "width_overview_figure",
]
