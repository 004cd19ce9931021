import os
import signal
import warnings

import pandas as pd
import pytest

import mdshift
from mdshift.api.inputs import quietly
from mdshift.cli.main import main
from tests.cli.conftest import write_table


def command(*arguments):
    """Run the command line here, and leave the process as it was."""
    kept = signal.getsignal(signal.SIGTERM)
    try:
        with quietly(), warnings.catch_warnings():  # in one thread, as the process of a command is from its start
            assert main([str(a) for a in arguments]) == 0
    finally:
        signal.signal(signal.SIGTERM, kept)


@pytest.fixture(scope="session")
def tables(tmp_path_factory):
    """source.csv and target.csv, both with labels, and new.csv without."""
    folder = tmp_path_factory.mktemp("api")
    write_table(folder / "source.csv", rows=120)
    write_table(folder / "target.csv", 0.7, rows=100, seed=1)
    write_table(folder / "new.csv", 0.7, rows=30, seed=2, label=False)
    return folder


@pytest.fixture
def place(tables, monkeypatch):
    """The folder of the tables as the working folder, with a record of its own."""
    for name in list(os.environ):
        if name.startswith("MDSHIFT_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("MDSHIFT_RUNS", str(tables / ".runs.sqlite"))
    monkeypatch.chdir(tables)
    return tables


@pytest.fixture(scope="session")
def frames(tables):
    """The same tables as data frames."""
    return {name: pd.read_csv(tables / f"{name}.csv") for name in ("source", "target", "new")}


@pytest.fixture(scope="session")
def found(frames):
    """The diagnosis of the data frames."""
    return mdshift.diagnose(frames["source"], frames["target"], label="y")


@pytest.fixture(scope="session")
def adapted(frames):
    """CORAL on a target without labels."""
    return mdshift.adapt(frames["source"], frames["target"].drop(columns="y"), label="y", strategy="coral")
