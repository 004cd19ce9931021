from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from mdshift.declare import Cost, Needs, param, strategy
from mdshift.families import Correct
from mdshift.learners.compose import Calibrated, PriorShifted
from mdshift.learners.domains import told_apart
from mdshift.learners.select import CHOICE_ROWS, cut, out_of_fold, sample_rows
from mdshift.stats.calibration import fit_bcts, scale
from mdshift.stats.labelshift import bootstrap_priors, estimate_prior

SURE = 1.64  # standard errors of the AUC that are put down to chance
ROOM = 0.2  # AUC beyond 0.5 and chance at which the shares explain nothing

if TYPE_CHECKING:
    from mdshift.learners.base import Context, Predictor, Prepared


@strategy
@dataclass(frozen=True)
class LabelShift(Correct):
    """Carry the source model to the target's class shares, estimated without labels.

    The model is calibrated on out-of-fold scores (temperature with a bias a class), the target's class prior is found by expectation
    maximisation (`method` em) or from the confusion matrix (bbse), and Bayes' rule carries every probability to it; nothing is trained
    again. The estimated change is shrunk by the share of it that a bootstrap ascribes to chance: no change in the data, no change in
    the model. It is also shrunk by how well a classifier still tells the target from the source under the new shares (`check`): wholly
    from an AUC of 0.7 on, beyond chance. Where you know that the class shares alone have changed, `check` can be left out.

    Assumes: P(X|Y) is the same in both domains, and the source model is calibrated or can be.

    Helps: The classes' shares alone have changed; `make demo` shows such a pair.

    Hurts: P(X|Y) has changed as well: the prior that it finds means nothing. `check` shrinks it then, but cannot see every such change.
    """

    name: ClassVar[str] = "label-shift"
    cites: ClassVar[str] = "Saerens 2002; Lipton 2018; Alexandari 2020"
    needs: ClassVar[Needs] = Needs(tasks=("classification",))
    cost: ClassVar[Cost] = Cost.LOW
    method: str = param("em", "how the target's prior is estimated", choices=("em", "bbse"), tries=("bbse",))
    draws: int = param(40, "bootstrap draws behind the shrinkage; 0: none", low=0, high=1000)
    check: bool = param(True, "shrink the change where the class shares do not explain the target's inputs")

    def correct(self, model: Predictor, prepared: Prepared, context: Context) -> tuple[Predictor, dict[str, Any]]:
        """The calibrated model under the target's prior, and both priors."""
        rng = context.rng("label-shift")
        rows = sample_rows(prepared, rng, CHOICE_ROWS)
        y = prepared.y_source[rows]
        scores = out_of_fold(context.learner, prepared, rows, cut(prepared, rows, rng, 3), rng)
        slope, bias = fit_bcts(scores, y)
        raw = model.inner if isinstance(model, Calibrated) else model
        fitted = Calibrated(raw, slope, bias)
        held, target = scale(scores, slope, bias), fitted.scores(prepared.X_target)
        source = np.bincount(y, minlength=prepared.n_classes) / len(y)
        found = estimate_prior(held, y, target, method=self.method)
        kept, error = 1.0, np.zeros(len(found))
        if self.draws and len(target):
            squared = (bootstrap_priors(held, y, target, rng, method=self.method, draws=self.draws) - found) ** 2
            error, spread = np.sqrt(squared.mean(axis=0)), squared.sum(axis=1).mean()
            moved = ((found - source) ** 2).sum()
            kept = float(max(0.0, 1.0 - spread / moved)) if moved > 0 else 0.0  # positive-part James-Stein
        evidence: dict[str, Any] = {}
        if self.check and kept > 0:
            w = np.divide(source + kept * (found - source), source, out=np.zeros_like(source), where=source > 0)
            auc, chance = told_apart(prepared, w[prepared.y_source], context.rng("told-apart"))
            kept *= 1.0 - float(np.clip((auc - 0.5 - SURE * chance) / ROOM, 0.0, 1.0))
            evidence["auc_left"] = auc
        prior = source + kept * (found - source)
        evidence |= {"source_prior": source.tolist(), "target_prior": prior.tolist(), "estimated_prior": found.tolist(), "kept_share": kept}
        evidence["prior_error"] = error.tolist()
        return PriorShifted(fitted, source, prior), evidence
