"""Steps on the pixels of an image: cut, select, turn, smooth, remove curtains."""

from typing import Annotated, Any, Literal

import numpy as np
import xarray as xr
from pydantic import Field

from imgpipe.blocks import blockwise
from imgpipe.errors import DataError
from imgpipe.kernels.curtains import curtain_damage, curtain_pattern, curtain_reach
from imgpipe.kernels.denoise import denoise_reach, smooth_gaussian, smooth_median, smooth_nonlocal
from imgpipe.kernels.stack_direction import stacked_along
from imgpipe.model import quantity
from imgpipe.spelling import nearest
from imgpipe.step import step
from imgpipe.units import Dims, Gives, Unit

Image = Annotated[xr.DataArray, Unit("counts"), Dims("y x")]
WholeColumns = Annotated[xr.DataArray, Unit("counts"), Dims("y x", whole="y")]
Margin = Annotated[int, Field(ge=0)]
Pixels = Annotated[int, Field(ge=1)]


@step(version=1)
def crop(
    dataset: xr.Dataset, *, top: Margin = 0, bottom: Margin = 0, left: Margin = 0, right: Margin = 0
) -> xr.Dataset:
    """Take rows and columns off the sides of an image.

    What is left keeps its coordinates, so that positions still refer to the image as it was read.

    Parameters
    ----------
    dataset : the whole leaf, with dimensions y and x
    top, bottom : rows to take off, px
    left, right : columns to take off, px

    Returns
    -------
    The leaf with every variable cut

    Raises
    ------
    DataError
        when less than 2 rows or 2 columns would be left
    """
    margins = {"y": (top, bottom), "x": (left, right)}
    for dim, (first, last) in margins.items():
        if dataset.sizes[dim] - first - last < 2:
            raise DataError(
                f"cropping {first} + {last} of {dataset.sizes[dim]} points along {dim} leaves less than 2.",
                remedy="take off less.",
            )
    return dataset.isel({dim: slice(first, dataset.sizes[dim] - last) for dim, (first, last) in margins.items()})


@step(version=1)
def crop_data_bar(dataset: xr.Dataset, *, rows: Annotated[int, Field(ge=0)] | None = None) -> xr.Dataset:
    """Take the data bar off the bottom of an image, once.

    The readers do this for the instruments they know; the step is for images whose bar they can't know.

    Parameters
    ----------
    dataset : the whole leaf
    rows : height of the bar, px; none: rely on the reader

    Returns
    -------
    The leaf without the bar; its attribute ``data_bar_rows`` says how many rows were taken

    Raises
    ------
    DataError
        when a bar was taken off before, or nobody says how high it is
    """
    known = dataset.attrs.get("data_bar_rows")
    if rows is None:
        if known is None:
            raise DataError("the height of the data bar is unknown.", remedy="set `rows`; 0 when there is no bar.")
        return dataset
    if known:
        raise DataError(
            f"a data bar of {known} rows was taken off before.", remedy="leave crop_data_bar out, or use `crop`."
        )
    if dataset.sizes["y"] - rows < 2:
        raise DataError(
            f"a data bar of {rows} rows leaves less than 2 of {dataset.sizes['y']}.", remedy="set fewer rows."
        )
    return dataset.isel(y=slice(0, dataset.sizes["y"] - rows)).assign_attrs(data_bar_rows=rows)


@step(version=1)
def select_signal(dataset: xr.Dataset, *, signal: str) -> xr.Dataset:
    """Keep one of several detectors that saw the same field.

    Parameters
    ----------
    dataset : the whole leaf, with dimension signal
    signal : name of the detector

    Returns
    -------
    The leaf without the dimension signal; its attribute ``detector`` names the one kept
    """
    if "signal" not in dataset.dims:
        raise DataError("there is one detector only.", remedy="leave select_signal out.")
    names = [str(name) for name in dataset["signal"].values]
    if signal not in names:
        raise DataError(f"no detector {signal!r}{nearest(signal, names)}.", remedy="set `signal` to one of these.")
    return dataset.isel(signal=names.index(signal)).drop_vars("signal").assign_attrs(detector=signal)


@step(version=1, measures=True)
def orient_stack(
    dataset: xr.Dataset, *, direction: Literal["auto", "down", "up", "left", "right"] = "auto"
) -> xr.Dataset:
    """Turn an image so that its layer stack runs down: the first layer at the top, the substrate at the bottom.

    The image is turned by quarters, never mirrored. Only ``auto`` looks at the pixels (at 1024 x 1024 of them at
    most, of the first page). It tells layers along x from layers along y; it can't tell the cap from the substrate,
    so it takes the stack to run down or right, and says so in a flag in the second case.

    Parameters
    ----------
    dataset : the whole leaf, with an ``image`` for ``auto``
    direction : where the stack runs in the image as it is, from cap to substrate

    Returns
    -------
    The leaf, turned; along y and x its coordinates start where they started, with exchanged steps after a quarter
    turn. The attribute ``stack_direction`` keeps the direction it had.
    """
    if "stack_direction" in dataset.attrs:
        raise DataError("the stack was turned before.", remedy="leave one orient_stack out.")
    assumed = direction == "auto"
    if direction == "auto":
        direction = "down" if _layers_lie_along_x(dataset) else "right"
    turned = _turned(dataset, direction).assign_attrs(stack_direction=direction)
    if assumed and direction == "right":
        known = [dataset.attrs["flags"]] if dataset.attrs.get("flags") else []
        return turned.assign_attrs(flags="; ".join([*known, "stack taken to run right"]))
    return turned


@step(version=1)
def denoise(
    image: Image,
    *,
    method: Literal["gaussian", "median", "nlm"] = "gaussian",
    sigma: Annotated[float, Field(gt=0, le=100), Unit("px")] = 1.0,
    half_width: Annotated[int, Field(ge=1, le=50)] = 1,
    noise: Annotated[float, Field(gt=0), Unit("counts")] | None = None,
) -> Annotated[xr.DataArray, Gives(image="counts")]:
    """Smooth an image, for display or for a threshold. Leave it out before edges are fitted.

    The edge fit estimates the noise from the image and wants it as it was taken: smoothing ties neighbouring pixels
    together, so intervals come out too narrow, and it widens edges.

    Parameters
    ----------
    image : (..., y, x), counts
    method : ``gaussian`` average, ``median`` of a square, ``nlm`` non-local mean (slow, keeps texture)
    sigma : for ``gaussian``: standard deviation
    half_width : for ``median``: of the square, ``nlm``: of the patches, px; 1 is 3 x 3
    noise : for ``nlm``: standard deviation of the noise

    Returns
    -------
    (..., y, x), float32, counts
    """
    if method == "nlm" and noise is None:
        raise DataError("non-local means need the noise.", remedy="set `noise` in counts.")
    kernels: dict[str, tuple[Any, dict[str, Any]]] = {
        "gaussian": (smooth_gaussian, {"sigma": sigma}),
        "median": (smooth_median, {"half_width": half_width}),
        "nlm": (smooth_nonlocal, {"half_width": half_width, "noise": noise}),
    }
    kernel, settings = kernels[method]
    reach = denoise_reach(method, sigma=sigma, half_width=half_width)
    smooth = blockwise(kernel, image, halo={"y": reach, "x": reach}, dtype=np.float32, **settings)
    return smooth.assign_attrs(image.attrs)


@step(version=1)
def remove_curtains(
    image: WholeColumns,
    *,
    width: Pixels = 20,
    length: Pixels = 400,
    clip: Annotated[float, Field(gt=0, le=100), Unit("1")] = 1.0,
) -> Annotated[
    xr.Dataset, Gives(image="counts", curtain="counts", curtain_amplitude="counts", curtain_damage="counts")
]:
    """Remove vertical stripes of the milling (curtains), and say what that costs.

    A stripe is what a lateral median of 2 width + 1 columns rejects, averaged along y over `length` rows, where no
    place may pull the average by more than its noise allows. Edges of layers stay where they are, tilted ones too.
    Material that is narrower than `width` and taller than `length` (columnar grains, cracks along y) looks
    like a curtain: compare `curtain_damage` with `curtain_amplitude`; where it is not much smaller, leave the step out.

    Parameters
    ----------
    image : (..., y, x), counts; each page by itself
    width : widest stripe that is removed, px
    length : run along y over which a stripe is averaged, px; shorter follows stripes that change, and costs noise
    clip : pull of one place on the average, in standard deviations of its noise; smaller spares material

    Returns
    -------
    image : (..., y, x), float32, counts, without the stripes
    curtain : (..., y, x), float32, counts; image + curtain is the image as it was
    curtain_amplitude : counts, rms of what was removed
    curtain_damage : counts, rms of what the filter takes from an image without curtains: noise, fine material;
        includes curtains that it left behind, so it rather says too much
    """
    settings: dict[str, Any] = {"width": width, "length": length, "clip": clip}
    window: dict[str, Any] = {"whole": ("y",), "halo": {"x": curtain_reach(width)}, "dtype": np.float32}
    curtain = blockwise(curtain_pattern, image, **window, **settings)
    cleaned = image.astype(np.float32) - curtain
    damage = blockwise(curtain_damage, cleaned, **window, **settings)
    return xr.Dataset(
        {
            "image": cleaned.assign_attrs(image.attrs),
            "curtain": curtain.assign_attrs(units="counts", long_name="removed curtains"),
            "curtain_amplitude": _rms(curtain, "rms of the removed curtains"),
            "curtain_damage": _rms(damage, "rms taken from an image without curtains"),
        }
    )


def _rms(array: xr.DataArray, long_name: str) -> xr.DataArray:
    return quantity(np.sqrt((array**2).mean(dtype=np.float64)), "counts", long_name)


def _layers_lie_along_x(dataset: xr.Dataset) -> bool:
    image = dataset["image"]
    page = image.isel({dim: 0 for dim in image.dims if dim not in ("y", "x")})
    steps = {dim: slice(None, None, -(-page.sizes[dim] // 1024)) for dim in ("y", "x")}
    return stacked_along(page.isel(steps).transpose("y", "x").values) == "y"


def _turned(dataset: xr.Dataset, direction: str) -> xr.Dataset:
    """Turn by quarters: new rows run where the stack ran."""
    if direction == "down":
        return dataset
    if direction == "up":
        return _reversed(dataset, "y", "x")
    swapped = dataset.rename({"y": "x", "x": "y"}).rename(_exchanged_sizes(dataset))
    turned = _reversed(swapped, "x" if direction == "right" else "y").transpose(..., "y", "x")
    return turned.assign_coords({d: turned[d].assign_attrs(long_name=d) for d in ("y", "x")})


def _exchanged_sizes(dataset: xr.Dataset) -> dict[str, str]:
    names = {"pixel_size_x": "pixel_size_y", "pixel_size_y": "pixel_size_x"}
    return names if all(name in dataset for name in names) else {}


def _reversed(dataset: xr.Dataset, *dims: str) -> xr.Dataset:
    """Reverse the pixels along some axes, and count the axes from their old start again."""
    flipped = dataset.isel({dim: slice(None, None, -1) for dim in dims})
    axes = {}
    for dim in dims:
        values = dataset[dim].values
        axes[dim] = (dim, values[0] + values[-1] - values[::-1], dataset[dim].attrs)
    return flipped.assign_coords(axes)
