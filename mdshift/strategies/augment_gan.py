"""Generated target rows beside the labelled ones, kept where they are shown to help."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, final

import numpy as np

from mdshift.declare import Cost, Needs, param, strategy
from mdshift.families import Strategy
from mdshift.learners.base import Context, Prepared, Trained
from mdshift.nn.plan import Phase

if TYPE_CHECKING:
    from numpy.typing import NDArray


@final
@strategy
@dataclass(frozen=True)
class AugmentGan(Strategy):
    """Learn to generate rows of each class and domain, and train on generated target rows beside the labelled ones.

    A conditional adversarial network is trained on the labelled rows of both domains; from the source it learns how columns go
    together, from the target where they lie. The chosen learner is then trained on sources, labelled target rows and generated ones.
    Before that, half of the labelled target rows are held out in turn: where the generated rows make the learner worse on them they are
    thrown away, and what is left is training on both domains together.

    Assumes: How columns go together can be learnt from the source, and where they lie from the labelled target rows.

    Helps: The target has some labels, too few to be heard beside the source's.

    Hurts: They are a handful: the generator invents. They are many: they speak for themselves.
    """

    name: ClassVar[str] = "augment-gan"
    cites: ClassVar[str] = "Goodfellow et al. 2014; Mirza & Osindero 2014"
    needs: ClassVar[Needs] = Needs(target_labels=10, tasks=("classification",), modalities=("table", "array", "image"))
    cost: ClassVar[Cost] = Cost.HIGH

    samples: float = param(1.0, "generated rows, relative to the number of labelled rows of both domains", low=0.01, high=20)
    rate: float = param(1e-3, "learning rate of generator and critic", low=1e-6, high=1)
    batch: int = param(64, "rows in a step", low=4, high=4096)
    epochs: float = param(60.0, "passes over the labelled rows of both domains", low=1)

    def run(self, prepared: Prepared, context: Context) -> Trained:
        """Check on held-out target rows, then train with or without generated ones."""
        labelled = prepared.labelled
        X, y = prepared.X_target[labelled], prepared.y_target[labelled]
        rng = context.rng("check")
        half = np.zeros(len(y), dtype=bool)
        half[rng.permutation(len(y))[: len(y) // 2]] = True
        right = np.zeros(2)
        for number, held in enumerate((half, ~half)):
            rows, _ = self._rows(prepared, context, X[~held], y[~held], f"half {number}")
            for k, (some, classes) in enumerate(rows):
                fitted = context.learner.fit(prepared, some, classes, context.rng(f"fit {number}"))
                right[k] += (fitted.scores(X[held]).argmax(axis=1) == y[held]).sum()
        kept = bool(right[1] >= right[0])
        (without, with_them), history = self._rows(prepared, context, X, y, "all")
        some, classes = with_them if kept else without
        fitted = context.learner.fit(prepared, some, classes, context.rng("fit"))
        check = {"held_out_rows": len(y), "accuracy_without": right[0] / len(y), "accuracy_with": right[1] / len(y)}
        evidence = {**check, "kept": kept, "generated_rows": len(with_them[0]) - len(without[0])}
        return Trained(fitted, tuple(history), evidence)

    def _rows(
        self, prepared: Prepared, context: Context, X: NDArray[np.float32], y: NDArray[np.int64], name: str
    ) -> tuple[list[tuple[NDArray[np.float32], NDArray[np.int64]]], list[dict[str, Any]]]:
        """Training rows and classes without and with generated ones, from these labelled target rows; and the history."""
        from mdshift.nn.gan import generated
        from mdshift.nn.train import pick_device

        rng = context.rng(f"gan {name}")
        rows, classes = np.concatenate([prepared.X_source, X]), np.concatenate([prepared.y_source, y])
        target = np.arange(len(rows)) >= len(prepared.X_source)
        share = np.bincount(y, minlength=prepared.n_classes) / len(y)
        wanted = rng.choice(prepared.n_classes, max(1, round(self.samples * len(rows))), p=share)
        phase = Phase(epochs=self.epochs, batch=self.batch, least=600, most=3000)
        settings = (phase.steps(len(rows)), self.batch, self.rate, prepared.n_classes, pick_device(context.device))
        made, history = generated((rows, classes, target), wanted, prepared.kinds, settings, rng)
        return [(rows, classes), (np.concatenate([rows, made]), np.concatenate([classes, wanted]))], history
