import numpy as np
from made import accuracy, linear_context, prepared
from scipy.linalg import sqrtm

from mdshift.stats.ot import gaussian_map, transport
from mdshift.strategies.coral import Coral
from mdshift.strategies.linear_ot import LinearOT


def drifted(seed, by=2.0):
    """A sensor that was turned, rescaled and shifted, by a symmetric map; and the target's labels."""
    rng = np.random.default_rng(seed)
    latent, late = rng.normal(size=(500, 4)) * [1, 2, 0.7, 1], rng.normal(size=(500, 4)) * [1, 2, 0.7, 1]
    w = np.array([1.0, -1.0, 0.5, 0.0])
    Q = np.linalg.qr(rng.normal(size=(4, 4)))[0]
    drift = Q @ np.diag([0.15, 3.0, 1.0, 0.3]) @ Q.T
    return prepared(latent, (latent @ w > 0).astype(int), late @ drift + by), (late @ w > 0).astype(int)


def test_a_symmetric_drift_is_undone_and_better_than_by_matching_covariances_alone():
    found = []
    for seed in range(5):
        p, yt = drifted(seed)
        c = linear_context(p)
        models = (c.base, LinearOT(regularisation=1e-3).run(p, c).predictor, Coral(regularisation=1e-3).run(p, c).predictor)
        found.append([accuracy(m.scores(p.X_target), yt) for m in models])
    plain, adapted, coral = np.mean(found, axis=0)
    assert adapted > 0.93
    assert adapted > plain + 0.1
    assert adapted > coral + 0.01  # whitening first turns what need not turn where the source's own axes differ


def test_where_only_the_class_shares_differ_it_moves_the_classes_and_harms():
    rng = np.random.default_rng(0)

    def rows(n, share):
        y = (rng.random(n) < share).astype(int)
        return rng.normal(size=(n, 2)) + 3 * np.c_[y, np.zeros(n)], y

    (X, y), (Xt, yt) = rows(800, 0.5), rows(800, 0.95)
    p = prepared(X, y, Xt)
    c = linear_context(p)
    assert accuracy(LinearOT().run(p, c).predictor.scores(p.X_target), yt) < accuracy(c.base.scores(p.X_target), yt) - 0.05


def test_it_is_the_closed_form_of_the_optimal_map_between_gaussians():
    rng = np.random.default_rng(1)
    source, target = rng.normal(size=(200, 3)) @ rng.normal(size=(3, 3)), rng.normal(size=(150, 3)) @ rng.normal(size=(3, 3)) + 1
    ridge = 0.5 * np.cov(source.T).trace() / 3 * np.eye(3)
    S, T = np.cov(source.T) + ridge, np.cov(target.T) + ridge
    root = np.real(sqrtm(S))
    A = np.linalg.inv(root) @ np.real(sqrtm(root @ T @ root)) @ np.linalg.inv(root)
    expected = (source - source.mean(axis=0)) @ A + target.mean(axis=0)
    found = gaussian_map(source, target, 0.5, rng)
    np.testing.assert_allclose(transport(source, found), expected, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(found[0] @ S @ found[0], T, rtol=1e-6, atol=1e-8)  # it carries one covariance to the other


def test_wide_data_are_turned_in_their_principal_directions_and_indicators_stay():
    rng = np.random.default_rng(2)
    loads = rng.normal(size=(3, 700))
    X, Xt = rng.normal(size=(90, 3)) @ loads, rng.normal(size=(70, 3)) * 2 @ loads + 1
    p = prepared(np.c_[X, np.arange(90) % 2], np.arange(90) % 2, np.c_[Xt, np.ones(70)], kinds=["number"] * 700 + ["indicator"])
    mapped, _ = LinearOT(regularisation=1e-3).mapping(p, rng)
    assert np.isfinite(mapped).all()
    np.testing.assert_array_equal(mapped[:, -1], p.X_source[:, -1])
    np.testing.assert_allclose(mapped[:, :-1].mean(axis=0), p.X_target[:, :-1].mean(axis=0), atol=1e-3)
    assert 3 < mapped[:, :-1].var() / p.X_source[:, :-1].var() < 6  # four times the variance, as in the target


def test_numbers_too_and_one_target_row_changes_nothing():
    rng = np.random.default_rng(3)
    latent, late = rng.normal(size=(400, 2)), rng.normal(size=(400, 2))
    w = np.array([2.0, -1.0])
    p = prepared(latent, latent @ w, late * [3.0, 0.3] + 5)
    c = linear_context(p, C=100.0)
    models = (c.base, LinearOT(regularisation=1e-3).run(p, c).predictor)
    plain, adapted = (float(((m.scores(p.X_target)[:, 0] - late @ w) ** 2).mean()) for m in models)
    assert adapted < 0.2 * plain
    one = prepared(latent, latent @ w, late[:1])
    np.testing.assert_array_equal(LinearOT().mapping(one, rng)[0], one.X_source)
