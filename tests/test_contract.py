"""Every declared strategy, on every kind of problem that it claims: it trains, predicts, saves, loads elsewhere, repeats, and refuses the rest."""

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from made import problem

from mdshift import store
from mdshift.declare import configure, every, parameters
from mdshift.engine.adapt import adapt
from mdshift.errors import DataError
from mdshift.report.json import document
from mdshift.types import MISSING, Label

MODALITIES = ("table", "array", "image", "text")
TASKS = ("classification", "regression")
STRATEGIES = every("strategy")
KINDS = [(n, m, t) for n in STRATEGIES for m in MODALITIES for t in TASKS]
CLAIMED = [(n, m, t) for n, m, t in KINDS if m in STRATEGIES[n].needs.modalities and t in STRATEGIES[n].needs.tasks]
REFUSED = [k for k in KINDS if k not in CLAIMED]
QUICK = {"epochs": 2.0, "draws": 3, "members": 2, "rounds": 2}  # the promise is tested elsewhere, here only that it runs


def small(name, modality, task):
    needs = STRATEGIES[name].needs
    made = problem(
        modality,
        task,
        n=48,
        m=max(24, needs.target_labels + 12),
        sources=max(needs.sources, 1),
        labelled=needs.target_labels and needs.target_labels + 4,
    )
    return made if needs.labels < 2 else with_further(made)


def with_further(p):
    """The same problem with a number and a class of three beside the label; some rows lack them."""

    def more(d):
        rng = np.random.default_rng(len(d))
        y = np.zeros(len(d)) if d.y is None else np.asarray(d.y, float)
        number, level = y + rng.normal(size=len(d)), rng.integers(0, 3, len(d))
        number[::7], level[::5] = np.nan, MISSING
        return replace(d, further=(number, level))

    labels = (Label("size", "regression"), Label("sort", "classification", ("a", "b", "c"), 3))
    return replace(p, sources=tuple(more(d) for d in p.sources), target=more(p.target), further=labels)


def settings(name):
    declared = {p.name for p in parameters(STRATEGIES[name])}
    return {k: v for k, v in QUICK.items() if k in declared}


@pytest.fixture(autouse=True)
def _few_steps(monkeypatch):
    """Every network takes a handful of steps and trees a handful of rounds: that they run is the matter here, not how well."""
    from mdshift.learners import select
    from mdshift.learners.trees import Trees
    from mdshift.nn.plan import Phase

    monkeypatch.setattr(Phase, "steps", lambda self, rows: 6)
    monkeypatch.setattr(select, "trees_for", lambda work: Trees(4))
    monkeypatch.setattr(select, "_net_can_win", lambda prepared, rows, best: False)  # no races between learners either


def run(name, modality, task, seed=0, **changes):
    p = replace(small(name, modality, task), **changes)
    adapted, model = adapt(p, strategy=name, params=settings(name), seed=seed, out="m", device="cpu")
    return p, adapted, model


def scores(model, domain):
    return model.predictor.scores(model.encoder.transform(domain))


def quick_or_slow(name, modality, task):
    """Every strategy is run on every kind of data in the quick tests; numbers of images and texts, and the dearest, wait for the slow ones."""
    slow = (task == "regression" and modality in ("image", "text")) or (name == "maml" and modality != "table")
    return pytest.param(name, modality, task, marks=pytest.mark.slow if slow else ())


@pytest.mark.parametrize(("name", "modality", "task"), [quick_or_slow(*case) for case in CLAIMED])
def test_it_trains_predicts_saves_loads_and_repeats(name, modality, task, tmp_path):
    p, adapted, model = run(name, modality, task)
    first = scores(model, p.target)
    assert first.shape == (len(p.target), len(p.classes) or 1)
    assert np.isfinite(first).all()
    if task == "classification":
        np.testing.assert_allclose(first.sum(axis=1), 1, atol=1e-6)
    store.save(model, tmp_path / "m", document("mdshift.adaptation/1", adapted, data={}, settings={}, seconds={}))
    np.testing.assert_array_equal(scores(store.load(tmp_path / "m"), p.target), first)
    np.testing.assert_array_equal(model.predictor.scores(model.encoder.transform(p.target.take(np.array([3]))))[0], first[3])
    again = scores(run(name, modality, task)[2], p.target)
    np.testing.assert_array_equal(again, first)


def test_a_new_process_predicts_the_same_bits(tmp_path):
    """One process loads the model of every strategy."""
    for name in STRATEGIES:
        needs = STRATEGIES[name].needs
        modality = "table" if "table" in needs.modalities else needs.modalities[0]
        p, adapted, model = run(name, modality, needs.tasks[0])
        store.save(model, tmp_path / name, document("mdshift.adaptation/1", adapted, data={}, settings={}, seconds={}))
        X = model.encoder.transform(p.target)
        np.savez(tmp_path / f"{name}.npz", X=X, scores=model.predictor.scores(X))
    code = (
        "import sys, pathlib, numpy as np\nfrom mdshift import store\n"
        "for f in sorted(pathlib.Path(sys.argv[1]).glob('*.npz')):\n"
        "    d = np.load(f)\n"
        "    np.testing.assert_array_equal(store.load(f.with_suffix('')).predictor.scores(d['X']), d['scores'], err_msg=f.stem)\n"
        "    print(f.stem)\n"
    )
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert sorted(done.stdout.split()) == sorted(STRATEGIES)


@pytest.mark.parametrize(("name", "modality", "task"), REFUSED)
def test_what_it_does_not_claim_it_refuses_in_a_sentence(name, modality, task):
    with pytest.raises(DataError) as caught:
        run(name, modality, task)
    assert name in caught.value.what
    assert modality in caught.value.seen or task in caught.value.seen
    assert caught.value.hint


@pytest.mark.parametrize("name", [n for n, s in STRATEGIES.items() if s.needs.target_labels])
def test_without_the_labels_that_it_needs_it_refuses(name):
    p = problem(STRATEGIES[name].needs.modalities[0], STRATEGIES[name].needs.tasks[0])
    with pytest.raises(DataError, match=name) as caught:
        adapt(p, strategy=name, seed=0, out="m")
    assert "labelled target rows" in caught.value.seen


@pytest.mark.parametrize("name", STRATEGIES)
def test_its_declaration_is_whole(name):
    declared = STRATEGIES[name]
    assert declared.name == name
    assert declared.cites
    assert len(declared.__doc__.split("\n\n")) > 1, "the docstring is the manual page: a sentence, then what and when"
    for p in parameters(declared):
        assert p.help
        configure(declared, {p.name: p.default})
        if isinstance(p.default, int | float) and not isinstance(p.default, bool):
            assert p.low is not None
