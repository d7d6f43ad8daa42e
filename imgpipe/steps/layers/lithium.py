"""The step equivalent_lithium."""

from typing import Annotated

import numpy as np
import xarray as xr
from pydantic import Field

from imgpipe.errors import DataError
from imgpipe.kernels.lithium import plated_lithium
from imgpipe.model import quantity
from imgpipe.step import step
from imgpipe.units import Dims, Gives, Unit


@step(version=1, measures=True)
def equivalent_lithium(
    thickness: Annotated[xr.DataArray, Unit("nm"), Dims("layer")],
    u_thickness: Annotated[xr.DataArray, Unit("nm"), Dims("layer")],
    thickness_high: Annotated[xr.DataArray, Unit("nm"), Dims("layer")],
    charge: Annotated[xr.DataArray, Unit("mAh/cm**2"), Dims("")],
    *,
    layer: str = "Li",
    electrode_area: Annotated[float, Field(gt=0), Unit("cm**2")] = 1.0,
    deposit_area: Annotated[float, Field(gt=0), Unit("cm**2")] | None = None,
    reversible_charge: Annotated[float, Field(gt=0, le=1), Unit("1")] = 1.0,
    magnesium: Annotated[float, Field(ge=0), Unit("nm")] = 0.0,
    u_magnesium: Annotated[float, Field(ge=0), Unit("nm")] = 0.0,
    u_charge: Annotated[float, Field(ge=0, lt=1), Unit("1")] = 0.0,
) -> Annotated[
    xr.Dataset, Gives(equivalent_lithium="nm", lithium_thickness="nm", lithium_ratio="1", u_lithium_ratio="1")
]:
    """Compare a plated layer with the dense lithium that its charge can make.

    Dense lithium is ``Q M / (rho F)``: 4.850 um per mAh/cm2 (6.941 g/mol, 0.534 g/cm3). A ratio above 1 means voids or
    foreign material in the layer, below 1 lithium lost or deposited elsewhere.

    Parameters
    ----------
    thickness, u_thickness, thickness_high : (layer,) nm, from layer_thickness
    charge : plated per area of the electrode, mAh/cm2, usually a field of the file name
    layer : name of the plated layer
    electrode_area : area that the charge density refers to
    deposit_area : area on which the lithium really lies; None: the electrode's
    reversible_charge : fraction of the charge that is metallic lithium in the layer
    magnesium, u_magnesium : thickness of a coating that now stands inside the plated layer, subtracted, and its u
    u_charge : relative standard uncertainty of the charge per area

    Returns
    -------
    Dataset on ``layer`` (NaN for other layers): ``equivalent_lithium`` (dense), ``lithium_thickness`` (measured less
    magnesium) and its u, ``lithium_ratio`` of the two with u and 95 % interval

    Raises
    ------
    DataError
        when there is no such layer, or the charge is not positive.
    """
    names = [str(name) for name in thickness["layer"].values]
    if layer not in names:
        raise DataError(f"there is no layer {layer!r}; found {', '.join(names)}.", remedy="set `layer` to one of them.")
    if not float(charge) > 0:
        remedy = "give it as a field of the file name."
        raise DataError(f"the charge is {float(charge):g} mAh/cm2; it must be positive.", remedy=remedy)
    chosen = np.array([name == layer for name in names])
    spread = electrode_area / (electrode_area if deposit_area is None else deposit_area)
    dense = plated_lithium(float(charge) * reversible_charge * spread)
    measured = np.where(chosen, thickness.values - magnesium, np.nan)
    u_measured = np.hypot(u_thickness.values, u_magnesium)
    ratio = measured / dense
    u_ratio = np.hypot(u_measured / dense, ratio * u_charge)
    factor = (thickness_high.values - thickness.values) / u_thickness.values  # coverage factor of the 95 % interval
    columns = {
        "equivalent_lithium": (np.where(chosen, dense, np.nan), "nm", "dense lithium of the charge"),
        "lithium_thickness": (measured, "nm", "plated layer less magnesium"),
        "u_lithium_thickness": (np.where(chosen, u_measured, np.nan), "nm", "its standard uncertainty"),
        "lithium_ratio": (ratio, "1", "plated over dense lithium"),
        "u_lithium_ratio": (np.where(chosen, u_ratio, np.nan), "1", "standard uncertainty of the ratio"),
        "lithium_ratio_low": (ratio - factor * u_ratio, "1", "lower end of the 95 % interval"),
        "lithium_ratio_high": (ratio + factor * u_ratio, "1", "upper end of the 95 % interval"),
    }
    table = {name: quantity(values, unit, title, "layer") for name, (values, unit, title) in columns.items()}
    return xr.Dataset(table, coords={"layer": thickness["layer"]})
