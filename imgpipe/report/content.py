"""What the page says beside its tables: the run, the flags in words, and what failed."""

from __future__ import annotations

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
"""Flag -> what it means, in the order of the page's legend."""


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
    """Return what a flag means; the flag itself where nothing more is known."""
    return FLAGS.get(flag) or next((text for known, text in FLAGS.items() if flag.startswith(known)), flag)


def _failure(entry: dict[str, Any]) -> Failure:
    file = entry.get("file") or ", ".join(entry.get("files", []))
    return Failure(
        group=str(entry.get("group", "")),
        file=str(file),
        kind=str(entry.get("type", "")),
        cause=str(entry.get("cause", "")),
        remedy=str(entry.get("remedy", "")),
    )
