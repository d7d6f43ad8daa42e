"""Draw a section or a map into a viewer: image with scale bar, edges, handles, elements.

Needs no Qt: a `ViewerModel` will do.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from napari.components import ViewerModel
from napari.layers import Image, Layer, Points, Shapes

from imgpipe.edits import Anchor
from imgpipe.napari.conversion import (
    MARK,
    anchors_of,
    bent_paths,
    edge_layer,
    element_layers,
    handle_layer,
    image_layer,
)
from imgpipe.napari.measuring import View

LINE, HANDLE = 2.0, 9.0
"""Width of an edge and diameter of a handle on the screen, in its pixels."""

KINDS = {"image": Image, "shapes": Shapes, "points": Points}


def draw(viewer: ViewerModel, view: View, anchors: Sequence[Anchor] = ()) -> Points | None:
    """Replace what we drew before by a view; return its handles, where there are edges.

    The camera stays where it is as long as the file is the same.
    """
    old = ours(viewer)
    stay = any(layer.metadata.get("shown") == str(view.path) for layer in old)
    image = viewer.add_layer(_made(image_layer(view.leaf, view.group)))
    for layer in old:
        viewer.layers.remove(layer)
    image.name = view.group
    image.metadata["shown"] = str(view.path)
    for layer in element_layers(view.leaf):
        viewer.add_layer(_made(layer))
    if not stay:
        viewer.reset_view()
    lines = edge_layer(view.leaf, f"{view.group} edges")
    dots = handle_layer(view.leaf, anchors, f"{view.group} handles")
    edges = None if lines is None else viewer.add_layer(_made(lines))
    handles = None if dots is None or edges is None else viewer.add_layer(_made(dots))
    if edges is not None:
        edges.editable = False
        edges.metadata["tables"] = dict(view.tables)
    if handles is not None:
        handles.metadata["group"] = view.group
        viewer.layers.selection.active = handles
        handles.mode = "select"
    viewer.canvas.overlays.scale_bar.visible = True
    keep_screen_size(viewer)
    return handles


def ours(viewer: ViewerModel, kind: str | None = None) -> list[Layer]:
    """Return the layers that show something of imgpipe's, of one kind if so asked."""
    return [layer for layer in viewer.layers if MARK in layer.metadata and kind in (None, layer.metadata[MARK])]


def keep_screen_size(viewer: ViewerModel) -> None:
    """Keep lines and handles as wide on the screen as they were, whatever the zoom."""
    zoom = max(viewer.scene.camera.zoom, 1e-12)
    for layer in ours(viewer, "edges"):
        if layer.edge_width and abs(layer.edge_width[0] * zoom / LINE - 1) > 0.2:
            layer.edge_width = LINE / zoom
    for layer in ours(viewer, "handles"):
        layer.size = HANDLE / zoom
        layer.current_size = HANDLE / zoom


def edited(handles: Points | None) -> bool:
    """Tell whether any edge was moved by hand."""
    return handles is not None and bool(handle_anchors(handles))


def handle_anchors(handles: Points) -> tuple[Anchor, ...]:
    """Return the anchors that the handles stand for now."""
    return anchors_of(handles.data, handles.features, handles.metadata)


def follow(viewer: ViewerModel, view: View, handles: Points) -> None:
    """Let the drawn edges follow their handles."""
    paths = bent_paths(view.leaf, handles.data, handles.features, handles.metadata)
    for layer in ours(viewer, "edges"):
        layer.data = [(path, "path") for path in paths]


def add_handles_to(handles: Points, interface: str, colour: str) -> None:
    """Let the next clicks into the image put handles on one edge, for an edge that was missed."""
    handles.selected_data = set()
    handles.feature_defaults = {"interface": interface, "home_y": np.nan, "home_x": np.nan, "kept": False}
    handles.current_face_color = "white"
    handles.current_border_color = colour
    handles.current_symbol = "diamond"
    handles.mode = "add"


def _made(layer: tuple[Any, dict[str, Any], str]) -> Layer:
    data, options, kind = layer
    return KINDS[kind](data, **options)
