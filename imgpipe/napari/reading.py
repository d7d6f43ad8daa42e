"""Open microscope images in napari, by the readers of imgpipe: scale and units come along."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

Reader = Callable[[str | Sequence[str]], list[tuple[Any, dict[str, Any], str]]]
SUFFIXES = (".tif", ".tiff", ".dm3", ".dm4", ".png", ".bcf", ".elid", ".emd", ".hspy", ".pts")


def reader_for(path: str | Sequence[str]) -> Reader | None:
    """Return the reader for a file, or None where it is not of ours (several at once, another suffix)."""
    return read_layers if isinstance(path, str) and Path(path).suffix.lower() in SUFFIXES else None


def read_layers(path: str | Sequence[str]) -> list[tuple[Any, dict[str, Any], str]]:
    """Read a file as image layers, one per acquisition; of a map of X-ray spectra all counts of each pixel.

    Raises
    ------
    ReadError, DataError
        with the text of the command line; napari shows it and lives on.
    """
    from imgpipe.binding import leaf_datasets
    from imgpipe.errors import DataError
    from imgpipe.napari.conversion import image_layer, with_image
    from imgpipe.readers import read

    place = Path(str(path))
    pictured = {name: with_image(leaf) for name, leaf in leaf_datasets(read(place)).items()}
    leaves = {name: leaf for name, leaf in pictured.items() if "image" in leaf}
    if not leaves:
        raise DataError(
            "this file holds spectra, and neither an image nor a map.",
            file=place.name,
            remedy="measure it with `imgpipe run`; the report shows its spectra and profiles.",
        )
    layers = [image_layer(leaf, place.stem if len(leaves) == 1 else f"{place.stem} {n}") for n, leaf in leaves.items()]
    for _, options, _ in layers:
        options["metadata"]["path"] = str(place.absolute())
    return layers
