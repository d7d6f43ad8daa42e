"""Two quick stand-ins for the layer steps: the plugin is tested for what it does with results, not for results."""

import threading
from typing import Annotated

import numpy as np
import xarray as xr
from pydantic import Field

from imgpipe.model import quantity, texts
from imgpipe.step import step
from imgpipe.units import Dims, Gives, Unit

Image = Annotated[xr.DataArray, Unit("counts"), Dims("y x")]
Column = Annotated[xr.DataArray, Dims("edit")]
NAMES = ("Pt|Mg", "Mg|Cu")


@step(version=1, measures=True)
def trace_fake(
    image: Image,
    edited_interface: Column | None = None,
    edited_x: Column | None = None,
    edited_y: Column | None = None,
    *,
    depth: Annotated[float, Field(gt=0, lt=1), Unit("1")] = 0.3,
) -> Annotated[xr.Dataset, Gives(traced_position="nm")]:
    """Draw two straight edges, and bend them through the anchors."""
    y, x = image["y"].values, image["x"].values
    rows = np.stack([np.full(x.size, y[0] + share * (y[-1] - y[0])) for share in (depth, 0.7)])
    if edited_interface is not None and edited_x is not None and edited_y is not None:
        for name, at, to in zip(edited_interface.values, edited_x.values, edited_y.values, strict=True):
            row = NAMES.index(str(name))
            rows[row] += (to - rows[row][np.abs(x - at).argmin()]) * np.exp(-(((x - at) / (x[-1] / 10)) ** 2))
    coords = {"interface": texts(NAMES, "interface", "interface"), "x": image["x"]}
    return xr.Dataset({"traced_position": quantity(rows, image["y"].attrs["units"], "edge", "interface x", coords)})


@step(version=1, measures=True)
def measure_fake(
    traced_position: Annotated[xr.DataArray, Unit("nm|px"), Dims("interface x")],
    edited_interface: Column | None = None,
    *,
    scale: Annotated[float, Field(gt=0), Unit("1")] = 1.0,
) -> Annotated[xr.Dataset, Gives(table="layers", thickness="nm")]:
    """Take the mean distance of the two edges."""
    gap = (traced_position[1] - traced_position[0]).values * scale
    u = float(gap.std() + 1.0)
    flag = "" if edited_interface is None else "edited"
    mean = gap.mean()
    rows = {"thickness": mean, "u_thickness": u, "thickness_low": mean - 2 * u, "thickness_high": mean + 2 * u}
    columns = {name: quantity(np.array([value]), "nm", name, "layer") for name, value in rows.items()}
    columns["thickness_px"] = quantity(np.array([gap.mean() / 4]), "px", "thickness", "layer")
    coords = {"layer": texts(("Mg",), "layer", "layer")}
    return xr.Dataset({**columns, "flag": texts((flag,), "flag", "layer")}, coords=coords)


ENTERED, LEAVE = threading.Event(), threading.Event()


@step(version=1)
def wait_fake(image: Image) -> Annotated[xr.DataArray, Gives(image="counts")]:
    """Say that it has begun, and go on when told."""
    ENTERED.set()
    assert LEAVE.wait(30)
    return image
