import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from mdshift.cli import main as cli
from mdshift.cli import options
from mdshift.errors import EnvironmentFault

MDSHIFT = [sys.executable, "-c", "from mdshift.cli.main import run; run()"]


def test_help_lists_every_command_in_the_order_of_the_work(call):
    ended = call("--help")
    assert ended.code == 0
    positions = [ended.out.index(f"\n  {name} ") for name in cli.COMMANDS]
    assert positions == sorted(positions)


def test_no_argument_prints_the_help(call):
    assert call().out == call("--help").out


def test_version(call):
    from mdshift import __version__

    assert call("--version").out == f"mdshift {__version__}\n"
    as_module = subprocess.run([sys.executable, "-m", "mdshift", "--version"], capture_output=True, text=True, check=True)
    assert as_module.stdout == f"mdshift {__version__}\n"


@pytest.mark.parametrize("name", cli.COMMANDS)
def test_every_command_has_a_help_page_within_80_columns(call, name):
    ended = call(name, "--help")
    assert ended.code == 0
    assert max(len(line) for line in ended.out.splitlines()) <= 80
    assert "--debug" in ended.out


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        (["diagnos", "a", "b"], "did you mean 'diagnose'?"),
        (["diagnose", "--lable", "y", "a", "b"], "did you mean '--label'?"),
        (["diagnose", "--sed=3", "a", "b"], "did you mean '--seed'?"),
        (["adapt", "--strategy", "dan"], "did you mean 'dann'?"),
        (["adapt", "--strategy", "autoo"], "did you mean 'auto'?"),
        (["adapt", "--strategy", "dann", "--set", "wieght=1"], "did you mean 'weight'?"),
        (["explain", "learning-rat"], "did you mean 'learning-rate'?"),
        (["explain", "CORAL"], "did you mean 'coral'?"),
        (["explain", "strategies/corl"], "did you mean 'coral'?"),
        (["diagnose", "a", "b", "--task", "clasification"], "did you mean 'classification'?"),
        (["--sede", "1", "diagnose"], "did you mean '--seed'?"),
    ],
)
def test_a_wrong_name_gets_the_nearest(refused, arguments, hint):  # faults 38
    assert refused(*arguments).hint == f"hint: {hint}"


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (["diagnose", "a", "b", "--alpha", "x"], "option --alpha must be a number: 'x'"),
        (["diagnose", "a", "b", "--alpha", "2"], "option --alpha must lie in [1e-06, 0.5]: '2'"),
        (["diagnose", "a", "b", "--alpha", "nan"], "option --alpha must lie in [1e-06, 0.5]: 'nan'"),
        (["diagnose", "a", "b", "--seed", "-1"], "option --seed must lie in [0, 4294967295]: '-1'"),
        (["diagnose", "a", "b", "--seed", "1.5"], "option --seed must be a whole number: '1.5'"),
        (["diagnose", "a", "b", "--alpha"], "option '--alpha' requires an argument"),
        (["adapt", "--strategy", "dann", "--set", "weight=-1"], "parameter 'weight' must lie in [0, inf]: '-1'"),
        (["adapt", "--strategy", "dann", "--set", "weight"], "--set needs NAME=VALUE: 'weight'"),
        (["adapt", "--set", "weight=1"], "--set needs a strategy: 'weight' with --strategy auto"),
        (["diagnose", "a", "b", "-o", "x.pdf"], "the ending of --output is unknown: 'x.pdf'"),
        (["runs", "x"], "a run is named by its number: 'x'"),
        (["runs", "7"], "unknown run: 7"),
        (["predict", "m"], "missing argument 'DATA'"),
        (["doctor", "much"], "got unexpected extra argument"),
        (["--seed", "3"], "no command was given"),
    ],
)
def test_a_wrong_value_names_its_bounds(refused, arguments, error):  # faults 38
    assert refused(*arguments).error.startswith(f"error: {error}")


def test_a_path_in_place_of_a_command(refused, folder):
    (folder / "a.csv").write_text("x\n1\n")
    assert refused("a.csv", "b.csv").hint == "hint: to compare data: mdshift diagnose a.csv b.csv"


@pytest.mark.parametrize("order", [["--json", "explain", "dann"], ["explain", "--json", "dann"], ["explain", "dann", "--json"]])
def test_options_stand_anywhere(call, order):
    ended = call(*order)
    assert ended.code == 0
    assert ended.json["name"] == "dann"


def test_an_option_with_a_value_stands_before_the_command(refused):
    # 'diagnose' is the value of --label here, and the command after it
    assert "no data was named" in refused("--label", "diagnose", "diagnose").error


def _fail(monkeypatch, error):
    def explode(*_):
        raise error

    monkeypatch.setattr("mdshift.manual.index", explode)


@pytest.mark.parametrize(
    ("error", "code", "line"),
    [
        (ZeroDivisionError("one\ntwo"), 70, r"error: a bug in mdshift: ZeroDivisionError: one\ntwo"),
        (EnvironmentFault("no disk", "/x", "buy one"), 3, "error: no disk: /x"),
        (MemoryError(), 3, "error: out of memory"),
        (OSError(28, "No space left on device"), 3, "error: No space left on device"),
        (KeyboardInterrupt(), 130, "error: interrupted: explain"),
        (RecursionError("deep"), 70, "error: a bug in mdshift: RecursionError: deep"),
    ],
)
def test_every_ending_has_its_exit_code(refused, monkeypatch, error, code, line):
    _fail(monkeypatch, error)
    assert refused("explain", code=code).error == line


def test_a_traceback_with_debug_only(call, monkeypatch):
    _fail(monkeypatch, ZeroDivisionError("x"))
    assert "Traceback" not in call("explain").err
    assert "Traceback" in call("explain", "--debug").err


def test_terminal_escapes_in_arguments_are_shown_not_sent(refused):
    assert "\x1b" not in refused("explain", "\x1b[31mred").err


@pytest.mark.parametrize("arguments", [["explain"], ["explain", "--json"], ["--help"], ["adapt", "--help"]])
def test_a_reader_that_goes_away_ends_it_quietly(folder, arguments):  # faults 33
    with subprocess.Popen([*MDSHIFT, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL) as process:
        process.stdout.close()
        said = process.stderr.read()
        assert process.wait(60) == 0
    assert said == b""


def test_a_full_disk_at_standard_output_is_told(folder):
    full = Path("/dev/full")
    if not full.exists():
        pytest.skip("no /dev/full here")
    with full.open("w") as stream:
        ended = subprocess.run(
            [*MDSHIFT, "explain"], stdout=stream, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, timeout=60, check=False
        )
    assert ended.returncode == 3
    assert ended.stderr.startswith(b"error: No space left on device")
    assert b"Traceback" not in ended.stderr
    assert b"Exception ignored" not in ended.stderr


def test_a_closed_standard_output_is_told(folder):
    ended = subprocess.run(
        [*MDSHIFT, "explain"], stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, timeout=60, check=False, preexec_fn=lambda: os.close(1)
    )
    assert ended.returncode == 3
    assert ended.stderr.startswith(b"error: standard output is closed")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interruption_exits_with_130(folder, number):
    # it waits for a plan on a pipe that never speaks, and says so
    with subprocess.Popen([*MDSHIFT, "recommend"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stderr.readline() == b"waiting for a plan on standard input\n"
        process.send_signal(number)
        out, err = process.communicate(timeout=60)
        assert process.returncode == 130
    assert out == b""
    assert err.startswith(b"error: interrupted")
    assert b"Traceback" not in err


def test_a_declared_option_has_one_home():
    flags = [f for name in options.OPTIONS for f in (options.OPTIONS[name].flags or (options.OPTIONS[name].flag,))]
    assert sorted({f for f in flags if flags.count(f) > 1}) == ["--fail-on"]  # diagnose and adapt have their own choices


def test_the_number_of_threads_is_not_the_environment_s(call, monkeypatch):
    for library in ("OMP", "OPENBLAS", "MKL"):
        monkeypatch.setenv(f"{library}_NUM_THREADS", "3")
    call("--version")
    assert [os.environ[f"{library}_NUM_THREADS"] for library in ("OMP", "OPENBLAS", "MKL")] == ["1"] * 3


def test_an_interrupt_within_an_import_waits_for_its_end(tmp_path, monkeypatch):
    """Raised there it would leave the lock of all imports taken."""
    from mdshift.cli.main import _terminated

    (tmp_path / "slow_to_import.py").write_text("import signal\nsignal.raise_signal(signal.SIGTERM)\nwhole = True\n")
    monkeypatch.syspath_prepend(tmp_path)
    kept = [(s, signal.signal(s, _terminated)) for s in (signal.SIGTERM, signal.SIGALRM)]
    try:
        import slow_to_import

        with pytest.raises(KeyboardInterrupt):
            threading.Event().wait(60)
        assert slow_to_import.whole
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGTERM)
    finally:
        for s, handler in kept:
            signal.signal(s, handler)


def test_an_interrupted_run_ends_though_units_are_stuck():
    stuck = "import threading; from mdshift.cli import main as m; m.main = lambda a: (threading.Thread(target=threading.Event().wait).start(), 130)[1]; m.run()"
    ended = subprocess.run([sys.executable, "-c", stuck], stdin=subprocess.DEVNULL, timeout=120, check=False)
    assert ended.returncode == 130


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_while_the_program_is_loaded_ends_it_like_any_other(folder, number):
    """The signal comes from within: at the first import of a module that is loaded late."""
    code = f"""
import os, sys
class Finder:
    def find_spec(self, name, path=None, target=None):
        if name == "mdshift.cli.main":
            os.kill(os.getpid(), {int(number)})
sys.meta_path.insert(0, Finder())
sys.argv = ["mdshift", "doctor"]
from mdshift.cli.entry import run
run()
"""
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert ended.returncode == 130
    assert ended.stderr == "error: interrupted\nhint: nothing was done yet; run it again\n"


def test_an_interrupt_that_typer_swallows_is_told(call, monkeypatch):
    from mdshift.cli import main

    monkeypatch.setattr(main, "_invoke", lambda _: 130)
    ended = call("doctor")
    assert (ended.code, ended.error, ended.hint) == (130, "error: interrupted", "hint: nothing was written")
