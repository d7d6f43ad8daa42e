"""What fit_interfaces takes from xray_response."""

from dataclasses import dataclass

import numpy as np
import xarray as xr

from imgpipe.errors import DataError
from imgpipe.kernels.profile_model import Response
from imgpipe.kernels.profile_physics import USUAL_TAKE_OFF, backscatter_shift, own_shift
from imgpipe.model import UNCALIBRATED, unit_of
from imgpipe.steps.layers.interfaces_tables import Scene

USUAL_U = 0.15
TAILED = 2.9
"""A response of which 99 % takes more standard deviations than this has the tails of electrons; a normal one 2.6."""


@dataclass(frozen=True)
class Given:
    """What xray_response says, (layer, element), or None; backscatter (layer,)."""

    sigma: xr.DataArray | None
    shift: xr.DataArray | None
    u: xr.DataArray | None
    reach: xr.DataArray | None
    depth: xr.DataArray | None
    attenuation: xr.DataArray | None
    backscatter: xr.DataArray | None


def response_of(
    scene: Scene, names: list[str], given: Given, take_off: xr.DataArray | None
) -> tuple[Response | None, str]:
    """Return the response in the layers for the elements of the scene, or None and why."""
    if given.sigma is None:
        return None, "no response: intrinsic width unknown"
    if unit_of(scene.intensity["position"]) == UNCALIBRATED:
        return None, "uncalibrated: no response applied"
    known = [str(name) for name in given.sigma["layer"].values]
    if missing := [name for name in names if name not in known]:
        raise DataError(f"the response does not know {', '.join(missing)}; it knows {', '.join(known)}.")

    def of(array: xr.DataArray | None, otherwise: float) -> np.ndarray:
        if array is None:
            return np.full((len(names), len(scene.elements)), otherwise)
        picked = array.sel(layer=names).reindex(element=scene.elements)
        return np.asarray(picked.transpose("layer", "element").values, dtype=np.float64)

    sigma, push, reach = of(given.sigma, np.nan), np.nan_to_num(of(given.shift, 0.0)), of(given.reach, np.nan)
    common = own = None
    if given.backscatter is not None:
        angle = USUAL_TAKE_OFF if take_off is None else np.radians(float(take_off))
        back = np.asarray(given.backscatter.sel(layer=names).values, dtype=np.float64)
        common = backscatter_shift(back)
        own = own_shift(back, sigma, push, of(given.depth, np.nan), of(given.attenuation, np.nan), angle)
    tailed = bool(np.isfinite(reach).any() and np.nanmean(reach / sigma) > TAILED)
    u = np.nan_to_num(of(given.u, USUAL_U), nan=USUAL_U)
    return Response(sigma, -push, u, tailed, common, own), ""  # what is pushed on is seen before the beam is there
