import numpy as np
import pytest
from made import prepared, rng_of

from mdshift.engine.guard import Opinion
from mdshift.engine.onrecord import insured
from mdshift.learners.linear import Linear
from mdshift.validators import precedent
from mdshift.validators.base import Bench, Gain
from mdshift.validators.collapse import Collapse
from mdshift.validators.precedent import FURTHEST, LEAST, LEVEL, MOST, SLIGHT, Precedent, foretold, gainful, precedents, record, spread

RECORDED = {"classification": "committee", "regression": "consensus"}  # what has a record by how much its members disagree


@pytest.fixture
def numbers(monkeypatch):
    """A record of ten sets of numbers, one of them beyond the limits, on which consensus gains."""
    pairs = [
        {"strategy": "consensus", "task": "regression", "pair": f"set{i}--a--b--1", "ambiguity": 0.1, "moved": moved, "gain": 0.01 * i}
        for i, moved in ((*((i, 0.1) for i in range(1, 10)), (10, FURTHEST + 0.1)))
    ]
    monkeypatch.setattr(precedent, "precedents", lambda: tuple(pairs))
    return pairs


def bench(task="classification", ambiguity=0.1, strategy=None, plain=None, adapted=None, y=None, **more):
    if y is None:
        y = np.arange(40) % 2 if task == "classification" else np.linspace(-3, 3, 40)
    p = prepared(np.zeros((40, 1)), y, np.zeros((50, 1)), task=task)
    blank = np.full((50, 2), 0.5)
    evidence = more if ambiguity is None else {"ambiguity": ambiguity, **more}
    strategy = strategy or RECORDED[task]
    plain, adapted = (blank if s is None else s for s in (plain, adapted))
    return Bench(p, plain, adapted, np.ones(40), Linear(), rng_of(0), strategy=strategy, evidence=evidence)


def test_the_record_is_the_pairs_on_which_the_members_disagreed_as_much():
    found = Precedent().gain(bench("classification", 0.1), 2.0)
    by_set = {}
    for p in precedents():
        own = p["strategy"] == "committee" and p["task"] == "classification" and p["overruled"] > 0
        if own and LEAST["classification"] <= p["ambiguity"] <= MOST["classification"]:
            by_set.setdefault(p["pair"].split("--")[0], []).append(p["gain"])
    assert len(by_set) >= 9
    assert found.value == pytest.approx(np.mean([np.mean(gains) for gains in by_set.values()]))
    assert found.low < found.value < found.high
    # nine of ten further sets lie above the low end, each set counted once, and the further one at its worst
    assert sum(np.mean(np.array(gains) < found.low) for gains in by_set.values()) + 1 <= LEVEL * (len(by_set) + 1) + 1e-9


def test_the_interval_covers_a_pair_of_a_set_that_is_not_on_record():
    """Sets differ among themselves, their pairs less; counted as pairs they would be too sure."""
    rng = np.random.default_rng(0)
    missed, counted_as_pairs, repeats = np.zeros(2), 0, 600
    for _ in range(repeats):
        level = rng.normal(0.05, 0.05, 21)
        sets = {str(i): list(level[i] + rng.normal(0, 0.01, rng.integers(1, 9))) for i in range(20)}
        new = level[20] + rng.normal(0, 0.01)
        found = spread(sets, "classification")
        missed += [new < found.low, new > found.high]
        few = [gain for i in ("0", "1", "2", "3", "4", "5") for gain in sets[i]]
        counted_as_pairs += new < np.quantile(few, LEVEL)
    bound = LEVEL + 3 * np.sqrt(LEVEL * (1 - LEVEL) / repeats)
    assert (missed / repeats <= bound).all()
    assert counted_as_pairs / repeats > bound


def test_one_set_counts_once_however_many_pairs_it_has():
    sets = {str(i): [0.01 * i] for i in range(1, 10)}
    assert spread(sets, "classification").low == 0.01
    assert spread({**sets, "many": [-0.5] * 100}, "classification").low == -0.5
    lone = {**sets, **{str(i): [0.01 * i] for i in range(10, 20)}, "many": [-0.5, *[0.1] * 99]}
    assert spread(lone, "classification").low == 0.02  # one pair in a hundred of one set in twenty, and one set
    assert spread(dict(list(sets.items())[:8]), "classification") is None


def test_a_mean_that_changes_no_class_has_no_record():
    assert isinstance(Precedent().gain(bench(overruled=0.1), 2.0), Gain)
    assert Precedent().gain(bench(overruled=0.0), 2.0) == "it overrules the source model nowhere"
    of_others = {"ambiguity": 0.1, "overruled": 0.0}  # the maps alone change nothing: what the networks would change is not known yet
    assert isinstance(foretold("committee", bench().prepared, of_others, by="consensus"), Gain)


def test_a_strategy_that_gains_no_more_than_chance_has_no_record(numbers):
    assert Precedent().gain(bench("regression", 10.0), 2.0).value == pytest.approx(0.05)
    for p in numbers:
        p["gain"] -= 0.05  # nine sets from -.04 to +.04: none is hurt, and nothing is gained
    assert Precedent().gain(bench("regression", 10.0), 2.0) == "on the record of 9 data sets it gains no more than chance may have given"


def test_a_record_of_no_gain_is_seldom_called_a_gain_and_one_of_a_clear_gain_mostly():
    rng = np.random.default_rng(1)
    repeats, rejected = 1000, {0.0: 0, 0.03: 0}
    for mean in rejected:
        for _ in range(repeats):
            level = rng.normal(mean, 0.04, 15)
            rejected[mean] += gainful({str(i): list(level[i] + rng.normal(0, 0.01, rng.integers(1, 9))) for i in range(15)})
    assert rejected[0.0] / repeats <= LEVEL + 3 * np.sqrt(LEVEL * (1 - LEVEL) / repeats)
    assert rejected[0.03] / repeats > 0.85  # .93 by the noncentral t


def test_numbers_whose_mean_is_foretold_to_move_have_no_record(numbers):
    assert isinstance(Precedent().gain(bench("regression", 10.0, moved=FURTHEST), 2.0), Gain)
    assert "off the source's" in Precedent().gain(bench("regression", 10.0, moved=FURTHEST + 0.01), 2.0)
    assert sum(len(gains) for gains in record("consensus", "regression").values()) == len(numbers) - 1


def test_of_a_strategy_that_learns_from_labels_pairs_count_whose_labels_sided_with_it(monkeypatch):
    pairs = [{"strategy": "blend", "task": "regression", "pair": f"set{i}--a--b--1", "sided": i % 2 == 0, "gain": 0.1} for i in range(20)]
    monkeypatch.setattr(precedent, "precedents", lambda: tuple(pairs))
    assert sorted(record("blend", "regression")) == sorted(f"set{i}" for i in range(0, 20, 2))


def test_where_there_is_no_record_nothing_is_said():
    assert "no record" in Precedent().gain(bench(strategy="coral"), 2.0)
    assert "no record" in Precedent().gain(bench(strategy="blend"), 2.0)  # it has one, but of no such kind
    assert "no record" in Precedent().gain(bench(ambiguity=None), 2.0)
    assert "too little" in Precedent().gain(bench(ambiguity=0.001), 2.0)
    assert "too little" in Precedent().gain(bench("regression", 0.001), 2.0)
    assert "contradict" in Precedent().gain(bench(ambiguity=0.3), 2.0)


def test_of_three_classes_a_committee_has_a_record_where_its_members_disagree_less():
    def said(ambiguity, classes=3, strategy="committee"):
        return Precedent().gain(bench(y=np.arange(40) % classes, ambiguity=ambiguity, strategy=strategy), 2.0)

    slight, limit = SLIGHT["committee"], LEAST["classification"]
    assert "too little" in said(0.99 * slight)
    assert "too little" in said(0.99 * limit, classes=2)
    assert "too little" in said(0.99 * limit, strategy="consensus")
    below, above = said(0.99 * limit), said(1.01 * limit)
    assert below == said(1.01 * slight)
    assert above == said(1.01 * limit, classes=2)
    counted = [
        sum(
            slight <= p["ambiguity"] <= MOST["classification"] and p["ambiguity"] >= least
            for p in precedents()
            if p["strategy"] == "committee" and p["overruled"] > 0
        )
        for least in (slight, limit)
    ]
    assert counted[0] > counted[1]
    for found, count in zip((below, above), counted, strict=True):
        assert f"of {count} real pairs" in found.sentence
    # what counts below the limit for two classes is that of others: of two classes it changed nothing there
    assert all(p["overruled"] == 0 for p in precedents() if p["strategy"] == "committee" and p["classes"] == 2 and p["ambiguity"] < limit)


@pytest.mark.usefixtures("numbers")
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
