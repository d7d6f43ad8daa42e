"""Costs of a call: in a fresh process as everywhere, or at once where only the numbers are wanted."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Any

from benchmarks.measure import Measurement, measured


def costed(
    function: Callable[..., Any], *arguments: Any, warm: tuple[Any, ...], repeats: int = 1, small: bool = False
) -> Measurement:
    """Measure a call as `benchmarks.measure.measured` does; a small one in this process, without its memory."""
    if not small:
        return measured(function, *arguments, warm=warm, repeats=repeats)
    function(*warm)
    begin = time.process_time()
    result = function(*arguments)
    return Measurement(time.process_time() - begin, float("nan"), result)


def memory(one: Measurement) -> str:
    """Return the peak memory in MiB as text, empty where it was not measured."""
    return "" if math.isnan(one.mebibytes) else f"{one.mebibytes:.0f}"
