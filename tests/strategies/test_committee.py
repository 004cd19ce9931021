from dataclasses import replace

import numpy as np
import pytest
from made import accuracy, linear_context, prepared

from mdshift.declare import lookup
from mdshift.learners.base import Trained, restore
from mdshift.learners.compose import Overruled
from mdshift.strategies.committee import BELIEVED, BROKEN, NETWORKS, Committee
from strategies.networlds import moved


def test_where_the_inputs_drifted_the_mean_is_better_than_the_source_model():
    p, yt = moved(0, n=200, m=200)
    c = linear_context(p)
    before, after, mean = (
        accuracy(m.scores(p.X_target), yt)
        for m in (c.base, Committee(epochs=5).run(p, c).predictor, Committee(epochs=5, rule="mean").run(p, c).predictor)
    )
    assert after > before + 0.05
    assert mean > before + 0.05


def test_where_only_the_class_shares_moved_the_members_err_together_and_even_a_vote_of_all_harms():
    rng = np.random.default_rng(0)

    def rows(n, share):
        y = (rng.random(n) < share).astype(int)
        return rng.normal(size=(n, 2)) + 3 * np.c_[y, np.zeros(n)], y

    (X, y), (Xt, yt) = rows(300, 0.5), rows(300, 0.95)
    p = prepared(X, y, Xt)
    c = linear_context(p)
    before = accuracy(c.base.scores(p.X_target), yt)
    for rule in ("agreed", "unanimous", "mean"):
        assert accuracy(Committee(epochs=5, rule=rule).run(p, c).predictor.scores(p.X_target), yt) < before - 0.02


def test_members_that_err_each_on_its_own_do_not_overrule_the_source_model():
    p, yt = moved(0, n=200, m=200)
    c, rng = linear_context(p), np.random.default_rng(0)

    class Noisy:
        """Right on 7 rows of 10; elsewhere one of the two other classes, drawn for itself."""

        def __init__(self):
            wrong = rng.random(len(yt)) < 0.3
            self.said = np.where(wrong, (yt + rng.integers(1, 3, len(yt))) % 3, yt)

        def scores(self, X):
            return np.eye(3)[self.said]

    members = {name: Trained(Noisy()) for name in ("linear-ot", "ot-map", *NETWORKS)}
    best = Noisy()
    best.said = np.where(rng.random(len(yt)) < 0.1, (yt + 1) % 3, yt)
    best.scores = lambda X: 0.3 * np.eye(3)[best.said] + 0.7 / 3  # in doubt everywhere
    found = Committee(epochs=60.0).run(p, replace(c, base=best, finished=members)).predictor.scores(p.X_target).argmax(axis=1)
    lost = (best.said == yt) & (found != yt)
    assert lost.mean() < 0.06  # networks and a map wrong alike: .3^3 * .5^2 of the rows, twice
    assert (found == yt).mean() > (best.said == yt).mean()


def test_all_members_count_alike_and_the_maps_alone_are_gauged():
    p, _ = moved(0, n=120, m=120)
    c = linear_context(p)
    maps = {name: lookup("strategy", name)().run(p, c) for name in ("linear-ot", "ot-map")}

    class Sure:
        """As the straight map has it, and never in doubt."""

        def scores(self, X):
            return np.eye(3)[maps["linear-ot"].predictor.scores(X).argmax(axis=1)]

    networks = {name: Trained(Sure()) for name in NETWORKS}
    given = replace(c, finished={**maps, **networks})
    found = Committee(epochs=60.0, rule="mean").run(p, given)  # as long as the networks alone by default
    each = [m.scores(p.X_target) for m in (c.base, *(t.predictor for t in (maps | networks).values()))]
    np.testing.assert_allclose(found.predictor.scores(p.X_target), np.mean(each, axis=0))
    assert found.evidence["members"] == ["source-only", "linear-ot", "ot-map", "mcc", "dann"]
    alone = lookup("strategy", "consensus")().run(p, replace(c, finished=maps))
    assert found.evidence["ambiguity"] == pytest.approx(alone.evidence["ambiguity"])
    assert found.evidence["ambiguity"] != pytest.approx(np.var(each, axis=0).sum(axis=1).mean())
    vote = Committee(epochs=60.0).run(p, given)
    assert vote.evidence == found.evidence
    said = np.array([s.argmax(axis=1) for s in each])
    against = (said[3] == said[4]) & ((said[1] == said[3]) | (said[2] == said[3])) & (said[3] != said[0])
    over = against & ((each[0].max(axis=1) < BELIEVED) | (against.mean() >= BROKEN))
    whole = (said[1:] == said[1]).all(axis=0) & (said[1] != said[0])
    np.testing.assert_array_equal(vote.predictor.scores(p.X_target).argmax(axis=1), np.where(over, said[3], said[0]))
    assert found.evidence["contradicted"] == against.mean() > 0
    assert found.evidence["overruled"] == over.mean() > 0
    assert found.evidence["unanimous"] == whole.sum() / against.sum()
    all_of_them = Committee(epochs=60.0, rule="unanimous").run(p, given)
    np.testing.assert_array_equal(all_of_them.predictor.scores(p.X_target).argmax(axis=1), np.where(whole, said[1], said[0]))


@pytest.mark.parametrize(("share", "sure", "overrules"), [(0.1, 0.9, False), (0.1, 0.5, True), (0.3, 0.9, True), (0.3, 0.5, True)])
def test_a_source_model_that_is_sure_is_overruled_only_where_it_is_contradicted_on_a_quarter_of_the_rows(share, sure, overrules):
    p, yt = moved(0, n=100, m=100)
    wrong = np.arange(100) < round(100 * share)

    class Saying:
        def __init__(self, said, top):
            self.said, self.top = said, top

        def scores(self, X):
            """Of the target's rows, whichever are asked for."""
            at = [int(np.flatnonzero((p.X_target == row).all(axis=1))[0]) for row in X]
            return self.top * np.eye(3)[self.said[at]] + (1 - self.top) / 3

    base = Saying(np.where(wrong, (yt + 1) % 3, yt), (sure - 1 / 3) / (2 / 3))
    others = {name: Trained(Saying(yt, 0.99)) for name in ("linear-ot", "ot-map", *NETWORKS)}
    given = replace(linear_context(p), base=base, finished=others)
    found = Committee(epochs=60.0).run(p, given)
    assert found.evidence["contradicted"] == pytest.approx(share)
    assert found.evidence["overruled"] == pytest.approx(share if overrules else 0.0)
    right = found.predictor.scores(p.X_target).argmax(axis=1) == yt
    np.testing.assert_array_equal(right, np.full(100, True) if overrules else ~wrong)
    again = restore(Overruled(found.predictor.members[:0], found.predictor.needed, found.predictor.believed).state())
    assert again.believed == found.predictor.believed
    few = found.predictor.scores(p.X_target[:5])  # what was seen of the target decides, not the rows that are asked for
    np.testing.assert_array_equal(few, found.predictor.scores(p.X_target)[:5])
