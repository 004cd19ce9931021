import numpy as np
import pytest
from made import prepared

from mdshift.learners.base import restore
from mdshift.learners.compose import BLOCK, Averaged, Calibrated, Mapped, Overruled, PriorShifted, overruled
from mdshift.learners.linear import Linear

rng = np.random.default_rng(0)
X = rng.normal(size=(BLOCK + 57, 4)).astype(np.float32)
y = (X[:, 0] + 0.5 * rng.normal(size=len(X)) > 0).astype(int)
inner = Linear(1.0).fit(prepared(X, y), X, y, rng)
other = Linear(0.001).fit(prepared(X, y), X, y, rng)
matrix = rng.normal(size=(3, 3))
CASES = {
    "calibrated": Calibrated(inner, 0.5),
    "with-bias": Calibrated(inner, 0.5, np.array([0.2, -0.2])),
    "prior-shifted": PriorShifted(inner, np.array([0.5, 0.5]), np.array([0.9, 0.1])),
    "mapped": Mapped(inner, matrix, np.ones(3), np.zeros(3), np.array([0, 1, 3])),
    "averaged": Averaged([inner, other], np.array([0.25, 0.75])),
    "overruled": Overruled([inner, other, PriorShifted(inner, np.array([0.5, 0.5]), np.array([0.9, 0.1]))], np.array([False, True, False])),
    "nested": PriorShifted(Calibrated(Averaged([inner, other], np.array([0.5, 0.5])), 2.0), np.array([0.5, 0.5]), np.array([0.2, 0.8])),
}


@pytest.mark.parametrize("name", CASES)
def test_taken_apart_and_put_together_it_scores_the_same_bits_in_any_batch(name):
    found = CASES[name]
    whole = found.scores(X)
    np.testing.assert_array_equal(restore(found.state()).scores(X), whole)
    np.testing.assert_allclose(whole.sum(axis=1), 1)
    for at in (0, 5, BLOCK - 1, BLOCK, len(X) - 1):
        np.testing.assert_array_equal(found.scores(X[at : at + 1])[0], whole[at])


class Said:
    def __init__(self, *rows):
        self.rows = np.array(rows)

    def scores(self, X):
        return self.rows


def test_the_first_is_overruled_where_all_others_say_another_and_the_same():
    first = Said([0.9, 0.1, 0.0], [0.6, 0.4, 0.0], [0.6, 0.4, 0.0], [0.5, 0.3, 0.2], [0.5, 0.4, 0.1])
    second = Said([0.4, 0.6, 0.0], [0.3, 0.7, 0.0], [0.3, 0.7, 0.0], [0.6, 0.2, 0.2], [0.1, 0.9, 0.0])
    third = Said([0.4, 0.6, 0.0], [0.4, 0.6, 0.0], [0.3, 0.0, 0.7], [0.7, 0.2, 0.1], [0.2, 0.0, 0.8])
    found = Overruled([first, second, third], np.ones(3, dtype=bool)).scores(X[:5])
    assert found.argmax(axis=1).tolist() == [1, 1, 0, 0, 0]
    np.testing.assert_allclose(found[0], [0.4, 0.6, 0.0])  # the mean of all three would say the first class
    np.testing.assert_allclose(found[1], [1.3 / 3, 1.7 / 3, 0.0])  # the mean of all three
    np.testing.assert_allclose(found[2], [0.4, 1.1 / 3, 0.7 / 3])
    np.testing.assert_allclose(found[3], [0.6, 0.7 / 3, 0.5 / 3])
    np.testing.assert_allclose(found[4], [0.5, 0.4, 0.1])
    assert Overruled([first], np.ones(1, dtype=bool)).scores(X[:5]).tolist() == first.rows.tolist()


def test_one_of_those_that_are_not_needed_must_join_those_that_are():
    source, yes, no, other = ([0.9, 0.1, 0.0], [0.2, 0.8, 0.0], [0.8, 0.2, 0.0], [0.1, 0.2, 0.7])
    rows = [  # of each map and each network; whether the source model's class is overruled
        ((yes, yes, yes, yes), True),
        ((yes, no, yes, yes), True),
        ((no, yes, yes, yes), True),
        ((no, no, yes, yes), False),
        ((other, no, yes, yes), False),
        ((yes, yes, yes, no), False),
        ((yes, yes, yes, other), False),
    ]
    members = [Said(*[source] * len(rows)), *(Said(*[row[i] for row, _ in rows]) for i in range(4))]
    needed = np.array([False, False, False, True, True])
    found = Overruled(members, needed).scores(X[: len(rows)])
    assert (found.argmax(axis=1) == 1).tolist() == [over for _, over in rows]
    assert overruled(np.array([m.rows.argmax(axis=1) for m in members]), needed).tolist() == [over for _, over in rows]


def test_a_slope_below_one_makes_it_less_sure_and_decides_the_same():
    raw, soft = inner.scores(X), CASES["calibrated"].scores(X)
    np.testing.assert_array_equal(raw.argmax(axis=1), soft.argmax(axis=1))
    assert soft.max(axis=1).mean() < raw.max(axis=1).mean()


def test_another_prior_is_bayes_rule():
    p, found = inner.scores(X), CASES["prior-shifted"].scores(X)
    odds = p[:, 1] / p[:, 0] * (0.1 / 0.9)
    np.testing.assert_allclose(found[:, 1], odds / (1 + odds))


def test_a_map_touches_its_columns_alone():
    Z = X.copy()
    Z[:, [0, 1, 3]] = ((X[:, [0, 1, 3]].astype(float) - 1) @ matrix).astype(np.float32)
    np.testing.assert_allclose(CASES["mapped"].scores(X), inner.scores(Z), rtol=1e-5)
