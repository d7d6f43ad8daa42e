"""How wide components are: free, tied to the anchor, or held to it by a prior."""

from __future__ import annotations

from imgpipe.kernels.fit.model import Parameter
from imgpipe.species.parts import Built, Spot
from imgpipe.species.plan import ASYMMETRIC, ComponentPlan, FitPlan


def width_of(built: Built, plan: FitPlan, spot: Spot, one: ComponentPlan) -> Parameter:
    """Return the handle of the width of a component's main peak: Gaussian FWHM of a Voigt, FWHM of other shapes."""
    region, anchor = spot.region, spot.region.anchored
    place = "" if "width" in plan.share else spot.sample
    key = ("width", region.region, one.name, place)
    if key in built.shared:
        return built.shared[key]
    base = None if one is anchor else built.shared[("width", region.region, anchor.name, place)]
    title = f"width {one.name} / {anchor.name}" + plan.of_region(region)
    name = f"width {one.name} {region.region} {place}".strip()
    u = one.u_width_ratio
    if u == 0.0 and plan.freed and region.u_width_constant > 0.0:
        u = region.u_width_constant
    if base is not None and u == 0.0:
        ratio = built.note(
            spot,
            title,
            "linked",
            one.name,
            one.width_ratio,
            region.u_width_constant,
            "1",
            source="assumption: tied widths",
            verified=False,
        )
        handle = built.model.linked(name, {base: ratio})
    else:
        least = max(one.natural_width, 0.5 * one.width_low, spot.least_gauss)
        if one.shape in ASYMMETRIC:  # their width is that of a Lorentzian inside
            least = max(one.natural_width, 0.05)
        handle = built.free(name, one.width, least, max(one.width_high, least + 0.1))
        if base is not None and u is not None:
            _width_prior(built, spot, title, one, u, handle, base)
    built.shared[key] = handle
    _note_width_bounds(built, spot, one, place)
    return handle


def _width_prior(
    built: Built, spot: Spot, title: str, one: ComponentPlan, u: float, handle: Parameter, base: Parameter
) -> None:
    """Hold the ratio of two widths by a prior on their difference, scaled by the start width."""
    ratio = built.note(
        spot, title, "prior", one.name, one.width_ratio, u, "1", source="one instrument, one charge",
        fitted=({handle: 1.0},), over=({base: 1.0},),
    )  # fmt: skip
    built.model.prior({handle: 1.0, base: -ratio}, 0.0, u * built.start[base])


def _note_width_bounds(built: Built, spot: Spot, one: ComponentPlan, place: str) -> None:
    for word, value in (("least", 0.5 * one.width_low), ("largest", one.width_high)):
        built.note(
            spot,
            f"{word} width of {one.line}",
            "bound",
            one.name,
            value,
            source="assumption: range met in practice",
            verified=False,
        )
    if not place and len({s.sample for s in built.spots}) > 1:
        built.note(spot, f"width shared by samples ({spot.region.region})", "shared", one.name, unit="1")
