"""What is not run, and why: a candidate that would outlast the budget, a follower that what it follows does not call for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mdshift.engine import cost, guard, onrecord
from mdshift.pace import about
from mdshift.validators.precedent import foretold

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from mdshift.engine.trials import Desk, Trial
    from mdshift.families import Strategy


def too_dear(
    desk: Desk, strategy: Strategy, second: guard.Second | None, budget: float, left: float, done: Collection[str] = ()
) -> str | None:
    """Why a candidate is not begun with so many seconds left of the budget, or None. What it takes is what was measured, by the pace of this machine."""
    if left < 0:
        return f"not run: the budget of {budget:g} s was spent"
    p = desk.prepared
    rows = (len(p.y_source) + len(p.X_target)) / 2 if len(p.X_target) else len(p.y_source)
    size = (rows, p.X_source.shape[1], p.modality)
    once = cost.expected(strategy.name, *size)
    if once is None:
        return None
    ready = [name for name in strategy.parts(p.task) if name in done]  # these are taken as they are
    once = max(once - sum(cost.expected(name, *size) or 0.0 for name in ready), 0.0)
    again = 0 if second is None or not guard.twice(strategy, desk.compute) else len(second.parts)
    if desk.domains is not None:
        again = len(desk.domains.folds)
    elif p.labelled.any() and guard.uses_labels(strategy) and not strategy.holds_back:
        again += guard.folds(strategy)
    needed = once * (1 + again)
    if needed <= left:
        needed *= cost.pace()
    if needed <= left:
        return None
    return f"not run: it takes {about(needed)}, and {left:.0f} s of the budget of {budget:g} s were left"


def uncalled(desk: Desk, strategy: Strategy, trials: Sequence[Trial]) -> str | None:
    """Why a strategy that follows another is not run, or None.

    It would not be kept on its record as far as that other one shows, or a candidate is shown to be better by more than a record.
    """
    leader = next((t for t in trials if t.name == strategy.follows and not t.params), None)
    if leader is None:
        return f"{strategy.follows} was not run"
    if any(t.wins and not t.on_record for t in trials):
        return "another candidate is shown to be better than source-only"
    unmoved = onrecord.unmoved(desk.kinds)
    if unmoved:
        return unmoved
    if leader.opposed:
        return f"labels or vanished classes speak against {leader.name}"
    told = foretold(strategy.name, desk.prepared, leader.trained.evidence, by=leader.name)
    if isinstance(told, str):
        return f"by {leader.name}, {told}"
    if not onrecord.insured(guard.Opinion({"precedent": told}, {}), desk.kinds, desk.tolerance):
        return f"its record would not keep it ({told.sentence})"
    return None
