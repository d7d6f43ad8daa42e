"""The shipped recipe on the sample image: an edge moved in the viewer is replayed by the command line's run."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from napari.components import ViewerModel

from imgpipe import batch
from imgpipe.bundle import open_bundle
from imgpipe.napari import canvas
from imgpipe.napari.draft import Draft
from imgpipe.napari.measuring import Room, measure, save, with_anchors
from imgpipe.napari.sample import cross_section


def silent(what: str, done: int, total: int) -> None:
    """Hear nothing."""


def test_a_moved_edge_gives_the_same_table_in_the_viewer_and_on_the_command_line(tmp_path: Path) -> None:
    ((_, options, _),) = cross_section()
    path, draft, room, viewer = Path(options["metadata"]["path"]), Draft.shipped(), Room(), ViewerModel()
    assert draft.pattern_for(path) == {}
    view = measure(draft.recipe(), path, room, silent)
    handles = canvas.draw(viewer, view)
    assert handles is not None
    assert list(view.leaf["interface"].values) == ["Pt|Mg", "Mg|W", "W|Cu"]
    points = handles.data.copy()
    points[5] -= (12, 0)
    handles.data = points
    draft.edits = with_anchors(draft.edits, view.group, canvas.handle_anchors(handles))

    shown = measure(draft.recipe(), path, room, silent).tables["layers"]
    saved = save(draft.recipe(), path, tmp_path / "out", silent).tables["layers"]
    batch.run(tmp_path / "out" / "recipe.yaml", [path], tmp_path / "again", report=False)
    replayed = pd.read_parquet(tmp_path / "again" / view.group / "tables" / "layers.parquet")
    pd.testing.assert_frame_equal(shown, saved)
    pd.testing.assert_frame_equal(shown, replayed)
    edited = dict(zip(replayed["layer"], replayed["flag"].str.contains("edited"), strict=True))
    assert edited == {"Mg": True, "W": False}
    assert np.isfinite(replayed["thickness_nm"]).all()
    assert open_bundle(tmp_path / "out").verify() == []
