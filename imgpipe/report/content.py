"""What the page says beside its tables: the run, the flags in words, and what failed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from imgpipe.bundle import Bundle

FLAGS = {
    "uncalibrated": "The image has no pixel size: the result is in pixels. Give pixel_size under inputs.",
    "nominal scale": "No certificate for this magnification: the scale is taken to be within ±5 % (u = 2.9 %).",
    "below edge width: upper bound": "The layer is thinner than about two edge widths; the true thickness is below the"
    " bound with 95 % confidence.",
    "fixed contrast": "The layer is about as thin as its edges are wide; its width was fitted with the contrast held.",
    "missing": "The edges of this layer were not found.",
    "ambiguous": "Fewer edges were found than the stack has; an edge of this layer may belong to another name.",
    "edge fit off the trace": "In many columns the fit left the traced edge; those were not used.",
    "merged": "This layer can't be told from its neighbour.",
    "discontinuous": "The layer is interrupted; the thickness is that of the part that is there.",
    "edited": "A person moved an edge of this layer.",
    "saturated": "Part of the image is at the end of the grey scale; edges there may be shifted.",
}
"""Flag of a layer -> what it means, in the order of the page's legend."""

_CARBON = (
    "C 1s is no reliable energy reference on lithium metal and on fresh interphases; positions may be off by several"
    " tenths of an eV."
)
FIT_FLAGS = {
    "at bound": "The best fit lies at the edge of what was allowed, such as an area of zero. The interval"
    " is one-sided.",
    "below detection": "The area is compatible with zero: the upper end of the interval is what is known.",
    "energies not referenced": "The energy axis was not corrected by a reference line: positions are as measured.",
    "charge shift improbable": "The fit moved all lines by more than twice what is left after referencing.",
    "missing points": "Some points of the spectrum are missing; they were left out of the fit.",
    "no data": "The spectrum has no points at all.",
    "noise from residuals": "The numbers are no counts: the noise was taken from the scatter.",
    "misfit": "The curve does not describe the data within counting statistics: something is missing in the model. The"
    " uncertainty was enlarged accordingly.",
    "not converged": "The fit did not settle; its numbers are not to be used.",
    "counts too low": "There are too few counts for peaks to be told from the background.",
    "all-zero spectrum": "There are no counts at all.",
    "resolution": "Two components are closer than peaks of this width can be told apart by eye: their shares rest"
    " on the constraints.",
    "overlap": "Another species has a line in the same place.",
    "foreign line, in no percent": "A line of another element in the window: fitted, but not counted in any percent.",
    "unverified energy": "The energy of this species in the library was not checked against a source.",
    "unverified": "A value that holds this fit was not checked against a source.",
    "outside of the window": "The line lies outside of the fitted window and was left out.",
    "counts already divided by dwell": "The file gives a rate and no dwell time: counting statistics are unknown, and"
    " the scatter about the fit serves in their place.",
    "C 1s on Li": _CARBON,
    "C 1s": _CARBON,
    "binding energies as recorded": "Charging was not corrected; positions can't be compared with tables.",
    "energy reference": "The reference line was not seen, or not known, everywhere; look at the shifts.",
    "film not detected": "The film does not show: its thickness is an upper bound.",
    "substrate not detected": "The substrate does not show: the thickness is a lower bound.",
}
"""Flag of a fit -> what it means; a flag that starts like one of these means the same."""


EDXS_FLAGS = {
    "not detected": "The counts of the line lie below the critical level (Currie, 1968): the detection limit is what is"
    " known, not an amount.",
    "resolution-limited": "The layer is thinner than what the electrons smear out: it was seen, its thickness can't be"
    " measured at this beam energy; an upper bound is given. A lower beam energy, a"
    " thin foil or the SEM image may help.",
    "width is an upper bound": "The interface is sharper than the response can tell: its width is below the bound with"
    " 95 % confidence.",
    "outer layer": "The layer goes on beyond the end of the scan.",
    "beside a layer below the resolution": "The position of this interface and the thickness of the layer beside it"
    " can't be told apart well.",
    "overlaps": "Another line lies closer than the resolution of the detector: counts rest on the model of all lines.",
    "overvoltage": "The beam energy is less than 1.5 times the edge of this line: few X-rays, and a strong dependence"
    " on the state of the surface.",
    "not excited": "The beam energy is below the edge of this line: it can't be seen.",
    "window invalid": "A window about this line would count other lines too; the model of all lines was used.",
    "sum peak": "Two X-rays that arrive together look like a line here.",
    "no beam energy": "The file gives no beam energy: ranges and overvoltages are not known. Give it in the recipe.",
    "no take-off angle": "The file gives no take-off angle: absorption can't be taken into account.",
    "not assessable": "The layer is not wider than the response, or the response is not known: nothing can be said on"
    " its composition.",
    "not assessable: the model does not fit the sum spectrum": "The spectrum holds what the model lacks: whether this"
    " line is there was not decided. Look at the spectrum, and add the missing elements.",
    "lithium declared": "Lithium is not measured by X-rays: no at.% is normalised to 100 %.",
    "no element of it detected": "None of the elements of this layer was detected, or none could be assessed: the scan"
    " does not show that the layer is there, and the lines of its neighbours alone say where it would lie.",
    "no response": "The response was not taken off: widths and thicknesses are as observed.",
}
"""Flag of an element, interface or layer in EDXS -> what it means; a longer flag that starts so means the same."""


@dataclass(frozen=True)
class Run:
    """The run in a few numbers."""

    finished: str
    version: str
    done: int
    failed: int
    not_run: int


@dataclass(frozen=True)
class Failure:
    """A group that failed: where, why, what to do."""

    group: str
    file: str
    kind: str
    cause: str
    remedy: str


def run_facts(bundle: Bundle) -> Run:
    """Return the run in a few numbers."""
    info = bundle.info
    states = [one["status"] for one in info.get("groups", {}).values()]
    return Run(
        finished=str(info.get("finished", ""))[:16].replace("T", " "),
        version=str(info.get("imgpipe", "")),
        done=states.count("done"),
        failed=states.count("failed"),
        not_run=states.count("not run"),
    )


def failure_rows(bundle: Bundle) -> list[Failure]:
    """Return what failed, in the order of failures.jsonl."""
    return [_failure(entry) for entry in bundle.failures]


def flag_meaning(flag: str) -> str:
    """Return what a flag means, after what it says itself; the flag where nothing more is known."""
    if flag in FLAGS:
        return FLAGS[flag]
    told = FIT_FLAGS | EDXS_FLAGS
    known = FLAGS | told
    start = _longest(flag, known)
    detail = flag.removeprefix(start).lstrip(": ") if start in told else ""
    return f"{detail}. {known[start]}" if detail else known.get(start, flag)


def legend(known: Mapping[str, str], found: Sequence[str]) -> list[tuple[str, str]]:
    """Return the flags that a table has, with their meaning, each meaning once, in the order of the legend."""
    return [(flag, text) for flag, text in known.items() if _occurs(flag, found, known)]


def _occurs(flag: str, found: Sequence[str], known: Mapping[str, str]) -> bool:
    """Tell whether a flag is among those found, spelt so or with more words; the longest known beginning counts."""
    return any(one == flag or (one not in known and flag == _longest(one, known)) for one in found)


def _longest(flag: str, known: Mapping[str, str]) -> str:
    return max((start for start in known if flag.startswith(start)), key=len, default="")


def _failure(entry: dict[str, Any]) -> Failure:
    file = entry.get("file") or ", ".join(entry.get("files", []))
    return Failure(
        group=str(entry.get("group", "")),
        file=str(file),
        kind=str(entry.get("type", "")),
        cause=str(entry.get("cause", "")),
        remedy=str(entry.get("remedy", "")),
    )
