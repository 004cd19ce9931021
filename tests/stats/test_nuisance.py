import numpy as np
import pytest

from mdshift.stats import nuisance


def data(n, d, seed):
    rng = np.random.default_rng(seed)
    Z = rng.standard_normal((n, d))
    return Z, (Z[:, 0] - Z[:, 1] + rng.logistic(size=n) > 0).astype(np.int64)


@pytest.mark.parametrize("strength", [0.003, 0.3, 30.0])
def test_newton_finds_the_maximum_of_the_penalised_likelihood(strength):
    from sklearn.linear_model import LogisticRegression

    Z, y = data(400, 6, 1)
    beta = nuisance.newton(Z, y, (strength,))[0]
    model = LogisticRegression(C=strength, tol=1e-8, max_iter=1000).fit(Z, y)
    assert beta[:-1] == pytest.approx(model.coef_[0], abs=2e-3)
    assert beta[-1] == pytest.approx(model.intercept_[0], abs=2e-3)


def test_newton_does_not_overshoot_where_one_class_is_rare():
    rng = np.random.default_rng(1)
    y = np.repeat([0, 1], [770, 45])
    z = rng.standard_normal(815) + 2.5 * y
    design = np.column_stack([z, z * z, z**3])
    design = (design - design.mean(axis=0)) / design.std(axis=0)
    design[-40:] *= 6  # far points, where a parabola around the start says nothing
    from sklearn.linear_model import LogisticRegression

    beta = nuisance.newton(design, y, (1.0,), steps=60)[0]
    model = LogisticRegression(C=1.0, tol=1e-8, max_iter=5000).fit(design, y)
    assert beta[:-1] == pytest.approx(model.coef_[0], abs=2e-2)


def test_mixed_scores_keep_the_order_of_what_they_are_mixed_of():
    """The scores of a rare side, good ones: an undamped step once turned them round."""
    rng = np.random.default_rng(5)
    for _ in range(40):
        y = np.repeat([0, 1], [772, 46])
        logits = [np.clip(rng.normal(-7 + 5 * y, 2.5), -7.6, 2.5) for _ in range(2)]
        mixed = nuisance.stacked(*(1 / (1 + np.exp(-v)) for v in logits), y)[:, 1]
        assert mixed[y == 1].mean() > 2 * mixed[y == 0].mean()


@pytest.mark.parametrize(
    "size", [1.0, 40.0]
)  # the second is nearly separable: the common Hessian is far off, and Newton's own steps are taken
def test_folds_solved_side_by_side_equal_folds_solved_alone(size):
    Z, y = data(300, 5, 2)
    Z = Z * size
    fold = nuisance.folds(y, np.random.default_rng(0), 5)
    strengths = (0.03, 3.0)
    found = nuisance.crossfit(Z, y, fold, 5, strengths, np.ones(300, dtype=bool))
    for k in range(5):
        alone = nuisance.newton(Z[fold != k], y[fold != k], strengths, steps=60)
        for i in range(2):
            z = Z[fold == k] @ alone[i, :-1] + alone[i, -1]
            assert found[i, fold == k] == pytest.approx(1 / (1 + np.exp(-np.clip(z, -30, 30))), abs=5e-3)


def test_a_row_is_never_scored_by_a_model_that_saw_its_label():
    Z, y = data(250, 4, 3)
    fold = nuisance.folds(y, np.random.default_rng(0), 5)
    turned = np.where(fold == 2, 1 - y, y)
    every = np.ones(250, dtype=bool)
    one, two = (nuisance.crossfit(Z, labels, fold, 5, (0.3,), every)[0] for labels in (y, turned))
    assert one[fold == 2] == pytest.approx(two[fold == 2], abs=2e-3)
    assert np.abs(one - two)[fold != 2].max() > 0.05


def test_rows_that_are_only_scored_leave_no_trace():
    Z, y = data(200, 4, 4)
    fold = np.concatenate([nuisance.folds(y, np.random.default_rng(0), 5), np.arange(50) % 5])
    train = np.arange(250) < 200
    one, two = (
        nuisance.crossfit(np.concatenate([Z, extra]), np.concatenate([y, np.zeros(50, dtype=np.int64)]), fold, 5, (0.3,), train)[0]
        for extra in (np.zeros((50, 4)), np.full((50, 4), 3.0))
    )
    assert one[:200] == pytest.approx(two[:200], abs=1e-6)


@pytest.mark.parametrize("n", [200, 3500])
def test_the_mixture_beats_chance_and_is_calibrated(n):
    Z, y = data(n, 5, 5)
    p = nuisance.classify(Z, y, 2, np.random.default_rng(0)).fitted
    assert p.sum(axis=1) == pytest.approx(np.ones(n))
    loss = -np.log(p[np.arange(n), y]).mean()
    assert loss < 0.61 < np.log(2)
    assert abs(p[:, 1].mean() - y.mean()) < 0.03


def test_a_regression_sees_a_curve():
    rng = np.random.default_rng(6)
    Z = rng.standard_normal((600, 3))
    y = np.sin(2 * Z[:, 0]) + 0.3 * rng.standard_normal(600)
    out = nuisance.regress(Z, y, rng).fitted[:, 0]
    assert 1 - np.mean((y - out) ** 2) / y.var() > 0.7
