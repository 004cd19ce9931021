import math

import numpy as np
import pytest
from made import prepared

from mdshift.nn.plan import Phase, usual


def test_schedules():
    constant, decay, cosine = (Phase(schedule=s) for s in ("constant", "decay", "warmup-cosine"))
    assert constant.factor(0.0) == constant.factor(0.9) == 1
    assert decay.factor(0.5) == pytest.approx(6**-0.75)
    assert cosine.factor(0.0) < 0.05
    assert cosine.factor(0.05) == pytest.approx(1)
    assert cosine.factor(0.525) == pytest.approx(0.5)
    assert cosine.factor(1.0) == pytest.approx(0, abs=1e-12)
    falling = [cosine.factor(p) for p in np.linspace(0.05, 1, 30)]
    assert falling == sorted(falling, reverse=True)
    assert math.isfinite(decay.factor(1.0))


def test_steps_are_bounded():
    phase = Phase(epochs=10, batch=50, least=100, most=900)
    assert phase.steps(10) == 100
    assert phase.steps(1000) == 200
    assert phase.steps(10**6) == 900
    assert phase.steps(0) == 100


def test_any_number_of_passes_has_an_end():
    phase = Phase(epochs=math.inf, batch=50, least=100, most=900)
    assert [phase.steps(n) for n in (0, 1, 10, 1000)] == [100, 900, 900, 900]


def test_batches_grow_with_the_rows_and_a_given_rate_goes_before():
    p = prepared(np.zeros((4, 2)), [0, 1, 0, 1])
    assert [usual(p, n).batch for n in (10, 2000, 10_000, 10**6)] == [32, 64, 128, 256]
    assert usual(p, 10, rate=0.5).rate == 0.5
    assert usual(p, 10).rate > 0
