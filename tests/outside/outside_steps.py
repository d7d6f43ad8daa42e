"""Steps of another package, as small as can be: they join through entry points, and child processes see them too."""

import os
import signal
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
import xarray as xr
from pydantic import Field

from imgpipe.model import quantity, texts
from imgpipe.step import step
from imgpipe.units import Dims, Gives, Unit

Image = Annotated[xr.DataArray, Unit("counts"), Dims("y x")]
Grey = Annotated[float, Field(ge=0), Unit("counts")]


class StrangeError(RuntimeError):
    """What a library of another package may raise."""


@step(version=1)
def brighten(image: Image, *, by: Annotated[float, Field(gt=0, le=100)] = 2.0) -> xr.DataArray:
    """Multiply an image.

    Parameters
    ----------
    image : (y, x), counts
    by : factor
    """
    return (image * by).assign_attrs(units="counts", long_name="brighter")


@step(version=1, measures=True)
def mean_grey(image: Image, *, name: str = "all") -> Annotated[xr.Dataset, Gives(table="regions", grey="counts")]:
    """Measure the mean grey value as a table of one region."""
    mean = quantity(
        [float(image.mean())], "counts", "mean grey value", "region", {"region": texts([name], "region", "region")}
    )
    return xr.Dataset({"grey": mean, "flag": texts([""], "flag", "region")})


@step(version=1)
def row_profile(image: Image) -> Annotated[xr.DataArray, Gives(profile="counts")]:
    """Average an image along x."""
    return image.mean("x").assign_attrs(units="counts", long_name="profile")


@step(version=1, measures=True)
def needs_profile(
    profile: Annotated[xr.DataArray, Unit("counts"), Dims("y")],
) -> Annotated[xr.Dataset, Gives(top="counts")]:
    """Return the greatest value of a profile."""
    return xr.Dataset({"top": quantity(float(profile.max()), "counts", "top")})


@step(version=1)
def split_profile(image: Image) -> xr.Dataset:
    """Return an average along y as a dataset of its own."""
    return xr.Dataset({"column_mean": image.mean("y").assign_attrs(units="counts", long_name="profile")})


@step(version=1)
def forget_unit(image: Image) -> xr.DataArray:
    """Lose the unit, as arithmetic does."""
    return image * 2


@step(version=1)
def fail_above(image: Image, *, grey: Grey = 200.0) -> xr.DataArray:
    """Fail with what numerical code raises, on bright images only."""
    if float(image.max()) > grey:
        raise ValueError("too bright")
    return image.assign_attrs(units="counts")


@step(version=1)
def raise_strange(image: Image, *, grey: Grey = 200.0) -> xr.DataArray:
    """Fail with an error of a library's own, on bright images only."""
    if float(image.max()) > grey:
        raise StrangeError("never heard of")
    return image.assign_attrs(units="counts")


@step(version=1)
def die_above(image: Image, *, grey: Grey = 200.0) -> xr.DataArray:
    """End the process as a crash would, on bright images only."""
    if float(image.max()) > grey:
        os.kill(os.getpid(), signal.SIGKILL)
    return image.assign_attrs(units="counts")


@step(version=1)
def meet(image: Image, *, door: str = "", grey: Grey = 200.0) -> xr.DataArray:
    """Wait at a named pipe until somebody comes, on bright images only."""
    if door and float(image.max()) > grey:
        Path(door).write_text("here", encoding="utf-8")  # blocks until the other end is opened
        Path(door).read_text(encoding="utf-8")  # blocks until a writer comes
    return image.assign_attrs(units="counts")


@step(version=1)
def lengths(
    image: Image,
    *,
    reach: Annotated[float, Field(gt=0), Unit("nm")] = 10.0,
    tilt: Annotated[float, Field(gt=-90, lt=90), Unit("deg")] | None = None,
    method: Literal["fast", "good"] = "good",
    names: list[str] = [],  # noqa: B006 - settings are copied
    often: Annotated[int, Field(ge=1)] = 3,
    verbose: bool = False,
    level: Literal["auto"] | Annotated[float, Unit("counts")] = "auto",
) -> xr.DataArray:
    """Take a setting of every kind."""
    return image.assign_attrs(units="counts", reach=reach)


def plain_function(image: np.ndarray) -> np.ndarray:
    """Be no step."""
    return image
