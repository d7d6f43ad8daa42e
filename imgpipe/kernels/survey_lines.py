"""Which elements explain the peaks of a survey: evidence of all their lines together, strongest explanation first.

An element gains by each line that meets a peak no other element explains, less so the farther off it lies and the less
its strength fits the others; it loses by each strong line that is missing although it would have been seen; and it
pays a price for being assumed at all. All in natural logarithms of odds.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

UNEXPLAINED = 2.0
"""What it is worth to explain a peak that nothing else explains."""
LOSS = (3.0, 33.0)
"""Distance above a line, in eV, in which its losses and satellites lie."""
LOSS_SHARE = 0.25
"""They have at most this share of its area."""
LOSS_ODDS = 3.0
"""By how much less it is worth to explain a peak that may be one."""
MISSING = 4.0
"""What a strong line costs that is not there."""
STRENGTH = 1.0
"""Standard deviation of the logarithm of a line's strength against the tabulated one (survey, overlaps, layers)."""
SEEN = 4.0
"""A line is missed when this many times what is needed was expected."""


@dataclass(frozen=True)
class Lines:
    """Lines that may be found, each (l,).

    Attributes
    ----------
    element : number of its element
    position, tolerance : where, and the standard deviation of where it is found, eV
    strength : cross-section; NaN for an Auger line, whose strength is not used
    """

    element: np.ndarray
    position: np.ndarray
    tolerance: np.ndarray
    strength: np.ndarray


@dataclass(frozen=True)
class Survey:
    """Peaks: `position` and `area` (p,); what a line needs to be seen, `needed` (n,) over `energy` (n,)."""

    position: np.ndarray
    area: np.ndarray
    energy: np.ndarray
    needed: np.ndarray


@dataclass(frozen=True)
class Match:
    """How one element explains the peaks: log odds; per peak (p,) the line (-1: none) and its gain; what is lost."""

    score: float
    line: np.ndarray
    gain: np.ndarray
    lost: float = 0.0


@dataclass(frozen=True)
class Assignment:
    """What explains each peak.

    Attributes
    ----------
    line : (p,) number of the line, -1 for none
    confidence : (p,) probability of this explanation among all that were tried, none included
    rivals : per peak, numbers of other lines, best first
    present : (e,) whether an element was assumed
    shift : by which all peaks lie too high, eV
    score : log odds of the whole
    """

    line: np.ndarray
    confidence: np.ndarray
    rivals: list[list[int]]
    present: np.ndarray
    shift: float
    score: float


def assign(survey: Survey, lines: Lines, prior: np.ndarray, largest_shift: float = 0.0) -> Assignment:
    """Assign peaks to lines.

    Parameters
    ----------
    prior : (e,) log odds of each element before the survey is looked at
    largest_shift : all peaks together may be off by so much, eV; 0 for none
    """
    shifts = np.arange(-np.floor(largest_shift), np.floor(largest_shift) + 0.5) if largest_shift >= 1 else np.zeros(1)
    tried = [(_greedy(_shifted(survey, s), lines, prior), s) for s in shifts]
    worth = [score - 0.5 * (s / max(largest_shift, 1.0) * 2.0) ** 2 for (_, score), s in tried]
    (present, score), shift = tried[int(np.argmax(worth))]
    moved = _shifted(survey, float(shift))
    found, confidence, rivals = _explained(moved, lines, prior, present)
    return Assignment(found, confidence, rivals, present, float(shift), score)


def _shifted(survey: Survey, shift: float) -> Survey:
    return replace(survey, position=survey.position - shift, energy=survey.energy - shift)


def _greedy(survey: Survey, lines: Lines, prior: np.ndarray) -> tuple[np.ndarray, float]:
    """Return the elements (e,) that are assumed one after the other, and the log odds of all of them."""
    present, free, total = np.zeros(prior.size, dtype=bool), np.ones(survey.position.size, dtype=bool), 0.0
    while True:
        matches = {int(e): match(survey, lines, int(e), prior[e], free) for e in np.flatnonzero(~present)}
        best = max(matches, key=lambda e: matches[e].score, default=None)
        if best is None or matches[best].score <= 0:
            return present, total
        present[best] = True
        total += matches[best].score
        free &= matches[best].line < 0


def match(survey: Survey, lines: Lines, element: int, prior: float, free: np.ndarray) -> Match:
    """Weigh one element against peaks; those that are not `free` (p,) are explained already and gain nothing."""
    own = np.flatnonzero(lines.element == element)
    size = survey.position.size
    nothing = Match(-np.inf, np.full(size, -1), np.zeros(size))
    if own.size == 0 or size == 0:
        return nothing
    off = (survey.position - lines.position[own, None]) / lines.tolerance[own, None]
    worth = np.where(np.abs(off) <= 3.0, np.log(survey.area) - 0.5 * off**2, -np.inf)
    place = np.where(np.isfinite(worth.max(axis=1)), worth.argmax(axis=1), -1)
    strength = lines.strength[own]
    main = int(np.nanargmax(strength)) if np.isfinite(strength).any() else -1
    if main < 0 or place[main] < 0:
        return nothing
    amount = _amount(survey, strength, place)
    gain = _line_gains(survey, lines, own, off, place, np.log(amount))
    column, gains = np.full(size, -1), np.zeros(size)
    for n in np.argsort(np.nan_to_num(strength)):  # the strongest line of an element names a peak
        if place[n] >= 0:
            column[place[n]], gains[place[n]] = own[n], max(gain[n], gains[place[n]])
    lost = _missing(survey, lines, own, place, amount)
    return Match(float(prior + gains[free].sum() - lost), column, np.where(column >= 0, gains, 0.0), lost)


def _amount(survey: Survey, strength: np.ndarray, place: np.ndarray) -> float:
    """Return area over strength, the median of the lines that are at least a fifth of the strongest."""
    used = (place >= 0) & (strength >= 0.2 * np.nanmax(strength))
    return float(np.median(survey.area[place[used]] / strength[used]))


def _line_gains(
    survey: Survey, lines: Lines, own: np.ndarray, off: np.ndarray, place: np.ndarray, amount: float
) -> np.ndarray:
    """Return what each line gains (l,): rarer than by chance, near its place, of the strength that fits."""
    crowd = max(survey.position.size, 5) / max(float(np.ptp(survey.energy)), 1.0)
    rare = -np.log(np.minimum(crowd * np.sqrt(2 * np.pi) * lines.tolerance[own], 1.0))
    away = np.take_along_axis(off, np.maximum(place, 0)[:, None], axis=1)[:, 0]
    strength = lines.strength[own]
    fits = (np.log(survey.area[place]) - np.log(np.where(np.isnan(strength), 1.0, strength)) - amount) / STRENGTH
    unfit = np.where(np.isnan(strength), 0.0, np.minimum(0.5 * fits**2, 6.0))
    found = rare + UNEXPLAINED - LOSS_ODDS * (loss_of(survey.position, survey.area)[place] >= 0)
    return np.where(place >= 0, found - 0.5 * away**2 - unfit, 0.0)


def loss_of(position: np.ndarray, area: np.ndarray) -> np.ndarray:
    """Return per peak (p,) the number of the strongest one whose loss or satellite it may be, -1 for none."""
    above = position[:, None] - position
    may = (above >= LOSS[0]) & (above <= LOSS[1]) & (area[:, None] <= LOSS_SHARE * area)
    worth = np.where(may, area, -np.inf)
    return np.where(may.any(axis=1), worth.argmax(axis=1) if area.size else -1, -1)


def _missing(survey: Survey, lines: Lines, own: np.ndarray, place: np.ndarray, amount: float) -> float:
    strength = np.nan_to_num(lines.strength[own])
    needed = np.interp(lines.position[own], survey.energy, survey.needed)
    lost = (place < 0) & (amount * strength > SEEN * needed) & (strength >= 0.2 * strength.max())
    return MISSING * float(lost.sum())


def _explained(
    survey: Survey, lines: Lines, prior: np.ndarray, present: np.ndarray
) -> tuple[np.ndarray, np.ndarray, list[list[int]]]:
    """Return line, confidence and rivals of every peak, all elements being compared again."""
    size = survey.position.size
    everything = np.ones(size, dtype=bool)
    full = [match(survey, lines, e, prior[e], everything) for e in range(prior.size)]
    claims = np.array([m.line >= 0 for m in full]).reshape(prior.size, size) & present[:, None]
    line, confidence, rivals = np.full(size, -1), np.zeros(size), []
    for peak in range(size):
        others = claims.sum(axis=0)
        worth = np.array([_worth(full[e], peak, others - claims[e] == 0, prior[e]) for e in range(prior.size)])
        order = [int(e) for e in np.argsort(-worth) if np.isfinite(worth[e])]
        odds = np.exp(np.minimum(worth, 50.0))
        if order and worth[order[0]] > 0 and present[order[0]]:
            line[peak] = full[order[0]].line[peak]
            confidence[peak] = odds[order[0]] / (1.0 + odds.sum())
            order = order[1:]
        rivals.append([int(full[e].line[peak]) for e in order[:4] if worth[e] > -4.0])
    return line, confidence, rivals


def _worth(of: Match, peak: int, free: np.ndarray, prior: float) -> float:
    """Return the log odds that an element makes a peak, given which peaks (p,) no other element explains."""
    if of.line[peak] < 0 or not np.isfinite(of.score):
        return -np.inf
    elsewhere = free.copy()
    elsewhere[peak] = False
    assumed = prior + of.gain[elsewhere].sum() - of.lost
    return float(of.gain[peak] + min(assumed, 0.0))
