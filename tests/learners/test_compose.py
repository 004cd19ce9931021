import numpy as np
import pytest
from made import prepared

from mdshift.learners.base import State, restore
from mdshift.learners.compose import BLOCK, Averaged, Calibrated, Doubted, Mapped, PriorShifted, doubted, voted
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
    "voted": Averaged([inner, other], np.array([0.25, 0.75]), 0.25),
    "doubted": Doubted([inner, other, PriorShifted(inner, np.array([0.5, 0.5]), np.array([0.9, 0.1]))], np.array([0.5, 0.2, 0.3]), 0.7),
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


def test_the_first_stands_but_where_it_is_in_doubt_and_all_others_agree_on_another_class():
    first = Said([0.6, 0.4, 0.0], [0.5, 0.4, 0.1], [0.4, 0.3, 0.3], [0.4, 0.35, 0.25])
    second = Said([0.7, 0.2, 0.1], [0.1, 0.9, 0.0], [0.1, 0.9, 0.0], [0.4, 0.35, 0.25])
    third = Said([0.7, 0.2, 0.1], [0.1, 0.9, 0.0], [0.1, 0.9, 0.0], [0.0, 0.0, 1.0])
    assert doubted(first.rows, [s.rows.argmax(axis=1) for s in (second, third)], np.array([0, 1, 1, 2]), 0.5).tolist() == [
        False,
        False,
        True,
        False,
    ]
    found = Doubted([first, second, third], np.array([0.5, 0.25, 0.25]), 0.5).scores(X[:4])
    np.testing.assert_allclose(found[0], [0.65, 0.3, 0.05])  # the mean says the same class
    np.testing.assert_allclose(found[1], [0.5, 0.4, 0.1])  # it says another one, and the first is sure
    np.testing.assert_allclose(found[2], [0.25, 0.6, 0.15])
    np.testing.assert_allclose(found[3], [0.4, 0.35, 0.25])  # the mean has another class, but the others do not agree on it
    assert Doubted([first], np.ones(1), 0.5).scores(X[:4]).tolist() == first.rows.tolist()


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


def test_a_vote_gives_a_part_of_what_a_member_says_to_its_likeliest_class():
    scores = np.array([[0.6, 0.3, 0.1], [0.2, 0.3, 0.5]])
    np.testing.assert_allclose(voted(scores, 0.25), [[0.7, 0.225, 0.075], [0.15, 0.225, 0.625]])
    assert voted(scores, 0.0) is scores
    np.testing.assert_allclose(voted(np.stack([scores, scores[:, ::-1]]), 1.0).sum(axis=(0, 2)), 2)  # of several members at once


def test_a_mean_that_was_saved_before_there_were_votes_has_none():
    model = Averaged([inner, other], np.array([0.25, 0.75]))
    state = model.state()
    old = Averaged.restore(State(state.kind, {}, state.arrays, {}, state.children))
    assert old.vote == 0
    np.testing.assert_array_equal(old.scores(X), model.scores(X))
