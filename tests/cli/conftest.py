import io
import json
import os
import signal
import sys
import warnings
from dataclasses import dataclass

import pytest


@dataclass
class Ended:
    code: int
    out: str
    err: str

    @property
    def json(self):
        return json.loads(self.out)

    @property
    def error(self):
        return next((line for line in self.err.splitlines() if line.startswith("error: ")), "")

    @property
    def hint(self):
        return next((line for line in self.err.splitlines() if line.startswith("hint: ")), "")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty working folder, no variables, a record of its own."""
    for name in list(os.environ):
        if name.startswith("MDSHIFT_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("MDSHIFT_RUNS", str(tmp_path / ".record" / "runs.sqlite"))
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)
    return work


@pytest.fixture
def call(folder, capsys, monkeypatch):
    """Run the command line in this process."""

    def run(*arguments, stdin=b""):
        from mdshift.cli.main import main

        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin)))
        kept = signal.getsignal(signal.SIGTERM)
        try:
            with warnings.catch_warnings():
                code = main([str(a) for a in arguments])
        finally:
            signal.signal(signal.SIGTERM, kept)
        said = capsys.readouterr()
        return Ended(code, said.out, said.err)

    return run


@pytest.fixture
def refused(call):
    """Run, and check the form of a refusal: a documented code, one error line, one hint line, no traceback, no result."""

    def run(*arguments, code=2, stdin=b""):
        ended = call(*arguments, stdin=stdin)
        assert ended.code == code, ended
        assert ended.out == ""
        lines = ended.err.splitlines()
        assert sum(line.startswith("error: ") for line in lines) == 1, ended.err
        assert sum(line.startswith("hint: ") for line in lines) == 1, ended.err
        assert "Traceback" not in ended.err
        return ended

    return run
