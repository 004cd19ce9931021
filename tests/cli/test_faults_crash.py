"""Crash-only: whatever kills, fills or interrupts a run, what stood there before is whole, and the run can be taken up."""

import contextlib
import errno
import os
import resource
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

MDSHIFT = [sys.executable, "-c", "from mdshift.cli.main import run; run()"]
NET = ("adapt", "s.csv", "t.csv", "--strategy", "dann", "--set", "epochs=1", "--out", "m")


def contents(folder):
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


@contextlib.contextmanager
def room_for(size):
    """No file of this process grows beyond so many bytes: what a full disk does, without one."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


# --- 27: outputs that cannot be written are found before any work ------------------------------------


@pytest.mark.parametrize(
    "arguments",
    [
        ("diagnose", "missing.csv", "t.csv", "-o", "{}/r.json"),
        ("predict", "missing", "t.csv", "-o", "{}/p.csv"),
        ("adapt", "missing.csv", "t.csv", "--out", "{}/m"),
        ("runs", "-o", "{}/r.csv"),
    ],
)
def test_27_a_place_that_takes_no_file_is_found_before_any_work(refused, arguments):
    if not Path("/proc/self").is_dir():
        pytest.skip("no file system here that refuses root, too")
    assert "/proc/self" in refused(*(a.format("/proc/self") for a in arguments), code=3).error


@pytest.mark.parametrize("output", ["fifo.csv", "link.csv"])
def test_27_predictions_into_what_is_no_file(refused, folder, output):
    os.mkfifo(folder / "fifo.csv")
    (folder / "link.csv").symlink_to("/dev/null")
    assert "not a regular file" in refused("predict", "missing", "t.csv", "-o", output).error


# --- 28: a full disk -----------------------------------------------------------------------------------


def test_28_a_full_disk_keeps_the_old_model(call, pair, trained):
    shutil.copytree(trained, pair / "m")
    before = contents(pair)
    with room_for(500):
        ended = call("adapt", "s.csv", "t.csv", "--strategy", "source-only", "--out", "m", "--force")
    assert ended.code == 3, ended
    assert ended.error.startswith("error: the model cannot be written")
    assert ended.hint
    assert contents(pair) == before


@pytest.mark.parametrize("ending", ["csv", "json", "parquet"])
def test_28_a_full_disk_keeps_the_old_predictions(refused, pair, trained, ending):
    (pair / f"p.{ending}").write_text("old")
    before = contents(pair)
    with room_for(500):
        refused("predict", trained, "t.csv", "-o", f"p.{ending}", code=3)
    assert contents(pair) == before


def test_28_a_full_disk_keeps_the_old_report(refused, folder):
    (folder / "r.html").write_text("old")
    with room_for(500):
        refused("explain", "dann", "-o", "r.html", code=3)
    assert contents(folder) == {"r.html": b"old"}


def test_28_a_disk_that_is_truly_full(refused, folder, trained, table):
    small = folder / "small"
    small.mkdir()
    if (
        shutil.which("mount") is None
        or subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(small)], capture_output=True, check=False).returncode
    ):
        pytest.skip("a file system of one's own takes rights that are not given here")
    try:
        (small / "p.csv").write_text("old")
        table(folder / "t.csv", label=False, rows=5000)
        ended = refused("predict", trained, "t.csv", "-o", "small/p.csv", code=3)
        assert "No space left on device" in ended.error
        assert contents(small) == {"p.csv": b"old"}
    finally:
        subprocess.run(["umount", str(small)], check=True)


# --- 29: memory -----------------------------------------------------------------------------------------


def test_29_a_training_that_never_fits_is_told_with_its_size(refused, pair, monkeypatch):
    import torch

    from mdshift.nn import train

    def full(*_, **__):
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")

    monkeypatch.setattr(train.losses, "task_loss", full)
    monkeypatch.setattr(train, "check_loss", lambda *_: 1.0)
    ended = refused(*NET, code=3)
    assert ended.error.startswith("error: out of memory")
    assert "rows of" in ended.error or "2.00 GiB" in ended.error
    assert not (pair / "m").exists()


@pytest.mark.parametrize(
    "error",
    [
        MemoryError("Unable to allocate 7.45 GiB for an array with shape (1000, 1000000)"),
        RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 8000000000 bytes"),
        RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB"),
    ],
)
def test_29_memory_that_runs_out_anywhere_is_told_with_its_size(refused, monkeypatch, error):
    def full(*_):
        raise error

    monkeypatch.setattr("mdshift.manual.index", full)
    ended = refused("explain", code=3)
    assert ended.error.startswith("error: out of memory: ")
    assert any(size in ended.error for size in ("7.45 GiB", "8000000000 bytes", "2.00 GiB"))


# --- 30: signals in a training ------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [signal.SIGTERM, pytest.param(signal.SIGINT, marks=pytest.mark.slow)])
def test_30_a_signal_in_a_training_leaves_a_checkpoint_and_the_command(call, pair, tmp_path, monkeypatch, number):
    from mdshift.cli import main
    from mdshift.nn import train

    seen, gradient = [], train._gradient

    def counting(*arguments):
        seen.append(1)
        if len(seen) == 5:
            signal.raise_signal(number)  # in the middle of a step: its end is waited for
        return gradient(*arguments)

    kept = signal.signal(signal.SIGINT, main._terminated)
    try:
        with monkeypatch.context() as patched:
            patched.setattr(train, "_gradient", counting)
            ended = call(*NET)
    finally:
        signal.signal(signal.SIGINT, kept)
    assert ended.code == 130, ended
    assert ended.error == "error: interrupted: adapt"
    assert ended.hint == "hint: take it up again: mdshift adapt --resume --out m"
    assert not (pair / "m").exists()
    assert [p for p in (tmp_path / ".record" / "unfinished").glob("*/*") if p.name != "key"]
    assert len(seen) == 5
    monkeypatch.setattr(train, "_gradient", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    again = call("adapt", "--resume", "--out", "m", "-v")
    assert again.code == 130
    assert "joint: going on after step 5 of" in again.err


# --- 31: killed while it writes --------------------------------------------------------------------------------

KILLED = """
import os, signal
from pathlib import Path
Path.replace = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
from mdshift.cli.main import run
run()
"""


@pytest.mark.parametrize(
    ("arguments", "output"), [(("predict", "{}", "t.csv", "-o", "p.csv"), "p.csv"), (("explain", "dann", "-o", "r.md"), "r.md")]
)
def test_31_a_killed_command_leaves_the_old_output(pair, trained, arguments, output):
    (pair / output).write_text("old")
    ended = subprocess.run(
        [sys.executable, "-c", KILLED, *(a.format(trained) for a in arguments)],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=200, check=False,
    )  # fmt: skip
    assert ended.returncode == -signal.SIGKILL, ended.stderr
    assert (pair / output).read_text() == "old"


# --- 32: a loss that is no number -------------------------------------------------------------------------------


def test_32_a_loss_that_stays_nan_saves_nothing(refused, pair, monkeypatch):
    import torch

    from mdshift.nn import train

    monkeypatch.setattr(train, "_gradient", lambda *_: (torch.tensor(float("nan")), {}, False))
    ended = refused(*NET, code=3)
    assert ended.error.startswith("error: the training does not converge")
    assert not (pair / "m").exists()


# --- 33, 36: nobody listens, nobody is there ------------------------------------------------------------------------


def test_33_predictions_into_a_closed_pipe_end_quietly(pair, trained, table):
    table(pair / "long.csv", label=False, rows=5000)
    with subprocess.Popen(
        [*MDSHIFT, "predict", str(trained), "long.csv"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL
    ) as process:
        assert process.stdout.readline() == b"row,prediction,confidence\n"
        process.stdout.close()
        said = process.stderr.read()
        assert process.wait(60) == 0
    assert said == b""


def test_36_nothing_needs_a_network(call, pair, monkeypatch):
    def refused_connection(*_, **__):
        raise OSError(errno.ENETUNREACH, "Network is unreachable")

    for name in ("connect", "connect_ex", "sendto"):
        monkeypatch.setattr(socket.socket, name, refused_connection)
    monkeypatch.setattr(socket, "getaddrinfo", refused_connection)
    assert call("adapt", "s.csv", "t.csv", "--strategy", "coral", "--out", "m").code == 0
    assert call("predict", "m", "t.csv").code == 0
    assert call("evaluate", "m", "l.csv").code == 0
