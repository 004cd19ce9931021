from dataclasses import replace

import numpy as np
import pytest
from made import accuracy, linear_context, prepared

from mdshift.declare import lookup
from mdshift.learners.base import Trained
from mdshift.strategies.committee import NETWORKS, Committee
from strategies.networlds import moved


def test_where_the_inputs_drifted_the_mean_is_better_than_the_source_model():
    p, yt = moved(0, n=200, m=200)
    c = linear_context(p)
    before, after = (accuracy(m.scores(p.X_target), yt) for m in (c.base, Committee(epochs=5).run(p, c).predictor))
    assert after > before + 0.05


def test_where_only_the_class_shares_moved_the_members_err_together_and_the_mean_harms():
    rng = np.random.default_rng(0)

    def rows(n, share):
        y = (rng.random(n) < share).astype(int)
        return rng.normal(size=(n, 2)) + 3 * np.c_[y, np.zeros(n)], y

    (X, y), (Xt, yt) = rows(300, 0.5), rows(300, 0.95)
    p = prepared(X, y, Xt)
    c = linear_context(p)
    assert accuracy(Committee(epochs=5).run(p, c).predictor.scores(p.X_target), yt) < accuracy(c.base.scores(p.X_target), yt) - 0.02


def test_all_members_count_alike_and_the_maps_alone_are_gauged():
    p, _ = moved(0, n=120, m=120)
    c = linear_context(p)
    maps = {name: lookup("strategy", name)().run(p, c) for name in ("linear-ot", "ot-map")}

    class Sure:
        def scores(self, X):
            return np.eye(3)[np.zeros(len(X), dtype=int)]

    networks = {name: Trained(Sure()) for name in NETWORKS}
    found = Committee(epochs=60.0).run(p, replace(c, finished={**maps, **networks}))  # as long as the networks alone by default
    each = [m.scores(p.X_target) for m in (c.base, *(t.predictor for t in (maps | networks).values()))]
    np.testing.assert_allclose(found.predictor.scores(p.X_target), np.mean(each, axis=0))
    assert found.evidence["members"] == ["source-only", "linear-ot", "ot-map", "mcc", "dann"]
    alone = lookup("strategy", "consensus")().run(p, replace(c, finished=maps))
    assert found.evidence["ambiguity"] == pytest.approx(alone.evidence["ambiguity"])
    assert found.evidence["ambiguity_of_all"] == pytest.approx(np.var(each, axis=0).sum(axis=1).mean())
    assert found.evidence["ambiguity"] < np.var(each, axis=0).sum(axis=1).mean() / 2
