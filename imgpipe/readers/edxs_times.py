"""Live and real time of ONE spectrum: what files say of a whole map is shared out over its pixels (no imports)."""

from __future__ import annotations

import math

from imgpipe.readers.edxs_header import EdxsHeader

TIMES = ("live_time", "real_time")


def share_out(header: EdxsHeader, pixels: int) -> None:
    """Divide times that the file states for all pixels of a map by their number.

    Parameters
    ----------
    header : its `live_time` and `real_time` (s) become those of one pixel
    pixels : of the map
    """
    for name in TIMES:
        if name in header.numbers and pixels > 0:
            header.numbers[name] /= pixels


def share_out_if_total(header: EdxsHeader, pixels: int, scanning: float | None) -> None:
    """Divide times where they are nearer to the time of the whole scan than to that of a pixel; drop them if unknown.

    Parameters
    ----------
    header : its `live_time` and `real_time` (s) become those of one pixel
    pixels : of the map
    scanning : time of all frames together, s; None where the file does not say it
    """
    stated = header.numbers.get("real_time") or header.numbers.get("live_time")
    if not stated or pixels < 2:
        return
    if not scanning or scanning <= 0:
        leave_out(header)
    elif abs(math.log(stated / scanning)) < abs(math.log(stated * pixels / scanning)):
        share_out(header, pixels)


def leave_out(header: EdxsHeader) -> None:
    """Drop times of which the file does not say whether they are those of one pixel or of all, and flag it."""
    said = [f"{name.replace('_', ' ')} {header.numbers.pop(name):g} s" for name in TIMES if name in header.numbers]
    header.numbers.pop("dead_time", None)
    if said:
        header.flags.append(f"{' and '.join(said)} not used: of one pixel or of all is not known")
