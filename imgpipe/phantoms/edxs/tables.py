"""Stored line scans of the Monte Carlo: text files with their settings, read in milliseconds.

``python -m imgpipe.phantoms.edxs.tables [NAME ...]`` simulates them again: the same code gives the same bytes.
"""

from __future__ import annotations

import functools
import itertools
import json
import sys
from pathlib import Path

import numpy as np
import xarray as xr

from imgpipe.model import quantity
from imgpipe.phantoms.edxs.presets import SCANS, Scan
from imgpipe.phantoms.edxs.slabs import Layer, composition, interfaces

FOLDER = Path(__file__).parent / "tables"


@functools.cache
def _read(name: str) -> tuple[dict[str, str], list[str], list[list[float]]]:
    """Return settings, column names and rows of a stored table."""
    settings: dict[str, str] = {}
    rows: list[list[float]] = []
    columns: list[str] = []
    for text in (FOLDER / f"{name}.csv").read_text(encoding="utf-8").splitlines():
        if text.startswith("# "):
            key, _, value = text[2:].partition(": ")
            settings[key] = value
        elif not columns:
            columns = text.split(",")
        else:
            rows.append([float(cell) for cell in text.split(",")])
    return settings, columns, rows


def table(name: str) -> xr.Dataset:
    """Return a stored line scan.

    Returns
    -------
    ``intensity`` (element, position), photons per electron and steradian, with ``xray_line``, ``line_energy`` (eV);
    ``bremsstrahlung`` (quantum, position), per eV; ``spread`` (element), nm, largest standard deviation of emission
    along x within the element's layer. The truth: ``interface_position`` and ``interface_sigma`` (nm) on ``interface``
    ("SE|Mg"); on ``layer`` ``thickness`` (nm; inf for the outer layers), ``formula``, ``density`` (g/cm3),
    ``mass_contrast`` and ``intensity_contrast`` (percent): last side of the layer minus first side, over their mean, by
    mass fraction, and by the intensity that thick specimens of both compositions emit.
    """
    if name not in SCANS:
        raise ValueError(f"no table {name!r}; there are {', '.join(SCANS)}")
    settings, columns, rows = _read(name)
    values = np.array(rows)
    lines = [column for column in columns[1:] if not column.startswith("bremsstrahlung")]
    quanta = [float(column.split()[1]) for column in columns[1 + len(lines) :]]
    split = 1 + len(lines)
    dataset = xr.Dataset(
        {
            "intensity": quantity(
                values[:, 1:split].T, "1/steradian", "photons per electron and steradian", "element position"
            ),
            "bremsstrahlung": quantity(
                values[:, split:].T, "1/steradian/eV", "bremsstrahlung photons per electron", "quantum position"
            ),
            "line_energy": quantity(json.loads(settings["line_energy_eV"]), "eV", "energy of the line", "element"),
            "spread": quantity(
                json.loads(settings["spread_nm"]), "nm", "standard deviation of emission along x", "element"
            ),
            "relative_error": quantity(
                json.loads(settings["relative_error"]), "1", "standard error of intensity over its plateau", "element"
            ),
        },
        coords={
            "element": ("element", np.array([line.split()[0] for line in lines], dtype=object)),
            "xray_line": ("element", np.array(lines, dtype=object)),
            "position": ("position", values[:, 0], {"units": "nm", "long_name": "position"}),
            "quantum": ("quantum", np.array(quanta), {"units": "eV", "long_name": "photon energy"}),
        },
        attrs={"scan": name, "settings": settings["settings"], "remark": settings["remark"]},
    )
    return dataset.merge(truth_of(SCANS[name]), join="exact", combine_attrs="override")


def truth_of(scan: Scan) -> xr.Dataset:
    """Return what is true about the layers of a scan: on `interface` and `layer`, and 0-d settings."""
    names = [layer.name for layer in scan.layers]
    borders = interfaces(scan.layers)
    sigma = np.broadcast_to(np.asarray(scan.sigma, dtype=np.float64), borders.shape)
    thickness = np.array([layer.thickness for layer in scan.layers])
    settings = {"incidence": 90.0, "tilt_azimuth": 0.0, "take_off": 35.0, "azimuth": 90.0, **scan.settings}
    return xr.Dataset(
        {
            "interface_position": quantity(borders, "nm", "true position", "interface"),
            "interface_sigma": quantity(sigma.copy(), "nm", "true standard deviation of the mixing", "interface"),
            "thickness": quantity(thickness, "nm", "true thickness", "layer"),
            "formula": ("layer", np.array([layer.formula for layer in scan.layers], dtype=object)),
            "mass_contrast": quantity(
                [_contrast(layer) for layer in scan.layers],
                "percent",
                "mass fraction of the layer's first element: last side minus first side, over their mean",
                "layer",
            ),
            "intensity_contrast": quantity(
                [scan.intensity_contrast if layer.far_formula else 0.0 for layer in scan.layers],
                "percent",
                "intensity of thick specimens: composition of the last side minus first side, over their mean",
                "layer",
            ),
            "density": quantity([layer.density for layer in scan.layers], "g/cm**3", "density", "layer"),
            "beam_energy": quantity(scan.beam_energy, "eV", "energy of the beam"),
            "face_angle": quantity(settings["incidence"], "deg", "angle between beam and face"),
            "tilt_azimuth": quantity(settings["tilt_azimuth"], "deg", "direction of the beam in the face"),
            "take_off_angle": quantity(settings["take_off"], "deg", "take-off angle"),
            "azimuth_angle": quantity(settings["azimuth"], "deg", "direction of the detector in the face"),
        },
        coords={
            "interface": np.array([f"{a}|{b}" for a, b in itertools.pairwise(names)], dtype=object),
            "layer": np.array(names, dtype=object),
        },
    )


def _contrast(layer: Layer) -> float:
    """Return the change of mass fraction of a layer's first element from side to side, percent of its mean."""
    near, far = (composition(layer, fraction) for fraction in (0.0, 1.0))
    symbol = next(iter(near))
    shares = [part[symbol] / sum(part.values()) for part in (near, far)]
    return 200.0 * (shares[1] - shares[0]) / (shares[1] + shares[0])


def tabulate(name: str) -> Path:
    """Simulate one scan and store it; return the file."""
    from imgpipe.phantoms.edxs.simulation import simulate

    scan = SCANS[name]
    result = simulate(
        scan.layers,
        lines=scan.lines,
        beam_energy=scan.beam_energy,
        positions=scan.positions,
        electrons=scan.electrons,
        seed=scan.seed,
        sigma=scan.sigma,
        every=12,
        **scan.settings,
    )
    file = FOLDER / f"{name}.csv"
    file.write_text("\n".join(_text(scan, result)) + "\n", encoding="utf-8", newline="\n")
    return file


def _text(scan: Scan, result: xr.Dataset) -> list[str]:
    intensity = result["intensity"].values
    plateau = intensity > 0.5 * intensity.max(axis=1, keepdims=True)
    error = np.nanmax(np.where(plateau, result["u_intensity"].values / np.maximum(intensity, 1e-300), np.nan), axis=1)
    spread = np.nanmax(np.where(plateau, result["spread"].values, np.nan), axis=1)
    head = {
        "photons per electron and steradian (bremsstrahlung: and eV) towards the detector": "Monte Carlo, not measured",
        "remark": scan.remark,
        "settings": str(result.attrs["settings"]),
        "line_energy_eV": _list(result["line_energy"].values, "{:.2f}"),
        "relative_error": _list(error, "{:.5f}"),
        "spread_nm": _list(spread, "{:.1f}"),
    }
    quanta = [f"bremsstrahlung {energy:.1f}" for energy in result["quantum"].values]
    rows = [
        [f"{position:.3f}".rstrip("0").rstrip(".")]
        + [f"{value:.5g}" for value in intensity[:, index]]
        + [f"{value:.4g}" for value in result["bremsstrahlung"].values[:, index]]
        for index, position in enumerate(result["position"].values)
    ]
    columns = ["position", *map(str, result["xray_line"].values), *quanta]
    return [f"# {key}: {value}" for key, value in head.items()] + [",".join(columns)] + [",".join(row) for row in rows]


def _list(values: np.ndarray, form: str) -> str:
    return "[" + ", ".join(form.format(value) for value in values) + "]"


def main(names: list[str]) -> int:
    """Simulate the named scans, or all, and store them."""
    for name in names or list(SCANS):
        sys.stdout.write(f"{tabulate(name)}\n")
        sys.stdout.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
