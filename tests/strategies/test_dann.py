import numpy as np
import pytest

from strategies.networlds import before, moved, moved_number, right, run, source_net, squared


@pytest.mark.parametrize("conditional", [False, True])
def test_it_beats_the_source_alone_where_classes_look_alike_after_alignment(conditional):
    p, yt = moved(0, n=200, m=200)
    adapted = run("dann", p, epochs=30, conditional=conditional)
    assert right(adapted.predictor, p, yt) > max(0.9, before(moved, right, seed=0, n=200, m=200) + 0.05)


def test_reversal_keeps_the_adversary_blind():
    p, _ = moved(2, n=200, m=200)
    losses = [np.mean([h["adversary"] for h in run("dann", p, epochs=40, statistics="shared", weight=w).history[-8:]]) for w in (0.0, 1.0)]
    assert losses[0] < 0.2  # left alone, it tells the domains apart
    assert losses[1] > 2 * losses[0]


def test_other_shares_of_the_classes_break_it():
    p, yt = moved(0, n=200, m=200, gain=1.0, offset=0.0, prior=(0.9, 0.05, 0.05))
    assert right(run("dann", p, epochs=30).predictor, p, yt) < right(source_net(p), p, yt) - 0.1


def test_numbers_too():
    p, yt = moved_number(n=200, m=200)
    assert squared(run("dann", p, epochs=30, conditional=True).predictor, p, yt) < 0.4 * before(moved_number, squared, n=200, m=200)


def test_labelled_target_rows_are_learnt_from():
    p, yt = moved(0, n=120, m=240, gain=1.0, offset=0.0, prior=(0.9, 0.05, 0.05), labels=60)
    blind, _ = moved(0, n=120, m=240, gain=1.0, offset=0.0, prior=(0.9, 0.05, 0.05))
    rows = ~p.labelled
    told, untold = (run("dann", q, epochs=20).predictor.scores(p.X_target[rows]).argmax(1) for q in (p, blind))
    assert (told == yt[rows]).mean() > (untold == yt[rows]).mean() + 0.05
