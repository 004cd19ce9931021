import json

import numpy as np
from sides import sides

from mdshift.probes.domainclassifier import crossfit
from mdshift.probes.plane import POINTS, plane


def of(X, Y):
    view = sides(X, Y)
    return plane(view, crossfit(view))


def test_two_equal_laws_lie_on_one_another_however_many_columns_there_are():
    rng = np.random.default_rng(0)
    found = of(rng.standard_normal((200, 100)), rng.standard_normal((200, 100)))
    assert abs(np.mean(found["source"]["x"]) - np.mean(found["target"]["x"])) < 0.3 * np.std(found["source"]["x"])


def test_both_sides_are_thinned_and_the_second_axis_is_free_of_the_first():
    rng = np.random.default_rng(1)
    X, Y = rng.standard_normal((900, 3)), rng.standard_normal((400, 3))
    Y[:, 0] += 1.5
    for side in (X, Y):
        side[:, 2] = side[:, 1] + 0.1 * side[:, 2]  # a structure that is no shift
    found = of(X, Y)
    assert [len(found[s][k]) for s in ("source", "target") for k in "xy"] == [POINTS] * 4
    assert np.mean(found["target"]["x"]) > np.mean(found["source"]["x"]) + 1
    x, y = (np.concatenate([found[s][k] for s in ("source", "target")]) for k in "xy")
    assert abs(np.corrcoef(x, y)[0, 1]) < 0.15
    assert set(found["columns"][:2]) == {"x1", "x2"}
    assert 0.6 < found["explained"] < 0.75  # two columns of three
    json.dumps(found, allow_nan=False)


def test_the_same_rows_give_the_same_plane():
    rng = np.random.default_rng(2)
    X, Y = rng.standard_normal((60, 2)), rng.standard_normal((60, 2))
    assert of(X, Y) == of(X, Y)


def test_columns_without_spread_leave_a_flat_plane():
    found = of(np.ones((40, 2)), np.ones((40, 2)))
    assert set(found["source"]["y"]) == {0.0}
    assert found["explained"] == 0
