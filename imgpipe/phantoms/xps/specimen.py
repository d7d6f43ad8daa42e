"""What a preset describes: specimens with regions, and random but repeatable deviations of each."""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imgpipe.phantoms.xps.region import Region
from imgpipe.phantoms.xps.spectrometer import Spectrometer

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Specimen:
    """One specimen in one instrument.

    Attributes
    ----------
    name : of the sample
    regions : measured windows
    spectrometer : instrument and scan; `scans` replaces it for named regions
    truth : further facts, name -> (value, unit, long name); a mapping as value has one number per element
    series : coordinates along `cycle`, name -> (values, unit, long name); regions are then batches of this length
    """

    name: str
    regions: tuple[Region, ...]
    spectrometer: Spectrometer
    scans: Mapping[str, Spectrometer] = field(default_factory=dict)
    truth: Mapping[str, tuple[Any, str, str]] = field(default_factory=dict)
    series: Mapping[str, tuple[Any, str, str]] = field(default_factory=dict)

    def scan(self, region: str) -> Spectrometer:
        """Return the spectrometer's setting for a region."""
        return self.scans.get(region, self.spectrometer)


@dataclass(frozen=True)
class Draws:
    """Random numbers by name: equal seeds give equal numbers, whatever else is drawn and however many at once."""

    seeds: Sequence[int]

    def normal(self, name: str, sd: float) -> Any:
        """Return one normal deviate per seed, (n,), or 0.0 when `sd` is zero."""
        if sd == 0:
            return 0.0
        return sd * np.array([stream(seed, name).standard_normal() for seed in self.seeds])


def stream(seed: int, name: str) -> np.random.Generator:
    """Return the generator of one seed and one purpose."""
    return np.random.default_rng([seed, zlib.crc32(name.encode())])


def of_sample(value: Any, index: int) -> Any:
    """Return the value of one sample: a tuple holds one per sample, anything else goes for all."""
    return value[index] if isinstance(value, tuple) else np.asarray(value, dtype=np.float64)
