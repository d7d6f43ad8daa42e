"""A result folder as a run would leave it, with numbers chosen by hand: what figures and report are tested on."""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from imgpipe import bundle, store
from imgpipe.model import axis, quantity, texts
from imgpipe.tables import group_tables, write_table

TERMS = {"localisation": 0.004, "sampling": 0.008, "edge_model": 0.006, "curtain": 0.001, "obliquity": 0.0005}
SHARED = {"pixel_scale": 0.029, "tilt": 0.0136}
CERTIFICATE = "NPL-2291, 2026-02-11, 5 kV, 50 kx"
PROVENANCE = [
    {
        "step": "calibrate_scale",
        "version": 1,
        "settings": {"factor_x": 1.002, "factor_y": 1.002, "u": 0.005, "u_is": "standard", "certificate": CERTIFICATE},
    },
    {"step": "correct_foreshortening", "version": 1, "settings": {"face_angle": None, "u_face_angle": 1.0}},
    {"step": "remove_curtains", "version": 1, "settings": {}},
    {"step": "trace_edges", "version": 1, "settings": {"layers": ["Pt", "Mg", "W", "Cu"]}},
    {"step": "fit_edges", "version": 1, "settings": {}},
    {"step": "layer_thickness", "version": 1, "settings": {}},
]


def make_leaf(
    layers: Mapping[str, float],
    *,
    above: str = "Pt",
    below: str = "Cu",
    pixel: float | None = 2.0,
    shape: tuple[int, int] = (240, 320),
    flags: Mapping[str, str] | None = None,
    seed: int = 3,
) -> xr.Dataset:
    """Return the leaf of a measured section.

    Parameters
    ----------
    layers : name -> thickness in pixels, top to bottom
    pixel : pixel size in nm; None for an image without scale
    flags : layer -> flag
    """
    rng = np.random.default_rng(seed)
    unit, size = ("px", 1.0) if pixel is None else ("nm", pixel)
    x, y = (axis(dim, n, size, unit) for dim, n in (("x", shape[1]), ("y", shape[0])))
    edges = _edges(layers, shape, rng)
    names = [above, *layers, below]
    interfaces = [f"{a}|{b}" for a, b in itertools.pairwise(names)]
    image = _image(edges, shape, rng)
    local = np.diff(edges, axis=0) * size
    objects = {"layer": texts(layers, "layer", "layer"), "interface": texts(interfaces, "interface", "interface")}
    leaf = xr.Dataset(
        {
            "image": quantity(image, "counts", "grey value", "y x", bits=8),
            "interface_position": quantity(edges * size, unit, "edge", "interface x"),
            "local_thickness": quantity(local, unit, "local thickness", "layer x"),
        },
        coords={"y": y, "x": x, **objects},
    )
    leaf = leaf.assign(_layer_table(local / size, pixel, [(flags or {}).get(n, "") for n in layers]))
    leaf = leaf.assign(
        roughness=quantity(np.full(len(interfaces), 1.7), "nm", "roughness", "interface"),
        beam_energy=quantity(5000.0, "eV", "beam energy"),
        stage_tilt=quantity(52.0, "deg", "stage tilt"),
    )
    if pixel is not None:
        leaf["pixel_size_x"] = quantity(pixel, "nm", "pixel size")
        leaf["pixel_scale_u"] = quantity(0.005, "1", "relative standard uncertainty of the pixel size")
    return leaf.assign_attrs(
        technique="sem", instrument="FEI Helios G4", detector="TLD", source_file="section.tif", flags="saturated 0.4 %",
        tilt_corrected="no", data_bar_rows=29, provenance=json.dumps(PROVENANCE, sort_keys=True),
    )  # fmt: skip


def write_result(
    out: Path,
    groups: Mapping[str, xr.Dataset | Mapping[str, xr.Dataset]],
    failures: Sequence[Mapping[str, Any]] = (),
    title: str = "Layers of Mg on W",
) -> Path:
    """Write a result folder with complete groups, each of one leaf (called image) or of several, and the failures."""
    out.mkdir(parents=True, exist_ok=True)
    collected: dict[str, list[pd.DataFrame]] = {}
    for name, given in groups.items():
        leaves = {"image": given} if isinstance(given, xr.Dataset) else dict(given)
        part = bundle.part_folder(out, name)
        for leaf_name, leaf in leaves.items():
            store.write_leaf(leaf, part / bundle.DATA, leaf_name)
        fields = {"sample": name.partition("_")[0]}
        for table, rows in group_tables(leaves, name, fields, {}).items():
            write_table(rows, part / "tables", table)
            collected.setdefault(table, []).append(rows)
        bundle.write_json(part / "run.json", {"group": name, "fields": fields, "flags": ["saturated 0.4 %"]})
        bundle.finish_group(part, "key")
    for table, parts in collected.items():
        write_table(pd.concat(parts, ignore_index=True), out / "tables", table)
    (out / "recipe.yaml").write_text(
        f"{bundle.SAVED}\nimgpipe: 1\ntitle: {title}\nsteps:\n  - trace_edges: {{layers: [Pt, Mg, W, Cu]}}\n"
    )
    lines = [json.dumps(failure) for failure in failures]
    (out / "failures.jsonl").write_text("".join(f"{line}\n" for line in lines))
    states = {name: {"status": "done", "seconds": 1.0} for name in groups}
    states |= {str(f["group"]): {"status": "failed", "seconds": 0.1} for f in failures}
    record = {"imgpipe": "0.1.0", "title": title, "versions": {"python": "3.11.7", "numpy": "2.4.6"},
              "started": "2026-11-21T09:00:00+0000", "finished": "2026-11-21T09:01:00+0000", "groups": states,
              "manifest": {}}  # fmt: skip
    bundle.write_json(out / "run.json", record)
    return out


def failure(group: str) -> dict[str, Any]:
    """Return what failures.jsonl says of a truncated file."""
    return {
        "group": group, "files": [f"{group}.tif"], "type": "ReadError", "file": f"{group}.tif",
        "cause": "412 of 1536 rows could be read; the header promises <1536>.", "remedy": "copy the file again.",
    }  # fmt: skip


def _edges(layers: Mapping[str, float], shape: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
    """Return edges (interface, x) in pixels: tilted, rough, the layers on top of each other."""
    columns = np.arange(shape[1])
    kernel = np.exp(-0.5 * (np.arange(-30, 31) / 8.0) ** 2)
    noise = rng.normal(size=(len(layers) + 1, shape[1] + 60))
    rough = np.array([np.convolve(row, kernel / kernel.sum(), "valid") for row in noise])
    steps = np.concatenate([[0.0], np.cumsum(list(layers.values()))])
    top = 0.45 * shape[0] - steps[-1] / 2
    return np.asarray(top + 0.02 * columns + steps[:, None] + 3.0 * rough)


def _image(edges: np.ndarray, shape: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
    rows = np.arange(shape[0])[:, None]
    levels = [200.0, *(90.0 + 70 * (n % 2) for n in range(len(edges) - 1)), 135.0]
    grey = np.full(shape, levels[0])
    for edge, low, high in zip(edges, levels, levels[1:], strict=False):
        grey += (high - low) * 0.5 * (1 + np.tanh((rows - edge[None]) / 1.5))
    return np.clip(grey + rng.normal(0, 9, shape), 0, 255).astype(np.uint8)


def _layer_table(local: np.ndarray, pixel: float | None, flags: list[str]) -> dict[str, xr.DataArray]:
    scale = np.nan if pixel is None else pixel
    mean = local.mean(axis=1) * scale
    terms = {name: share * mean for name, share in (TERMS | SHARED).items()}
    random = np.sqrt(sum(terms[name] ** 2 for name in TERMS))
    shared = np.sqrt(sum(terms[name] ** 2 for name in SHARED))
    total = np.hypot(random, shared)
    p16, median, p84 = np.percentile(local, [16, 50, 84], axis=1) * scale
    columns = {
        "thickness": mean, "u_thickness": total, "u_thickness_random": random, "u_thickness_shared": shared,
        "thickness_low": mean - 2.1 * total, "thickness_high": mean + 2.1 * total,
        "sd_thickness": local.std(axis=1) * scale, "median_thickness": median, "thickness_p16": p16,
        "thickness_p84": p84, **{f"u_{name}": values for name, values in terms.items()},
    }  # fmt: skip
    bounds = np.array(["upper bound" in flag for flag in flags])
    columns["thickness"] = np.where(bounds, np.nan, columns["thickness"])
    table = {name: quantity(values, "nm", name, "layer") for name, values in columns.items()}
    return table | {
        "thickness_px": quantity(local.mean(axis=1), "px", "thickness", "layer"),
        "n_eff": quantity(np.full(len(flags), 26.0), "1", "effective number of columns", "layer"),
        "covered_fraction": quantity(np.full(len(flags), 0.987), "1", "covered fraction", "layer"),
        "flag": texts(flags, "flag", "layer"),
        "shared_id": texts(["" if pixel is None else "scale:Helios 50 kx"] * len(flags), "shared with", "layer"),
    }
