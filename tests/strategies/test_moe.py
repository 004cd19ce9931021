import numpy as np
import pytest
from made import accuracy, context, linear_context, prepared

from mdshift.declare import configure, lookup
from mdshift.learners.trees import Trees


def quarrel(seed=0, n=200, m=400, sources=4, told=3.0, labels=0):
    """Even sources follow one rule, odd ones its opposite; a further feature tells which, as far as `told`. The target is of the odd kind."""
    rng = np.random.default_rng(seed)

    def drawn(size, kind):
        X = rng.normal(size=(size, 5))
        X[:, 4] += told * (2 * kind - 1)
        return X, (X[:, 0] > 0).astype(int) ^ kind

    parts = [drawn(n, k % 2) for k in range(sources)]
    Xt, yt = drawn(m, 1)
    X, y = (np.concatenate([part[i] for part in parts]) for i in (0, 1))
    return prepared(X, y, Xt, np.where(np.arange(m) < labels, yt, -1), domain=np.repeat(np.arange(sources), n)), yt


def run(p, make=linear_context, **settings):
    made = make(p)
    found = configure(lookup("strategy", "moe"), settings).run(p, made)
    return made.base, found


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("sources", [2, 4])
def test_sources_that_contradict_one_another_are_told_apart(seed, sources):
    p, yt = quarrel(seed, sources=sources)
    base, found = run(p)
    assert accuracy(found.predictor.scores(p.X_target), yt) > accuracy(base.scores(p.X_target), yt) + 0.2
    assert accuracy(found.predictor.scores(p.X_target), yt) > 0.85


def test_the_shares_on_the_target_say_which_sources_it_is_like():
    p, _ = quarrel()
    shares = run(p)[1].evidence
    assert shares["gate_shares"][1] + shares["gate_shares"][3] > 0.7
    assert sum(shares["gate_shares"]) + shares["pooled_share"] == pytest.approx(1)


def test_where_no_feature_tells_the_sources_apart_it_is_at_a_loss_until_labels_tell():
    p, yt = quarrel(told=0.0)
    assert accuracy(run(p)[1].predictor.scores(p.X_target), yt) < 0.75
    p, yt = quarrel(told=0.0, labels=60)
    found = run(p, labels=50.0)[1].predictor.scores(p.X_target[60:])
    assert accuracy(found, yt[60:]) > 0.8


def test_one_rule_in_all_sources_is_known_best_to_the_model_of_all():
    rng = np.random.default_rng(0)
    X, Xt = rng.normal(size=(120, 8)), rng.normal(size=(1000, 8))
    y, yt = ((A @ np.ones(8) + rng.normal(size=len(A)) > 0).astype(int) for A in (X, Xt))
    p = prepared(X, y, Xt, domain=np.repeat(np.arange(4), 30))
    base, found = run(p)
    assert accuracy(found.predictor.scores(p.X_target), yt) < accuracy(base.scores(p.X_target), yt) + 0.005


def test_trees_as_experts_of_numbers():
    rng = np.random.default_rng(0)
    X, Xt = rng.normal(size=(600, 3)), rng.normal(size=(300, 3))
    d = np.repeat([0, 1, 2, 3], 150)
    X[:, 2], Xt[:, 2] = X[:, 2] + 3 * (2 * (d % 2) - 1), Xt[:, 2] + 3
    p = prepared(X, np.where(d % 2 == 1, X[:, 0], -X[:, 0]), Xt, domain=d)
    made = context(p, learner=Trees(20))
    found = configure(lookup("strategy", "moe"), {}).run(p, made).predictor.scores(p.X_target)[:, 0]
    assert ((found - Xt[:, 0]) ** 2).mean() < 0.35
