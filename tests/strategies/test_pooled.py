import numpy as np
from made import accuracy, linear_context, prepared

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
