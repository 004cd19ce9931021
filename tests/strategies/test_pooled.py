import numpy as np
from made import accuracy, linear_context, prepared

from mdshift.learners.pool import pooled
from mdshift.strategies.pooled import Pooled


def test_a_few_target_labels_turn_a_changed_concept():
    rng = np.random.default_rng(0)
    X, Xt = rng.normal(size=(500, 3)), rng.normal(size=(500, 3))
    y, yt = (X[:, 0] > 0).astype(int), (Xt[:, 0] + 2 * Xt[:, 1] > 0).astype(int)
    given = np.where(np.arange(500) < 60, yt, -1)
    p = prepared(X, y, Xt, given)
    c = linear_context(p)
    trained = Pooled().run(p, c)
    assert trained.evidence["target_rows"] == 60
    hidden = slice(60, None)
    assert (
        accuracy(trained.predictor.scores(p.X_target)[hidden], yt[hidden]) > accuracy(c.base.scores(p.X_target)[hidden], yt[hidden]) + 0.1
    )


def test_target_rows_weigh_what_they_stand_for_and_no_more_than_they_may():
    seen = []

    class Scale:
        def fit(self, prepared, X, y, rng, weights):
            seen.append(weights)

    p = prepared(np.zeros((90, 1)), np.arange(90) % 2, np.zeros((3, 1)), np.array([0, 1, -1]))
    labels = np.array([1.5, 0.5, 1.0])
    for share, most, heavy in ((0.5, 100.0, 45.0), (0.5, 20.0, 20.0), (0.1, 100.0, 5.0)):
        assert pooled(p, p.X_source, np.array([0, 1]), Scale(), None, labels, share, most)[1] == heavy
        w = seen[-1]
        np.testing.assert_allclose(w[:90], w[0])
        np.testing.assert_allclose(w[90:] / w[0], [1.5 * heavy, 0.5 * heavy])
        assert abs(w.mean() - 1) < 1e-12
