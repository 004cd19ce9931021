import numpy as np
import pytest

from mdshift.stats.calibration import fit_bcts, fit_temperature, logits, reliability, scale, softmax

rng = np.random.default_rng(0)
Z = rng.normal(size=(4000, 3)) * 2
P = softmax(Z)
Y = np.array([rng.choice(3, p=p) for p in P])


@pytest.mark.parametrize("factor", [0.4, 1.0, 2.5])
def test_the_temperature_that_was_put_in_comes_out(factor):
    assert fit_temperature(softmax(factor * Z), Y) == pytest.approx(1 / factor, rel=0.08)


def test_the_bias_that_was_put_in_comes_out():
    bias = np.array([1.0, 0.0, -1.0])
    slope, found = fit_bcts(softmax(2 * Z + bias), Y)
    assert slope == pytest.approx(0.5, rel=0.1)
    recovered = scale(softmax(2 * Z + bias), slope, found)
    assert np.abs(recovered - P).mean() < 0.02


def test_certain_and_wrong_scores_stay_finite():
    hard = np.eye(3)[(Y + 1) % 3]
    assert np.isfinite(logits(hard)).all()
    slope, bias = fit_bcts(hard, Y)
    assert np.isfinite(scale(hard, slope, bias)).all()


@pytest.mark.parametrize("n", [0, 1, 5])
def test_a_few_rows_change_nothing(n):
    assert fit_temperature(P[:n], Y[:n]) == 1.0
    slope, bias = fit_bcts(P[:n], Y[:n])
    assert slope == 1.0
    assert not bias.any()


def test_calibrated_scores_have_a_small_error_and_sharpened_ones_a_large_one():
    good, bins = reliability(P, Y)
    assert good < 0.03
    assert sum(b["rows"] for b in bins) == 4000
    assert reliability(softmax(5 * Z), Y)[0] > 0.1
