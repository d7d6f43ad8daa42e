"""From the dictionaries that rosettasciio gives to acquisitions and images (runs in the child)."""

from __future__ import annotations

import copy
import re
from collections.abc import Mapping
from typing import Any

import numpy as np

from imgpipe.readers.edxs_axes import energy_axis, energy_factor, length_factor
from imgpipe.readers.edxs_header import EdxsHeader, number
from imgpipe.readers.edxs_leaves import Acquisition

Signal = Mapping[str, Any]


def header_of(signal: Signal) -> EdxsHeader:
    """Return the metadata of one signal: HyperSpy's names, keV, nA and degrees, become ours."""
    metadata = _mapped(signal)
    general, sample = _mapping(metadata.get("General")), _mapping(metadata.get("Sample"))
    instrument = _mapping(metadata.get("Acquisition_instrument"))
    kind = next((name for name in ("SEM", "TEM") if name in instrument), "")
    microscope = _mapping(instrument.get(kind))
    eds = _mapping(_mapping(microscope.get("Detector")).get("EDS"))
    found = EdxsHeader(signal=str(_mapping(metadata.get("Signal")).get("signal_type") or ""))
    found.raw = {"metadata": metadata, "original_metadata": _mapping(signal.get("original_metadata"))}
    found.put("beam_energy", microscope.get("beam_energy"), 1e3)
    found.put("beam_current", microscope.get("beam_current"), 1e-9)
    found.put("magnification", microscope.get("magnification"))
    found.put("stage_tilt", _mapping(microscope.get("Stage")).get("tilt_alpha"))
    found.put("live_time", eds.get("live_time"))
    found.put("real_time", eds.get("real_time"))
    found.put("azimuth_angle", eds.get("azimuth_angle"))
    found.put("detector_resolution", eds.get("energy_resolution_MnKa"))
    found.settle(number(eds.get("elevation_angle")))
    found.declare(_listed(sample.get("elements")))
    found.note("microscope", kind)
    found.note("title", general.get("title"))
    found.note("sample", sample.get("name") or sample.get("description"))
    found.note("instrument", microscope.get("microscope"))
    found.note("detector", eds.get("detector_type") or eds.get("detector") or eds.get("EDS_det"))
    found.note("acquired", "T".join(str(general[key]) for key in ("date", "time") if general.get(key)))
    return found


def _mapped(signal: Signal) -> Mapping[str, Any]:
    """Return the metadata, filled up by the mapping from the file's own names that rosettasciio gives along."""
    metadata: dict[str, Any] = copy.deepcopy(dict(_mapping(signal.get("metadata"))))
    for place, (wanted, convert) in (signal.get("mapping") or {}).items():
        value = _found(signal.get("original_metadata"), place.split("."))
        if value is None or value == "":
            continue
        try:
            found = convert(value) if convert is not None else value
        except (TypeError, ValueError, LookupError, AttributeError):
            continue  # the file's own text is no such number
        *path, last = wanted.split(".")
        node = metadata
        for key in path:
            node = node.setdefault(key, {})
        node[last] = found
    return metadata


def _found(node: Any, path: list[str]) -> Any:
    """Return the entry at a path, None where there is none; names are compared as HyperSpy writes them.

    The mappings of rosettasciio name some keys so (``Live_time``) where the file's own name is ``Live time``.
    """
    for key in path:
        known = _mapping(node)
        if key not in known:
            key = next((name for name in known if _slug(name) == _slug(key)), key)
        node = known.get(key)
    return node


def _slug(name: object) -> str:
    """Return a name with ``_`` for each blank, without other signs."""
    return re.sub(r"[^\w ]", "", str(name)).strip().replace(" ", "_")


def acquisition(signal: Signal, *, unit: str | None = None, header: EdxsHeader | None = None) -> Acquisition:
    """Return a signal with an energy axis as an acquisition.

    Parameters
    ----------
    signal : of rosettasciio; its last axis is energy
    unit : unit of the energy that the format's standard prescribes, where the signal has none of its own
    header : metadata, where they are not the signal's
    """
    axes = ordered(signal["axes"])
    told = header or header_of(signal)
    last = axes[-1]
    loss = told.signal.upper() in ("EELS", "ELS")
    energy, turned = energy_axis(
        int(last["size"]), last.get("offset", 0.0), last.get("scale", 1.0), last.get("units") or unit, loss=loss
    )
    lengths = [(axis.get("scale"), axis.get("units")) for axis in axes[:-1]]
    return Acquisition(signal["data"], energy, lengths, told, turned)


def is_spectral(signal: Signal) -> bool:
    """Tell whether the last axis of a signal is one of energies: by its unit, or by its name."""
    axes = ordered(signal["axes"])
    if not axes or signal["data"].dtype.names:
        return False
    last = axes[-1]
    if energy_factor(last.get("units")) is not None or "energy" in str(last.get("name") or "").lower():
        return True
    along = [axis for axis in axes if not axis.get("navigate", False)]
    return len(along) == 1 and along[0] is last and length_factor(last.get("units")) is None


def is_image(signal: Signal) -> bool:
    """Tell whether a signal is one grey image."""
    return np.ndim(signal["data"]) == 2 and not signal["data"].dtype.names and not is_spectral(signal)


def ordered(axes: Any) -> list[dict[str, Any]]:
    """Return the axes in the order of the array (some formats number them)."""
    found = list(axes.values()) if isinstance(axes, Mapping) else list(axes)
    return [dict(axis) for axis in found]


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _listed(value: Any) -> list[object]:
    if value is None or isinstance(value, str):
        return (value or "").replace(",", " ").split()  # type: ignore[return-value]
    return list(value)
