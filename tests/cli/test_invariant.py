"""For any bytes in a file and any list of arguments the exit code is a documented one, and standard error holds no traceback."""

import io
import signal
import sys
import warnings
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import pytest
from fuzzing import SEEDED, TIMES, enough
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mdshift.cli.main import COMMANDS, main
from mdshift.config import OPTIONS

FLAGS = sorted({f for o in OPTIONS.values() for f in (o.flags or (o.flag,))})
WORDS = st.one_of(
    st.sampled_from(
        [*COMMANDS, *FLAGS, "--", "-", "", "--help", "--version", "dann", "auto", "missing.csv", "0", "-1", "nan", "x=1", "=", "json"]
    ),
    st.text(max_size=8),
    st.sampled_from(FLAGS).map(lambda f: f"{f}=x"),
    st.just("\x1b[31m\n\x00"),
    st.just("\udcff"),
)


FILES = {
    "csv": b'a,b,c,colour,y\n1.5,2,3,"red",yes\n2.5,1,2,blue,no\n0.5,7,1,red,no\n3.5,0,9,blue,yes\n',
    "tsv": b"a\tb\tc\tcolour\ty\n1\t2\t3\tred\tyes\n2\t1\t3\tblue\tno\n",
    "jsonl": b'{"a": 1, "b": 2, "c": 3, "colour": "red", "y": "yes"}\n{"a": 2, "b": 1, "c": 0, "colour": "blue", "y": "no"}\n',
    "json": b'{"schema": "mdshift.recommendation/1", "data": {"sources": ["good.csv"], "target": "good.csv"}, "settings": {}, "ranked": []}',
    "toml": b'[data]\nlabel = "y"\n\n[settings]\nseed = 1\nalpha = 0.05\n',
}
USES = ("source", "target", "input", "data", "plan", "toml")
QUIET = {"deadline": None, "derandomize": not SEEDED, "suppress_health_check": [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]}


@pytest.fixture(autouse=True)
def _no_state(folder, monkeypatch):
    monkeypatch.setattr(
        "mdshift.doctor.examine", lambda: {"healthy": True, "versions": {}, "device": {}, "extras": {}, "checks": []}
    )  # it loads torch
    monkeypatch.setattr("mdshift.samples.write", lambda folder, **_: [folder], raising=False)  # it would write wherever a text leads
    kept = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, kept)


def ended(arguments, stdin=b""):
    """Run it, and check the invariant; returns the exit code."""
    out, err = io.StringIO(), io.StringIO()
    kept = sys.stdin
    sys.stdin = io.TextIOWrapper(io.BytesIO(stdin))
    try:
        with redirect_stdout(out), redirect_stderr(err), warnings.catch_warnings():
            code = main(arguments)
    finally:
        sys.stdin = kept
    assert code in (0, 1, 2, 3, 130), (arguments, err.getvalue())
    assert "Traceback" not in err.getvalue() or "--debug" in arguments
    if code:
        for begin in ("error: ", "hint: "):
            lines = [line for line in err.getvalue().splitlines() if line.startswith(begin)]
            assert len(lines) == 1 or "--debug" in arguments, (arguments, err.getvalue())
    return code


@settings(max_examples=150 * TIMES, **QUIET)
@given(st.lists(WORDS, max_size=6), st.binary(max_size=20))
def test_any_arguments(arguments, stdin):
    if not enough("arguments", 2):
        ended(arguments, stdin)


@settings(max_examples=60 * TIMES, **QUIET)
@given(data=st.data())
def test_any_bytes(trained, data):
    """Any file, as source, as target, as data to predict, on standard input, as plan and as `mdshift.toml`."""
    ending = data.draw(st.sampled_from(sorted(FILES)))
    raw = FILES[ending]
    at = data.draw(st.integers(0, len(raw)))
    raw = data.draw(
        st.one_of(st.binary(max_size=60), st.binary(max_size=6).map(lambda b: raw[:at] + b + raw[at + len(b) :]), st.just(raw[:at]))
    )
    use = data.draw(st.sampled_from(USES))
    if enough("files", 2):
        return
    odd, good = Path(f"odd.{ending}"), Path("good.csv")
    odd.write_bytes(raw)
    good.write_bytes(FILES["csv"])
    rehearse = ["adapt", "--dry-run", "-q", "--out", "m"]
    uses = {
        "source": [*rehearse, str(odd), str(good)],
        "target": [*rehearse, str(good), str(odd)],
        "input": [*rehearse, "-", str(good)],
        "data": ["predict", str(trained), str(odd)],
        "plan": ["recommend", "--plan", str(odd)],
        "toml": ["runs"],
    }
    if use == "toml":
        Path("mdshift.toml").write_bytes(raw)
    try:
        ended(uses[use], raw if use == "input" else b"")
    finally:
        Path("mdshift.toml").unlink(missing_ok=True)
