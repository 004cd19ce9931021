"""Checkpoints: a killed run goes on and ends in the same bytes; what does not fit is not used; a full disk ends nothing."""

import contextlib
import errno
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from made import prepared

from mdshift import checkpoint
from mdshift.checkpoint import DAMAGED, FOREIGN, Checkpoint
from mdshift.learners.compose import Mapped
from mdshift.learners.linear import Linear
from mdshift.nn import slot
from mdshift.nn.plan import Phase
from mdshift.packing import Unpackable, digest, pack, unpack

# a training keeps its state after every step, and the process is killed when `WRITES` states of the `TRAINING`th training were kept
KILLED = """
import os, signal, sys
from mdshift import checkpoint
from mdshift.nn import slot
training, writes = int(sys.argv.pop(1)), int(sys.argv.pop(1))
slot.APART, slot.LEAST, checkpoint.LEAST = 0.0, 0.0, 0.0
seen, replace = {}, checkpoint.replace_file
def counting(path, data):
    replace(path, data)
    if path.name.count(".") == 2:
        seen[path.name] = seen.get(path.name, 0) + 1
        if list(seen).index(path.name) == training and seen[path.name] == writes:
            os.kill(os.getpid(), signal.SIGKILL)
checkpoint.replace_file = counting
from mdshift.cli.main import run
run()
"""


def write_table(path, shift, labelled, rows, seed):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(rows, 4)) + shift
    y = np.where(X[:, 0] - X[:, 1] * X[:, 2] + 0.3 * rng.normal(size=rows) > 0, "yes", "no")
    cells = [
        ",".join(f"{v:.4f}" for v in row) + f",{label if i < labelled else ''}" for i, (row, label) in enumerate(zip(X, y, strict=True))
    ]
    path.write_text("a,b,c,d,y\n" + "\n".join(cells) + "\n")


@pytest.fixture
def work(tmp_path, monkeypatch):
    for name in list(os.environ):
        if name.startswith("MDSHIFT_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("MDSHIFT_RUNS", str(tmp_path / "record" / "runs.sqlite"))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    folder = tmp_path / "work"
    folder.mkdir()
    monkeypatch.chdir(folder)
    write_table(folder / "s.csv", 0.0, 120, 120, 0)
    write_table(folder / "t.csv", 0.5, 12, 60, 1)
    return folder


@pytest.fixture
def call(work, capsys, monkeypatch):
    """Run the command line in this process; (code, standard output, standard error)."""
    monkeypatch.setattr(checkpoint, "LEAST", 0.0)
    monkeypatch.setattr(slot, "LEAST", 0.0)

    def run(*arguments):
        from mdshift.cli.main import main

        before = signal.getsignal(signal.SIGTERM)
        try:
            code = main(["adapt", *arguments])
        finally:
            signal.signal(signal.SIGTERM, before)
        said = capsys.readouterr()
        return code, said.out, said.err

    return run


UNBROKEN = {}  # what a run that nothing broke off gives: made once


@pytest.fixture
def failed(call, tmp_path, monkeypatch):
    """A run that failed when all was trained and kept, and what an unbroken one gave."""
    import mdshift.store

    data = ("s.csv", "t.csv", "--strategy", "coral", "--out", "m", "--json")
    if not UNBROKEN:
        code, _, said = call(*data)
        assert code == 0, said
        UNBROKEN.update(contents("m"))
        Path("m").rename("whole")

    def broken(*_, **__):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(mdshift.store, "save", broken)
        assert call(*data)[0] == 3
    assert kept(tmp_path)
    return UNBROKEN


def killed(training, writes, *arguments):
    """Run it in a process that is killed in the middle of a training; what it said."""
    command = [sys.executable, "-c", KILLED, str(training), str(writes), "adapt", *arguments, "-v"]
    ended = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=200, check=False)
    assert ended.returncode == -signal.SIGKILL, ended.stderr
    return ended.stderr


def without_seconds(value):
    if isinstance(value, dict):
        return {k: without_seconds(v) for k, v in value.items() if k != "seconds"}
    return [without_seconds(v) for v in value] if isinstance(value, list) else value


def contents(folder):
    """Every file's hash; of the report all but the seconds."""
    found = {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in sorted(Path(folder).iterdir())}
    return found | {"report.json": without_seconds(json.loads((Path(folder) / "report.json").read_text()))}


def kept(tmp_path):
    return [p for p in (tmp_path / "record" / "unfinished").glob("*/*") if p.name != "key"]


@pytest.mark.parametrize(
    ("arguments", "training", "taken_up"),
    [
        (("--strategy", "dann", "--set", "epochs=1"), 0, ["joint: going on after step 20 of 150"]),
        pytest.param(
            ("--strategy", "finetune", "--set", "model=net", "--set", "l2-sp=0.01"),
            1,
            ["source: going on after step 150 of 150", "target-all: going on after step 20 of 300"],
            marks=pytest.mark.slow,
        ),
    ],
    ids=["dann", "finetune"],
)
def test_a_killed_run_goes_on_to_the_same_bytes(call, tmp_path, arguments, training, taken_up):
    data = ("s.csv", "t.csv", *arguments, "--seed", "3", "--json", "--out", "m")
    code, whole, said = call(*data)
    assert code == 0, said
    assert not list((tmp_path / "record" / "unfinished").iterdir())
    Path("m").rename("whole")
    killed(training, 20, *data)
    assert kept(tmp_path)
    assert sorted(p.name for p in Path().iterdir() if p.name[0] != ".") == ["s.csv", "t.csv", "whole"]
    code, resumed, said = call("--resume", "--json", "--out", "m", "-v")
    assert code == 0, said
    lines = said.splitlines()
    assert [line for line in lines if "going on" in line] == taken_up
    assert "source model: taken up as it was finished" in lines
    assert contents("m") == contents("whole")
    assert without_seconds(json.loads(resumed)) == without_seconds(json.loads(whole))
    assert not list((tmp_path / "record" / "unfinished").iterdir())


def resumed(call, expected, tmp_path):
    """Resume; what was said. It ends in the same bytes, and leaves nothing."""
    code, _, said = call("--resume", "--out", "m", "--json", "-v")
    assert code == 0, said
    assert contents("m") == expected
    assert not list((tmp_path / "record" / "unfinished").iterdir())
    return said.splitlines()


def test_finished_units_are_not_run_again(call, failed, tmp_path, monkeypatch):
    from mdshift.learners import select
    from mdshift.strategies.coral import Coral

    def never(*_, **__):
        raise AssertionError("run again")

    monkeypatch.setattr(select, "choose", never)
    monkeypatch.setattr(select, "source_model", never)
    monkeypatch.setattr(Coral, "run", never)
    said = resumed(call, failed, tmp_path)
    for unit in ("source model's choice", "source model", "coral"):
        assert f"{unit}: taken up as it was finished" in said


def test_a_damaged_part_is_made_again(call, failed, tmp_path):
    harms = (lambda b: b[:-1], lambda b: b[:50] + bytes([b[50] ^ 1]) + b[51:], lambda _: b"")
    assert len(kept(tmp_path)) >= len(harms)
    for i, file in enumerate(kept(tmp_path)):
        file.write_bytes(harms[i % len(harms)](file.read_bytes()))
    said = resumed(call, failed, tmp_path)
    assert f"warning: {DAMAGED}" in said
    assert not any("taken up" in line for line in said)


@pytest.mark.parametrize("what", ["key", "data"])
def test_a_foreign_checkpoint_is_not_used(call, failed, tmp_path, what):
    (key,) = (tmp_path / "record" / "unfinished").glob("*/key")
    if what == "key":
        key.write_text("0" * len(key.read_text()))
        said = resumed(call, failed, tmp_path)
    else:
        write_table(Path("t.csv"), 0.6, 12, 60, 2)
        code, _, err = call("--resume", "--out", "m", "--json", "-v")
        assert code == 0
        assert contents("m") != failed
        said = err.splitlines()
    assert said.count(f"warning: {FOREIGN}") == 1
    assert not any("taken up" in line for line in said)


def test_a_part_of_another_run_does_not_fit(tmp_path):
    quiet = {"resume": True, "say": lambda _: None}
    said = []
    first = Checkpoint.open(tmp_path / "a", 1, **quiet, warn=said.append)
    first.unit("u", tuple, lambda: 1)
    assert not kept_in(tmp_path / "a")  # it took no time
    first._write("u", (1,))
    second = Checkpoint.open(tmp_path / "b", 2, **quiet, warn=said.append)
    second._write("other", (2,))
    assert first._read("u") == (1,)
    (tmp_path / "b" / "u").write_bytes((tmp_path / "a" / "u").read_bytes())
    assert second._read("u") is None
    assert said == [DAMAGED]


def kept_in(folder):
    return list(folder.iterdir()) if folder.exists() else []


def test_a_run_without_resume_begins_anew(call, failed, tmp_path):
    before = {p: p.stat().st_mtime_ns for p in kept(tmp_path)}
    code, _, said = call("s.csv", "t.csv", "--strategy", "coral", "--seed", "9", "--out", "m", "--json", "-v", "--set", "nonsense=1")
    assert code == 2
    assert {p: p.stat().st_mtime_ns for p in kept(tmp_path)} == before  # a command that is refused touches nothing
    code, _, said = call("s.csv", "t.csv", "--strategy", "coral", "--out", "m", "--json", "-v")
    assert code == 0
    assert "taken up" not in said
    assert contents("m") == failed
    assert not kept(tmp_path)


def test_a_full_disk_ends_no_run(call, failed, tmp_path, monkeypatch):
    tried = []

    def full(path, data):
        tried.append(path)
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(checkpoint, "replace_file", full)
    code, _, said = call("s.csv", "t.csv", "--strategy", "coral", "--out", "m", "--json")
    assert code == 0
    assert contents("m") == failed
    assert said.splitlines().count("warning: no checkpoint can be kept, the run goes on without: No space left on device") == 1
    assert len(tried) == 1
    assert not kept(tmp_path)


def test_a_file_that_cannot_be_written_whole_leaves_the_old_one(tmp_path, monkeypatch):
    checkpoint.replace_file(tmp_path / "x", b"old")

    def full(_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        checkpoint.replace_file(tmp_path / "x", b"new")
    assert [p.name for p in tmp_path.iterdir()] == ["x"]
    assert (tmp_path / "x").read_bytes() == b"old"


def test_abandoned_checkpoints_are_removed(tmp_path):
    def left(name, days):
        (tmp_path / name).mkdir()
        (tmp_path / name / "key").write_text(name)
        for path in (tmp_path / name / "key", tmp_path / name):
            os.utime(path, (time.time() - 86_400 * days,) * 2)

    left("old", 31)
    left("mine", 31)
    (tmp_path / "notes.txt").write_text("no folder")
    for i in range(checkpoint.MOST + 2):
        left(f"of-today-{i}", 0)
    left("of-last-week", 7)
    checkpoint.prune(tmp_path / "mine")
    found = {p.name for p in tmp_path.iterdir()}
    assert found == {"mine", "notes.txt", *(f"of-today-{i}" for i in range(checkpoint.MOST + 2))}
    left("of-last-week", 7)
    for i in range(3):
        shutil.rmtree(tmp_path / f"of-today-{i}")
    checkpoint.prune(tmp_path / "mine")
    assert (tmp_path / "of-last-week").exists()


# --- what is packed -------------------------------------------------------------------------------


def again(value):
    arrays = {}
    tree = json.loads(json.dumps(pack(value, arrays)))
    return unpack(tree, arrays)


def test_values_come_back_as_they_were():
    value = {"a": (1, 2.5, float("inf"), None, "x"), 3: [True, {"!": "dict"}], "b": {}}
    assert again(value) == value
    assert isinstance(again(value)["a"], tuple)
    number = again(np.float32(0.1))
    assert (type(number), number) == (np.float32, np.float32(0.1))
    turned = np.asfortranarray(np.arange(6.0).reshape(2, 3))
    found = again(turned)
    assert found.flags.f_contiguous
    np.testing.assert_array_equal(found, turned)
    for a in (np.zeros((0, 3), np.float32), np.array(7), np.array([[True], [False]]), np.array(["b", "\ud800"], dtype=object)):
        np.testing.assert_array_equal(again(a), a)
        assert again(a).dtype == a.dtype
    assert again(Linear(0.25)) == Linear(0.25)


def test_a_predictor_comes_back_bit_by_bit():
    rng = np.random.default_rng(1)
    X = rng.normal(size=(60, 3)).astype(np.float32)
    p = prepared(X, (X[:, 0] > 0).astype(np.int64), X + 1)
    fitted = Linear().fit(p, p.X_source, p.y_source, rng)
    mapped = Mapped(fitted, rng.normal(size=(3, 3)), rng.normal(size=3), rng.normal(size=3), np.arange(3))
    np.testing.assert_array_equal(again(mapped).scores(p.X_target), mapped.scores(p.X_target))


@pytest.mark.parametrize("value", [{1}, lambda: 1, np.array([object()]), subprocess, Path("x"), np.random.default_rng(0)])
def test_what_has_no_form_is_refused(value):
    with pytest.raises(Unpackable):
        pack([value], {})


@pytest.mark.parametrize(
    "tree",
    [
        {"!": "object", "module": "subprocess", "name": "Popen", "fields": {}},
        {"!": "object", "module": "mdshift.cli.session", "name": "sys", "fields": {}},
        {"!": "object", "module": "mdshift.errors", "name": "MdshiftError", "fields": {}},
        {"!": "something"},
    ],
)
def test_a_tree_that_is_none_of_ours_is_refused(tree):
    with pytest.raises((ValueError, TypeError)):
        unpack(tree, {})


def test_a_digest_tells_values_apart():
    a = np.arange(4.0)
    values = [a, a.astype(np.float32), a[::-1], a.reshape(2, 2), a.tolist(), tuple(a.tolist()), Linear(1.0), Linear(0.1), "1", 1, 1.0]
    assert len({digest(v) for v in values}) == len(values)
    assert digest(a, 1) == digest(np.arange(4.0), 1)


# --- trainings ------------------------------------------------------------------------------------


class Stop(Exception):
    """Breaks a training off."""


class Memory:
    """A slot that goes through the files' form, and breaks the training off after so many states."""

    def __init__(self, most):
        self.held, self.most, self.lines = {}, most, []

    def read(self, name):
        return unpack(*self.held[name]) if name in self.held else None

    def write(self, name, value):
        arrays = {}
        tree = json.loads(json.dumps(pack(value, arrays)))
        self.held[name] = (tree, {k: a.copy() for k, a in arrays.items()})
        self.most -= 1
        if self.most == 0:
            raise Stop

    def said(self, text):
        self.lines.append(text)


def extra_of(name, spec):
    import torch
    from torch import nn

    from mdshift.nn.alternating import Alternating
    from mdshift.nn.backbones import initialise

    class Counting(nn.Module):
        """Counts, draws from generators of its own, and holds a buffer that is in no state_dict."""

        def __init__(self):
            super().__init__()
            self.calls, self.past = 0, [torch.zeros(2)]
            self.own, self.rng = torch.Generator().manual_seed(4), np.random.default_rng(4)
            self.register_buffer("level", torch.zeros(1), persistent=False)

        def forward(self, features):
            self.calls += 1
            self.past = [*self.past[-2:], features.detach().mean(0)[:2]]
            self.level = 0.9 * self.level + 0.1 * features.detach().mean()
            noise = torch.rand(1, generator=self.own) + float(self.rng.random()) + self.past[0].sum()
            return (features * (noise + self.level)).square().mean() * (1 + self.calls % 3) * 0.01

    made = Alternating(spec.width, 1e-3) if name == "alternating" else Counting() if name == "counting" else None
    if name == "alternating":
        initialise(made, torch.Generator().manual_seed(1))
    return made


def alternating_loss(step, state):
    batch = state.features(step)
    state.extra.improve(batch.source, batch.target)
    return state.task_loss(step, batch) + 0.1 * state.extra.fooled(batch.source, batch.target), {}


def counting_loss(step, state):
    batch = state.features(step)
    return state.task_loss(step, batch) + state.extra(batch.source), {}


def plain_loss(step, state):
    batch = state.features(step)
    return state.task_loss(step, batch), {"size": batch.source.square().mean()}


def train(phase, name, loss, place):
    """The weights, the history and the generator's next number after a training from a fixed start."""
    import torch

    from mdshift.nn.backbones import Spec, build
    from mdshift.nn.data import Rows
    from mdshift.nn.train import Pools, State, run_phase, steady

    rng = np.random.default_rng(0)
    X = rng.normal(size=(160, 5)).astype(np.float32)
    y, d = (X[:, 0] * X[:, 1] > 0).astype(np.int64), np.arange(160) % 3
    rows = [Rows.of(X[at], y[at], None, d[at], "cpu") for at in (slice(0, 90), slice(90, 130), slice(130, 160))]
    generator = torch.Generator().manual_seed(0)
    spec = Spec(5, 2, "classification", width=16, depth=1, dropout=0.2)
    network = build(spec, generator)
    extra = extra_of(name, spec)
    token = slot.current.set(place)
    try:
        with steady():
            state = State(network, extra, "classification")
            history = run_phase(phase, Pools(rows[0], rows[1], rows[2], {"source": rows[2]}), state, loss, generator, lambda _: None)
    finally:
        slot.current.reset(token)
    weights = {k: v.clone() for k, v in network.state_dict().items()}
    return weights, history, float(torch.rand(1, generator=generator)), network.training


PHASES = {
    "checked": Phase(least=30, most=30, batch=16, check="source", revert=True, statistics="domain", rate=2e-2),
    "balanced": Phase(least=30, most=30, batch=16, balance=True, l2_sp=0.1, l1=1e-3, schedule="decay"),
    "frozen": Phase(least=30, most=30, batch=16, rows="target", statistics="frozen", trains="upper"),
}


@pytest.mark.parametrize("stop", [7, 31])
@pytest.mark.parametrize(
    ("phase", "extra", "loss"),
    [
        ("checked", "none", plain_loss),
        ("balanced", "none", plain_loss),
        ("frozen", "none", plain_loss),
        ("checked", "alternating", alternating_loss),
        ("balanced", "counting", counting_loss),
    ],
)
def test_a_training_that_is_broken_off_goes_on_to_the_same_bits(monkeypatch, phase, extra, loss, stop):
    import torch

    monkeypatch.setattr(slot, "APART", 0.0)
    monkeypatch.setattr(slot, "LEAST", 0.0)
    whole = train(PHASES[phase], extra, loss, None)
    place = Memory(stop)
    with contextlib.suppress(Stop):
        train(PHASES[phase], extra, loss, place)
    place.most = 0
    found = train(PHASES[phase], extra, loss, place)
    assert place.lines == [f"joint: going on after step {min(stop, 30)} of 30"]
    assert found[1:] == whole[1:]
    for key, value in whole[0].items():
        assert torch.equal(found[0][key], value), key


def test_a_training_under_other_conditions_is_not_taken_up(monkeypatch):
    monkeypatch.setattr(slot, "APART", 0.0)
    place = Memory(0)
    train(PHASES["balanced"], "none", plain_loss, place)
    train(PHASES["frozen"], "none", plain_loss, place)
    assert place.lines == []


def test_what_a_training_cannot_keep_makes_it_begin_anew(monkeypatch):
    monkeypatch.setattr(slot, "APART", 0.0)
    place, seen = Memory(0), []

    def closure(step, state):
        seen.append(1)
        return plain_loss(step, state)

    train(PHASES["balanced"], "none", closure, place)
    assert not place.held
    assert len(seen) == 30


def test_a_short_training_writes_nothing():
    place = Memory(0)
    train(PHASES["balanced"], "none", plain_loss, place)
    assert not place.held
