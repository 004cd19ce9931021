import numpy as np
from made import context, prepared

from mdshift.strategies.source_only import SourceOnly


def test_it_is_the_source_model_untouched():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(100, 3))
    p = prepared(X, (X[:, 0] > 0).astype(int), X + 1)
    c = context(p)
    assert SourceOnly().run(p, c).predictor is c.base
