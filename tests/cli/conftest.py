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


def write_table(path, shift=0.0, *, label=True, rows=200, seed=0, separator=","):
    """A small table: y depends on a - b; `shift` moves the numbers."""
    import numpy as np

    rng = np.random.default_rng(seed)
    X = rng.normal(size=(rows, 3)) + shift
    y = X[:, 0] - X[:, 1] + rng.normal(size=rows) * 0.5 > 0
    lines = [separator.join(["a", "b", "c", "colour", *(["y"] if label else [])])]
    for row, positive in zip(X, y, strict=True):
        cells = [*(f"{v:.4f}" for v in row), "red" if row[2] > shift else "blue", *([("yes" if positive else "no")] if label else [])]
        lines.append(separator.join(cells))
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.fixture
def table():
    """The maker of small tables."""
    return write_table


@pytest.fixture
def pair(folder):
    """s.csv with labels, t.csv without, l.csv: new rows like t.csv, with labels."""
    write_table(folder / "s.csv")
    write_table(folder / "t.csv", 0.7, label=False, seed=1)
    write_table(folder / "l.csv", 0.7, seed=2)
    return folder


@pytest.fixture(scope="session")
def trained(tmp_path_factory):
    """A saved model, made once."""
    from mdshift.cli.main import main

    work = tmp_path_factory.mktemp("trained")
    source, target = write_table(work / "s.csv"), write_table(work / "t.csv", 0.7, label=False, seed=1)
    kept = {name: os.environ.pop(name, None) for name in ("MDSHIFT_RUNS",)}
    os.environ["MDSHIFT_RUNS"] = str(work / "runs.sqlite")
    handler = signal.getsignal(signal.SIGTERM)
    try:
        with warnings.catch_warnings():
            assert (
                main(
                    [
                        "adapt",
                        str(source),
                        str(target),
                        "--strategy",
                        "coral",
                        "--out",
                        str(work / "model"),
                        "-q",
                        "-o",
                        str(work / "report.json"),
                    ]
                )
                == 0
            )
    finally:
        signal.signal(signal.SIGTERM, handler)
        os.environ.update({k: v for k, v in kept.items() if v is not None})
        if kept["MDSHIFT_RUNS"] is None:
            del os.environ["MDSHIFT_RUNS"]
    return work / "model"


@pytest.fixture
def source(folder, table):
    """The working folder with a labelled table s.csv and an unlabelled one t.csv."""
    table(folder / "s.csv")
    table(folder / "t.csv", label=False, seed=1)
    return folder
