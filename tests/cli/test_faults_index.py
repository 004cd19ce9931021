"""The page that says which test proves which row: all forty, and no test that is not there."""

import re
from pathlib import Path

TESTS = Path(__file__).parent.parent
ROWS = [line.split(" | ") for line in (TESTS.parent / "docs" / "faults.md").read_text("utf-8").splitlines() if re.match(r"\| \d+ \|", line)]


def test_every_row_is_there_once():
    assert [int(row[0].strip("| ")) for row in ROWS] == list(range(1, 41))


def test_every_row_names_tests_that_exist():
    for row in ROWS:
        named = re.findall(r"`([\w/]+\.py)::(test_\w+)`", row[-1])
        assert named, row[0]
        for file, name in named:
            assert re.search(rf"^def {name}\(", (TESTS / file).read_text("utf-8"), re.MULTILINE), f"{file}::{name}"


def test_tests_that_bear_a_row_s_number_stand_in_that_row():
    """A test called `test_28_...` proves row 28."""
    for row in ROWS:
        for number in re.findall(r"::test_(\d+)_", row[-1]):
            assert int(number) == int(row[0].strip("| ")), row[0]
