"""From fitted profiles to the tables interfaces and layers and the curves."""

from dataclasses import dataclass

import numpy as np
import xarray as xr

from imgpipe.kernels.profile_analysis import Analysis, Edges, Task
from imgpipe.kernels.profile_band import curve_and_u
from imgpipe.model import UNCALIBRATED, quantity, texts, unit_of

TWO_SIDED = 1.959963984540054
TOGETHER = "all"
"""Element of the joint row of a boundary."""
COLUMNS = {
    "interface_position": "position of the interface",
    "u_interface_position": "u of the position",
    "interface_position_low": "position, lower end of the 95 % interval",
    "interface_position_high": "position, upper end of the 95 % interval",
    "observed_width": "observed width, sigma of an error function",
    "u_observed_width": "u of the observed width",
    "width": "intrinsic width, standard deviation",
    "u_width": "u of the intrinsic width",
    "width_low": "intrinsic width, lower end of the 95 % interval",
    "width_high": "intrinsic width, upper end of the 95 % interval",
    "width_bound": "intrinsic width, one-sided 95 % upper bound",
}


@dataclass(frozen=True)
class Scene:
    """The profiles as they came, their leading dimensions, and as numbers: x (point,), y (scan, element, point)."""

    intensity: xr.DataArray
    lead: tuple[str, ...]
    shape: tuple[int, ...]
    x: np.ndarray
    y: np.ndarray
    elements: list[str]


def tables(
    scene: Scene, names: list[str], fitting: np.ndarray, task: Task, found: Analysis, joint: bool, reason: str
) -> xr.Dataset:
    """Return the tables and the curves."""
    inner = found.layers.beside
    rows: list[tuple[int, str, Edges]] = []
    for k in range(task.n):
        for e, edges in enumerate(found.alone):
            if edges is not None and found.steps[k, e]:
                rows.append((k, scene.elements[int(fitting[e])], edges))
        if joint:
            rows.append((k, TOGETHER, found.together))
    result = _interfaces(scene, names, rows, found, inner, reason)
    result = result.merge(_layers(scene, names, fitting, found), join="exact")
    return result.merge(_curves(scene, fitting, task, found), join="exact")


def _interfaces(
    scene: Scene, names: list[str], rows: list[tuple[int, str, Edges]], found: Analysis, inner: np.ndarray, reason: str
) -> xr.Dataset:
    unit = unit_of(scene.intensity["position"])
    labels = [f"{names[k]}|{names[k + 1]} {element}" for k, element, _ in rows]
    dims = (*scene.lead, "interface")
    columns: dict[str, list[np.ndarray]] = {name: [] for name in COLUMNS}
    for k, _, edges in rows:
        for name, values in _row(edges, k).items():
            columns[name].append(values)
    table = {name: quantity(_shaped(scene, columns[name]), unit, title, dims) for name, title in COLUMNS.items()}
    table["reduced_deviance"] = quantity(_shaped(scene, [e.reduced for _, _, e in rows]), "1", "reduced deviance", dims)
    flags = np.array([_flags(k, edges, found, inner, reason) for k, _, edges in rows], dtype=object)
    table["interface_flag"] = _words(_shaped(scene, list(flags)), "flag", dims)
    told: dict[str, tuple[str, list[str]]] = {
        "boundary": ("boundary", [f"{names[k]}|{names[k + 1]}" for k, _, _ in rows]),
        "of_element": ("element", [element for _, element, _ in rows]),
        "from_layer": ("layer below", [names[k] for k, _, _ in rows]),
        "to_layer": ("layer above", [names[k + 1] for k, _, _ in rows]),
        "interface_model": ("shape of the transition", [found.shape] * len(rows)),
    }
    for name, (title, words) in told.items():
        table[name] = texts(words, title, "interface")
    return xr.Dataset(table, coords={"interface": texts(labels, "interface", "interface"), **_lead_coords(scene)})


def _row(edges: Edges, k: int) -> dict[str, np.ndarray]:
    """Return the numbers of one row, each (scan,)."""
    position, u, widths = edges.position[:, k], edges.u_position[:, k], edges.widths
    good = edges.converged
    return {
        "interface_position": position,
        "u_interface_position": u,
        "interface_position_low": position - TWO_SIDED * u,
        "interface_position_high": position + TWO_SIDED * u,
        "observed_width": np.where(good, widths.seen[:, k], np.nan),
        "u_observed_width": np.where(good, widths.u_seen[:, k], np.nan),
        "width": widths.intrinsic[:, k],
        "u_width": widths.u[:, k],
        "width_low": widths.low[:, k],
        "width_high": widths.high[:, k],
        "width_bound": widths.bound[:, k],
    }


def _flags(k: int, edges: Edges, found: Analysis, inner: np.ndarray, reason: str) -> list[str]:
    """Return the flags of one row, one for each scan."""
    out = []
    for i in range(edges.position.shape[0]):
        said = [] if edges.converged[i] else ["fit failed"]
        said += [] if found.clear[k] else ["no clear step"]
        said += [reason] if reason else []
        narrow = edges.converged[i] and not np.isfinite(edges.widths.u_seen[i, k])
        said += ["narrower than the scan can show"] if narrow else []
        bounded = not reason and edges.converged[i] and not edges.widths.resolved[i, k]
        said += ["width is an upper bound"] if bounded else []
        said += ["beside a layer below the resolution"] if inner[i, k] else []
        said += [f"misfit: reduced deviance {edges.reduced[i]:.2g}"] if edges.misfit[i] else []
        out.append("; ".join(said))
    return out


def _layers(scene: Scene, names: list[str], fitting: np.ndarray, found: Analysis) -> xr.Dataset:
    unit, dims = unit_of(scene.intensity["position"]), (*scene.lead, "layer")
    layers = found.layers
    columns = {
        "thickness": (layers.thickness, "thickness"),
        "u_thickness": (layers.u, "u of the thickness"),
        "thickness_low": (layers.low, "thickness, lower end of the 95 % interval"),
        "thickness_high": (layers.high, "thickness, upper end of the 95 % interval"),
        "smallest_resolvable": (layers.smallest, "smallest thickness that can be resolved"),
        "contrast_width": (np.where(layers.limited, layers.product, np.nan), "contrast times width"),
        "u_contrast_width": (np.where(layers.limited, layers.u_product, np.nan), "u of contrast times width"),
    }
    table = {}
    for name, (values, title) in columns.items():
        outer = np.full((values.shape[0], 1), np.nan)
        whole = np.concatenate([outer, values, outer], axis=1)
        size = f"counts*{unit}" if "contrast_width" in name else unit
        table[name] = quantity(whole.reshape(*scene.shape, len(names)), size, title, dims)
    flags = np.empty((layers.limited.shape[0], len(names)), dtype=object)
    flags[:, [0, -1]] = "outer layer"
    for i, k in np.ndindex(*layers.limited.shape):
        said = (
            [f"resolution-limited: below {float(f'{layers.smallest[i, k]:.3g}'):g} {unit}"]
            if layers.limited[i, k]
            else []
        )
        known = layers.limited[i, k] and layers.of[k] >= 0
        said += [f"contrast x width is of {scene.elements[int(fitting[layers.of[k]])]}"] if known else []
        said += [] if layers.of[k] >= 0 else ["marked by no element of its own"]
        said += [] if found.joint.converged[i] else ["fit failed"]
        said += ["uncalibrated"] if unit == UNCALIBRATED else []
        flags[i, k + 1] = "; ".join(said)
    table["layer_flag"] = _words(flags.reshape(*scene.shape, len(names)), "flag", dims)
    return xr.Dataset(table, coords={"layer": texts(names, "layer", "layer"), **_lead_coords(scene)})


def _curves(scene: Scene, fitting: np.ndarray, task: Task, found: Analysis) -> xr.Dataset:
    """Return the curves of the joint fit for all elements of the input, NaN where an element was not fitted."""
    b, m, points = task.y.shape
    curve, u = (part.reshape(b, m, points) for part in curve_and_u(found.joint.layout, found.joint.raw))
    spread = np.maximum(curve, 1e-12) if task.variance is None else task.variance
    if task.noise == "gaussian" and task.variance is None:
        spread = np.broadcast_to(found.joint.raw.reduced[:, None, None], curve.shape)
    parts = {
        "fitted": (curve, "counts", "fit"),
        "fitted_low": (np.maximum(curve - TWO_SIDED * u, 0.0), "counts", "lower end of the 95 % band of the fit"),
        "fitted_high": (curve + TWO_SIDED * u, "counts", "upper end of the 95 % band of the fit"),
        "fit_residual": ((task.y - curve) / np.sqrt(spread), "1", "standardised residual"),
    }
    known = [str(name) for name in scene.intensity["element"].values]
    places = [known.index(scene.elements[int(e)]) for e in fitting]
    dims = (*scene.lead, "element", "position")
    out, attrs = {}, {"of": str(scene.intensity.name or "intensity"), "noise": task.noise}
    for name, (values, unit, title) in parts.items():
        whole = np.full((b, len(known), points), np.nan)
        whole[:, places] = values
        shaped = quantity(whole.reshape(*scene.shape, len(known), points), unit, title, dims, **attrs)
        out[name] = shaped.transpose(*scene.intensity.dims)
    coords = {"element": scene.intensity["element"], "position": scene.intensity["position"]}
    return xr.Dataset(out, coords={**coords, **_lead_coords(scene)})


def _shaped(scene: Scene, columns: list[np.ndarray]) -> np.ndarray:
    """Return rows (row, scan) as (lead ..., row)."""
    return np.stack(columns, axis=-1).reshape(*scene.shape, len(columns))


def _words(values: np.ndarray, title: str, dims: tuple[str, ...]) -> xr.DataArray:
    return xr.DataArray(values.astype(object), dims=dims, attrs={"long_name": title})


def _lead_coords(scene: Scene) -> dict[str, xr.DataArray]:
    return {name: scene.intensity[name] for name in scene.lead if name in scene.intensity.coords}
