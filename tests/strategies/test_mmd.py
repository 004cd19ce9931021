import numpy as np

from mdshift.learners.base import restore
from strategies.networlds import before, moved, moved_number, right, run, squared


def test_it_beats_the_source_alone_where_classes_look_alike_after_alignment():
    p, yt = moved(0, n=200, m=200)
    assert right(run("mmd", p, epochs=30).predictor, p, yt) > max(0.9, before(moved, right, seed=0, n=200, m=200) + 0.05)


def test_the_discrepancy_itself_carries_it_when_statistics_are_shared():
    p, yt = moved(2, n=200, m=200)
    found = [right(run("mmd", p, epochs=40, statistics="shared", weight=w).predictor, p, yt) for w in (0.0, 1.0)]
    assert found[1] > found[0] + 0.05


def test_the_recorded_discrepancy_falls():
    p, _ = moved(2, n=200, m=200)
    gaps = [np.mean([h["mmd"] for h in run("mmd", p, epochs=40, statistics="shared", weight=w).history[-8:]]) for w in (0.0, 1.0)]
    assert gaps[1] < 0.5 * gaps[0]


def test_numbers_too():
    p, yt = moved_number(n=200, m=200)
    assert squared(run("mmd", p, epochs=30).predictor, p, yt) < 0.4 * before(moved_number, squared, n=200, m=200)


def test_the_same_seed_gives_the_same_bits_and_the_state_restores():
    p, _ = moved(n=60, m=40)
    one, two = run("mmd", p, epochs=1), run("mmd", p, epochs=1)
    assert one.history == two.history
    scores = one.predictor.scores(p.X_target)
    np.testing.assert_array_equal(scores, two.predictor.scores(p.X_target))
    np.testing.assert_array_equal(scores, restore(one.predictor.state()).scores(p.X_target))
