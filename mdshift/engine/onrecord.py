"""Whether a candidate is kept on its record: on what the same strategy gained on other pairs, where these data neither prove nor refute it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from mdshift.engine.guard import Opinion
from mdshift.validators.base import Gain
from mdshift.validators.collapse import Collapse
from mdshift.validators.precedent import RECORDED, Precedent, gainful, record, spread

if TYPE_CHECKING:
    from collections.abc import Collection

    from mdshift.validators.base import Bench


def unmoved(kinds: Collection[str] | None) -> str | None:
    """Why no record speaks by what the diagnosis read, or None: records are of pairs whose inputs moved."""
    if not kinds:
        return "no diagnosis found a shift"
    return "the classes' shares alone moved" if set(kinds) == {"label"} else None


def insured(said: Opinion, kinds: Collection[str] | None, tolerance: float) -> bool:
    """Whether a strategy is kept on the strength of its record.

    The diagnosis must find that more moved than the classes' shares, the record's interval must lie above -`tolerance` (in accuracy or R2) with
    a gain in its middle, the true labels of the source must not speak of a loss where they can be weighted to the target, and no class
    may vanish.
    """
    record = said.gains.get("precedent")
    if record is None or unmoved(kinds):
        return False
    return record.value > 0 and record.low > -tolerance and not said.opposed and not said.vanished


def sided(gain: Gain, finer: Gain | None, past: Gain | None, kinds: Collection[str] | None, tolerance: float) -> bool:
    """Whether a strategy is kept on the strength of its record because the target's labels, too few to prove a gain, side with it.

    Something must have moved by the diagnosis, and the record's interval lie above -`tolerance` with a gain in its middle.
    """
    if past is None or not kinds or gain.high < 0:
        return False
    return gain.value >= 0 and (gain if finer is None else finer).value > 0 and past.value > 0 and past.low > -tolerance


def past(bench: Bench) -> Gain | None:
    """What a strategy gained on the pairs on record: those on which its members disagreed as much, for a mean of members; None where it may be chance."""
    task = bench.prepared.task
    if "ambiguity" not in bench.evidence:
        own = record(bench.strategy, task)
        told, modality = spread(own, task) if gainful(own) else None, bench.prepared.modality
        if told is None or modality in RECORDED:
            return told
        return replace(told, sentence=f"{told.sentence[:-1]}; none of them is of {modality}s)")
    found = Precedent().gain(bench, 0.0)
    return found if isinstance(found, Gain) else None


def unopposed(bench: Bench, gain: Gain, past: Gain, kinds: Collection[str] | None, tolerance: float) -> bool:
    """Whether a strategy is kept on the strength of its record, as it would be without target labels, since by those that there are it is no worse.

    Only a record of pairs on which the members disagreed as much stands without them. The labels of the target, enough to judge, stand in
    for those of the source, which are weighted to it only where there are none.
    """
    if "ambiguity" not in bench.evidence or gain.value < 0:
        return False
    said = {"precedent": past}
    vanished = Collapse().gain(bench, 0.0)
    if isinstance(vanished, Gain) and bench.prepared.task in Collapse.tasks:
        said["collapse"] = vanished
    return insured(Opinion(said, {}), kinds, tolerance)
