import json

import numpy as np
import pytest
from shifts import bound
from sides import sides

from mdshift.probes import domainclassifier
from mdshift.probes.domainclassifier import DomainClassifier, crossfit


def measure(view):
    return DomainClassifier().measure(view, np.random.default_rng(0))


def normal(n, m, p, shift, seed):
    rng = np.random.default_rng([seed, 5])
    Y = rng.standard_normal((m, p))
    Y[:, 0] += shift
    return sides(rng.standard_normal((n, p)), Y, seed=seed)


def test_keeps_its_level_and_its_interval_covers_chance():
    repeats = 40
    found = [measure(normal(25, 40, 3, 0, s)) for s in range(repeats)]
    assert sum(f.p_value <= 0.05 for f in found) <= bound(repeats)
    assert sum(not f.low <= 0.5 <= f.high for f in found) <= bound(repeats)


@pytest.mark.slow
@pytest.mark.parametrize(("n", "m", "repeats"), [(50, 50, 500), (500, 500, 300), (2000, 200, 150)])
def test_keeps_its_level_at_length(n, m, repeats):
    assert sum(measure(normal(n, m, 4, 0, s)).p_value <= 0.05 for s in range(repeats)) <= bound(repeats)


def test_finds_what_the_truth_is():
    """Two normals a standard deviation apart: no classifier beats AUC = Phi(1 / sqrt 2) = .760."""
    found = measure(normal(600, 600, 2, 1.0, 1))
    assert found.p_value < 1e-6
    assert found.low <= 0.760 <= found.high
    assert found.effect > 0.72


def test_sees_an_interaction_that_no_column_shows():
    rng = np.random.default_rng(2)
    X, Y = rng.standard_normal((500, 2)), np.abs(rng.standard_normal((500, 2)))
    Y *= rng.choice([-1, 1], 500)[:, None]  # signs agree; each column by itself is normal
    assert measure(sides(X, Y)).p_value < 1e-6


def test_scores_are_cross_fitted_and_computed_once(monkeypatch):
    fits = []
    real = domainclassifier._fit_score

    def spy(X, trees, side, train, test, rng):
        assert not (train & test).any()
        fits.append(int(test.sum()))
        return real(X, trees, side, train, test, rng)

    monkeypatch.setattr(domainclassifier, "_fit_score", spy)
    view = normal(100, 60, 2, 1, 3)
    assert crossfit(view) is crossfit(view)
    assert len(fits) == 6
    assert sum(fits[:5]) == 160


def test_unequal_sides_give_scores_at_equal_priors():
    found = crossfit(normal(1500, 60, 2, 0, 4))
    assert np.median(found.source) == pytest.approx(0.5, abs=0.15)
    assert found.joint_js < 0.05


def test_the_evidence_is_ready_for_json():
    evidence = measure(normal(60, 60, 2, 3, 5)).evidence
    assert {"auc", "low", "high", "p_value"} <= set(json.loads(json.dumps(evidence)))
    assert evidence["roc"][0] == [0, 0]
    assert evidence["roc"][-1] == [1, 1]
    assert len(evidence["roc"]) <= 40


def test_constant_columns_say_nothing():
    found = measure(sides(np.ones((40, 2)), np.ones((40, 2))))
    assert found.p_value == 1.0
    assert found.effect == pytest.approx(0.5)


def test_too_few_rows_are_said():
    found = measure(normal(500, 12, 2, 5, 6))
    assert found.p_value is None
    assert "too few rows to tell" in found.sentence


def test_the_most_telling_rows_are_named_by_their_row_numbers():
    rng = np.random.default_rng(11)
    Y = rng.standard_normal((200, 3))
    Y += 1
    Y[[7, 70]] += 3
    found = measure(sides(rng.standard_normal((200, 3)), Y)).evidence["examples"]
    assert {7, 70} <= {e["row"] for e in found["target"]}
    assert [len(found[k]) for k in ("source", "target")] == [5, 5]
    assert all(0 < e["score"] < 1 for side in found.values() for e in side)
    words = np.array([["a long text that says " + "very " * 40], ["another one"]], object)
    texts = words[rng.integers(0, 2, 60)], words[rng.integers(0, 2, 60)]
    assert all(len(e["text"]) <= domainclassifier.WORDS for e in measure(sides(texts=texts)).evidence["examples"]["source"])
