"""Round a number by its uncertainty, as a reader expects it in print."""

from __future__ import annotations

import math

NO_CHOICE = 1e-6
"""A share that is less uncertain than this, percent, was not measured: there is no other component."""
LEAST = 1e-12
"""Uncertainties below this are what rounding in floating point leaves."""


def decimals_for(uncertainty: float, digits: int = 2) -> int:
    """Return how many decimals keep `digits` significant digits of an uncertainty (negative: tens, hundreds).

    Parameters
    ----------
    uncertainty : > 0; 0.0996 counts as 0.10
    digits : significant digits to keep, 1 or more
    """
    exponent = math.floor(math.log10(uncertainty))
    decimals = digits - 1 - exponent
    return decimals - 1 if round(uncertainty, decimals) >= 10.0 ** (exponent + 1) else decimals


def three_digits(value: float) -> str:
    """Return a bound with three significant digits, up to a million without an exponent: ``2610``. NaN is a dash."""
    return f"{float(f'{value:.3g}'):g}" if math.isfinite(value) else "–"


def rounded(value: float, decimals: int) -> str:
    """Return a number with so many decimals; ``-1`` rounds to tens. NaN is a dash."""
    if not math.isfinite(value):
        return "–"
    text = f"{round(value, decimals):.{max(decimals, 0)}f}"
    return text.removeprefix("-") if float(text) == 0 else text


def with_uncertainty(value: float, uncertainty: float) -> tuple[str, str]:
    """Return value and uncertainty as text, both rounded to two significant digits of the uncertainty.

    Without a usable uncertainty (NaN, 0, or no more than floating point leaves of it) the value keeps three significant
    digits.

    Examples
    --------
    >>> with_uncertainty(161.9372, 2.3499)
    ('161.9', '2.3')
    >>> with_uncertainty(14612.3, 431.0)
    ('14610', '430')
    """
    if math.isfinite(uncertainty) and uncertainty > LEAST:
        decimals = decimals_for(uncertainty)
        return rounded(value, decimals), rounded(uncertainty, decimals)
    usable = math.isfinite(value) and value != 0
    return rounded(value, decimals_for(abs(value), 3) if usable else 0), "–"


def is_only_component(share: float, uncertainty: float) -> bool:
    """Tell whether a share, percent, is the whole because there is no other component."""
    return uncertainty < NO_CHOICE and abs(share - 100.0) < NO_CHOICE
