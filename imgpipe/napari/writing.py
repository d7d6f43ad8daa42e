"""Save from napari's own menu: moved edges as an edits file, the table of layers as CSV."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from imgpipe.edits import Edits
from imgpipe.errors import DataError
from imgpipe.napari.conversion import anchors_of
from imgpipe.store import disk_errors


def write_edits(path: str, data: Any, meta: dict[str, Any]) -> list[str]:
    """Write the anchors of a layer of handles as the edits file that a recipe names with ``edits:``.

    Raises
    ------
    DataError
        when the layer holds no handles of ours.
    OutputError
        when the file can't be written.
    """
    metadata = meta.get("metadata", {})
    anchors = anchors_of(data, pd.DataFrame(meta.get("features", {})), metadata)
    return _written(path, Edits({str(metadata["group"]): anchors} if anchors else {}).dump(), "utf-8")


def write_layers(path: str, data: Any, meta: dict[str, Any]) -> list[str]:
    """Write the table that belongs to a layer of edges, as ``tables/layers.csv`` of a result.

    Raises
    ------
    DataError
        when the layer carries no table: nothing was measured.
    OutputError
        when the file can't be written.
    """
    tables = meta.get("metadata", {}).get("tables", {})
    if "layers" not in tables:
        raise DataError("this layer carries no table of layers.", remedy="measure in the imgpipe dock first.")
    return _written(path, tables["layers"].to_csv(index=False, lineterminator="\n"), "utf-8-sig")


def _written(path: str, text: str, encoding: str) -> list[str]:
    with disk_errors(Path(path)):
        Path(path).write_text(text, encoding=encoding)
    return [path]
