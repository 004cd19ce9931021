from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from mdshift.declare import validator
from mdshift.validators.base import Bench, Gain, Validator

SEEN = 0.02  # share of the rows from which a class counts as there


@validator
@dataclass(frozen=True)
class Collapse(Validator):
    """Classes that the source model finds in the target and that the adapted model no longer predicts at all.

    Adaptation without labels fails most badly where it pours one class into another (Saito 2021 calls it the degenerate solution). The
    loss is the share of target rows that the source model gives to classes which vanish; a class counts as there from 2 % of the rows
    on. It only ever speaks against.

    Assumes: The source model finds every class that the target has.

    Helps: An adaptation without labels poured one class into another.

    Hurts: A class that truly vanished is held against the model that noticed; a class below 2 % is not watched.

    Cost: Next to nothing: the predictions are there.
    """

    name: ClassVar[str] = "collapse"
    cites: ClassVar[str] = "Saito 2021; Garg 2022"
    tasks: ClassVar[tuple[str, ...]] = ("classification",)
    in_points: ClassVar[bool] = False

    def gain(self, bench: Bench, z: float) -> Gain | str:  # noqa: ARG002 - it is a count, not an estimate
        """Minus the share of target rows in vanished classes."""
        if not len(bench.plain):
            return "there are no target rows"
        here, there = (np.bincount(s.argmax(axis=1), minlength=s.shape[1]) / len(s) for s in (bench.plain, bench.adapted))
        gone = (here >= SEEN) & (there == 0)
        lost = -float(here[gone].sum()) if gone.any() else 0.0
        many = int(gone.sum())
        sentence = f"{many} classes vanish" if many > 1 else "one class vanishes" if many else "no class vanishes"
        return Gain(lost, lost, lost, sentence)
