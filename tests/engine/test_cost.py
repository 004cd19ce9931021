"""The cost model: what was measured, and what is made of it."""

import json
from importlib import resources
from statistics import median

import pytest
from made import DRIFT, drifted, problem

from mdshift.declare import every
from mdshift.engine import admission, cost
from mdshift.engine.adapt import adapt
from mdshift.pace import about

BEAT = cost.beat


def measured():
    return json.loads(resources.files("mdshift.engine").joinpath("cost.json").read_text("utf-8"))


@pytest.fixture(autouse=True)
def _usual_machine(monkeypatch):
    """A busy machine at work on the tests is not to change what they find."""
    usual = measured()["beat"]
    monkeypatch.setattr(cost, "beat", lambda: usual)


def test_every_strategy_was_measured():
    assert set(measured()["seconds"]) == set(every("strategy"))


def test_the_declared_costs_are_in_the_order_of_the_measured_ones():
    seconds = measured()["seconds"]
    by_cost = {}
    for name, strategy in every("strategy").items():
        by_cost.setdefault(strategy.cost.value, []).append(seconds[name][1])
    assert median(by_cost["low"]) < 0.5 * median(by_cost["medium"])
    assert median(by_cost["medium"]) < median(by_cost["high"])


def test_at_the_measured_sizes_the_model_says_what_was_measured():
    (few, narrow), (many, _), (_, wide) = measured()["sizes"]
    for name, (small, large, broad) in measured()["seconds"].items():
        assert cost.expected(name, many, narrow) == pytest.approx(max(large, cost.LEAST))
        if cost.LEAST < small < large < small * (many / few) ** cost.STEEPEST:
            assert cost.expected(name, few, narrow) == pytest.approx(small)
        assert cost.expected(name, many, wide) == pytest.approx(max(broad, cost.LEAST))


def test_more_rows_and_columns_never_take_less():
    for name in measured()["seconds"]:
        assert cost.expected(name, 4000, 20) >= cost.expected(name, 1000, 20) > 0
        assert cost.expected(name, 1000, 500) >= cost.expected(name, 1000, 80)
    assert cost.expected("mcc", 1000, 20, "image") is None
    assert cost.expected("nothing", 1000, 20) is None


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.2, "<1 s"), (2.4, "~2 s"), (9.7, "~10 s"), (44, "~40 s"), (200, "~3 min"), (1300, "~20 min")],
)
def test_how_long_in_words(seconds, words):
    assert about(seconds) == words


def test_what_would_outlast_the_budget_is_not_begun(monkeypatch):
    monkeypatch.setattr("mdshift.strategies.committee.NETWORKS", ())
    seen = {}

    def expected(name, rows, columns, modality):
        seen[name] = (rows, columns, modality)
        return 1e6 if name in ("linear-ot", "committee") else 0.0

    monkeypatch.setattr(admission.cost, "expected", expected)
    found, _ = adapt(drifted(), strategy="auto", document=DRIFT, out="m", budget=500)
    by_name = {c.strategy: c.verdict for c in found.candidates}
    assert by_name["linear-ot"].startswith("not run: it takes ~")
    assert "500 s" in by_name["linear-ot"]
    assert "not run" in by_name["committee"]
    assert "not run" not in by_name["consensus"]
    assert seen["consensus"] == (500, 4, "table")
    free, _ = adapt(drifted(), strategy="auto", document=DRIFT, out="m")
    assert "not run" not in {c.strategy: c.verdict for c in free.candidates}["linear-ot"]


def test_a_slower_machine_takes_longer_by_its_pace(monkeypatch):
    assert BEAT() > 0
    usual = measured()["beat"]
    monkeypatch.setattr(cost, "beat", lambda: 4 * usual)
    assert cost.pace() == pytest.approx(4)
    monkeypatch.setattr(cost, "beat", lambda: usual / 4)
    assert cost.pace() == 1  # what is spared there is not counted on
    monkeypatch.setattr(admission.cost, "expected", lambda name, *_: 60.0 if name == "linear-ot" else 0.0)
    told = []
    for pace in (1.0, 4.0):
        monkeypatch.setattr(admission.cost, "pace", lambda pace=pace: pace)
        found, _ = adapt(drifted(), strategy="auto", document=DRIFT, out="m", budget=500)
        told.append({c.strategy: c.verdict for c in found.candidates}["linear-ot"])
    assert "not run" not in told[0]
    assert told[1].startswith("not run: it takes ~20 min")  # four runs of a minute, each four times as long


def test_maps_that_were_trained_already_are_not_counted_again_against_the_budget(monkeypatch):
    monkeypatch.setattr("mdshift.strategies.committee.NETWORKS", ())
    taken = {"linear-ot": 1e4, "ot-map": 1e4, "consensus": 2.01e4, "committee": 2.01e4}  # far more than the test itself takes
    monkeypatch.setattr(admission.cost, "expected", lambda name, *_: taken[name] / 4)  # run on the whole, and on three parts
    found, _ = adapt(drifted(), strategy="auto", document=DRIFT, out="m", budget=1.2e4)
    assert not any("not run" in c.verdict for c in found.candidates)


def test_with_sources_held_out_in_turn_each_of_them_is_a_run(monkeypatch):
    monkeypatch.setattr(admission.cost, "expected", lambda *_: 50.0)
    p = problem(sources=3, n=60)
    document = {"ranked": [{"strategy": "coral"}, {"strategy": "pooled"}, {"strategy": "ensemble"}, {"strategy": "source-only"}]}
    told = [
        {c.strategy: c.verdict for c in adapt(p, strategy="auto", document=document, goal="general", out="m", budget=budget)[0].candidates}
        for budget in (150, 1000)
    ]
    assert "it takes ~3 min" in told[0]["ensemble"]  # 50 s, and once more without each of the three
    assert "not run" not in told[1]["ensemble"]
