"""Edges of a tilted 4096 x 4096 section, and curtains: imgpipe, scipy loops, FermiViewer, wavelet-FFT."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.measure import Measurement, markdown, measured
from benchmarks.section_peers import fermiviewer_thickness, scipy_curve_fit, scipy_find_peaks, wavelet_fft
from imgpipe.kernels.curtains import curtain_pattern
from imgpipe.kernels.edge_tracking import track_edges
from imgpipe.kernels.stack_fit import fit_stack
from imgpipe.phantoms.cross_section import make

Floats = NDArray[np.float64]
Image = NDArray[Any]
TILT = 1.72
POLARITY = [-1, 1, -1]


def report(*, small: bool) -> str:
    """Return the tables of this benchmark as Markdown."""
    side = 512 if small else 4096
    stripes = 512 if small else 2048
    return "\n\n".join(
        [
            f"## Edges, {side} x {side}, {TILT} deg, Pt / Mg {thickness(side)[0]} px / W {thickness(side)[1]} px / Cu, "
            "noise 12, curtains 3 %",
            edges_table(side, repeats=1 if small else 3),
            f"## Curtains, {stripes} x {stripes}",
            curtains_table(stripes, repeats=1 if small else 3),
        ]
    )


def thickness(side: int) -> tuple[float, float]:
    """Return the thickness of Mg and W in px: Mg is thinner where the image is small."""
    return (141.5, 30.21) if side >= 2048 else (70.0, 30.21)


def section(side: int) -> tuple[Image, Floats]:
    """Return the benchmark image and the true rows (interface, x)."""
    data, truth = make(
        7, shape=(side, side), pixel_size=1.0, thickness=thickness(side), tilt=TILT, noise=12.0, curtains=0.03,
        roughness=2.0, correlation_length=40.0, beam_sigma=1.5,
    )  # fmt: skip
    return data["image"].values, truth["interface_position_px"].values


def tracked(image: Image) -> Floats:
    """Track the edges with imgpipe."""
    return track_edges(image, POLARITY).position


def joint_fit(image: Image, traced: Floats) -> Floats:
    """Fit all edges of each column jointly with imgpipe."""
    return fit_stack(image, traced).position


def read_once(image: Image) -> float:
    """Read every pixel once: the floor of any method that looks at the whole image."""
    return float(image.max())


def edges_table(side: int, repeats: int) -> str:
    """Time the edge finders and compare layer thicknesses with the truth."""
    image, truth = section(side)
    # The clean mean line is what a careful user would give the peers as a start.
    start = np.array([np.polyval(np.polyfit(np.arange(side), row, 1), np.arange(side)) for row in truth])
    loop = measured(scipy_curve_fit, image, start, warm=(image[:, :8], start[:, :8]), repeats=1)
    little = section(512)
    found = measured(tracked, image, warm=little[:1], repeats=repeats)
    fitted = measured(joint_fit, image, found.result, warm=little, repeats=repeats)
    peaks = measured(scipy_find_peaks, image, start, warm=(image[:, :8], start[:, :8]), repeats=1)
    floor = measured(read_once, image, warm=little[:1], repeats=repeats)
    rows = [
        _edge_row("imgpipe, tracked edges", found, truth, loop.seconds),
        _edge_row("imgpipe, joint fit (after tracking)", fitted, truth, loop.seconds),
        _edge_row("scipy find_peaks, each column", peaks, truth, loop.seconds),
        _edge_row("scipy curve_fit erf, each column", loop, truth, loop.seconds),
        *_fermiviewer_rows(image, truth, loop.seconds),
        ["floor: read each pixel once", f"{floor.seconds:.4f}", _ratio(loop, floor), "", "", "", ""],
    ]
    header = ["method", "CPU s", "x curve_fit", "Mg bias / rms px", "W bias / rms px", "failed columns", "peak MiB"]
    distance = found.seconds / max(floor.seconds, 1e-9)
    return f"{markdown(header, rows)}\n\nTracked edges take {distance:.0f} times the floor."


def curtains_table(side: int, repeats: int) -> str:
    """Time curtain removal and measure what is left of the stripes and what a stripe-free image loses."""
    geometry: dict[str, Any] = {
        "shape": (side, side), "pixel_size": 1.0, "thickness": (141.5, 30.21), "tilt": TILT, "noise": 6.0,
        "roughness": 2.0, "correlation_length": 40.0, "curtain_onset": 1.0,
    }  # fmt: skip
    striped = make(3, curtains=0.045, **geometry)[0]["image"].values
    plain = make(3, curtains=0.0, **geometry)[0]["image"].values
    methods: dict[str, Callable[[Image], Floats]] = {
        "imgpipe remove_curtains": removed_by_us,
        "wavelet-FFT db5 L6 s6 (usual)": wavelet_usual,
        "wavelet-FFT db5 L3 s2 (damage-free)": wavelet_gentle,
    }
    if importlib.util.find_spec("pywt") is None:
        methods = {"imgpipe remove_curtains": removed_by_us}
    little = (striped[:256, :256],)
    taken = {name: measured(method, striped, warm=little, repeats=repeats) for name, method in methods.items()}
    base = taken.get("wavelet-FFT db5 L3 s2 (damage-free)", next(iter(taken.values())))
    stripes = striped.astype(np.float64) - plain
    blocks = blocky(side)
    rows = []
    for name, one in taken.items():
        left = _lateral(striped - one.result - plain)
        damage = (_rms(methods[name](image)) for image in (plain, blocks))
        shown = [f"{value:.2f}" for value in (_rms(left), *damage)]
        speed, ratio = side * side / one.seconds / 1e6, base.seconds / one.seconds
        rows.append([name, f"{one.seconds:.3f}", f"{ratio:.1f}", *shown, f"{speed:.0f}", f"{one.mebibytes:.0f}"])
    header = ["method", "CPU s", "x gentle", "stripes left", "damage to layers", "to blocks", "MPix/s", "peak MiB"]
    before = f"Stripes before: {_rms(_lateral(stripes)):.2f}. Stripes and damage are rms grey levels."
    return f"{before}\n\n{markdown(header, rows)}"


def blocky(side: int) -> Image:
    """Return material of rectangular blocks, 8 to 200 px, without any stripe: what a filter must leave alone."""
    rng = np.random.default_rng(11)
    image = np.full((side, side), 100.0)
    for _ in range(side * side // 4000):
        y, x = rng.integers(0, side, 2)
        height, width = rng.integers(8, 200, 2)
        image[y : y + height, x : x + width] = rng.uniform(60, 180)
    return np.asarray(np.clip(image + rng.normal(0, 6.0, image.shape), 0, 255), dtype=np.uint8)


def removed_by_us(image: Image) -> Floats:
    """Return what imgpipe takes away."""
    return np.asarray(curtain_pattern(image), dtype=np.float64)


def wavelet_usual(image: Image) -> Floats:
    """Return what the usual setting of the wavelet-FFT filter takes away."""
    return image - wavelet_fft(image, levels=6, sigma=6.0)


def wavelet_gentle(image: Image) -> Floats:
    """Return what the gentlest useful setting of the wavelet-FFT filter takes away."""
    return image - wavelet_fft(image, levels=3, sigma=2.0)


def _edge_row(name: str, one: Measurement, truth: Floats, reference: float) -> list[str]:
    error = np.diff(one.result, axis=0) - np.diff(truth, axis=0)
    shown = [f"{np.nanmean(row):+.3f} / {_rms(row[np.isfinite(row)] - np.nanmean(row)):.3f}" for row in error]
    failed = float((~np.isfinite(error)).any(axis=0).mean())
    ratio = f"{reference / one.seconds:.1f}"
    return [name, f"{one.seconds:.3f}", ratio, *shown, f"{failed:.1%}", f"{one.mebibytes:.0f}"]


def _fermiviewer_rows(image: Image, truth: Floats, reference: float) -> list[list[str]]:
    if importlib.util.find_spec("fermiviewer") is None:
        return [["FermiViewer layer tool", "not installed", "", "", "", "", ""]]
    true = np.diff(truth, axis=0).mean(axis=1) * np.cos(np.radians(TILT))
    rows = []
    for name, tilt in (("FermiViewer, default", None), ("FermiViewer, true tilt typed in", -TILT)):
        one = measured(fermiviewer_thickness, image, tilt, warm=(image[:256, :256], tilt), repeats=1)
        near = [min(one.result, key=lambda found, t=t: abs(found - t), default=np.nan) - t for t in true]  # type: ignore[misc]
        shown = [f"{error:+.2f} (nearest of {len(one.result)})" for error in near]
        rows.append([name, f"{one.seconds:.3f}", f"{reference / one.seconds:.1f}", *shown, "", f"{one.mebibytes:.0f}"])
    return rows


def _ratio(reference: Measurement, one: Measurement) -> str:
    return f"{reference.seconds / max(one.seconds, 1e-9):.0f}"


def _lateral(values: Floats) -> Floats:
    """Keep what differs between columns: the mean over rows blocks of 64."""
    rows = values.shape[0] // 64 * 64
    blocks = values[:rows].reshape(-1, 64, values.shape[1]).mean(axis=1)
    return np.asarray(blocks - blocks.mean(axis=1, keepdims=True))


def _rms(values: Floats) -> float:
    return float(np.sqrt(np.mean(np.square(values))))
