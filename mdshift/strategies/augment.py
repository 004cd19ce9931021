"""Changed copies of the training rows, among them copies in the target's style."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar, final

import numpy as np

from mdshift.declare import Cost, Needs, param, strategy
from mdshift.errors import UsageError, nearest
from mdshift.families import Train
from mdshift.learners.base import Context, Prepared, Trained
from mdshift.nn.plan import Phase, usual

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mdshift.learners.base import Texts

# each kind's usual strength, in its own unit
IMAGE = {
    "fourier": 0.05, "style": 1.0, "crop": 0.2, "flip": 0.5, "rotate": 20.0, "elastic": 1.0, "colour": 0.3, "blur": 0.7, "noise": 0.1,
    "mixup": 0.4, "cutmix": 1.0,
}  # fmt: skip
ROWS = {"synonyms": 0.3, "reorder": 1.0, "smote": 1.0, "noise": 0.1}
MOST = {"fourier": 0.5, "style": 1.0, "crop": 0.9, "flip": 1.0, "rotate": 180.0, "synonyms": 1.0, "reorder": 1.0, "smote": 1.0}


@final
@strategy
@dataclass(frozen=True)
class Augment(Train):
    """Train on changed copies of the labelled rows: moved, disturbed, or brought into the target's style.

    `kinds` names the changes, each with a strength of its own if wished: "rotate:90+noise". Images, anew at every step: fourier (the
    low frequencies' amplitudes of a target image; half the side of the square taken over), style (a target image's mean and spread in
    each channel; the degree), crop (share of the side), flip (share of the images), rotate (degrees), elastic and blur (pixels),
    colour, noise (of the spread), mixup and cutmix (two images put together; the Beta distribution's parameter). Rows, added once to
    those that the chosen learner is trained on: smote (classes filled up to this share of the largest by interpolation), noise (of the
    spread), synonyms (share of the words) and reorder (sentences; share of the texts). Synonyms come from a file, or are the target's
    words that stand in the same company; these can be opposites. "auto" is fourier, style, crop, colour and noise for images, and
    synonyms, reorder, smote for the rest.

    Assumes: The changes leave the label as it is.

    Helps: The target differs by such a change: another style, noise, crop, another choice of words.

    Hurts: The change carries the label (a mirrored digit, a turned 6); smote where the target's classes are as rare as the source's.
    """

    name: ClassVar[str] = "augment"
    cites: ClassVar[str] = "Chawla et al. 2002; Zhang et al. 2018; Yun et al. 2019; Yang & Soatto 2020"
    needs: ClassVar[Needs] = Needs(tasks=("classification",))
    cost: ClassVar[Cost] = Cost.MEDIUM

    kinds: str = param("auto", "auto, or names joined by +, each with :strength if wished")
    synonyms: str = param("", "a file of lines 'word: one, another'; none: learnt from both domains' texts")
    copies: int = param(1, "changed copies of every row of a table, array or text", low=1, high=20)
    rate: float = param(0.0, "learning rate of the network for images; 0: the usual one", low=0, high=1.0)
    epochs: float = param(60.0, "passes of the network over the source's images", low=1)

    def chosen(self, prepared: Prepared) -> dict[str, float]:
        """The changes with their strengths, in the order in which they are made."""
        known = ROWS if prepared.shape is None else IMAGE
        if self.kinds == "auto":
            names = ("synonyms", "reorder", "smote") if prepared.shape is None else ("fourier", "style", "crop", "colour", "noise")
            return {k: known[k] for k in names if prepared.texts is not None or k not in ("synonyms", "reorder")}
        given: dict[str, float] = {}
        for part in self.kinds.split("+"):
            name, _, strength = part.strip().partition(":")
            if name not in known:
                raise UsageError("unknown augmentation for this kind of data", repr(name), nearest(name, known) or ", ".join(known))
            try:
                given[name] = float(strength) if strength else known[name]
            except ValueError:
                given[name] = -1.0
            if not 0 <= given[name] <= MOST.get(name, 100.0):
                raise UsageError(
                    f"the strength of {name!r} must be a number in [0, {MOST.get(name, 100.0):g}]",
                    repr(strength),
                    f"such as {name}:{known[name]:g}",
                )
        return {name: given[name] for name in known if name in given}

    def run(self, prepared: Prepared, context: Context) -> Trained:
        """Images through the loop; the chosen learner on more rows for all else."""
        kinds = self.chosen(prepared)
        if prepared.shape is not None:
            trained = super().run(prepared, context)
            return replace(trained, evidence={**trained.evidence, "kinds": kinds})
        rng, labelled = context.rng("augment"), prepared.labelled
        X = [prepared.X_source, prepared.X_target[labelled]]
        y = [prepared.y_source, prepared.y_target[labelled]]
        if kinds.keys() & {"synonyms", "reorder", "noise"}:
            for _ in range(self.copies):
                X.append(self._copy(prepared, kinds, rng))
                y += y[:2]
        rows, classes = np.concatenate(X), np.concatenate(y)
        if "smote" in kinds:
            from mdshift.nn.words import smote

            more, of = smote(rows, classes, prepared.kinds, kinds["smote"], rng)
            rows, classes = np.concatenate([rows, more]), np.concatenate([classes, of])
        fitted = context.learner.fit(prepared, rows, classes, context.rng("fit"))
        return Trained(fitted, evidence={"kinds": kinds, "added_rows": len(rows) - len(X[0]) - len(X[1])})

    def _copy(self, prepared: Prepared, kinds: dict[str, float], rng: np.random.Generator) -> NDArray[np.float32]:
        """A changed copy of the labelled rows, the sources' first."""
        from mdshift.nn import words

        labelled = prepared.labelled
        X = np.concatenate([prepared.X_source, prepared.X_target[labelled]])
        if prepared.texts is not None and kinds.keys() & {"synonyms", "reorder"}:
            told = np.concatenate([prepared.texts.source, prepared.texts.target[labelled]])
            X[:, prepared.texts.columns] = prepared.texts.encode(self._retold(told, prepared.texts, kinds, rng))
        return words.shaken(X, prepared.kinds, kinds["noise"], rng) if "noise" in kinds else X

    def _retold(self, told: NDArray[Any], texts: Texts, kinds: dict[str, float], rng: np.random.Generator) -> NDArray[Any]:
        from mdshift.nn import words

        out = np.array(told, dtype=object)
        for j in range(out.shape[1]):
            if "reorder" in kinds:
                out[:, j] = [words.reordered(t, kinds["reorder"], rng) for t in out[:, j]]
            if "synonyms" in kinds:
                known = (
                    words.read_synonyms(self.synonyms)
                    if self.synonyms
                    else words.neighbours(list(texts.source[:, j]), list(texts.target[:, j]), rng)
                )
                out[:, j] = [words.replaced(t, known, kinds["synonyms"], rng) for t in out[:, j]]
        return out

    def plan(self, prepared: Prepared) -> tuple[Phase, ...]:
        """One phase on the sources' images and the target's labelled ones."""
        return (usual(prepared, len(prepared.y_source), rate=self.rate, epochs=self.epochs),)

    def init(self, prepared: Prepared, network: Any) -> Any:  # noqa: ARG002 - the images' shape is the problem's
        """The changes, as a module without weights."""
        from mdshift.nn.augment import Changes

        assert prepared.shape is not None
        return Changes(prepared.shape, self.chosen(prepared))

    def loss(self, step: Any, state: Any) -> Any:
        """The task's loss on changed images; that of two images put together is shared by their classes."""
        from mdshift.nn.losses import task_loss

        x, other, share = state.extra(step)  # noqa: S610 - a module, no query
        y, w = state.extra.labels(step)
        outputs = state.network(x)
        loss = share * task_loss(outputs, y, w, state.task)
        return loss + (1.0 - share) * task_loss(outputs, y[other], w[other], state.task), {}
