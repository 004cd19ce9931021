import numpy as np
import pytest
from made import accuracy, linear_context, rng_of

from mdshift.learners.base import Context, restore
from mdshift.learners.compose import Calibrated
from mdshift.learners.net import Net, nets_in
from mdshift.strategies.adabn import AdaBn
from strategies.networlds import bright, moved, moved_number, right, run, source_net, squared


@pytest.mark.parametrize("seed", [0, 2])
def test_another_gain_and_offset_of_each_sensor_are_undone(seed):
    p, yt = moved(seed)
    base = source_net(p)
    assert right(run("adabn", p, base=base).predictor, p, yt) > max(0.95, right(base, p, yt) + 0.05)


def test_other_brightness_and_contrast_are_undone():
    p, yt = bright()
    base = source_net(p)
    assert right(base, p, yt) < 0.8
    assert right(run("adabn", p, base=base).predictor, p, yt) > 0.95


def test_numbers_too():
    p, yt = moved_number()
    base = source_net(p)
    assert squared(run("adabn", p, base=base).predictor, p, yt) < 0.3 * squared(base, p, yt)


def test_other_shares_of_the_classes_break_it():
    p, yt = moved(0, gain=1.0, offset=0.0, prior=(0.9, 0.05, 0.05))
    base = source_net(p)
    assert right(run("adabn", p, base=base).predictor, p, yt) < right(base, p, yt) - 0.1


def test_calibration_around_the_network_stays_and_the_base_is_not_touched():
    p, _ = moved(n=120, m=120)
    inner = source_net(p)
    base = Calibrated(inner, 0.5)
    before = base.scores(p.X_target)
    adapted = AdaBn().run(p, Context(rng_of(), Net(), base)).predictor
    assert isinstance(adapted, Calibrated)
    assert adapted.slope == 0.5
    np.testing.assert_array_equal(base.scores(p.X_target), before)
    again = restore(adapted.state())
    np.testing.assert_array_equal(again.scores(p.X_target), adapted.scores(p.X_target))
    assert not np.allclose(adapted.scores(p.X_target), before)


def test_a_network_is_trained_where_the_source_model_is_none():
    p, yt = moved(n=200, m=200)
    found = AdaBn().run(p, linear_context(p))
    assert found.evidence["trained_network"] is True
    assert nets_in(found.predictor.state()) == 1
    assert accuracy(found.predictor.scores(p.X_target), yt) > 0.9


def test_few_target_rows_keep_most_of_the_sources_statistics():
    p, _ = moved(n=120, m=4)
    base = source_net(p)
    gaps = [
        np.abs(run("adabn", p, base=base, prior=prior).predictor.scores(p.X_source) - base.scores(p.X_source)).mean() for prior in (0, 400)
    ]
    assert gaps[1] < 0.2 * gaps[0]
