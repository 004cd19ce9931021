"""How training data are built: the cut of the source, weights by class, cleaning; and the settings that ask for it."""

import json
import os
import signal
import warnings
from dataclasses import dataclass, replace

import numpy as np
import pytest
from made import accuracy, prepared, rng_of

from mdshift.engine.guard import second_source
from mdshift.errors import DataError, UsageError
from mdshift.learners import construct
from mdshift.learners.base import Context, Learner, Predictor
from mdshift.learners.construct import (
    Construction,
    Recipe,
    blocks,
    check_rows,
    class_weights,
    cleaned,
    contradicted,
    dealt,
    far_off,
    kept,
    parts,
)
from mdshift.learners.linear import Linear
from mdshift.learners.select import by_parts, choose, make_folds, score, source_model
from mdshift.learners.trees import Trees
from mdshift.strategies.label_shift import LabelShift


@pytest.fixture(autouse=True)
def _quick_learners(monkeypatch):
    """Linear models alone compete: what is tested here does not depend on which learner is chosen."""
    monkeypatch.setattr("mdshift.learners.select.MAX_TREE_COLUMNS", 0)
    monkeypatch.setattr("mdshift.learners.select.MIN_NET_ROWS", {})


def built(p, recipe, **known):
    twin = np.unique(p.X_source, axis=0, return_inverse=True)[1]
    return replace(p, construction=Construction(recipe, twin=twin, **known))


def blobs(seed=0, n=600, flipped=0.2, d=5, apart=4.0):
    """Three classes, a share of whose labels is wrong: the problem, the true labels, and which are wrong."""
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 3, n)
    X = apart * np.eye(3, d)[y] + rng.normal(size=(n, d))
    wrong = rng.random(n) < flipped
    return prepared(X, np.where(wrong, (y + rng.integers(1, 3, n)) % 3, y)), y, wrong


# --- splits -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Memory(Predictor):
    kind = "memory"
    of: dict
    classes: int

    def scores(self, X):
        return np.eye(self.classes)[[self.of.get(float(v), 0) for v in X[:, 0]]]

    def state(self): ...

    @classmethod
    def restore(cls, state): ...


class Memoriser(Learner):
    """Knows by heart which group has which label."""

    name = "memoriser"

    def fit(self, prepared, X, y, rng, weights=None):
        return Memory(dict(zip(X[:, 0].astype(float).tolist(), y.tolist(), strict=True)), prepared.n_classes)


def grouped(seed=0, groups=60, each=8):
    rng = np.random.default_rng(seed)
    group = np.repeat(np.arange(groups), each)
    y = rng.integers(0, 2, groups)[group]
    return prepared(group[:, None], y), group


def test_whole_groups_leave_nothing_to_know_by_heart():
    p, group = grouped()
    scores = {}
    for recipe in (Recipe("stratified"), Recipe("grouped", "g")):
        q = built(p, recipe, group=group, column="g")
        rows = np.arange(len(group))
        fold, _ = make_folds(q, rows, rng_of()("folds"))
        found = by_parts(Memoriser(), q, rows, parts(q, rows, fold), rng_of()("cv"))
        scores[recipe.split] = score(q.task, q.y_source, found)
    assert scores["stratified"] > 0.99
    assert scores["grouped"] < 0.7


def test_groups_stay_whole_and_folds_are_even():
    group = np.random.default_rng(0).integers(0, 40, 500)
    group[:20] = -1  # rows without a group stand alone
    fold = dealt(group, 5)
    assert all(len(np.unique(fold[group == g])) == 1 for g in range(40))
    assert len(np.unique(fold[:20])) > 1
    assert np.ptp(np.bincount(fold)) < 20
    with pytest.raises(DataError, match="one value"):
        dealt(np.zeros(9, np.int64), 5, "g")


@pytest.mark.parametrize("ties", [1, 7, 100])
def test_chronological_folds_never_train_on_later_rows(ties):
    rng = np.random.default_rng(ties)
    time = (rng.permutation(300) // ties).astype(float)
    time[::50] = np.nan
    p = built(prepared(rng.normal(size=(300, 2)), rng.integers(0, 2, 300)), Recipe("chronological"), time=time, column="t")
    rows = np.sort(rng.permutation(300)[:250])
    fold, how = make_folds(p, rows, rng)
    folds = parts(p, rows, fold)
    assert how == "blocks of time ('t'), each scored by what came before"
    assert folds
    for train, held in folds:
        assert time[rows[train]].max() < time[rows[held]].min()
    scored = np.concatenate([held for _, held in folds])
    assert len(scored) == len(set(scored.tolist()))
    choice = choose(p, rng_of(), network=False)
    assert len(choice.rows) == len(choice.scores) < 300
    assert not np.isnan(time[choice.rows]).any()


def test_time_that_stands_still_is_refused():
    with pytest.raises(DataError, match="cut by time"):
        blocks(np.ones(30), 6, "t")
    assert set(blocks(np.r_[np.ones(99), 2.0], 6)) == {0, 1}  # nearly all at once: the last row is later


def test_what_drifts_scores_lower_by_time_than_at_random():
    rng = np.random.default_rng(3)
    time = np.arange(600.0)
    angle = time / 600 * np.pi
    X = rng.normal(size=(600, 2))
    p = prepared(X, (X[:, 0] * np.cos(angle) + X[:, 1] * np.sin(angle) > 0).astype(int))
    found = {}
    for split in ("random", "chronological"):
        choice = choose(built(p, Recipe(split), time=time), rng_of(), network=False)
        found[split] = choice.table["linear (C=1)"]
    assert found["chronological"] < found["random"] - 0.02


def test_auto_is_what_it_was():
    p, _, _ = blobs()
    several = replace(p, domain=np.arange(600) % 3)
    for problem, said in ((p, "stratified folds"), (several, "leave-one-source-out")):
        rows = np.arange(600)
        plain, how = make_folds(problem, rows, rng_of()("f"))
        same, told = make_folds(built(problem, Recipe(class_weight="balanced")), rows, rng_of()("f"))
        assert how == told == said
        assert (plain == same).all()
    assert make_folds(built(several, Recipe("stratified")), rows, rng_of()("f"))[1] == "stratified folds"


def test_check_rows_are_cut_as_asked():
    rng = np.random.default_rng(0)
    group, time = rng.integers(0, 20, 400), rng.permutation(400).astype(float)
    p = prepared(rng.normal(size=(400, 2)), rng.integers(0, 2, 400))
    by_group = check_rows(built(p, Recipe("grouped", "g"), group=group), 0.15, rng)
    assert 0.05 < by_group.mean() < 0.3
    assert not set(group[by_group]) & set(group[~by_group])
    later = check_rows(built(p, Recipe("chronological"), time=time), 0.15, rng)
    assert 0.1 < later.mean() < 0.2
    assert time[later].min() > time[~later].max()
    assert check_rows(p, 0.15, rng) is None


# --- weights ----------------------------------------------------------------------------------------------------


def rare(seed=0, n=800):
    rng = np.random.default_rng(seed)
    y = (rng.random(n) < 0.06).astype(int)
    X = rng.normal(size=(n, 3)) + 1.2 * y[:, None]
    return prepared(X, y), X, y


@pytest.mark.parametrize("learner", [Linear(1.0), Trees(30)])
def test_balance_raises_the_recall_of_the_rare_class(learner):
    p, _, _ = rare()
    _, X, y = rare(1)
    q = built(p, Recipe(class_weight="balanced"))
    plain, even = (learner.fit(r, r.X_source, r.y_source, rng_of()("fit")).scores(X.astype(np.float32)).argmax(1) for r in (p, q))
    assert even[y == 1].mean() > plain[y == 1].mean() + 0.1


def test_balance_reaches_the_loss_of_networks():
    from mdshift.declare import configure, lookup
    from mdshift.learners.base import Context
    from mdshift.learners.net import train_strategy

    p, _, _ = rare(n=250)
    _, X, y = rare(1)
    p = replace(p, X_target=p.X_source[:50], y_target=np.full(50, -1))
    strategy = configure(lookup("strategy", "deep-coral"), {"epochs": "5"})
    found = []
    for q in (p, built(p, Recipe(class_weight="balanced"))):
        trained = train_strategy(strategy, q, Context(rng_of(), Linear(), Linear().fit(q, q.X_source, q.y_source, rng_of()("b"))))
        found.append(trained.predictor.scores(X.astype(np.float32)).argmax(1)[y == 1].mean())
    assert found[1] > found[0] + 0.1


def test_weights_by_class_multiply_those_given():
    p, _, y = rare()
    q = built(p, Recipe(class_weight="balanced"))
    w = class_weights(q, y)
    assert w.sum() == pytest.approx(len(y))
    assert w[y == 1].sum() == pytest.approx(w[y == 0].sum())
    ratios = np.random.default_rng(0).random(len(y))
    both = class_weights(q, y, ratios)
    assert both.sum() == pytest.approx(ratios.sum())
    assert np.ptp(both / (ratios * w)) == pytest.approx(0)
    assert class_weights(p, y, ratios) is ratios
    numbers = prepared(p.X_source, np.random.default_rng(0).normal(size=len(y)))
    assert class_weights(built(numbers, Recipe(class_weight="balanced")), numbers.y_source) is None


# --- cleaning ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(3))
def test_wrong_labels_are_found_and_right_ones_left(seed):
    p, _, wrong = blobs(seed)
    dropped = ~kept(built(p, Recipe(clean=("noise",))))
    assert dropped[wrong].mean() > 0.7
    assert dropped[~wrong].mean() < 0.05


def test_a_cleaned_source_serves_the_target_better():
    gains = []
    for seed in range(3):
        p, _, _ = blobs(seed, n=300, flipped=0.3)
        there, y, _ = blobs(seed + 100, flipped=0.0)
        X = there.X_source
        # trees learn noise by heart
        plain, clean = (Trees(50).fit(q, q.X_source, q.y_source, rng_of()("fit")) for q in (p, cleaned(built(p, Recipe(clean=("noise",))))))
        gains.append(accuracy(clean.scores(X), y) - accuracy(plain.scores(X), y))
    assert np.mean(gains) > 0.03


def test_numbers_far_off_are_noise_and_scattered_ones_are_not():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(500, 3))
    wrong = rng.random(500) < 0.05
    y = X.sum(axis=1) + 0.3 * rng.normal(size=500) + wrong * rng.choice([-8.0, 8.0], 500)
    dropped = ~kept(built(prepared(X, y), Recipe(clean=("noise",))))
    assert dropped[wrong].mean() > 0.9
    assert dropped[~wrong].mean() < 0.01
    assert not far_off(np.zeros(10)).any()


def test_the_thresholds_are_those_of_each_class():
    y = np.array([0, 0, 0, 1, 1, 1])
    p = np.array([0.9, 0.9, 0.3, 0.2, 0.4, 0.9])  # of class 0; thresholds 0.7 and 0.5
    assert contradicted(y, np.stack([p, 1 - p], axis=1)).tolist() == [False, False, True, False, False, True]
    p[5] = 0.6  # likelier 0, not surely
    assert contradicted(y, np.stack([p, 1 - p], axis=1)).tolist() == [False, False, True, False, False, False]


def test_duplicates_are_trained_on_once_and_contradictions_stay():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(40, 2)), rng.integers(0, 2, 40)
    p = prepared(np.r_[X, X[:10], X[:5]], np.r_[y, y[:10], 1 - y[:5]], domain=np.r_[np.zeros(48), np.ones(7)])
    q = built(p, Recipe(clean=("duplicates",)))
    keep = kept(q)
    assert np.flatnonzero(~keep).tolist() == list(range(40, 48))  # the same row of another source, or with another label, is kept
    assert construct.told(q)["construction"]["dropped"] == {"duplicates": 8, "rows_left": 47}
    assert cleaned(cleaned(q)).X_source.shape == (47, 2)


def test_what_is_scored_is_never_cleaned():
    p, _, wrong = blobs()
    q = built(p, Recipe(clean=("noise",)))
    rows = np.arange(600)
    fold, _ = make_folds(q, rows, rng_of()("folds"))
    for train, held in parts(q, rows, fold):
        assert not set(train) & set(held)
        assert wrong[held].mean() > 0.1
        assert wrong[train].mean() < 0.1
    choice = choose(q, rng_of(), network=False)
    assert len(choice.rows) == 600
    assert max(choice.table.values()) < 0.87  # a fifth of the labels is wrong: no model scores higher on them
    model = source_model(q, choice, rng_of()("m"))
    assert accuracy(model.scores(q.X_source[~wrong]), q.y_source[~wrong]) > 0.95


# --- settings ---------------------------------------------------------------------------------------------------


def test_a_recipe_is_read_from_settings():
    assert Recipe.of({"split": "auto", "clean": "none", "class_weight": "none", "rate": "3"}) is None
    assert Recipe.of({"clean": "noise, duplicates"}).clean == ("duplicates", "noise") == Recipe.of({"clean": "all"}).clean
    assert Recipe.of({"split": "grouped", "group": "g"}).columns(None) == {"group": "g"}
    for wrong in ({"split": "odd"}, {"class_weight": "even"}, {"clean": "all,soap"}, {"split": "grouped"}, {"group": "g"}):
        with pytest.raises(UsageError):
            Recipe.of(wrong)
    with pytest.raises(UsageError, match="needs the rows' time"):
        Recipe("chronological").columns(None)


@pytest.fixture
def adapt(tmp_path, monkeypatch, capsys):
    """Run `mdshift adapt` on a small pair: exit code, result, standard error."""
    from mdshift.cli.main import main

    for name in [n for n in os.environ if n.startswith("MDSHIFT_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("MDSHIFT_RUNS", str(tmp_path / "runs.sqlite"))
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    for file, n, shift in (("s.csv", 240, 0.0), ("t.csv", 120, 0.5)):
        a, b = rng.normal(size=(2, n)) + shift
        label = np.where((a - b + 0.4 * rng.normal(size=n) > 0) ^ (rng.random(n) < 0.08), "yes", "no")
        rows = [f"{a[i]:.4f},{b[i]:.4f},h{i % 11},2020-{1 + i * 12 // n:02d}-{1 + i % 28:02d},{label[i]}" for i in range(n)]
        rows += rows[:6] if file == "s.csv" else []
        (tmp_path / file).write_text("\n".join(["a,b,ward,day,y", *rows]) + "\n")

    def run(*arguments):
        kept = signal.getsignal(signal.SIGTERM)
        try:
            with warnings.catch_warnings():
                code = main(["adapt", "s.csv", "t.csv", "--strategy", "coral", "--out", "m", "--force", "--json", "-q", *arguments])
        finally:
            signal.signal(signal.SIGTERM, kept)
        said = capsys.readouterr()
        return code, json.loads(said.out) if said.out else None, said.err

    return run


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        (("--set", "split=diagonal"), "parameter 'split' must be one of auto, random, stratified, chronological, grouped"),
        (("--set", "class_weight=heavy"), "parameter 'class_weight' must be one of none, balanced"),
        (("--set", "clean=soap"), "parameter 'clean' must be one of none, duplicates, noise, all"),
        (("--set", "split=chronological"), "split=chronological needs the rows' time"),
        (("--set", "split=chronological", "--time", "dya"), "the time column is not in 's'"),
        (("--set", "split=grouped"), "split=grouped needs a column"),
        (("--set", "group=ward"), "group needs split=grouped"),
        (("--set", "split=grouped", "--set", "group=wrad"), "the group column is not in 's': 'wrad'"),
        (("--set", "split=grouped", "--set", "group=y"), "the label cannot be the group"),
    ],
)
def test_wrong_settings_are_refused_in_a_sentence(adapt, settings, said):
    code, result, err = adapt(*settings)
    assert (code, result) == (2, None)
    assert f"error: {said}" in err
    assert "hint: " in err
    assert "Traceback" not in err


def test_the_command_line_builds_and_tells(adapt, tmp_path):
    code, result, _ = adapt("--set", "split=grouped", "--set", "group=ward", "--set", "clean=all", "--set", "class_weight=balanced")
    assert code == 0
    told = result["candidates"][0]["evidence"]
    assert told["folds"] == "folds of whole groups ('ward')"
    assert told["construction"]["dropped"]["duplicates"] == 6
    assert 5 < told["construction"]["dropped"]["noise"] < 45
    assert told["construction"]["group"] == "ward"
    assert result["settings"]["set"] == {"split": "grouped", "group": "ward", "clean": "all", "class_weight": "balanced"}
    assert any(n["text"].startswith("cleaning: 6 of 246 source rows") for n in result["notes"])
    assert "split grouped by `ward`" in (tmp_path / "m" / "README.md").read_text()
    columns = [c["name"] for c in json.loads((tmp_path / "m" / "model.json").read_text())["schema"]["columns"]]
    assert columns == ["a", "b", "day"]  # the group is no feature


def test_the_command_line_cuts_by_time(adapt):
    code, result, _ = adapt("--set", "split=chronological", "--time", "day")
    assert code == 0
    assert result["candidates"][0]["evidence"]["folds"] == "blocks of time ('day'), each scored by what came before"


def test_defaults_leave_the_result_as_it_is(adapt, tmp_path):
    adapt("--drop", "day")
    weights = (tmp_path / "m" / "weights.safetensors").read_bytes()
    _, result, _ = adapt("--drop", "day", "--set", "split=auto", "--set", "class_weight=none", "--set", "clean=none")
    assert (tmp_path / "m" / "weights.safetensors").read_bytes() == weights
    assert "construction" not in result["candidates"][0]["evidence"]


def test_what_is_judged_beside_the_choice_holds_whole_groups_out():
    p, group = grouped()
    q = built(p, Recipe("grouped", "g"), group=group, column="g")
    context = Context(rng_of(), Memoriser(), None)
    straddling = {}
    for name, problem in (("stratified", p), ("grouped", q)):
        second = second_source(problem, context)
        parts_of = [set(group[part.held]) & set(np.delete(group, part.held)) for part in second.parts]
        straddling[name] = sum(map(len, parts_of))
        right = accuracy(second.scores, problem.y_source[second.held])
        assert right > 0.99 if name == "stratified" else right < 0.7
    assert straddling["grouped"] == 0 < straddling["stratified"]


def test_label_shift_is_calibrated_on_whole_groups():
    p, group = grouped()
    memory = Memoriser().fit(p, p.X_source, p.y_source, None)
    slopes = {}
    for name, problem in (("stratified", p), ("grouped", built(p, Recipe("grouped", "g"), group=group, column="g"))):
        fitted, _ = LabelShift(draws=0, check=False).correct(memory, problem, Context(rng_of(), Memoriser(), memory))
        slopes[name] = fitted.inner.slope
    assert slopes["grouped"] < 0.2 * slopes["stratified"]  # what was known by heart says nothing of another group
