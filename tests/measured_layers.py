"""The three layer steps in a row, as a recipe would call them."""

from __future__ import annotations

import xarray as xr

from imgpipe.steps.layers import fit_edges, layer_thickness, trace_edges

NAMES = ["Pt", "Mg", "W", "Cu"]
FITTED = (
    "interface_position", "u_interface_position", "interface_covariance", "edge_sigma", "u_edge_shift",
    "asymmetric_shift", "crossing_shift", "saturated", "thin_bound", "thin_width",
)  # fmt: skip
OPTIONAL = ("pixel_scale_u", "face_angle", "u_face_angle", "edited_interface", "scale_id", "face_angle_id")
EDITS = ("edited_interface", "edited_x", "edited_y")


def measured(dataset: xr.Dataset, names=NAMES, fit=None, **settings) -> xr.Dataset:
    """Return the leaf with everything the three steps add."""
    leaf = dataset
    leaf = leaf.assign(trace_edges(leaf["image"], leaf.get("stack"), *(leaf.get(e) for e in EDITS), layers=names))
    found = fit_edges(
        leaf["image"], leaf["traced_position"], leaf.get("curtain"), leaf.get("edited_interface"),
        leaf["traced_polarity"], leaf["traced_certain"], **(fit or {}),
    )  # fmt: skip
    optional = {n: leaf.get(n) for n in OPTIONAL}
    table = layer_thickness(
        **{name: found[name] for name in FITTED},
        traced_position=leaf["traced_position"],
        uncleaned_position=found.get("uncleaned_position"),
        u_position_common=found["u_position_common"],
        traced_certain=leaf["traced_certain"],
        off_trace=found["off_trace"],
        **optional,
        **settings,
    )
    return leaf.merge(found, join="exact").merge(table, join="exact")
