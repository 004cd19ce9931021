import os
import signal
import warnings
from pathlib import Path

import pandas as pd
import pytest

import mdshift
from mdshift.cli.main import main
from tests.cli.conftest import write_table


def command(*arguments):
    """Run the command line here, and leave the process as it was."""
    kept = signal.getsignal(signal.SIGTERM)
    try:
        with warnings.catch_warnings():
            assert main([str(a) for a in arguments]) == 0
    finally:
        signal.signal(signal.SIGTERM, kept)


@pytest.fixture(scope="session")
def place(tmp_path_factory):
    """source.csv and target.csv, both with labels, and new.csv without; the working folder, with a record of its own."""
    folder, before = tmp_path_factory.mktemp("api"), Path.cwd()
    kept = os.environ.get("MDSHIFT_RUNS")
    os.environ["MDSHIFT_RUNS"] = str(folder / ".runs.sqlite")
    os.chdir(folder)
    write_table(folder / "source.csv", rows=120)
    write_table(folder / "target.csv", 0.7, rows=100, seed=1)
    write_table(folder / "new.csv", 0.7, rows=30, seed=2, label=False)
    yield folder
    os.chdir(before)
    os.environ.pop("MDSHIFT_RUNS")
    if kept is not None:
        os.environ["MDSHIFT_RUNS"] = kept


@pytest.fixture(scope="session")
def frames(place):
    """The same tables as data frames."""
    return {name: pd.read_csv(place / f"{name}.csv") for name in ("source", "target", "new")}


@pytest.fixture(scope="session")
def found(frames):
    """The diagnosis of the data frames."""
    return mdshift.diagnose(frames["source"], frames["target"], label="y")


@pytest.fixture(scope="session")
def adapted(frames):
    """CORAL on a target without labels."""
    return mdshift.adapt(frames["source"], frames["target"].drop(columns="y"), label="y", strategy="coral")
