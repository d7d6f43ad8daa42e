"""Write phantoms as files: HyperSpy (.hspy), EMSA/MAS (.msa), Ripple (.rpl, .raw), tables of counts (.csv)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

Signal = dict[str, Any]


def write_hspy(tree: xr.DataTree, path: Path) -> Path:
    """Write spectra, and an image where there is one, into one HyperSpy file; energies in keV as HyperSpy has them.

    Parameters
    ----------
    tree : leaves ``line``, ``sum`` or ``map``, and ``image``
    path : of the file
    """
    import h5py
    from rsciio.hspy import file_writer

    first, *others = list(tree.children)
    file_writer(str(path), _signal(tree[first].to_dataset()), show_progressbar=False)
    for name in others:  # rosettasciio writes one signal per file: more are copied in
        beside = path.with_name(f"{path.stem}.{name}.hspy")
        file_writer(str(beside), _signal(tree[name].to_dataset()), show_progressbar=False)
        with h5py.File(path, "a") as file, h5py.File(beside, "r") as other:
            for title in other["Experiments"]:
                other.copy(f"Experiments/{title}", file["Experiments"])
        beside.unlink()
    return path


def write_rpl(leaf: xr.Dataset, path: Path) -> list[Path]:
    """Write the spectra of one leaf as Ripple header and raw data; return both files."""
    from rsciio.ripple import file_writer

    file_writer(str(path), _signal(leaf))
    return [path, path.with_suffix(".raw")]


def write_msa(leaf: xr.Dataset, path: Path) -> Path:
    """Write the sum of a leaf's spectra in the EMSA/MAS format (ISO 22029).

    Parameters
    ----------
    leaf : with ``counts`` (..., energy)
    path : of the file
    """
    counts = leaf["counts"].sum([dim for dim in leaf["counts"].dims if dim != "energy"])
    energy = leaf["energy"].values
    places = leaf["counts"].size // energy.size
    head = {
        "FORMAT": "EMSA/MAS Spectral Data File",
        "VERSION": "1.0",
        "TITLE": str(leaf.attrs["sample"]),
        "DATE": "03-MAR-2026",
        "TIME": "12:00",
        "OWNER": "imgpipe phantom",
        "NPOINTS": str(energy.size),
        "NCOLUMNS": "1",
        "XUNITS": "eV",
        "YUNITS": "counts",
        "DATATYPE": "Y",
        "XPERCHAN": f"{energy[1] - energy[0]:g}",
        "OFFSET": f"{energy[0]:g}",
        "SIGNALTYPE": "EDS",
        "BEAMKV   -kV": f"{float(leaf['beam_energy']) * 1e-3:g}",
        "LIVETIME  -s": f"{float(leaf['live_time']) * places:.6g}",
        "REALTIME  -s": f"{float(leaf['real_time']) * places:.6g}",
        "ELEVANGLE-dg": f"{float(leaf['take_off_angle']):g}",
        "EDSDET": "SDUTW",
    }
    lines = [f"#{key:<13}: {value}" for key, value in head.items()]
    lines += ["#SPECTRUM     : Spectral data starts here", *(f"{value:.1f}" for value in counts.values)]
    lines += ["#ENDOFDATA    :", ""]
    path.write_text("\r\n".join(lines), encoding="ascii", newline="")
    return path


def write_csv(leaf: xr.Dataset, path: Path) -> Path:
    """Write counts per element along a line, as instruments export charts.

    Parameters
    ----------
    leaf : with ``gross`` (element, position)
    path : of the file
    """
    lines = [
        f"# beam energy: {float(leaf['beam_energy']) * 1e-3:g} keV",
        f"# take-off angle: {float(leaf['take_off_angle']):g} deg",
        f"# live time: {float(leaf['live_time']):.4g} s",
        f"# detector resolution: {float(leaf['detector_resolution']):g} eV",
        f"# sample: {leaf.attrs['sample']}",
        ",".join(["distance (nm)", *map(str, leaf["xray_line"].values)]),
    ]
    for index, position in enumerate(leaf["position"].values):
        lines.append(",".join([f"{position:g}", *(str(int(count)) for count in leaf["gross"].values[:, index])]))
    path.write_text("\n".join(lines) + "\n", encoding="utf-8", newline="\n")
    return path


def _signal(leaf: xr.Dataset) -> Signal:
    """Return a leaf as the dictionary that rosettasciio writes."""
    name = "counts" if "counts" in leaf else "image"
    array = leaf[name]
    axes = [_axis(leaf, str(dim), array.sizes[dim], str(dim) == "energy" or name == "image") for dim in array.dims]
    return {
        "data": np.ascontiguousarray(array.values),
        "axes": axes,
        "metadata": _metadata(leaf, name),
        "original_metadata": {},
        "attributes": {"_lazy": False, "ragged": False},
        "tmp_parameters": {},
        "package_info": {"package": "imgpipe", "package_version": "phantom"},
        "learning_results": {},
        "models": {},
    }


def _axis(leaf: xr.Dataset, dim: str, size: int, signal: bool) -> dict[str, Any]:
    values = leaf[dim].values
    factor, unit = (1e-3, "keV") if dim == "energy" else (1.0, "nm")
    return {
        "_type": "UniformDataAxis",
        "name": "Energy" if dim == "energy" else dim,
        "units": unit,
        "navigate": not signal,
        "is_binned": dim == "energy",
        "size": size,
        "scale": float(np.round((values[1] - values[0]) * factor, 9)),
        "offset": float(values[0] * factor),
    }


def _metadata(leaf: xr.Dataset, name: str) -> dict[str, Any]:
    general = {"title": str(leaf.attrs["title"]), "original_filename": ""}
    if name == "image":
        return {"General": general, "Signal": {"signal_type": "", "quantity": "Grey value"}}
    detector = {
        "energy_resolution_MnKa": float(leaf["detector_resolution"]),
        "elevation_angle": float(leaf["take_off_angle"]),
        "azimuth_angle": float(leaf["azimuth_angle"]),
        "live_time": float(leaf["live_time"]),
        "real_time": float(leaf["real_time"]),
    }
    microscope = {
        "beam_energy": float(leaf["beam_energy"]) * 1e-3,
        "Stage": {"tilt_alpha": 90.0 - float(leaf["face_angle"])},
        "Detector": {"EDS": detector},
    }
    return {
        "General": general,
        "Signal": {"signal_type": "EDS_SEM", "quantity": "X-rays (Counts)"},
        "Acquisition_instrument": {"SEM": microscope},
        "Sample": {"name": str(leaf.attrs["sample"]), "elements": sorted(str(leaf.attrs["elements"]).split())},
    }
