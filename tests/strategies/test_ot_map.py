import importlib.util

import numpy as np
import pytest
from made import accuracy, context, linear_context, prepared, problem

from mdshift.engine.adapt import adapt
from mdshift.engine.candidates import unfit
from mdshift.errors import DataError, EnvironmentFault
from mdshift.learners.trees import Trees
from mdshift.stats.ot import barycentric, couple, follow, squared
from mdshift.strategies.linear_ot import LinearOT
from mdshift.strategies.ot_map import OtMap

ot = pytest.importorskip("ot")


def moons(seed, degrees=40, n=250):
    """Two moons, and the same turned (Courty 2017, section 5.1). The problem, and the target's labels."""
    rng = np.random.default_rng(seed)

    def rows(turn):
        y, a = rng.integers(0, 2, n), np.pi * rng.random(n)
        Z = np.where(y[:, None] == 0, np.c_[np.cos(a), np.sin(a)], np.c_[1 - np.cos(a), 0.5 - np.sin(a)]) - [0.5, 0.25]
        c, s = np.cos(np.deg2rad(turn)), np.sin(np.deg2rad(turn))
        return (Z + 0.1 * rng.normal(size=Z.shape)) @ np.array([[c, s], [-s, c]]), y

    (X, y), (Xt, yt) = rows(0), rows(degrees)
    return prepared(X, y, Xt), yt


def scattered(seed, by=1.2, n=360):
    """Nine clusters in three classes; each moves in a direction of its own. The problem, and the target's labels."""
    rng = np.random.default_rng(seed)
    centres = 3.0 * np.stack(np.meshgrid(range(3), range(3)), axis=-1).reshape(9, 2)
    classes, angle = np.array([0, 1, 2, 2, 0, 1, 1, 2, 0]), rng.uniform(0, 2 * np.pi, 9)
    k = np.arange(n) % 9
    X = centres[k] + 0.35 * rng.normal(size=(n, 2))
    Xt = (centres + by * np.c_[np.cos(angle), np.sin(angle)])[k] + 0.35 * rng.normal(size=(n, 2))
    return prepared(X, classes[k], Xt), classes[k]


def mean_accuracies(make, *strategies):
    found = []
    for seed in range(5):
        p, yt = make(seed)
        c = context(p, seed, Trees(30))
        found.append([accuracy(m.scores(p.X_target), yt) for m in (c.base, *(s.run(p, c).predictor for s in strategies))])
    return np.mean(found, axis=0)


def test_turned_moons_are_told_apart_again():
    plain, adapted = mean_accuracies(moons, OtMap())
    assert adapted > 0.9
    assert adapted > plain + 0.15


def test_clusters_that_moved_each_its_own_way_are_followed_where_one_linear_map_cannot():
    plain, adapted, linear = mean_accuracies(scattered, OtMap(), LinearOT())
    assert adapted > plain + 0.1
    assert adapted > linear + 0.1


def test_where_the_class_shares_differ_rows_are_carried_onto_the_other_class_and_it_harms():
    rng = np.random.default_rng(0)

    def rows(n, share):
        y = (rng.random(n) < share).astype(int)
        return rng.normal(size=(n, 2)) + 4 * np.c_[y, np.zeros(n)], y

    (X, y), (Xt, yt) = rows(400, 0.5), rows(400, 0.9)
    p = prepared(X, y, Xt)
    c = linear_context(p)
    assert accuracy(OtMap().run(p, c).predictor.scores(p.X_target), yt) < accuracy(c.base.scores(p.X_target), yt) - 0.1


def test_on_a_line_with_hardly_any_entropy_it_pairs_the_ranks():
    rng = np.random.default_rng(1)
    source, target = rng.normal(size=(30, 1)), np.exp(rng.normal(size=(30, 1)))
    moved = barycentric(couple(source, target, 0.002), target)
    ranked = np.sort(target, axis=0)[source[:, 0].argsort().argsort()]
    assert np.abs(moved - ranked).mean() < 0.1 * target.std()


def test_the_plan_is_that_of_a_plain_sinkhorn():
    rng = np.random.default_rng(2)
    source, target = rng.normal(size=(20, 3)), rng.normal(size=(25, 3)) + 1
    cost = ((source[:, None] - target[None]) ** 2).sum(axis=2)
    np.testing.assert_allclose(squared(source, target), cost, atol=1e-12)
    K = np.exp(-cost / np.median(cost) / 0.2)
    u = np.ones(20)
    for _ in range(2000):
        v = 1 / 25 / (K.T @ u)
        u = 1 / 20 / (K @ v)
    found = couple(source, target, 0.2)
    assert found.strength == 0.2
    np.testing.assert_allclose(found.plan, u[:, None] * K * v, atol=1e-8)
    np.testing.assert_allclose(barycentric(found, target), 20 * found.plan @ target, atol=1e-6)


def test_regularised_by_classes_a_target_row_takes_its_mass_from_one_class():
    rng = np.random.default_rng(3)
    y = np.arange(80) % 2
    source = rng.normal(size=(80, 2)) + y[:, None]
    target = rng.normal(size=(60, 2)) + (np.arange(60) % 2)[:, None] + 0.5

    def mixed(plan):
        both = np.stack([plan[y == k].sum(axis=0) for k in (0, 1)])
        return float((both.min(axis=0) / both.sum(axis=0)).mean())

    def lasso(plan):
        return float(sum(np.sqrt((plan[y == k] ** 2).sum(axis=0)).sum() for k in (0, 1)))

    plain, grouped = couple(source, target, 0.1), couple(source, target, 0.1, y, 3.0)
    assert lasso(grouped.plan) < 0.7 * lasso(plain.plan)
    assert mixed(grouped.plan) < 0.85 * mixed(plain.plan)
    np.testing.assert_allclose(grouped.plan.sum(axis=0), 1 / 60, atol=1e-3)
    p = prepared(source, y, target)
    maps = [OtMap(regularise=r, grouping=3.0).mapping(p, rng)[0] for r in ("none", "classes")]
    assert np.abs(maps[0] - maps[1]).max() > 0.1
    numbers = prepared(source, source[:, 0], target)
    maps = [OtMap(regularise=r).mapping(numbers, rng)[0] for r in ("none", "classes")]
    np.testing.assert_array_equal(*maps)  # numbers have no classes


@pytest.mark.parametrize("grouped", [False, True])
def test_an_entropy_too_weak_for_the_arithmetic_is_made_stronger(grouped):
    rng = np.random.default_rng(4)  # one row lies far off
    source, target = np.r_[rng.normal(size=(40, 2)), [[100.0, 0.0]]], rng.normal(size=(50, 2)) + 3
    found = couple(source, target, 1e-4, np.arange(41) % 2 if grouped else None, 0.5)
    assert 1e-4 < found.strength < 1
    np.testing.assert_allclose(found.plan.sum(axis=1), 1 / 41, rtol=0.11)
    assert np.isfinite(barycentric(found, target)).all()
    same = couple(np.ones((4, 2)), np.ones((5, 2)), 0.1)
    np.testing.assert_allclose(same.plan, 1 / 20)


def test_rows_that_were_not_paired_move_as_their_nearest_neighbour_does():
    known, moved = np.array([[0.0, 0.0], [10.0, 0.0]]), np.array([[1.0, 1.0], [10.0, -2.0]])
    np.testing.assert_allclose(follow(np.array([[1.0, 0.5], [9.0, 9.0]]), known, moved), [[2.0, 1.5], [9.0, 7.0]])


def test_more_rows_than_are_paired_indicators_and_a_single_target_row(monkeypatch):
    monkeypatch.setattr("mdshift.strategies.ot_map.ROWS", 60)
    rng = np.random.default_rng(5)
    X, Xt = np.c_[rng.normal(size=(200, 2)), np.arange(200) % 2], np.c_[rng.normal(size=(150, 2)) + 5, np.ones(150)]
    p = prepared(X, np.arange(200) % 2, Xt, kinds=["number", "number", "indicator"])
    mapped, _ = OtMap().mapping(p, np.random.default_rng(0))
    np.testing.assert_array_equal(mapped[:, 2], p.X_source[:, 2])
    np.testing.assert_allclose(mapped[:, :2].mean(axis=0), Xt[:, :2].mean(axis=0), atol=0.5)
    one = prepared(X, np.arange(200) % 2, Xt[:1], kinds=["number", "number", "indicator"])
    np.testing.assert_array_equal(OtMap().mapping(one, rng)[0], one.X_source)


def test_without_its_extra_it_is_refused_and_not_a_candidate(monkeypatch):
    p, find = problem(), importlib.util.find_spec
    assert unfit(OtMap, p) is None
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *a: None if name == "ot" else find(name, *a))
    with pytest.raises(EnvironmentFault, match="strategy 'ot-map' needs an extra") as caught:
        adapt(p, strategy="ot-map", seed=0, out="m")
    assert (caught.value.seen, caught.value.hint) == ("the package ot is not installed", "pip install 'mdshift[ot]'")
    assert unfit(OtMap, p) == "its extra is not installed: pip install 'mdshift[ot]'"
    assert unfit(LinearOT, p) is None
    with pytest.raises(DataError, match="does not fit") as other:  # where it would not fit anyway, that comes first
        adapt(problem("text"), strategy="ot-map", seed=0, out="m")
    assert "ot-map" not in other.value.hint
