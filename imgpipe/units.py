"""Units: markers for signatures, and conversion through the one pint registry.

``px`` is a dimension of its own here (pint's own ``px`` is the CSS pixel, a length), so that a
length in px can never turn into nm without a pixel size.
"""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass, field
from tokenize import TokenError
from typing import TYPE_CHECKING, Any

from imgpipe.errors import UnitError

if TYPE_CHECKING:
    import pint

DIMENSIONLESS = "1"
_STUMBLES: tuple[type[Exception], ...] = (
    ValueError, TypeError, AttributeError, ArithmeticError, AssertionError, TokenError,
)  # fmt: skip
"""What pint lets through when a text is no unit at all."""
_UNIT_TEXT = re.compile(r"(1/)?[^\W\d_][\w*/^ .()%µμ°-]{0,60}|[%°]")
_LONG_NUMBER = re.compile(r"\d{3,}|(\*\*|\^).*(\*\*|\^)")
_SPELLED = {"": DIMENSIONLESS, "dimensionless": DIMENSIONLESS, "um": "um", "µm": "um", "μm": "um", "°": "deg"}
_QUANTITY = re.compile(r"^\s*([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)\s*(.*?)\s*$")


@dataclass(frozen=True)
class Unit:
    """Mark the unit of a parameter: ``Annotated[float, Field(gt=0), Unit("nm")]``.

    ``Unit("nm|px")`` marks a length that stays in px where the pixel size is unknown; the first name
    is the canonical one.
    """

    name: str

    @property
    def canonical(self) -> str:
        """Unit that values are converted to."""
        return self.name.split("|")[0]

    @property
    def accepted(self) -> tuple[str, ...]:
        """Units that may pass: the canonical one first."""
        return tuple(self.name.split("|"))


@dataclass(frozen=True)
class Dims:
    """Mark the dimensions of a variable; ``whole`` names those that must not be cut into chunks."""

    names: str
    whole: str = ""

    @property
    def required(self) -> tuple[str, ...]:
        """Names of the dimensions, in order."""
        return tuple(self.names.split())


@dataclass(frozen=True)
class Gives:
    """Mark what a step returns: its table (if any) and the unit of each new variable."""

    table: str | None = None
    units: dict[str, str] = field(default_factory=dict)

    def __init__(self, table: str | None = None, **units: str) -> None:
        object.__setattr__(self, "table", table)
        object.__setattr__(self, "units", dict(units))


@functools.cache
def registry() -> pint.UnitRegistry[Any]:
    """Return the one pint registry, built on first use."""
    import pint

    definitions: pint.UnitRegistry[Any] = pint.UnitRegistry(on_redefinition="ignore")
    definitions.define("pixel = [pixel] = px")
    for line in ("at_percent = 0.01 = at_pct", "nm2 = nm**2", "um2 = um**2", "cm2 = cm**2", "nm3 = nm**3"):
        definitions.define(line)
    return definitions


def spelling(unit: str) -> str:
    """Return the house spelling of a unit, or raise `UnitError` when it is unknown."""
    text = _SPELLED.get(unit.strip(), unit.strip())
    if text == DIMENSIONLESS:
        return text
    _parse(text)
    return text


def factor(found: str, wanted: str) -> float:
    """Return the number that turns values in `found` into values in `wanted` (no offset units)."""
    return float(convert(1.0, found, wanted))


def convert(values: Any, found: str, wanted: str) -> Any:
    """Convert numbers from one unit to another.

    Parameters
    ----------
    values : number or array
    found, wanted : unit names in pint spelling; ``1`` or ``""`` is dimensionless

    Raises
    ------
    UnitError
        when a name is unknown or the two measure different things; px to nm needs a pixel size.
    """
    if spelling(found) == spelling(wanted):
        return values
    ureg = registry()
    try:
        one = ureg.Quantity(1.0, _parse(found)).to(_parse(wanted)).magnitude
        if ureg.Quantity(0.0, _parse(found)).to(_parse(wanted)).magnitude == 0.0:
            return values * float(f"{one:.15g}")
        return ureg.Quantity(values, _parse(found)).to(_parse(wanted)).magnitude
    except ureg_errors() as error:
        remedy = "give the pixel size (pixel_size under inputs)." if "px" in (found, wanted) else None
        raise UnitError(f"can't turn {found!r} into {wanted!r}: {error}.", remedy=remedy) from None


def parse_quantity(text: str | float, wanted: str) -> float:
    """Read a number with an optional unit (``"200 nm"``, ``0.2 um``, ``5 %``) as a number in `wanted`.

    Raises
    ------
    UnitError
        when the text is no number, or its unit does not fit.
    """
    if isinstance(text, bool):
        raise UnitError(f"expected a number in {wanted}, found {text}.")
    if isinstance(text, int | float):
        return float(text)
    match = _QUANTITY.match(text)
    if match is None:
        example = "0.005 or '0.5 %'" if wanted == DIMENSIONLESS else f"'2 {wanted}'"
        raise UnitError(f"expected a number, such as {example}, found {text!r}.")
    number, unit = float(match[1]), match[2]
    return float(convert(number, unit, wanted)) if unit else number


def column_suffix(unit: str) -> str:
    """Return what a table column's name ends in: ``nm``, ``mAh_per_cm2``; empty when dimensionless."""
    if spelling(unit) == DIMENSIONLESS:
        return ""
    text = re.sub(r"\*\*|\^", "", spelling(unit)).replace("/", "_per_").replace("%", "percent")
    return re.sub(r"[^0-9A-Za-z]+", "_", text).strip("_")


def ureg_errors() -> tuple[type[Exception], ...]:
    """Return the exception classes with which pint refuses a unit."""
    from pint import DefinitionSyntaxError, DimensionalityError, OffsetUnitCalculusError, UndefinedUnitError

    return (DimensionalityError, UndefinedUnitError, OffsetUnitCalculusError, DefinitionSyntaxError)


def _parse(unit: str) -> Any:
    text = _SPELLED.get(unit.strip(), unit.strip())
    try:
        if text == DIMENSIONLESS:
            return registry().Unit("dimensionless")
        if not _UNIT_TEXT.fullmatch(text) or _LONG_NUMBER.search(text):  # pint would evaluate 9**9**9**9
            raise ValueError(text)
        return registry().Unit(text)
    except (*ureg_errors(), *_STUMBLES):
        raise UnitError(
            f"unknown unit {unit!r}.", remedy="use pint's spelling: nm, um, deg, eV, mAh/cm**2, px."
        ) from None
