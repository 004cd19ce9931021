"""Small networks as learners: for tables, texts and images; their predictor; and training for a strategy."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar

from mdshift.learners.base import Context, Learner, Predictor, Prepared, State, Trained
from mdshift.learners.compose import Calibrated
from mdshift.learners.construct import check_rows, class_weights
from mdshift.nn.plan import Phase, usual
from mdshift.stats.calibration import fit_temperature, slope_below

if TYPE_CHECKING:
    import numpy as np
    import torch
    from numpy.typing import NDArray

    from mdshift.learners.base import Matrix, Vector
    from mdshift.nn.backbones import Network, Spec
    from mdshift.nn.data import Rows

CHECK_SHARE = 0.1  # of the source's rows
SOURCE_CHECK = 200  # labelled source rows from which some are held out to stop early
TARGET_CHECK = 20  # the same for the target's
MEMBERS, MEMBER_WIDTH = 8, 64  # of a network that takes numbers bin by bin
BINS = 16  # that a number is cut into
CALIBRATE_ROWS = 50  # check rows from which a network's confidence is fitted on them
CALIBRATE_MOST = 5000  # target rows that its mean confidence is taken of
MIN_BINNED = 10  # rows a bin, below which there is nothing to bend by
MAX_BINNED = 60  # columns of numbers, beyond which bins would be most of the network


class NetPredictor(Predictor):
    """A trained network, on the CPU and in evaluation mode."""

    kind: ClassVar[str] = "net"

    def __init__(self, network: Network) -> None:
        self.network = network.cpu().eval()

    def scores(self, X: Matrix) -> Vector:
        """Class probabilities (n, k) or predicted numbers (n, 1); a row's do not depend on the rows around it."""
        import torch

        from mdshift.nn.train import outputs_of, steady

        with steady():
            outputs = outputs_of(self.network, X).double()
        if self.network.spec.task == "classification":
            outputs = torch.softmax(outputs, dim=1)
        else:
            outputs = outputs * self.network.label_scale + self.network.label_mean
        found: Vector = outputs.numpy()
        return found

    def state(self) -> State:
        """The spec, and the weights under their own names."""
        arrays = {name: value.detach().numpy().copy() for name, value in self.network.state_dict().items()}
        return State(self.kind, {"spec": self.network.spec.to_json()}, arrays)

    @classmethod
    def restore(cls, state: State) -> NetPredictor:
        """The network of this spec with these weights.

        Raises ValueError where the arrays do not fit the spec.
        """
        import numpy as np
        import torch

        from mdshift.nn.backbones import Network, Spec

        with torch.device("meta"):  # nothing is allocated before the arrays are known to fit
            network = Network(Spec.from_json(state.meta["spec"]))
        given = {name: torch.from_numpy(np.array(value)) for name, value in state.arrays.items()}
        try:
            network.load_state_dict(given, assign=True)
        except RuntimeError as error:
            raise ValueError(str(error).splitlines()[0]) from None
        return cls(network)


def spec_of(prepared: Prepared, X: Matrix) -> Spec:
    """The network for these features: convolutions where the columns are an image's pixels, else residual layers."""
    import math

    from mdshift.nn.backbones import Spec

    outputs = prepared.n_classes if prepared.task == "classification" else 1
    d = X.shape[1]
    if prepared.shape is not None and math.prod(prepared.shape) == d and min(prepared.shape[1:]) >= 8:  # noqa: PLR2004 - less is no picture
        return Spec(d, outputs, prepared.task, prepared.shape, width=64)
    numbers = int((prepared.kinds == "number").sum()) if len(prepared.kinds) == d and prepared.modality == "table" else 0
    binned = numbers if len(X) >= MIN_BINNED * BINS and numbers <= MAX_BINNED else 0
    if binned:
        return Spec(d, outputs, prepared.task, None, MEMBERS * MEMBER_WIDTH, 2, 0.1, binned, BINS, MEMBERS)
    return Spec(d, outputs, prepared.task, width=128, depth=2, dropout=0.1)


def new_network(prepared: Prepared, X: Matrix, y: NDArray[Any], generator: torch.Generator) -> Network:
    """A network with fresh weights, its inputs and label standardised by these training rows."""
    import torch

    from mdshift.nn.backbones import build, fit_inputs

    network = build(spec_of(prepared, X), generator)
    fit_inputs(network, X, prepared.kinds if X.shape[1] == len(prepared.kinds) else None)
    if prepared.task == "regression":
        with torch.no_grad():
            network.label_mean.fill_(float(y.mean()))
            network.label_scale.fill_(max(float(y.std()), 1e-8))
    return network


def nets_in(state: State) -> int:
    """How many networks a predictor is built of."""
    return (state.kind == NetPredictor.kind) + sum(nets_in(child) for child in state.children.values())


def change_nets(state: State, change: Callable[[Network], Network]) -> State:
    """The same predictor with every network in it changed; what wraps them (calibration, say) stays."""
    if state.kind == NetPredictor.kind:
        return NetPredictor(change(NetPredictor.restore(state).network)).state()
    return replace(state, children={name: change_nets(child, change) for name, child in state.children.items()})


def started(start: Predictor | None, spec: Spec, generator: torch.Generator) -> Network | None:
    """The first network inside a saved model, if it fits these features; its head is drawn anew where the outputs differ."""
    from mdshift.nn.backbones import build

    found: list[Network] = []
    if start is not None:
        change_nets(start.state(), lambda network: found.append(network) or network)  # type: ignore[func-returns-value]
    if not found or replace(found[0].spec, outputs=1) != replace(spec, outputs=1):
        return None
    if found[0].spec.outputs == spec.outputs:
        return found[0]
    fresh = build(spec, generator)
    fresh.load_state_dict({k: v for k, v in found[0].state_dict().items() if not k.startswith("head")}, strict=False)
    return fresh


def standard_labels(network: Network, y: NDArray[Any]) -> NDArray[Any]:
    """Class codes as they are; numbers less the label's mean over its scale."""
    return y if y.dtype.kind in "iu" else (y - float(network.label_mean)) / float(network.label_scale)


def _rows(network: Network, X: Matrix, y: NDArray[Any], w: Vector | None, d: Any, device: str, more: NDArray[Any] | None = None) -> Rows:
    from mdshift.nn.data import Rows

    return Rows.of(X, standard_labels(network, y), w, d, device, more)


def _further(prepared: Prepared, side: str) -> NDArray[np.float32]:
    """The further labels (n, tasks) of source or target rows, standardised by the source where they are numbers; NaN where missing."""
    import numpy as np

    columns = []
    for label in prepared.further:
        y = np.asarray(getattr(label, f"y_{side}"), dtype=np.float64)
        if label.task == "classification":
            columns.append(np.where(y >= 0, y, np.nan))
        else:
            mean, scale = number_scale(label.y_source)
            columns.append((y - mean) / scale)
    rows = len(getattr(prepared, f"X_{side}"))
    return np.stack(columns, axis=1).astype(np.float32) if columns else np.zeros((rows, 0), np.float32)


def number_scale(y: NDArray[np.float64]) -> tuple[float, float]:
    """Mean and scale of the known numbers."""
    import numpy as np

    known = y[~np.isnan(y)]
    return (float(known.mean()), max(float(known.std()), 1e-8)) if len(known) else (0.0, 1.0)


class Net(Learner):
    """A small network, trained with early stopping on held-out rows: convolutions for images, residual layers for rows."""

    name: ClassVar[str] = "net"

    def fit(self, prepared: Prepared, X: Matrix, y: NDArray[Any], rng: np.random.Generator, weights: Vector | None = None) -> NetPredictor:
        """Train on X (n, d) and y (n,) with weights (n,)."""
        import numpy as np

        from mdshift.nn import train
        from mdshift.nn.data import holdout

        generator = train.seeded(rng)
        with train.steady():
            network = new_network(prepared, X, y, generator)
            held = _held(prepared, rng) if X is prepared.X_source else holdout(y, CHECK_SHARE, rng, SOURCE_CHECK)
            weights = class_weights(prepared, y, weights)
            w = np.ones(len(y)) if weights is None else np.asarray(weights)
            rows, checks = (_rows(network, X[m], y[m], w[m], 0, "cpu") for m in (~held, held))
            empty = rows.take(_none())
            pools = train.Pools(rows, empty, empty, {"source": checks} if held.any() else {}, network.spec.shape)
            state = train.State(network, None, prepared.task)
            train.run_phase(source_phase(prepared), pools, state, plain_loss, generator, lambda _: None)
        return NetPredictor(network)


def _held(prepared: Prepared, rng: np.random.Generator) -> NDArray[np.bool_]:
    """Mask (n,) of the source rows held out: by the split that was asked for, else class by class."""
    from mdshift.nn.data import holdout

    asked = check_rows(prepared, CHECK_SHARE, rng) if len(prepared.y_source) >= SOURCE_CHECK else None
    return holdout(prepared.y_source, CHECK_SHARE, rng, SOURCE_CHECK) if asked is None else asked


def _none() -> torch.Tensor:
    import torch

    return torch.empty(0, dtype=torch.int64)


def source_phase(prepared: Prepared) -> Phase:
    """Training on the labelled source rows alone."""
    return usual(prepared, len(prepared.y_source), name="source", rows="source", check="source")


def plain_loss(step: Any, state: Any) -> tuple[torch.Tensor, Mapping[str, Any]]:
    """The task's loss on the labelled rows."""
    return state.task_loss(step, state.features(step, target=False)), {}


def train_strategy(strategy: Any, prepared: Prepared, context: Context) -> Trained:
    """Run a Train strategy's phases through the loop; the last phase's network is the predictor.

    Phases that train on the source alone are left out where the network starts from a saved model (`context.start`), and those that a
    reverted phase (see `Phase.revert`) is followed by are not run.
    """
    import numpy as np

    from mdshift.nn import train
    from mdshift.nn.backbones import initialise
    from mdshift.nn.data import holdout

    rng, device = context.rng(strategy.name), train.pick_device(context.device)
    phases: tuple[Phase, ...] = strategy.plan(prepared)
    generator = train.seeded(rng)
    labelled = prepared.labelled
    X_labelled, y_labelled = prepared.X_target[labelled], prepared.y_target[labelled]
    only_target = all(phase.rows == "target" for phase in phases)
    X, y = (X_labelled, y_labelled) if only_target else (prepared.X_source, prepared.y_source)
    with train.steady():
        network = started(context.start, spec_of(prepared, X), generator)
        if network is not None:
            phases = tuple(p for p in phases if p.rows != "source") or phases
        else:
            network = new_network(prepared, X, y, generator)
        extra = strategy.init(prepared, network)
        if extra is not None:
            if not strategy.drawn:
                initialise(extra, generator)
            extra.to(device)
        network.to(device)
        wanted = {phase.check for phase in phases}
        held_s = _held(prepared, rng) if "source" in wanted else np.zeros(len(prepared.y_source), dtype=bool)
        held_t = holdout(y_labelled, 0.25, rng, TARGET_CHECK) if "target" in wanted else np.zeros(len(y_labelled), dtype=bool)
        more_s, more_t = _further(prepared, "source"), _further(prepared, "target")[labelled]
        w = class_weights(prepared, prepared.y_source)
        source = [
            _rows(network, prepared.X_source[m], prepared.y_source[m], None if w is None else w[m], prepared.domain[m], device, more_s[m])
            for m in (~held_s, held_s)
        ]
        target = [_rows(network, X_labelled[m], y_labelled[m], None, prepared.n_sources, device, more_t[m]) for m in (~held_t, held_t)]
        checks = {name: rows for name, rows in (("source", source[1]), ("target", target[1])) if len(rows)}
        blank_y = np.zeros(len(prepared.X_target), dtype=np.int64)
        pools = train.Pools(source[0], _rows(network, prepared.X_target, blank_y, None, 0, device), target[0], checks, network.spec.shape)
        state = train.State(network, extra, prepared.task)
        history: list[Mapping[str, Any]] = []
        sizes = {"target": len(pools.labelled), "unlabelled": len(pools.target)}
        plan: list[dict[str, Any]] = []  # of the phases that were run
        for phase in phases:
            if phase.fresh_head:
                _fresh_head(network, generator)
            history += train.run_phase(phase, pools, state, strategy.loss, generator, context.progress)
            undone = phase.revert and bool(history) and not history[-1]["improved"]
            plan.append({**phase.told(sizes.get(phase.rows, len(pools.source))), "undone": undone})
            if undone:
                break
        network.eval()
        predictor, told = strategy.finish(state, prepared)
    evidence = {"phases": [told["name"] for told in plan], "check_rows": {name: len(rows) for name, rows in checks.items()}, "plan": plan}
    further = told.pop("further", {})
    if predictor is None:
        predictor = NetPredictor(network)
        seen = [(X_labelled[held_t], y_labelled[held_t])]
        if all(phase.rows != "target" for phase in phases):  # what went over to the target is wrong on the source for other reasons
            seen.append((prepared.X_source[held_s], prepared.y_source[held_s]))
        slope = calmer(predictor, seen, prepared.X_target, context.reached) if prepared.task == "classification" else 1.0
        if slope < 1:
            predictor, told = Calibrated(predictor, slope), told | {"temperature": 1 / slope}
    return Trained(predictor, tuple(history), evidence | told, further)


def calmer(predictor: Predictor, checks: Sequence[tuple[Matrix, NDArray[Any]]], X_target: Matrix, reached: float | None) -> float:
    """The slope, at most 1, that calibrates a network on the first of these labelled rows (X, y) that are enough of them.

    Temperature scaling (Guo 2017) that never sharpens: what looks too timid on the source is seldom so on a target that moved. Where
    nothing was held out, as by strategies that need every row, a network that has learnt its rows by heart is sure of all: it is then
    made no surer of the target, in the mean, than the source model was right in cross-validation on the source (`reached`).
    """
    for X, y in checks:
        if len(y) >= CALIBRATE_ROWS:
            return min(1.0, fit_temperature(predictor.scores(X), y))
    if reached is None or not len(X_target):
        return 1.0
    step = max(1, -(-len(X_target) // CALIBRATE_MOST))  # spread over the target, which may be sorted
    return slope_below(predictor.scores(X_target[::step]), reached)


def _fresh_head(network: Network, generator: torch.Generator) -> None:
    import torch
    from torch import nn

    with torch.no_grad():
        nn.init.normal_(network.head.weight, std=0.01, generator=generator)
        nn.init.zeros_(network.head.bias)
