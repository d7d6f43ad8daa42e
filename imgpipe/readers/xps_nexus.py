"""Read photoelectron spectra from NeXus files (NXxps, NXmpes): our own ones whole, others their spectra (child)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import h5py
import numpy as np

from imgpipe.errors import ReadError
from imgpipe.readers.leaf import Leaf, Source
from imgpipe.readers.nexus_guard import looked_over, opened
from imgpipe.readers.nexus_own import is_own, own_leaves
from imgpipe.readers.xps_leaves import leaves
from imgpipe.readers.xps_spectrum import MISSING, Spectrum

NUMBERS = {
    "photon_energy": ("incident_energy",),
    "pass_energy": ("pass_energy",),
    "work_function": ("work_function",),
    "dwell_time": ("count_time",),
    "sweeps": ("number_of_cycles",),
    "emission_angle": ("analyzer_take_off_polar_angle",),
}
"""Number of the metadata -> names of its field anywhere in the instrument."""
RATES = ("counts_per_second", "counts/s", "1/s", "cps")
CONTRADICTION = "energies are named kinetic but some are negative: taken as binding energies"


def read(source: Source) -> list[Leaf]:
    """Return one leaf per region of a NeXus file."""
    with opened(source.path) as file:
        said = looked_over(file, source.limits)
        found = own_leaves(file, source.path) if is_own(file) else _foreign(file, source)
    for leaf in found:
        leaf.flags += said
    return found


def _foreign(file: h5py.File, source: Source) -> list[Leaf]:
    entries = [(name, entry) for name, entry in file.items() if _is(entry, "NXentry")]
    spectra = [one for name, entry in entries for one in _spectra(name, entry)]
    if not spectra:
        kinds = ", ".join(sorted({_text(entry.get("definition")) or "no definition" for _, entry in entries}))
        raise ReadError(
            f"it holds no spectrum over an energy axis ({len(entries)} NXentry: {kinds or 'none'}).",
            remedy="give a file of NXxps or NXmpes with one-dimensional spectra.",
        )
    prefixes = {_sample_part(name) for name, _ in entries}
    for one in spectra if len(prefixes) > 1 else []:  # entries of several samples under one sample name
        one.sample = _sample_part(str(one.raw["entry"])) or one.sample
    if any(one.scale == "kinetic" and (one.energy < 0).any() for one in spectra):
        for one in spectra:
            one.scale = "binding"
            one.flags.append(CONTRADICTION)
    return leaves(spectra, source)


def _sample_part(entry: str) -> str:
    """Return the sample in the name of an entry: ``NiO__Ni2p`` -> ``NiO``; nothing where there is none."""
    return entry.rpartition("__")[0]


def _is(item: Any, kind: str) -> bool:
    return isinstance(item, h5py.Group) and _plain(item.attrs.get("NX_class")) == kind


def _spectra(name: str, entry: h5py.Group) -> Iterator[Spectrum]:
    """Yield the spectra of an entry, one for each place before the energy axis."""
    data = entry.get("data")
    if not _is(data, "NXdata"):
        data = next((group for group in entry.values() if _is(group, "NXdata")), None)
    if data is None:
        return
    signal = data.get(_plain(data.attrs.get("signal", "data")))
    energy = data.get("energy")
    if not isinstance(signal, h5py.Dataset) or not isinstance(energy, h5py.Dataset) or signal.dtype.kind not in "fiu":
        return
    values, unit = _measured(entry, signal, energy)
    for row in values.reshape(-1, values.shape[-1]):
        yield _spectrum(name, entry, energy, row, unit)


def _measured(entry: h5py.Group, signal: h5py.Dataset, energy: h5py.Dataset) -> tuple[np.ndarray, str]:
    """Return spectra and their unit: the signal, or the counts behind it where it is a rate over an unknown time."""
    size = energy.shape[0] if energy.ndim == 1 else -1
    unit = _plain(signal.attrs.get("units", "counts"))
    raw = entry.get("instrument/electronanalyzer/detector/raw_data/raw")
    timed = 0 < dict(_numbers(entry)).get("dwell_time", MISSING) < MISSING
    recorded = (
        isinstance(raw, h5py.Dataset) and raw.shape[-1:] == (size,) and _plain(raw.attrs.get("units")) == "counts"
    )
    if unit in RATES and not timed and recorded:
        counts = np.asarray(raw[()], dtype=np.float64)
        return counts.reshape(-1, size).sum(axis=0)[None], "counts"  # scans and channels of one spectrum
    values = np.asarray(signal[()], dtype=np.float64)
    if values.ndim == 0 or values.shape[-1] != size:
        raise ReadError(
            f"{signal.name} has the shape {values.shape}; spectra end with the {size} points of the energy axis."
        )
    return np.atleast_2d(values), unit


def _spectrum(name: str, entry: h5py.Group, energy: h5py.Dataset, values: np.ndarray, unit: str) -> Spectrum:
    spectrum = Spectrum(
        labels=(*_transitions(entry), name.rpartition("__")[2], name),
        sample=_text(entry.get("sample/name")) or _sample_part(name),
        energy=np.asarray(energy[()], dtype=np.float64),
        scale="kinetic" if "kinetic" in _plain(energy.attrs.get("type", "")).lower() else "binding",
        values=values,
        unit=_plain(energy.attrs.get("units", "eV")),
        rate=unit in RATES,
        raw={"entry": name, "definition": _text(entry.get("definition"))},
    )
    for key, value in _numbers(entry):
        spectrum.put(key, value)
    for key, path in (("instrument", "instrument/device_information/model"), ("acquired", "start_time")):
        if text := _text(entry.get(path)):
            spectrum.attrs[key] = text
    gun = entry.get("instrument/flood_gun")
    if isinstance(gun, h5py.Group):
        spectrum.attrs["charge_neutraliser"] = _text(gun.get("description")) or _text(gun.get("name")) or "present"
    return spectrum


def _transitions(entry: h5py.Group) -> tuple[str, ...]:
    field = entry.get("transitions")
    if not isinstance(field, h5py.Dataset) or field.dtype.kind != "O" or not field.size:
        return ()
    return (str(np.ravel(field.asstr()[()])[0]),)


def _numbers(entry: h5py.Group) -> Iterator[tuple[str, float]]:
    instrument = entry.get("instrument")
    if not isinstance(instrument, h5py.Group):
        return
    found: dict[str, float] = {}

    def look(path: str, item: Any) -> None:
        if isinstance(item, h5py.Dataset) and item.size == 1 and item.dtype.kind in "fiu":
            found.setdefault(path.rpartition("/")[2], float(np.ravel(item[()])[0]))

    instrument.visititems(look)
    for key, names in NUMBERS.items():
        for field in names:
            if field in found:
                yield key, found[field]


def _text(field: Any) -> str:
    if not isinstance(field, h5py.Dataset) or field.dtype.kind != "O" or field.shape != ():
        return ""
    return str(field.asstr()[()])


def _plain(value: Any) -> str:
    """Return an attribute as text."""
    if isinstance(value, np.ndarray):
        value = value.ravel()[0] if value.size else ""
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value or "")
