from dataclasses import replace

import numpy as np
import pytest
from made import accuracy, linear_context, prepared

from mdshift.declare import lookup
from mdshift.families import ASSURED, BELIEVED, COHERENT, NEIGHBOURLY, SLACK, united
from mdshift.learners.base import Trained
from mdshift.stats.coherence import coherence
from mdshift.strategies.committee import NETWORKS, Committee
from mdshift.strategies.consensus import Consensus
from strategies.networlds import moved


def test_where_clusters_moved_the_mean_is_believed_and_better_than_the_source_model():
    p, yt = moved(0, n=200, m=200)
    c = linear_context(p)
    before = accuracy(c.base.scores(p.X_target), yt)
    careful, own, mean = (Committee(epochs=5, **how).run(p, c) for how in ({}, {"smooth": 0.0, "advice": 0.0}, {"rule": "mean"}))
    assert careful.evidence["coherence_gain"] > COHERENT
    np.testing.assert_array_equal(own.predictor.scores(p.X_target), mean.predictor.scores(p.X_target))
    assert accuracy(mean.predictor.scores(p.X_target), yt) > before + 0.2
    assert accuracy(careful.predictor.scores(p.X_target), yt) > before + 0.2
    said = [run.predictor.scores(p.X_target).argmax(axis=1) for run in (careful, own)]
    assert (said[0] != said[1]).any()
    spread, advised = (
        Committee(epochs=5, **how).run(p, c).predictor.scores(p.X_target) for how in ({"advice": 0.0}, {"smooth": 0.0})
    )  # each of the two by itself
    assert (spread != own.predictor.scores(p.X_target)).any()
    assert (advised != own.predictor.scores(p.X_target)).any()
    base = c.base.scores(p.X_target).argmax(axis=1)
    assert [run.evidence["overruled"] for run in (careful, own)] == [(these != base).mean() for these in said]


def test_a_believed_mean_takes_over_what_is_said_of_rows_that_lie_near():
    """Far clusters of one class each, and members that err on single rows: what is said around a row mends them, on new rows too."""
    rng = np.random.default_rng(0)
    places = 12 * np.eye(3)
    (y, X), (yt, Xt), (yn, Xn) = ((k := rng.integers(0, 3, n), places[k] + rng.normal(size=(n, 3))) for n in (150, 300, 300))
    p = prepared(X, y, Xt)
    told = {"believed": True}

    class Errs:
        """Right and sure, but on every fifth row, where it is neither."""

        def scores(self, Z):
            truth = np.asarray(Z).argmax(axis=1)
            slips = np.abs(np.asarray(Z)[:, 0] * 1000).astype(int) % 5 == 0
            wrong = 0.45 * np.eye(3)[(truth + 1) % 3] + 0.35 * np.eye(3)[truth] + 0.2 * np.eye(3)[(truth + 2) % 3]
            return np.where(slips[:, None], wrong, 0.7 * np.eye(3)[truth] + 0.1)

    models, even = [Errs(), Errs()], np.array([0.5, 0.5])
    plain, near = (Committee(smooth=smooth).joined(models, even, "classification", told, p.X_target) for smooth in (0.0, 0.5))
    for Z, truth in ((p.X_target, yt), (Xn.astype(np.float32), yn)):
        assert accuracy(plain.scores(Z), truth) < 0.9
        assert accuracy(near.scores(Z), truth) > 0.95
    assert [Committee().around(columns) for columns in (3, 200, 201)] == [0.5, 0.5, 0.7]
    usual = Committee().joined(models, even, "classification", told, p.X_target)
    np.testing.assert_array_equal(usual.scores(p.X_target), near.scores(p.X_target))
    doubted = Committee().joined(models, even, "classification", {"believed": False}, p.X_target)
    np.testing.assert_allclose(doubted.scores(p.X_target), plain.scores(p.X_target))  # not believed, it is not spread either


@pytest.mark.parametrize("mean", [Committee(epochs=60.0), Consensus()])
@pytest.mark.parametrize("believed", [True, False])
def test_an_adviser_is_heard_with_half_a_members_say_and_only_where_the_mean_is_believed_without_it(mean, believed):
    p, yt = moved(0, n=100, m=100)
    wrong = np.arange(100) % 5 == 0
    base = Saying(p.X_target, np.where(wrong, (yt + 1) % 3, yt) if believed else yt, 0.9)
    others = {
        name: Trained(Saying(p.X_target, yt if believed else np.where(wrong, (yt + 2) % 3, yt), 0.8))
        for name in mean.parts("classification")
    }
    # of chance alone, had it been asked: it is torn, and stands apart from all
    adviser = Saying(p.X_target, np.random.default_rng(0).integers(0, 3, 100), 0.99)
    given = replace(linear_context(p), base=base, finished=others | {"selective-pseudo-labels": Trained(adviser)})
    run = replace(mean, smooth=0.0).run(p, given)
    each = [m.scores(p.X_target) for m in (base, *(t.predictor for t in others.values()))]
    assert run.evidence["believed"] is believed
    assert run.evidence["members"] == ["source-only", *others]
    if believed:
        expected = (sum(each) + 0.5 * adviser.scores(p.X_target)) / (len(each) + 0.5)
        np.testing.assert_allclose(run.predictor.scores(p.X_target), expected)
        assert run.evidence["advisers"] == pytest.approx({"selective-pseudo-labels": 0.5 / (len(each) + 0.5)})
        assert run.evidence["weights"] == pytest.approx([1 / (len(each) + 0.5)] * len(each))
        assert run.evidence["overruled"] == (expected.argmax(axis=1) != each[0].argmax(axis=1)).mean()
        none = replace(mean, smooth=0.0, advice=0.0).run(p, given)
        np.testing.assert_allclose(none.predictor.scores(p.X_target), sum(each) / len(each))
        assert "advisers" not in none.evidence
        assert [none.evidence[gain] for gain in ("coherence_gain", "united")] == [
            run.evidence[gain] for gain in ("coherence_gain", "united")
        ]
    else:
        np.testing.assert_array_equal(run.predictor.scores(p.X_target).argmax(axis=1), yt)
        assert "advisers" not in run.evidence


def test_the_shares_of_members_and_advisers_sum_to_one():
    even = np.full(3, 1 / 3)
    assert Consensus().with_advisers(even, 1) == pytest.approx(np.array([2, 2, 2, 1]) / 7)
    assert Consensus().with_advisers(even, 0) == pytest.approx(even)
    assert Consensus(advice=1.0).with_advisers(even, 1) == pytest.approx([0.25] * 4)
    assert Consensus(own=0.8).with_advisers(np.array([0.8, 0.1, 0.1]), 1) == pytest.approx([0.8, 0.08, 0.08, 0.04])


def test_an_adviser_does_not_speak_for_the_mean():
    """Members that are torn, and an adviser with which the source model would stand apart from them all, had it been asked."""
    p, yt = moved(0, n=100, m=100)
    base = Saying(p.X_target, np.where(np.arange(100) % 5 == 0, (yt + 1) % 3, yt), 0.9)
    others, said = {}, []
    for i, name in enumerate(("linear-ot", "ot-map")):
        torn = np.random.default_rng(i + 5).choice(100, 20, replace=False)
        own = yt.copy()
        own[torn] = (yt[torn] + 1 + i) % 3
        said.append(Saying(p.X_target, own, 0.8))
        others[name] = Trained(said[-1])
    adviser = Saying(p.X_target, yt, 0.99)
    given = replace(linear_context(p), base=base, finished=others | {"selective-pseudo-labels": Trained(adviser)})
    found = Consensus().run(p, given).evidence
    assert found["believed"] is False
    assert "advisers" not in found
    every = [m.scores(p.X_target) for m in (base, *said, adviser)]
    assert Consensus().told(every, np.full(4, 0.25), np.ones(4, dtype=bool), p.X_target)["believed"] is True


@pytest.mark.parametrize("seed", range(3))
def test_where_only_the_class_shares_moved_the_members_err_together_and_the_mean_is_not_believed(seed):
    rng = np.random.default_rng(seed)

    def rows(n, share):
        y = (rng.random(n) < share).astype(int)
        return rng.normal(size=(n, 2)) + 3 * np.c_[y, np.zeros(n)], y

    (X, y), (Xt, yt) = rows(300, 0.5), rows(300, 0.95)
    p = prepared(X, y, Xt)
    c = linear_context(p)
    before = accuracy(c.base.scores(p.X_target), yt)
    careful, mean = (accuracy(Committee(epochs=5, rule=rule).run(p, c).predictor.scores(p.X_target), yt) for rule in ("careful", "mean"))
    assert mean < before - 0.2
    assert careful == before


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
    mean = np.mean(each, axis=0)
    np.testing.assert_allclose(found.predictor.scores(p.X_target), mean)
    assert found.evidence["members"] == ["source-only", "linear-ot", "ot-map", "mcc", "dann"]
    alone = lookup("strategy", "consensus")().run(p, replace(c, finished=maps))
    assert found.evidence["ambiguity"] == pytest.approx(alone.evidence["ambiguity"])
    assert found.evidence["ambiguity"] != pytest.approx(np.var(each, axis=0).sum(axis=1).mean())
    before, after = coherence(p.X_target, each[0].argmax(axis=1), mean.argmax(axis=1))
    assert found.evidence["coherence_gain"] == pytest.approx(after.kappa - before.kappa)
    assert found.evidence["agreement_gain"] == pytest.approx(after.agreement - before.agreement)
    assert found.evidence["overruled"] == (each[0].argmax(axis=1) != mean.argmax(axis=1)).mean() > 0


@pytest.fixture
def by_neighbours(monkeypatch):
    """The mean is believed by what neighbours say alone, however sure it is."""
    monkeypatch.setattr(Committee, "sure_from", float("inf"))


class Saying:
    """A class for every row of the target, with the same probability everywhere."""

    def __init__(self, X, said, top, classes=3):
        self.X, self.said, self.top, self.classes = X, said, top, classes

    def scores(self, X):
        at = [int(np.flatnonzero((row == self.X).all(axis=1))[0]) for row in X]
        rest = (1 - self.top) / (self.classes - 1)
        return np.where(np.eye(self.classes)[self.said[at]] == 1, self.top, rest)


@pytest.mark.usefixtures("by_neighbours")
@pytest.mark.parametrize("top", [BELIEVED - 0.01, BELIEVED, 0.9])
@pytest.mark.parametrize("clusters", [True, False])
def test_a_source_model_that_is_sure_is_overruled_only_where_neighbours_agree_more_on_what_the_mean_says(top, clusters):
    p, yt = moved(0, n=100, m=100)
    wrong = np.arange(100) % 5 == 0
    if clusters:  # the others give each cluster one class
        said, other = np.where(wrong, (yt + 1) % 3, yt), yt
    else:
        said, other = yt, np.where(wrong, (yt + 1) % 3, yt)
    base = Saying(p.X_target, said, top)
    others = {name: Trained(Saying(p.X_target, other, 0.99)) for name in ("linear-ot", "ot-map", *NETWORKS)}
    found = Committee(epochs=60.0).run(p, replace(linear_context(p), base=base, finished=others))
    assert (found.evidence["coherence_gain"] > COHERENT) == clusters
    overrules = clusters or top < BELIEVED
    assert found.evidence["overruled"] == pytest.approx(0.2 if overrules else 0.0)
    np.testing.assert_array_equal(found.predictor.scores(p.X_target).argmax(axis=1), other if overrules else said)
    few = found.predictor.scores(p.X_target[:5])  # what was seen of the target decides, not the rows that are asked for
    np.testing.assert_array_equal(few, found.predictor.scores(p.X_target)[:5])


@pytest.mark.usefixtures("by_neighbours")
def test_neighbours_that_are_more_of_one_class_by_its_share_alone_prove_nothing():
    """A source model that is right on one large class, against a mean that cuts it in two: kappa is kinder to the halves."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(300, 2))
    p = prepared(rng.normal(size=(60, 2)), np.arange(60) % 3, X)
    sure = Saying(p.X_target, np.where(np.arange(300) == 0, 1, 0), 0.9)
    others = {name: Trained(Saying(p.X_target, (X[:, 0] > 0).astype(int), 0.99)) for name in ("linear-ot", "ot-map", *NETWORKS)}
    run = Committee(epochs=60.0).run(p, replace(linear_context(p), base=sure, finished=others))
    assert run.evidence["coherence_gain"] > COHERENT
    assert run.evidence["agreement_gain"] < -SLACK
    assert run.evidence["overruled"] == 0


def test_of_a_few_rows_neighbours_say_nothing():
    p, yt = moved(0, n=100, m=NEIGHBOURLY - 1)
    base = Saying(p.X_target, (yt + np.arange(NEIGHBOURLY - 1)) % 3, 0.9)
    others = {name: Trained(Saying(p.X_target, yt, 0.99)) for name in ("linear-ot", "ot-map", *NETWORKS)}
    found = Committee(epochs=60.0).run(p, replace(linear_context(p), base=base, finished=others))
    assert found.evidence["coherence_gain"] == found.evidence["overruled"] == 0


def test_a_mean_that_gives_all_rows_one_class_is_not_believed():
    p, yt = moved(0, n=100, m=100)
    base = Saying(p.X_target, np.where(np.arange(100) % 5 == 0, (yt + 1) % 3, yt), 0.9)
    others = {name: Trained(Saying(p.X_target, np.zeros(100, dtype=int), 0.99)) for name in ("linear-ot", "ot-map", *NETWORKS)}
    found = Committee(epochs=60.0).run(p, replace(linear_context(p), base=base, finished=others))
    assert found.evidence["coherence_gain"] == found.evidence["overruled"] == 0


@pytest.mark.usefixtures("by_neighbours")
def test_the_networks_do_not_outvote_maps_that_are_less_coherent_than_the_source_model():
    p, yt = moved(0, n=100, m=100)
    said = np.where(np.arange(100) % 5 == 0, (yt + 1) % 3, yt)
    base = Saying(p.X_target, said, 0.6)
    torn = Trained(Saying(p.X_target, np.where(np.arange(100) % 4 == 2, (yt + 2) % 3, np.where(np.arange(100) % 10 == 0, yt, said)), 0.7))
    right = Trained(Saying(p.X_target, yt, 0.99))
    believed, doubted = (
        Committee(epochs=60.0).run(
            p, replace(linear_context(p), base=base, finished=dict.fromkeys(NETWORKS, right) | dict.fromkeys(("linear-ot", "ot-map"), maps))
        )
        for maps in (right, torn)
    )
    assert believed.evidence["overruled"] == pytest.approx(0.2)
    assert doubted.evidence["coherence_gain"] > COHERENT
    assert doubted.evidence["gauge_gain"] < 0
    assert doubted.evidence["united"] >= 0  # not for that
    assert doubted.evidence["overruled"] == 0


def test_members_that_agree_with_the_source_model_more_than_with_one_another_do_not_overrule_it_however_coherent_their_mean():
    p, yt = moved(0, n=100, m=100)
    wrong = np.arange(100) % 5 == 0
    base = Saying(p.X_target, np.where(wrong, (yt + 1) % 3, yt), 0.9)
    for noise in (0, 30):  # of each member's rows, other ones of each
        others = {}
        for i, name in enumerate(("linear-ot", "ot-map", *NETWORKS)):
            said = yt.copy()
            torn = np.random.default_rng(i).choice(100, noise, replace=False)
            said[torn] = (yt[torn] + 1 + i % 2) % 3
            others[name] = Trained(Saying(p.X_target, said, 0.8))
        run = Committee(epochs=60.0).run(p, replace(linear_context(p), base=base, finished=others))
        assert run.evidence["coherence_gain"] > COHERENT
        assert (run.evidence["united"] >= 0) == (noise == 0)
        assert run.evidence["believed"] is (noise == 0)


def test_united_is_how_much_more_the_others_agree_with_one_another_than_with_the_first():
    first, one, two = np.array([0, 0, 0, 0]), np.array([0, 1, 1, 0]), np.array([1, 1, 1, 0])
    assert united([first, one, two]) == pytest.approx(3 / 4 - (2 / 4 + 1 / 4) / 2)
    assert united([first, one]) == pytest.approx(-2 / 4)  # nobody else agrees
    assert united([first]) == 0


def contradicted(rows, classes, top, mean=Committee):
    """Members that contradict a source model of probability .9 on a fifth of the rows, with no more regard to neighbours than it has."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(rows, 2))
    said = rng.integers(0, classes, rows)
    other = np.where(np.arange(rows) % 5 == 0, (said + 1) % classes, said)
    p = prepared(rng.normal(size=(60, 2)), np.arange(60) % classes, X)
    others = {name: Trained(Saying(p.X_target, other, top, classes)) for name in ("linear-ot", "ot-map", *NETWORKS)}
    base = Saying(p.X_target, said, 0.9, classes)
    return mean().run(p, replace(linear_context(p), base=base, finished=others)).evidence


def test_of_three_classes_and_a_hundred_rows_a_mean_that_is_hardly_less_sure_than_the_source_model_is_believed():
    every = {"rows": ASSURED, "classes": 3, "top": 0.99}
    found = contradicted(**every, mean=lambda: Committee(epochs=60.0))
    assert found["coherence_gain"] < COHERENT
    assert found["confidence_gain"] > Committee.sure_from
    assert found["believed"] is True
    assert found["overruled"] == pytest.approx(0.2)
    for less in ({"rows": ASSURED - 1}, {"classes": 2}, {"top": 0.8}):
        told = contradicted(**every | less, mean=lambda: Committee(epochs=60.0))
        assert (told["confidence_gain"] < Committee.sure_from) == ("top" in less)
        assert told["believed"] is False
        assert told["overruled"] == 0
    assert contradicted(**every, mean=Consensus)["believed"] is False


def test_of_many_rows_some_tell_what_is_overruled(monkeypatch):
    monkeypatch.setattr("mdshift.learners.spread.ROWS", 97)
    found = contradicted(300, 3, 0.99, mean=lambda: Committee(epochs=60.0))
    assert found["believed"] is True
    assert found["overruled"] == pytest.approx(0.2, abs=0.05)
    assert (97 * found["overruled"]) == pytest.approx(round(97 * found["overruled"]))


@pytest.mark.parametrize("rows", [{"linear-ot": 1, "ot-map": 1, "mcc": 1, "dann": 1}, {"mcc": 2, "dann": 2}])
def test_members_that_have_collapsed_into_one_class_are_sure_and_not_believed(rows):
    p, yt = moved(0, n=100, m=200)
    base = Saying(p.X_target, yt, 0.6)
    others = {name: Trained(Saying(p.X_target, yt, 0.6)) for name in ("linear-ot", "ot-map", *NETWORKS)}
    for name, spared in rows.items():
        others[name] = Trained(Saying(p.X_target, np.where(np.arange(200) < spared, yt, 0), 0.99))
    found = Committee(epochs=60.0).run(p, replace(linear_context(p), base=base, finished=others)).evidence
    assert found["confidence_gain"] > Committee.sure_from
    assert found["believed"] is False
    assert found["overruled"] == 0


def test_a_mean_that_is_nearly_the_source_model_is_not_believed_for_being_as_sure():
    every = {"rows": ASSURED, "classes": 3, "top": 0.5}
    found = contradicted(**every, mean=lambda: Committee(epochs=60.0, own=0.9))
    assert found["confidence_gain"] > Committee.sure_from
    assert found["believed"] is False


@pytest.mark.usefixtures("by_neighbours")
def test_what_is_told_of_rows_in_doubt_is_what_the_model_does():
    p, yt = moved(0, n=100, m=120)
    rng = np.random.default_rng(0)
    base = Saying(p.X_target, yt, BELIEVED - 0.05)
    others = {name: Trained(Saying(p.X_target, rng.integers(0, 3, 120), 0.9)) for name in ("linear-ot", "ot-map", *NETWORKS)}
    run = Committee(epochs=60.0).run(p, replace(linear_context(p), base=base, finished=others))
    changed = run.predictor.scores(p.X_target).argmax(axis=1) != yt
    mean = np.mean([base.scores(p.X_target), *(t.predictor.scores(p.X_target) for t in others.values())], axis=0).argmax(axis=1)
    assert run.evidence["believed"] is False
    assert 0 < run.evidence["overruled"] == changed.mean() < (mean != yt).mean() / 3
