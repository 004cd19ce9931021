import numpy as np
import pytest
from made import accuracy, prepared

from mdshift.declare import configure, lookup
from strategies.networlds import run


def orders(seed=0, n=150, m=200, labels=60):
    """Three domains in order, the last the target: each has a place and a border of its own; one network can learn all."""
    rng = np.random.default_rng(seed)

    def drawn(size, k):
        X = rng.normal(size=(size, 6))
        y = (X[:, k] > 0).astype(int)
        X[:, 3:] = 0.3 * X[:, 3:] + 3 * np.eye(3)[k]  # where the row comes from
        return X, y

    parts = [drawn(n, k) for k in (0, 1)]
    Xt, yt = drawn(m, 2)
    X, y = (np.concatenate([part[i] for part in parts]) for i in (0, 1))
    shown = np.where(np.arange(m) < labels, yt, -1)
    return prepared(X, y, Xt, shown, domain=np.repeat([0, 1], n), modality="array"), yt, drawn(400, 0)


def test_the_memory_keeps_the_first_domain_while_the_target_is_learnt():
    p, yt, (X_old, y_old) = orders()
    kept, lost = (run("replay", p, memory=m, epochs=20) for m in (150, 0))
    old = [accuracy(found.predictor.scores(X_old.astype(np.float32)), y_old) for found in (kept, lost)]
    assert old[0] > old[1] + 0.08
    assert accuracy(kept.predictor.scores(p.X_target[60:]), yt[60:]) > 0.65
    assert kept.evidence["forgetting"][0] < lost.evidence["forgetting"][0] - 0.05


def test_forgetting_is_the_best_score_less_the_last():
    p, _, _ = orders(n=60, labels=30)
    found = run("replay", p, epochs=5).evidence
    scores = found["scores"]
    assert [len(row) for row in scores] == [1, 2, 3]
    assert found["forgetting"] == pytest.approx([max(row[k] for row in scores[k:]) - scores[-1][k] for k in (0, 1)])


@pytest.mark.parametrize("keep", ["reservoir", "herding"])
def test_no_more_rows_are_remembered_than_asked(keep):
    p, _, _ = orders(n=60, labels=30)
    assert run("replay", p, memory=17, keep=keep, epochs=2).evidence["remembered"] == 17


def test_domains_that_contradict_the_target_hold_it_back():
    p, yt, _ = orders()
    p.X_source[:, 3:] = p.X_target[0, 3:]  # the sources' borders now lie where the target's is
    p.y_source[:] = (p.X_source[:, 2] < 0).astype(int)
    freed, held = (run("replay", p, memory=m, share=0.1, epochs=20).predictor.scores(p.X_target[60:]) for m in (0, 300))
    assert accuracy(held, yt[60:]) < accuracy(freed, yt[60:]) - 0.05


def test_the_loss_weighs_new_and_remembered_rows():
    import torch

    from mdshift.nn.train import Batch, State

    class Net:
        @staticmethod
        def head(features):
            return features

    class Told(State):
        def features(self, step, *, target=True):
            return Batch(step.xs, step.xs[:0], step.xs[:0])

    class Step:
        xs, ys, ds, ws = torch.tensor([[1.0], [4.0]]), torch.zeros(2), torch.tensor([0, 1]), torch.ones(2)

    value, _ = configure(lookup("strategy", "replay"), {"share": 0.25}).loss(Step, Told(Net, None, "regression"))
    assert float(value) == pytest.approx(0.25 * 1 + 0.75 * 16)


def test_numbers_too():
    rng = np.random.default_rng(0)
    X, Xt = rng.normal(size=(150, 3)), rng.normal(size=(150, 3))
    p = prepared(X, X[:, 0], Xt, np.where(np.arange(150) < 50, Xt[:, 0], np.nan), modality="array")
    found = run("replay", p, epochs=10)
    assert ((found.predictor.scores(p.X_target[50:])[:, 0] - Xt[50:, 0]) ** 2).mean() < 0.4
