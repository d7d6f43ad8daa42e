"""Read RIPPLE files (.rpl beside .raw) with rosettasciio; runs in the child."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from imgpipe.errors import DataError, ReadError
from imgpipe.readers.edxs_axes import energy_factor
from imgpipe.readers.edxs_leaves import leaves, require_modest
from imgpipe.readers.edxs_signals import Signal, acquisition, ordered
from imgpipe.readers.leaf import Leaf, Source

_NEEDED = ("width", "height", "depth", "offset", "data-length", "data-type", "byte-order", "record-by")


def read(source: Source) -> list[Leaf]:
    """Return the leaf ``map`` (``line``, ``sum``) of a RIPPLE file; the .raw is read in place, tile by tile.

    Raises
    ------
    ReadError, DataError
        no .raw beside it, other size than stated, no step or unit of the energies.
    """
    from rsciio.ripple._api import file_reader, parse_ripple

    with open(source.path, encoding="latin-1", errors="replace") as handle:
        stated: dict[str, Any] = parse_ripple(handle)
    missing = [key for key in _NEEDED if key not in stated]
    if missing:
        raise ReadError(f"it does not state {', '.join(missing)}.", remedy="write the header again, with all keys.")
    raw = _raw(source.path)
    _require_whole(stated, raw, source)
    (signal,) = file_reader(str(raw.with_suffix(source.path.suffix)), lazy=True, rpl_info=dict(stated))
    return leaves([acquisition(_by_vector(signal, stated))], source)


def _raw(path: Path) -> Path:
    found = next((one for end in (".raw", ".RAW") if (one := path.with_suffix(end)).is_file()), None)
    if found is None:
        raise ReadError(f"the values stand in {path.stem}.raw, which is not there.", remedy="copy both files together.")
    return found


def _require_whole(stated: dict[str, Any], raw: Path, source: Source) -> None:
    sizes = [int(stated[key]) for key in ("width", "height", "depth")]
    if min(sizes) < 1 or sizes[2] < 2:
        raise ReadError(f"width x height x depth is {' x '.join(map(str, sizes))}: no map of spectra.")
    require_modest(math.prod(sizes), source.limits)
    expected = int(stated["offset"]) + math.prod(sizes) * int(stated["data-length"])
    found = raw.stat().st_size
    if found != expected:
        raise ReadError(
            f"{raw.name} has {found} bytes, its header states {expected}: it is cut, or belongs to another header.",
            remedy="copy both files again.",
        )


def _by_vector(signal: Signal, stated: dict[str, Any]) -> Signal:
    """Return the signal with energy as its last axis, and the unit of the energy."""
    axes, data = ordered(signal["axes"]), signal["data"]
    if stated["record-by"] == "image":
        import dask.array

        data, axes = dask.array.moveaxis(data, 0, -1), [*axes[1:], axes[0]]
    axes[-1]["units"] = _unit(stated)
    return {**signal, "data": data, "axes": axes}


def _unit(stated: dict[str, Any]) -> str:
    """Return the unit of the energies: what the header names, else eV of ``ev-per-chan``, never a guess."""
    unit = str(stated.get("depth-units", ""))
    if energy_factor(unit) is not None:
        return unit
    scale, step = stated.get("depth-scale"), stated.get("ev-per-chan")
    if step is not None:
        for name, factor in (("eV", 1.0), ("keV", 1e3)):
            if scale is None or math.isclose(scale * factor, step, rel_tol=1e-6):
                return name
    raise DataError(
        f"the header does not say which energy a channel has (depth-scale {scale}, depth-units {unit!r}, "
        f"ev-per-chan {step}).",
        remedy="write ev-per-chan, or depth-scale with depth-units eV or keV, into the .rpl file.",
    )
