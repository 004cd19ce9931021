import numpy as np

from strategies.networlds import before, moved, moved_number, right, run, squared


def test_it_beats_the_source_alone_where_classes_look_alike_after_alignment():
    p, yt = moved(0, n=200, m=200)
    assert right(run("deep-coral", p, epochs=30).predictor, p, yt) > max(0.9, before(moved, right, seed=0, n=200, m=200) + 0.05)


def test_the_covariances_come_closer():
    p, _ = moved(2, n=200, m=200)
    gaps = [
        np.mean([h["coral"] for h in run("deep-coral", p, epochs=30, statistics="shared", weight=w).history[-8:]]) for w in (0.0, 100.0)
    ]
    assert gaps[1] < 0.5 * gaps[0]


def test_numbers_too():
    p, yt = moved_number(n=200, m=200)
    assert squared(run("deep-coral", p, epochs=30).predictor, p, yt) < 0.4 * before(moved_number, squared, n=200, m=200)
