"""A cryo-FIB-SEM cross-section of a coated foil: thin layers between a cap and a substrate, with known truth.

The face is drawn in its own plane (x along the foil, depth v down the face), then seen by the electron beam at the
angle between beam and face: rows are shortened by its sine. What the metadata say (pixel size, angle) and what is true
are separate parameters, so that a test can draw the errors that all images of a session share.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from imgpipe.phantoms.detector import record
from imgpipe.phantoms.face_artefacts import (
    add_curtains,
    add_frost,
    add_grains,
    add_redeposit,
    charging_field,
    curtain_stripes,
    draw_frost,
)
from imgpipe.phantoms.materials import MATERIALS, electron_range
from imgpipe.phantoms.rough_interfaces import conformal_profiles, keep_order
from imgpipe.phantoms.section import PRESETS, Preset, Section
from imgpipe.phantoms.section_tables import as_dataset, as_truth
from imgpipe.phantoms.sem_signal import Beam, Signal, render
from imgpipe.phantoms.vendor_tiff import write

__all__ = ["PRESETS", "Section", "draw_shared", "effect_streams", "interface_depths", "make", "noise_free", "write"]

Floats = NDArray[np.float64]
Streams = Mapping[str, np.random.Generator]
_EFFECTS = ("interfaces", "detector", "grains", "curtains", "redeposition", "charging", "frost")


def make(seed: int, *, preset: Preset = "symmetric", **truth: Any) -> tuple[xr.Dataset, xr.Dataset]:
    """Make one cross-section image and its truth.

    Parameters
    ----------
    seed : equal seeds and parameters give equal images
    preset : starting values, see `PRESETS`
    truth : parameters of `Section`

    Returns
    -------
    dataset : ``image`` (y, x), 0-d metadata as a reader gives them, nominal pixel size
    truth : ``thickness(layer)`` and ``process_thickness(layer)`` (mean of the process), ``realised_thickness(layer)``
        (mean over this image), ``interface_position(interface, x)`` (nm down the face),
        ``interface_position_px(interface, x)`` (image row) and the parameters behind them
    """
    section = Section(**{**PRESETS[preset], **truth})
    streams = effect_streams(seed)
    depth = interface_depths(section, streams["interfaces"])
    image, hidden = noise_free(section, depth, streams)
    counts = record(
        image,
        streams["detector"],
        noise=section.noise,
        shot_share=section.shot_share,
        reference=float(np.mean(section.greys) * section.contrast + section.brightness),
        bits=section.bits,
    )
    return as_dataset(section, counts), as_truth(section, depth, hidden)


def effect_streams(seed: int) -> dict[str, np.random.Generator]:
    """Return one generator per effect, so that switching one off leaves the others as they are."""
    children = np.random.SeedSequence(seed).spawn(len(_EFFECTS))
    return {name: np.random.default_rng(child) for name, child in zip(_EFFECTS, children, strict=True)}


def draw_shared(
    seed: int, u_scale: float, u_angle: float, *, pixel_size: float = 2.0, face_angle: float | None = 52.0
) -> dict[str, Any]:
    """Draw the errors that all images of a session share, as parameters for `make`.

    Parameters
    ----------
    u_scale : relative standard uncertainty of the pixel size
    u_angle : standard uncertainty of the face angle, deg
    pixel_size, face_angle : what the metadata say

    Returns
    -------
    the nominal and the true pixel size and face angle
    """
    scale, angle = np.random.default_rng([seed, 20261]).standard_normal(2)
    shared = {"pixel_size": pixel_size, "true_pixel_size": pixel_size * (1.0 + u_scale * scale)}
    if face_angle is not None:
        shared |= {"face_angle": face_angle, "true_face_angle": face_angle + u_angle * angle}
    return shared


def interface_depths(section: Section, rng: np.random.Generator) -> Floats:
    """Draw where each interface lies: (interface, x), nm down the face from the middle of the first row."""
    columns = section.shape[1]
    step, rows_per_nm = section.nm_per_column, section.rows_per_nm
    slope = np.tan(np.radians(section.tilt))
    below_first = np.concatenate([[0.0], np.cumsum(section.thickness)]) / np.cos(np.radians(section.tilt))
    if section.first_interface is None:
        first = 0.5 * (section.shape[0] / rows_per_nm - below_first[-1])
    else:
        first = section.first_interface * section.shape[0] / rows_per_nm
    heights = conformal_profiles(
        rng,
        columns,
        section.per_interface(section.roughness),
        [length / step for length in section.per_interface(section.correlation_length)],
        conformality=section.conformality,
        hurst=section.hurst,
    )
    along = (np.arange(columns) - 0.5 * (columns - 1)) * step
    return keep_order(first + below_first[:, None] + slope * along + heights)


def _greys(section: Section) -> Floats:
    return np.array([section.grey.get(name, MATERIALS[name].grey) for name in section.layers])


def noise_free(section: Section, depth: Floats, streams: Streams) -> tuple[Floats, NDArray[np.bool_]]:
    """Return the noise-free image in 8-bit grey for interfaces at `depth`, and the mask of what frost hides."""
    rows = depth * section.rows_per_nm
    image = render(rows, section.shape[0], emission(section), beam(section), subrows=section.subrows)
    hidden = np.zeros(section.shape, dtype=bool)
    step = section.nm_per_column
    if section.grains > 0:
        size = (section.grain_size * section.rows_per_nm, section.grain_size / step)
        add_grains(image, streams["grains"], rows[-1], section.grains, size, section.beam_sigma / step)
    if section.curtains > 0:
        stripes = curtain_stripes(
            streams["curtains"], section.shape[1], section.curtains, section.curtain_length / step
        )
        add_curtains(image, stripes, rows[0], section.curtain_onset * section.rows_per_nm)
    if section.redeposition > 0:
        last = float(rows[-1].max())
        add_redeposit(
            image, streams["redeposition"], section.redeposition, last + 0.65 * max(section.shape[0] - last, 1.0)
        )
    if section.charging > 0:
        image *= charging_field(streams["charging"], section.shape, section.charging)
    if section.frost > 0:
        area = section.shape[0] / section.rows_per_nm * section.shape[1] * step * 1e-6
        aspect = section.rows_per_nm * step
        crystals = draw_frost(
            streams["frost"], section.shape, section.frost * area, section.frost_radius / step, aspect
        )
        hidden = add_frost(image, crystals)
    image *= section.contrast
    image += section.brightness
    return image, hidden


def beam(section: Section) -> Beam:
    """Return the probe in px; it is not foreshortened, the face is."""
    sigma, tail = section.beam_sigma / section.nm_per_column, section.tail_sigma / section.nm_per_column
    return Beam(sigma_y=sigma, sigma_x=sigma * section.astigmatism, tail_share=section.tail_share, tail_sigma=tail)


def emission(section: Section) -> Signal:
    """Return what each layer sends out, lengths in rows."""
    reach = [section.reach_length * electron_range(MATERIALS[name], section.beam_energy) for name in section.layers]
    return Signal(
        grey=section.greys,
        reach=np.array(reach) * section.rows_per_nm,
        reach_share=section.reach_share,
        relief=section.relief * _relief(section.layers),
        relief_width=section.relief_width * section.rows_per_nm if section.relief > 0 else 0.0,
        mixing_share=section.mixing_share,
        mixing_depth=section.mixing_depth * section.rows_per_nm,
    )


def _relief(layers: tuple[str, ...]) -> Floats:
    """Return, above and below each interface, +1 for a strong ridge and -0.6 for its shadow."""
    out = np.zeros((len(layers) - 1, 2))
    for index, (above, below) in enumerate(pairwise(layers)):
        step = np.tanh(np.log(MATERIALS[below].milling_rate / MATERIALS[above].milling_rate))
        out[index] = (step, -0.6 * step) if step > 0 else (0.6 * step, -step)
    return out
