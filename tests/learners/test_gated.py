import numpy as np
from scipy.optimize import check_grad, minimize
from scipy.special import logsumexp

from mdshift.learners.base import restore
from mdshift.learners.gated import Gated, fit_gate
from mdshift.learners.linear import LinearPredictor


def constant(p):
    return LinearPredictor(np.zeros((2, 2)), np.log([1 - p, p]), np.arange(2), 2, "classification")


def test_the_gate_minimises_the_mixtures_penalised_likelihood():
    rng = np.random.default_rng(0)
    X, likelihoods = rng.normal(size=(30, 2)), rng.random((30, 3))
    allowed = np.ones((30, 3), dtype=bool)
    allowed[:10, 0] = False
    size = (X**2).sum(axis=1).mean()

    def value(flat):
        coef, intercept = flat[:6].reshape(2, 3), flat[6:]
        z = np.where(allowed, X @ coef + intercept, -np.inf)
        mixed = logsumexp(z + np.log(likelihoods), axis=1) - logsumexp(z, axis=1)
        return -mixed.sum() + 0.5 * (size * (coef**2).sum() + (intercept**2).sum())

    expected = minimize(value, np.zeros(9), tol=1e-9).fun
    found = np.concatenate([np.ravel(part) for part in fit_gate(X, likelihoods, allowed, np.ones(30), 1.0)])
    assert value(found) < expected + 1e-4
    assert check_grad(value, lambda flat: np.zeros(9), found) < 0.02  # its slope there is none


def test_each_row_asks_the_expert_that_its_features_point_to():
    gate = Gated([constant(0.9), constant(0.2)], np.array([[5.0, -5.0], [0.0, 0.0]]), np.zeros(2))
    found = gate.scores(np.array([[9.0, 0.0], [-9.0, 0.0], [0.0, 0.0]], np.float32))[:, 1]
    np.testing.assert_allclose(found, [0.9, 0.2, 0.55], atol=1e-9)
    X = np.random.default_rng(0).normal(size=(9, 2)).astype(np.float32)
    np.testing.assert_array_equal(restore(gate.state()).scores(X), gate.scores(X))
