"""The phases of a training, declared without torch so that strategies stay light."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from mdshift.learners.base import Prepared

Schedule = Literal["constant", "decay", "warmup-cosine"]
Statistics = Literal["shared", "domain", "frozen", "target"]


@dataclass(frozen=True)
class Phase:
    """One stretch of the loop in `nn/train.py`: which rows, which parameters, which rates.

    rows: whose rows the batches `xs, ys` carry: the sources', the target's labelled ones, the sources' with the target's labelled
    ones beside them (`xl, yl`), or the target's without labels (`ys` is then of no meaning). balance: every source has the same
    part in each batch. trains: every parameter, the head with the backbone's last block ("upper"), the head, all but the head
    ("backbone"), the scales and offsets of batch normalisation ("norms"), or the strategy's own modules ("extra").
    epochs: passes over the labelled rows, kept between `least` and `most` steps. rate: of the head; the backbone's is
    `backbone` times that. decay: decoupled weight decay. l1: penalty on the weights' size. l2_sp: pull towards the phase's first weights
    (Li et al. 2018). statistics: batch statistics shared by both domains ("shared"), taken from each domain and at the end from
    the target ("domain"), held ("frozen"), or set to the target's and then held ("target"). check: held-out rows that choose
    the best step and stop early. revert: a phase that does not improve the check is undone, and ends the training.
    fresh_head: the head's weights are drawn anew first. dropout: the rate of dropout (None: the network's own).
    shift (of the side), zoom, turn (degrees): how far images are moved.
    """

    name: str = "joint"
    rows: Literal["source", "target", "both", "unlabelled"] = "both"
    balance: bool = False
    trains: Literal["all", "upper", "head", "backbone", "norms", "extra"] = "all"
    epochs: float = 40
    least: int = 150
    most: int = 3000
    batch: int = 64
    rate: float = 2e-3
    backbone: float = 1.0
    schedule: Schedule = "warmup-cosine"
    decay: float = 1e-3
    l1: float = 0.0
    l2_sp: float = 0.0
    statistics: Statistics = "shared"
    check: Literal["none", "source", "target"] = "none"
    revert: bool = False
    fresh_head: bool = False
    dropout: float | None = None
    shift: float = 0.125
    zoom: float = 0.25
    turn: float = 15.0

    def steps(self, rows: int) -> int:
        """The number of steps for this many labelled rows."""
        passes = min(self.epochs, self.most)  # a pass is a step at least; epochs may be infinite
        return int(min(self.most, max(self.least, round(passes * rows / min(self.batch, max(rows, 1))))))

    def told(self, rows: int) -> dict[str, Any]:
        """What a report says of the phase when it runs on this many rows: what was trained, how long, and at which rates."""
        found = {"name": self.name, "rows": self.rows, "trains": self.trains, "steps": self.steps(rows), "batch": self.batch}
        found |= {"rate": self.rate, "backbone_rate": self.rate * self.backbone, "schedule": self.schedule, "l2": self.decay}
        return found | {"l1": self.l1, "l2_sp": self.l2_sp, "statistics": self.statistics, "check": self.check}

    def factor(self, progress: float) -> float:
        """The rate at this progress in [0, 1], relative to the first (after Loshchilov & Hutter 2017 for the cosine)."""
        import math

        if self.schedule == "constant":
            return 1.0
        if self.schedule == "decay":  # Ganin 2016: (1 + 10 p)^-0.75
            return math.pow(1.0 + 10.0 * progress, -0.75)
        warm = 0.05
        return (progress + 1e-3) / warm if progress < warm else 0.5 * (1.0 + math.cos(math.pi * (progress - warm) / (1.0 - warm)))


def usual(prepared: Prepared, labelled: int, *, rate: float = 0.0, **changes: Any) -> Phase:
    """A phase with the batch, rate and passes that suit this kind of data and number of labelled rows; `changes` go before.

    Small data take small batches. rate 0: the usual one.
    """
    image = prepared.shape is not None
    batch = 32 if labelled < 1000 else 64 if labelled < 5000 else 128 if labelled < 20_000 else 256  # noqa: PLR2004 - steps in size
    settings = {"batch": batch, "rate": rate or (5e-3 if image else 2e-3), "epochs": 60.0 if image else 40.0}
    return Phase(**{**settings, **changes})
