"""For any list of arguments the exit code is a documented one, and standard error holds no traceback."""

import io
import signal
import sys
import warnings
from contextlib import redirect_stderr, redirect_stdout

import pytest
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


@pytest.fixture(autouse=True)
def _no_state(folder, monkeypatch):
    monkeypatch.setattr(
        "mdshift.doctor.examine", lambda: {"healthy": True, "versions": {}, "device": {}, "extras": {}, "checks": []}
    )  # it loads torch
    monkeypatch.setattr("mdshift.samples.write", lambda folder, **_: [folder], raising=False)  # it would write wherever a text leads
    kept = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, kept)


@settings(max_examples=150, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(WORDS, max_size=6), st.binary(max_size=20))
def test_any_arguments(arguments, stdin):
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
        lines = [line for line in err.getvalue().splitlines() if line.startswith("error: ")]
        assert len(lines) == 1 or "--debug" in arguments, (arguments, err.getvalue())
