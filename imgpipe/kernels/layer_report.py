"""From the pooled result of a layer to the row of its table: thickness, terms, interval, flags."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from imgpipe.kernels.stack_thickness import LayerResult
from imgpipe.kernels.thickness_budget import SharedTerms, interval, obliquity_term, tilt_term

MISSING = 0.05
"""A layer found in a smaller fraction of the columns is missing."""
MERGED = 0.1
"""A layer thinner than half a pixel in a larger fraction of the columns is merged."""
SATURATED = 1e-3
ONE_SIDED = 1.645
OFF_TRACE, MOSTLY_OFF = 0.2, 0.5
"""The fit left the trace in a larger fraction of the columns: flagged; in most of them: no number."""


@dataclass(frozen=True)
class Session:
    """What all images of a session share, and how the section was cut.

    scale_u : relative standard uncertainty of the pixel size; 0 where lengths are in pixels
    face_angle, u_face_angle : radians, NaN where no foreshortening was corrected
    max_obliquity : radians
    """

    scale_u: float
    face_angle: float = float("nan")
    u_face_angle: float = float("nan")
    max_obliquity: float = 0.0


@dataclass(frozen=True)
class Findings:
    """What flags of a layer rest on.

    bound : 95 % upper bound of a thin layer along y, NaN where not thin
    fixed_contrast : its width rests on a grey level given by the user
    saturated : largest saturated fraction near its interfaces
    unparted : it could not be told from the layer beside it: both their outer interfaces were found
    edited : one of its interfaces was moved by hand
    least_covered : below this covered fraction it is discontinuous
    ambiguous : one of its edges may belong to another name
    absent : there are not edges enough for it among those whose names are open
    off_trace : largest fraction of columns in which the fit of one of its interfaces left the trace
    """

    bound: float
    fixed_contrast: bool
    saturated: float
    unparted: bool
    edited: bool
    least_covered: float
    ambiguous: bool = False
    absent: bool = False
    off_trace: float = 0.0

    @property
    def numberless(self) -> bool:
        """Whether no number may be given, whatever was fitted."""
        return self.ambiguous or self.absent or self.off_trace > MOSTLY_OFF


def without_number(result: LayerResult) -> LayerResult:
    """Return a result whose thickness and local thickness are NaN."""
    pages = tuple(replace(page, local=np.full_like(page.local, np.nan)) for page in result.pages)
    return replace(result, thickness=float("nan"), pages=pages)


def layer_row(result: LayerResult, session: Session, findings: Findings) -> dict[str, float]:
    """Return the numbers of one layer, in the unit of its positions; NaN where they can't be given."""
    angle = result.mean("angle")
    if np.isfinite(findings.bound) and not findings.numberless:
        return _bounded_row(result, session, findings.bound * float(np.cos(np.nan_to_num(angle))))
    if result.mean("covered") < MISSING:
        result = replace(result, thickness=float("nan"))
    t = result.thickness
    random = replace(result.terms, obliquity=obliquity_term(t, session.max_obliquity))
    shared = _shared(t, angle, session)
    u, low, high = interval(t, random, shared, result.n_eff)
    known = 1.0 if np.isfinite(t) else float("nan")
    return {
        "thickness": t,
        "u_thickness": u,
        "u_thickness_random": random.total * known,
        "u_thickness_shared": shared.total * known,
        "thickness_low": low,
        "thickness_high": high,
        "sd_thickness": result.mean("sd") * known,
        "n_eff": result.n_eff * known,
        "covered_fraction": result.mean("covered"),
        "median_thickness": result.mean("median") * known,
        "thickness_p16": result.mean("p16") * known,
        "thickness_p84": result.mean("p84") * known,
        "correlation_length": result.mean("correlation_length") * known,
        "u_localisation": random.localisation * known,
        "u_sampling": random.sampling * known,
        "u_edge_model": random.edge_model * known,
        "u_curtain": random.curtain * known,
        "u_fields": random.fields * known,
        "u_obliquity": random.obliquity * known,
        "u_pixel_scale": shared.pixel_scale * known,
        "u_tilt": shared.tilt * known,
        "u_bootstrap": result.mean("u_bootstrap") * known,
    }


def _shared(t: float, angle: float, session: Session) -> SharedTerms:
    if np.isnan(session.face_angle):
        return SharedTerms(abs(t) * session.scale_u)
    return SharedTerms(abs(t) * session.scale_u, tilt_term(t, angle, session.face_angle, session.u_face_angle))


def _bounded_row(result: LayerResult, session: Session, bound: float) -> dict[str, float]:
    """Row of a thin layer: no thickness, an interval from 0 to the bound widened by the shared terms."""
    shared = _shared(bound, np.nan_to_num(result.mean("angle")), session).total
    row = dict.fromkeys(ROW_UNITS, float("nan"))
    return row | {
        "thickness_low": 0.0,
        "thickness_high": bound + ONE_SIDED * shared,
        "covered_fraction": result.mean("covered"),
    }


ROW_UNITS = {
    "thickness": ("length", "thickness"),
    "u_thickness": ("length", "standard uncertainty of the thickness"),
    "u_thickness_random": ("length", "random part"),
    "u_thickness_shared": ("length", "part shared by the session"),
    "thickness_low": ("length", "lower end of the 95 % interval"),
    "thickness_high": ("length", "upper end of the 95 % interval"),
    "sd_thickness": ("length", "spread of the local thickness"),
    "n_eff": ("1", "effective number of independent places"),
    "covered_fraction": ("1", "fraction of columns with the layer"),
    "median_thickness": ("length", "median of the local thickness"),
    "thickness_p16": ("length", "16 % of the local thickness"),
    "thickness_p84": ("length", "84 % of the local thickness"),
    "correlation_length": ("length", "correlation length of the local thickness"),
    "u_localisation": ("length", "noise of the edges"),
    "u_sampling": ("length", "finite length of a rough layer"),
    "u_edge_model": ("length", "edge model"),
    "u_curtain": ("length", "curtain removal"),
    "u_fields": ("length", "field to field"),
    "u_obliquity": ("length", "obliquity of the section"),
    "u_pixel_scale": ("length", "pixel scale"),
    "u_tilt": ("length", "face angle"),
    "u_bootstrap": ("length", "sampling and localisation by block bootstrap (cross-check)"),
}
"""Column -> what it measures (a length, or a pure number) and its name."""


def layer_flags(result: LayerResult, findings: Findings, scale: str) -> str:
    """Return the flags of a layer, joined by "; ".

    Parameters
    ----------
    scale : ``uncalibrated``, ``nominal scale`` or nothing
    """
    covered = result.mean("covered")
    open_name = findings.ambiguous or findings.absent
    thin = bool(np.isfinite(findings.bound)) and not findings.numberless
    judged = not thin and not open_name
    flags = {
        scale: scale != "",
        "below edge width: upper bound": thin,
        "fixed contrast": findings.fixed_contrast,
        "missing": findings.absent or (judged and not covered >= MISSING and not findings.unparted),
        "ambiguous": findings.ambiguous and not findings.absent,
        "edge fit off the trace": findings.off_trace > OFF_TRACE and not open_name,
        "merged": judged and (findings.unparted or (covered >= MISSING and _merged(result))),
        "discontinuous": judged and MISSING <= covered < findings.least_covered,
        "edited": findings.edited,
        "saturated": findings.saturated > SATURATED,
    }
    return "; ".join(flag for flag, holds in flags.items() if holds)


def _merged(result: LayerResult) -> bool:
    """Whether the two interfaces run together over a good part of the columns."""
    local = np.concatenate([page.local for page in result.pages])
    known = local[np.isfinite(local)]
    return bool(known.size and np.mean(known <= 0.05 * max(float(np.median(known)), 1e-300)) > MERGED)
