"""The parameters of a cross-section phantom, and two sets of starting values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from imgpipe.phantoms.materials import MATERIALS

Preset = Literal["symmetric", "realistic"]


@dataclass(frozen=True)
class Section:
    """Everything that makes one cross-section image; lengths in nm on the specimen unless said otherwise.

    Attributes
    ----------
    layers : names from top to bottom, cap first, substrate last
    thickness : of the inner layers, along their mean normal; the mean of the process
    shape : rows and columns of the image, without data bar
    pixel_size, true_pixel_size : what the metadata say, and what is true (None: the same)
    face_angle, true_face_angle : angle between beam and milled face, deg, as the metadata say, and true; None: 90
    tilt_corrected : the microscope stretched the rows by 1/sin(face_angle) while scanning
    tilt : slope of the stack along x, deg, in the plane of the face
    roughness, correlation_length : of each interface, one number for all or one per interface
    hurst, conformality : self-affine exponent; correlation of each interface with the one below it
    first_interface : mean row of the first interface over the image height (None: stack in the middle)
    grey : signal of named materials where it differs from `materials.MATERIALS`, 8-bit grey
    beam_energy : eV
    beam_sigma : Gaussian core of the probe along y
    astigmatism : core along x over core along y
    tail_share, tail_sigma : current in the wide tail of the probe, and its width in nm
    reach_share, reach_length : part of the signal that is an average around the landing point; its decay length as
        a fraction of the electron range in the material landed in
    relief, relief_width : brightening of ridges (relative), and its decay length
    mixing_share, mixing_depth : cap material below the first interface (beam-rounded edge)
    noise : standard deviation at the mean grey, 8-bit grey
    shot_share : share of the noise variance that is Poisson
    grains, grain_size : channelling contrast of the substrate's grains, relative, and their diameter
    curtains : rms of the stripes, relative
    curtain_onset, curtain_length : depth over which they grow; longest wavelength
    charging : slow brightness change, relative
    redeposition : opacity of redeposited material at the foot of the face, 0 to 1
    frost, frost_radius : ice crystals per um2 of face; median radius
    contrast, brightness : detector setting, factor and offset in 8-bit grey
    bits : 8, 12 (stored in 16) or 16
    subrows : sub-rows per row while rendering
    instrument, detector : names for the metadata
    """

    layers: tuple[str, ...] = ("Pt", "Mg", "W", "Cu")
    thickness: tuple[float, ...] = (140.0, 30.0)
    shape: tuple[int, int] = (512, 1024)
    pixel_size: float = 2.0
    true_pixel_size: float | None = None
    face_angle: float | None = None
    true_face_angle: float | None = None
    tilt_corrected: bool = False
    tilt: float = 0.0
    roughness: float | tuple[float, ...] = 4.0
    correlation_length: float | tuple[float, ...] = 60.0
    hurst: float = 0.5
    conformality: float = 0.6
    first_interface: float | None = None
    grey: Mapping[str, float] = field(default_factory=dict)
    beam_energy: float = 2000.0
    beam_sigma: float = 3.0
    astigmatism: float = 1.0
    tail_share: float = 0.0
    tail_sigma: float = 20.0
    reach_share: float = 0.0
    reach_length: float = 0.1
    relief: float = 0.0
    relief_width: float = 4.0
    mixing_share: float = 0.0
    mixing_depth: float = 8.0
    noise: float = 8.0
    shot_share: float = 0.0
    grains: float = 0.0
    grain_size: float = 250.0
    curtains: float = 0.0
    curtain_onset: float = 150.0
    curtain_length: float = 400.0
    charging: float = 0.0
    redeposition: float = 0.0
    frost: float = 0.0
    frost_radius: float = 15.0
    contrast: float = 1.0
    brightness: float = 0.0
    bits: int = 8
    subrows: int = 4
    instrument: str = "phantom"
    detector: str = "InLens"

    def __post_init__(self) -> None:
        """Refuse a stack that can't be drawn."""
        if len(self.layers) < 2 or len(self.thickness) != len(self.layers) - 2:
            raise ValueError(f"{len(self.layers)} layers need {len(self.layers) - 2} thicknesses (not cap, substrate)")
        unknown = sorted(set(self.layers) - set(MATERIALS))
        if unknown:
            raise ValueError(f"unknown materials {unknown}; known: {sorted(MATERIALS)}")

    @property
    def interfaces(self) -> tuple[str, ...]:
        """Names such as ``Pt|Mg``, top to bottom."""
        return tuple(f"{above}|{below}" for above, below in zip(self.layers[:-1], self.layers[1:], strict=True))

    @property
    def nm_per_column(self) -> float:
        """True distance of neighbouring columns on the face."""
        return self.pixel_size if self.true_pixel_size is None else self.true_pixel_size

    @property
    def nominal_angle(self) -> float:
        """Face angle of the metadata, deg; 90 without foreshortening."""
        return 90.0 if self.face_angle is None else self.face_angle

    @property
    def true_angle(self) -> float:
        """Face angle as it is, deg."""
        return self.nominal_angle if self.true_face_angle is None else self.true_face_angle

    @property
    def rows_per_nm(self) -> float:
        """Image rows per nm of depth down the face: foreshortened by the true angle, stretched by the nominal one."""
        stretch = np.sin(np.radians(self.nominal_angle)) if self.tilt_corrected else 1.0
        return float(np.sin(np.radians(self.true_angle)) / stretch / self.nm_per_column)

    @property
    def image_slope(self) -> float:
        """Rows per column that the stack runs in the image."""
        return float(np.tan(np.radians(self.tilt)) * self.rows_per_nm * self.nm_per_column)

    @property
    def greys(self) -> NDArray[np.float64]:
        """Signal of each flat layer, 8-bit grey."""
        return np.array([self.grey.get(name, MATERIALS[name].grey) for name in self.layers])

    def per_interface(self, value: float | tuple[float, ...]) -> tuple[float, ...]:
        """Return one value for each interface."""
        count = len(self.interfaces)
        values = value if isinstance(value, tuple) else (float(value),) * count
        if len(values) != count:
            raise ValueError(f"{count} interfaces need {count} values, found {len(values)}")
        return values


PRESETS: dict[Preset, dict[str, Any]] = {
    "symmetric": {},
    "realistic": {
        "astigmatism": 1.15,
        "tail_share": 0.08,
        "reach_share": 0.15,
        "relief": 0.12,
        "mixing_share": 0.12,
        "shot_share": 0.8,
        "grains": 0.05,
        "curtains": 0.03,
        "charging": 0.02,
        "redeposition": 0.4,
        "frost": 0.6,
    },
}
"""Symmetric: a Gaussian probe and constant noise only. Realistic: every effect of the instrument and the face."""
