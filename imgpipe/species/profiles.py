"""Peak shapes of the components: which further parameters each takes, and what holds them."""

from __future__ import annotations

from typing import Any

from imgpipe.kernels.fit.model import Parameter
from imgpipe.species.parts import Built, Spot
from imgpipe.species.plan import ComponentPlan, FitPlan

LARGEST_LORENTZ = 2.0
"""eV."""
ABOVE, BELOW = (0.8, 0.4), (1.5, 0.7)
"""Exponents of metal lines above the position (the slow side, high binding energy) and below it: mean, sd of prior."""
BLUR = (0.4, 0.2)
"""eV, Gaussian blur where the instrument's was not measured."""
CUTOFF = (7.0, 3.0)
"""eV, where the electron-hole pairs of a metal run out: of the order of its Fermi energy (Mahan 1975), which is 5 to 12
eV in most metals (N. W. Ashcroft, N. D. Mermin, Solid State Physics, table 2.1); mean, sd of prior."""
U_NATURAL = 0.3
"""Relative u of a tabulated life-time width."""
END = 10.0
"""eV, distance at which the exponents of an LF have doubled."""
PRACTICE = "assumption: compounds are mostly Gaussian"
MEASURED = "width measured on this instrument"
METAL = "assumption: metal lines met in practice"
TABULATED = "life-time width of the library; its u is an assumption"
FERMI = "assumption: of the order of the Fermi energy (Mahan 1975)"


def profile_handles(built: Built, plan: FitPlan, spot: Spot, one: ComponentPlan) -> tuple[str, tuple[Parameter, ...]]:
    """Return the shape of a component and the handles of its parameters after position and width."""
    shape = one.shape
    if shape in ("gaussian", "lorentzian"):
        return shape, ()
    if shape == "voigt":
        return shape, (_lorentz(built, plan, spot, one),)
    if shape in ("gl_sum", "gl_product"):
        return shape, (_mixing(built, plan, spot),)
    if shape == "mahan":
        return shape, _metal(built, plan, spot, one)
    if shape == "doniach":
        return shape, (_asymmetry(built, plan, spot, one),)
    if shape in ("la", "lf"):
        return shape, _powers(built, plan, spot, one)
    raise ValueError(f"no rule for shape {shape}")


def _powers(built: Built, plan: FitPlan, spot: Spot, one: ComponentPlan) -> tuple[Parameter, ...]:
    """Return the exponents above and below, the end of the tails (LF) and the Gaussian blur of a metal line.

    A slow tail towards high binding energy has a small exponent; both are free within wide priors, one for all
    samples, so that a clean metal in the same fit sets the shape for the others. The blur is the instrument's Gaussian
    where it was measured.
    """
    name, region = one.name, spot.region.region
    above = _held(built, plan, spot, f"exponent above {name} {region}", *ABOVE, "1", 0.3, 4.0, METAL)
    below = _held(built, plan, spot, f"exponent below {name} {region}", *BELOW, "1", 0.5, 6.0, METAL)
    measured = spot.gauss > 0
    value, u = (spot.gauss, max(spot.u_gauss, 0.01)) if measured else BLUR
    blur = _held(
        built, plan, spot, f"Gaussian blur {name} {region}", value, u, "eV", 0.05, 2.0, MEASURED if measured else METAL
    )
    if one.shape == "la":
        return above, below, blur
    end = built.model.fixed(END)
    built.note(spot, f"end of the tails {name} {region}", "fixed", name, END, 0.0, "eV", source=METAL, verified=False)
    return above, below, end, blur


def _metal(built: Built, plan: FitPlan, spot: Spot, one: ComponentPlan) -> tuple[Parameter, ...]:
    """Return life-time width, asymmetry and cut-off of a metal line.

    All three are physics of the metal, not of the measurement: one for all samples, each with its prior, so that a
    clean metal in the same fit sets the shape for the others. What the spectrometer adds is the Gaussian width.
    """
    name, region = one.name, spot.region.region
    lorentz = lifetime_of(built, plan, spot, one)
    cutoff = _held(built, plan, spot, f"cut-off of the tail {name} {region}", *CUTOFF, "eV", 2.0, 20.0, FERMI)
    return lorentz, _asymmetry(built, plan, spot, one), cutoff


def lifetime_of(built: Built, plan: FitPlan, spot: Spot, one: ComponentPlan) -> Parameter:
    """Return the Lorentz FWHM of a component whose life time is tabulated, with that as its prior."""
    title = f"life-time width {one.name} {spot.region.region}"
    u = max(U_NATURAL * one.natural_width, 0.01)
    return _held(built, plan, spot, title, one.natural_width, u, "eV", 0.0, 2.0 * LARGEST_LORENTZ, TABULATED)


def _lorentz(built: Built, plan: FitPlan, spot: Spot, one: ComponentPlan) -> Parameter:
    region = spot.region
    if one.line != region.anchored.line and one.natural_width > region.lorentz:
        return lifetime_of(built, plan, spot, one)
    title = f"Lorentz FWHM {region.region}"
    low = min(one.natural_width, region.lorentz)
    return _held(built, plan, spot, title, region.lorentz, region.u_lorentz, "eV", low, LARGEST_LORENTZ)


def _mixing(built: Built, plan: FitPlan, spot: Spot) -> Parameter:
    region = spot.region
    return _held(built, plan, spot, f"Lorentz share m {region.region}", region.mixing, region.u_mixing, "1", 0.0, 1.0)


def _asymmetry(built: Built, plan: FitPlan, spot: Spot, one: ComponentPlan) -> Parameter:
    title = f"asymmetry {one.name} {spot.region.region}"
    return _held(built, plan, spot, title, one.asymmetry, one.u_asymmetry, "1", 0.0, 0.5, METAL)


def _held(
    built: Built, plan: FitPlan, spot: Spot, title: str, value: float, u: float, unit: str, low: float, high: float,
    source: str = PRACTICE,
) -> Parameter:  # fmt: skip
    """Return a shape parameter with its prior (a constant where u is 0), one for all samples where they share it."""
    place = "" if "mixing" in plan.share else spot.sample
    key = ("mixing", title, place)
    told: dict[str, Any] = {"source": source, "verified": source == MEASURED}
    if u == 0.0:
        moved = built.note(spot, title, "fixed", spot.region.region, value, 0.0, unit, **told)
        return built.shared.setdefault(key, (built.model.fixed(moved)))
    if key not in built.shared:
        moved = value + built.book.moved.get(title, 0.0)
        built.shared[key] = built.free(f"{title} {place}".strip(), moved, low, high, (moved, u))
        built.note(spot, title, "prior", spot.region.region, value, u, unit, fitted=({built.shared[key]: 1.0},), **told)
    return built.shared[key]
