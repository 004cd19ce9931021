"""A network that first learns from both domains' rows without labels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, final

from mdshift.declare import Cost, Needs, param, strategy
from mdshift.families import Train
from mdshift.learners.base import Prepared
from mdshift.nn.plan import Phase, usual


@final
@strategy
@dataclass(frozen=True)
class Contrastive(Train):
    """Pretrain on the unlabelled rows of both domains by telling views of one row from those of others, then learn the task.

    The views are two changed copies of an image (SimCLR), or a row and its copy with a share of the values replaced by other rows'
    (SCARF); cosines over `temperature` decide, in large batches. Then the head alone is trained on the labels ("probe"), or everything,
    the backbone at a tenth of the rate ("finetune").

    Assumes: What the two views share is what the label hangs on.

    Helps: Unlabelled target rows are plenty and labels few, and the classes show in how columns go together.

    Hurts: A class hangs on one column alone: the views wipe it out. With many source labels there is little to gain.
    """

    name: ClassVar[str] = "contrastive"
    cites: ClassVar[str] = "Chen et al. 2020; Bahri et al. 2022"
    needs: ClassVar[Needs] = Needs(modalities=("table", "array", "image"))
    cost: ClassVar[Cost] = Cost.HIGH

    then: str = param("finetune", "what learns the task: the head alone, or everything", choices=("probe", "finetune"))
    temperature: float = param(0.5, "what cosines are divided by", low=0.01, high=10)
    corruption: float = param(0.5, "share of a row's values that its other view takes from other rows (no images)", low=0, high=1)
    batch: int = param(128, "rows of each domain in a step of pretraining", low=2, high=4096)
    pretraining: float = param(60.0, "passes of pretraining over the larger domain", low=1)
    rate: float = param(0.0, "learning rate; 0: the usual one for the kind of data", low=0, high=1.0)
    epochs: float = param(40.0, "passes over the source to learn the task", low=1)

    def plan(self, prepared: Prepared) -> tuple[Phase, ...]:
        """Pretraining without labels, then the task."""
        n, m = len(prepared.y_source), len(prepared.X_target)
        large = max(n, m, 1)
        # the loop counts passes over the source, whose batches may be smaller
        epochs = self.pretraining * large / min(self.batch, large) * min(self.batch, n) / max(n, 1)
        first = usual(
            prepared,
            n,
            name="pretrain",
            rate=self.rate,
            batch=self.batch,
            epochs=epochs,
            least=200,
            most=2000,
            trains="backbone",
            shift=0.0,
        )
        probe = self.then == "probe"
        settings = {"trains": "head"} if probe else {"trains": "all", "backbone": 0.1}
        return first, usual(prepared, n, name=self.then, rate=self.rate, epochs=self.epochs, statistics="frozen", **settings)

    def init(self, prepared: Prepared, network: Any) -> Any:
        """The projection."""
        from mdshift.nn.contrast import Contrast

        return Contrast(network.spec.width, prepared.shape, self.corruption)

    def loss(self, step: Any, state: Any) -> Any:
        """That of the views, or the task's."""
        if state.phase != "pretrain":
            return state.task_loss(step, state.features(step, target=False)), {}
        return state.extra.loss(step, state.network, self.temperature), {}
