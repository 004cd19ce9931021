import numpy as np

from strategies.networlds import before, moved, right, run


def test_it_beats_the_source_alone_where_classes_are_apart():
    p, yt = moved(0, n=200, m=200)
    assert right(run("mcc", p, epochs=30).predictor, p, yt) > max(0.9, before(moved, right, seed=0, n=200, m=200) + 0.05)


def test_the_targets_predictions_become_sure():
    p, _ = moved(0, n=200, m=200)
    confusion = [np.mean([h["confusion"] for h in run("mcc", p, epochs=30, weight=w).history[-8:]]) for w in (0.0, 1.0)]
    assert confusion[1] < confusion[0]
