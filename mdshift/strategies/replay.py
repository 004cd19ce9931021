"""One domain after another, with a memory of those that were."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, ClassVar, final

import numpy as np

from mdshift.declare import Cost, Needs, param, strategy
from mdshift.families import Train
from mdshift.learners.base import Context, Predictor, Prepared, Trained
from mdshift.learners.select import score
from mdshift.nn.plan import Phase, usual
from mdshift.stats.memory import herding, reservoir


@final
@strategy
@dataclass(frozen=True)
class Replay(Train):
    """Train a network on the source domains in their order, then on the target's labelled rows, with a memory of earlier domains (continual learning).

    Each domain is trained on beside `memory` remembered rows of those before it, which have `share` of the loss. The memory is a
    uniform sample of all rows so far ("reservoir"), or the rows whose mean comes nearest to that of their class in standardised
    features ("herding"; for numbers, of their quarter). After each domain the score on a part of every domain so far that was held out
    is taken; the evidence tells for each how far the last score lies below the best (`forgetting`).

    Assumes: One network can serve the old domains and the new one.

    Helps: Domains come one after another and the old ones still matter.

    Hurts: Only the target matters and it contradicts the sources: the memory holds the network back.
    """

    name: ClassVar[str] = "replay"
    cites: ClassVar[str] = "Chaudhry et al. 2019; Rebuffi et al. 2017; Vitter 1985"
    needs: ClassVar[Needs] = Needs(target_labels=4)
    cost: ClassVar[Cost] = Cost.HIGH

    memory: int = param(200, "rows remembered; 0: none", low=0, high=1_000_000)
    keep: str = param("reservoir", "how the memory is filled", choices=("reservoir", "herding"))
    share: float = param(0.5, "share of the loss on remembered rows", low=0, high=1)
    rate: float = param(0.0, "learning rate; 0: the usual one for the kind of data", low=0, high=1.0)
    epochs: float = param(30.0, "passes over each domain", low=1)

    def plan(self, prepared: Prepared) -> tuple[Phase, ...]:
        """One phase on a domain (1) and the memory (0), each with half of a batch."""
        return (usual(prepared, len(prepared.y_source), rows="source", balance=True, rate=self.rate, epochs=self.epochs),)

    def loss(self, step: Any, state: Any) -> Any:
        """The losses on the new domain's rows and on remembered ones, in their shares."""
        from mdshift.nn import groups, losses

        outputs = state.network.head(state.features(step, target=False).source)
        risks = groups.means(step.ws * losses.each_loss(outputs, step.ys, state.task), step.ds, int(step.ds.max()) + 1)
        if len(risks) < 2:  # noqa: PLR2004 - nothing is remembered yet
            return risks[0], {"new": risks[0]}
        return self.share * risks[0] + (1 - self.share) * risks[1], {"new": risks[1], "remembered": risks[0]}

    def run(self, prepared: Prepared, context: Context) -> Trained:
        """Domain after domain."""
        stages = _stages(prepared, context.rng("held-out"))
        X, y, past = prepared.X_source[:0], prepared.y_source[:0], 0
        model: Predictor | None = context.start
        scores = np.full((len(stages), len(stages)), np.nan)
        history: list[Any] = []
        for number, (new_X, new_y, _, _) in enumerate(stages):
            rows, labels = np.concatenate([X, new_X]), np.concatenate([y, new_y])
            domain = np.repeat([0, 1 if len(y) else 0], [len(y), len(new_y)])
            part = replace(prepared, X_source=rows, y_source=labels, domain=domain, texts=None, further=())
            found = super().run(part, replace(context, start=model, rng=_named(context, number)))
            model = found.predictor
            history += [{**record, "phase": f"domain {number}"} for record in found.history]
            scores[number, : number + 1] = [
                score(prepared.task, held_y, model.scores(held_X)) for _, _, held_X, held_y in stages[: number + 1]
            ]
            X, y, past = self._remember(X, y, past, new_X, new_y, context.rng(f"memory-{number}"))
        assert model is not None
        lost = [float(np.nanmax(scores[:, k]) - scores[-1, k]) for k in range(len(stages))]
        evidence = {
            "forgetting": lost[:-1],
            "scores": [[float(v) for v in row[: k + 1]] for k, row in enumerate(scores)],
            "remembered": len(y),
        }
        return Trained(model, tuple(history), evidence)

    def _remember(self, X: Any, y: Any, past: int, new_X: Any, new_y: Any, rng: np.random.Generator) -> tuple[Any, Any, int]:
        """The memory after a domain, and how many rows it stands for."""
        choose = reservoir if self.keep == "reservoir" else herding
        rows, labels = np.concatenate([X, new_X]), np.concatenate([y, new_y])
        kept = choose(rows, labels, len(y), past, self.memory, rng)
        return rows[kept], labels[kept], past + len(new_y)


def _named(context: Context, number: int) -> Callable[[str], np.random.Generator]:
    """Generators of a domain's own."""
    return lambda unit: context.rng(f"{unit}-{number}")


def _stages(prepared: Prepared, rng: np.random.Generator) -> list[tuple[Any, Any, Any, Any]]:
    """Each domain in order, the target's labelled rows last: rows and labels to train on, and a fifth to score on (all, of fewer than 20)."""
    known = prepared.labelled
    parts = [(prepared.X_source[prepared.domain == k], prepared.y_source[prepared.domain == k]) for k in range(prepared.n_sources)]
    parts.append((prepared.X_target[known], prepared.y_target[known]))
    found = []
    for X, y in parts:
        held = rng.permutation(len(y)) < (len(y) // 5 if len(y) >= 20 else 0)  # noqa: PLR2004 - fewer rows are all needed
        found.append((X[~held], y[~held], *((X[held], y[held]) if held.any() else (X, y))))
    return found
