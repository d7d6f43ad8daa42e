"""Write an image as the TIFF of a microscope program: data bar burnt in, metadata in tags or a companion file.

Equal images give equal bytes: no clock, no program version.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
import tifffile
import xarray as xr
from numpy.typing import NDArray

from imgpipe.phantoms import vendor_headers
from imgpipe.phantoms.data_bar import data_bar
from imgpipe.phantoms.vendor_headers import Acquisition

Vendor = Literal["zeiss", "fei", "tescan", "hitachi", "jeol", "plain"]
_ASCII, _BYTE = 2, 1
_Tag = tuple[int, int, int, bytes, bool]


def write(dataset: xr.Dataset, path: str | Path, vendor: Vendor = "zeiss", *, bar_rows: int = 32) -> list[Path]:
    """Write the image of a dataset in a maker's format.

    Parameters
    ----------
    dataset : with ``image`` (y, x) or (z, y, x), uint8 or uint16, and the 0-d metadata of `cross_section.make`
    path : of the image file
    vendor : whose program wrote it; "plain" has no metadata at all
    bar_rows : rows of the data bar below the image; 0 for none

    Returns
    -------
    files written: the image, then its companion where the maker has one
    """
    path = Path(path)
    if vendor not in get_args(Vendor):
        raise ValueError(f"unknown maker {vendor!r}; known: {', '.join(get_args(Vendor))}")
    image = np.asarray(dataset["image"].values)
    about = acquisition(dataset, path.name, bar_rows)
    pixels = with_bar(image, about, int(dataset["image"].attrs["bits"]))
    options: dict[str, Any] = {"photometric": "minisblack", "rowsperstrip": pixels.shape[-2]}
    if vendor == "fei":
        options["rowsperstrip"] = 1
    elif vendor == "zeiss" and pixels.dtype == np.uint8:
        options |= {"photometric": "palette", "colormap": np.tile(np.arange(256, dtype=np.uint16) * 257, (3, 1))}
    _write_pages(path, pixels, options, _tags(about, vendor))
    return [path, *_companions(path, about, vendor)]


def acquisition(dataset: xr.Dataset, name: str, bar_rows: int) -> Acquisition:
    """Return what the microscope knows about the image of a dataset."""

    def number(variable: str, default: float = 0.0) -> float:
        return float(dataset[variable]) if variable in dataset else default

    year, month, day = (int(part) for part in str(dataset.attrs["acquired"])[:10].split("-"))
    rows, columns = dataset["image"].shape[-2:]
    return Acquisition(
        name=name,
        rows=rows,
        columns=columns,
        bar_rows=bar_rows,
        pixel_size=number("pixel_size_x"),
        beam_energy=number("beam_energy"),
        beam_current=number("beam_current"),
        dwell_time=number("dwell_time"),
        working_distance=number("working_distance"),
        magnification=number("magnification"),
        stage_tilt=number("stage_tilt"),
        tilt_corrected=str(dataset.attrs["tilt_corrected"]),
        tilt_correction=float(dataset.attrs.get("tilt_correction_angle", 0.0)),
        detector=str(dataset.attrs["detector"]),
        date=(year, month, day),
    )


def with_bar(image: NDArray[Any], about: Acquisition, bits: int) -> NDArray[Any]:
    """Return the image with its data bar below, (..., y, x)."""
    if about.bar_rows == 0:
        return image
    texts = (
        f"HV {about.beam_energy / 1000:.2f} kV",
        f"WD {about.working_distance * 1e-6:.1f} mm",
        f"mag {about.magnification:.0f} x",
        f"tilt {about.stage_tilt:.0f}",
        about.detector,
    )
    bar = data_bar(about.bar_rows, about.columns, texts, about.pixel_size, white=2**bits - 1, dtype=image.dtype)
    return np.concatenate([image, np.broadcast_to(bar, (*image.shape[:-2], *bar.shape))], axis=-2)


def _write_pages(path: Path, pixels: NDArray[Any], options: dict[str, Any], tags: list[_Tag]) -> None:
    with tifffile.TiffWriter(path, byteorder="<") as file:
        for page in pixels if pixels.ndim == 3 else pixels[None]:
            file.write(
                page, software=False, metadata=None, contiguous=False, extratags=tags, resolution=(1, 1),
                resolutionunit="NONE", **options,
            )  # fmt: skip


def _tags(about: Acquisition, vendor: Vendor) -> list[_Tag]:
    if vendor == "zeiss":
        text = vendor_headers.zeiss(about).encode("cp1252") + b"\0"
        return [(34118, _ASCII, len(text), text, True)]
    if vendor == "fei":
        text = vendor_headers.fei(about).encode("ascii") + b"\0"
        return [(34682, _ASCII, len(text), text, True)]
    if vendor == "tescan":
        blocks = vendor_headers.tescan_tag(about)
        return [(50431, _BYTE, len(blocks), blocks, True)]
    return []


_COMPANIONS: dict[str, tuple[str, Callable[[Acquisition], str]]] = {
    "tescan": ("{stem}-tif.hdr", vendor_headers.tescan_hdr),
    "hitachi": ("{stem}.txt", vendor_headers.hitachi_txt),
    "jeol": ("{stem}.txt", vendor_headers.jeol_txt),
}


def _companions(path: Path, about: Acquisition, vendor: Vendor) -> list[Path]:
    if vendor not in _COMPANIONS:
        return []
    name, text = _COMPANIONS[vendor]
    companion = path.with_name(name.format(stem=path.stem))
    companion.write_bytes(text(about).encode("ascii"))
    return [companion]
