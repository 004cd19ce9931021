import numpy as np
import pytest
from made import prepared, rng_of

from mdshift.engine.guard import Opinion, insured
from mdshift.learners.linear import Linear
from mdshift.validators.base import Bench, Gain
from mdshift.validators.collapse import Collapse
from mdshift.validators.precedent import LEAST, MOST, Precedent, precedents


def bench(task="classification", ambiguity=0.1, strategy="consensus", plain=None, adapted=None):
    y = np.arange(40) % 2 if task == "classification" else np.linspace(-3, 3, 40)
    p = prepared(np.zeros((40, 1)), y, np.zeros((50, 1)), task=task)
    blank = np.full((50, 2), 0.5)
    evidence = {} if ambiguity is None else {"ambiguity": ambiguity}
    plain, adapted = (blank if s is None else s for s in (plain, adapted))
    return Bench(p, plain, adapted, np.ones(40), Linear(), rng_of(0), strategy=strategy, evidence=evidence)


@pytest.mark.parametrize("task", ["classification", "regression"])
def test_the_record_is_the_pairs_on_which_the_members_disagreed_as_much(task):
    found = Precedent().gain(bench(task, {"classification": 0.1, "regression": 10.0}[task]), 2.0)
    gains = np.sort(
        [
            p["gain"]
            for p in precedents()
            if p["strategy"] == "consensus" and p["task"] == task and LEAST[task] <= p["ambiguity"] <= MOST[task]
        ]
    )
    assert found.value == pytest.approx(gains.mean())
    assert gains[0] <= found.low < found.value < found.high <= gains[-1]
    # nine of ten further pairs of the same kind lie above the low end
    assert (gains < found.low).sum() <= 0.1 * (len(gains) + 1)


def test_where_there_is_no_record_nothing_is_said():
    assert "no record" in Precedent().gain(bench(strategy="coral"), 2.0)
    assert "no record" in Precedent().gain(bench(ambiguity=None), 2.0)
    assert "too little" in Precedent().gain(bench(ambiguity=0.001), 2.0)
    assert "too little" in Precedent().gain(bench("regression", 0.001), 2.0)
    assert "contradict" in Precedent().gain(bench(ambiguity=0.3), 2.0)


def test_the_disagreement_of_numbers_is_counted_in_variances_of_the_label():
    variance = float(np.linspace(-3, 3, 40).var())
    assert "too little" in Precedent().gain(bench("regression", 0.99 * LEAST["regression"] * variance), 2.0)
    assert isinstance(Precedent().gain(bench("regression", 1.01 * LEAST["regression"] * variance), 2.0), Gain)


def test_a_strategy_is_insured_by_its_record_alone_where_nothing_speaks_against():
    record, loss = Gain(0.05, -0.01, 0.2), Gain(-0.1, -0.12, -0.08)
    said = Opinion({"precedent": record}, {})
    assert insured(said, ("covariate",), 0.02)
    assert not insured(said, ("covariate",), 0.005)  # the user tolerates less
    assert not insured(said, (), 0.02)  # nothing moved
    assert not insured(said, ("label",), 0.02)  # the classes' shares moved and nothing else
    assert not insured(said, None, 0.02)  # nobody looked
    assert not insured(Opinion({}, {}), ("covariate",), 0.02)
    assert not insured(Opinion({"precedent": record, "importance-weighted": loss}, {}), ("covariate",), 0.02)
    assert not insured(Opinion({"precedent": record, "collapse": Gain(-0.1, -0.1, -0.1)}, {}), ("covariate",), 0.02)
    assert not insured(Opinion({"precedent": Gain(-0.001, -0.01, 0.2)}, {}), ("covariate",), 0.02)


def test_a_class_that_is_no_longer_predicted_is_told():
    plain, adapted = np.eye(2)[np.arange(50) % 2], np.tile([0.9, 0.1], (50, 1))
    assert Collapse().gain(bench(plain=plain, adapted=adapted), 2.0).value == pytest.approx(-0.5)
    assert Collapse().gain(bench(plain=plain, adapted=plain), 2.0).value == 0
    rare = np.eye(2)[(np.arange(50) == 0).astype(int)]  # one row of fifty is a class, of which the source model is not sure to be right
    assert Collapse().gain(bench(plain=rare, adapted=adapted), 2.0).value == pytest.approx(-0.02)
    assert Collapse().gain(bench(plain=plain, adapted=adapted), 2.0).sentence == "one class vanishes"
    three = np.eye(3)[np.arange(60) % 3]
    assert Collapse().gain(bench(plain=three, adapted=np.eye(3)[np.zeros(60, int)]), 2.0).sentence == "2 classes vanish"
