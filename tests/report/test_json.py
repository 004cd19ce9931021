import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mdshift.declare import Cost
from mdshift.report.json import document, dumps, line, plain
from mdshift.report.text import clean, number, probability, share
from mdshift.types import Note, Score


def test_nan_and_infinity_become_null():
    assert json.loads(dumps({"a": float("nan"), "b": [np.inf, -np.inf], "c": np.array([1.0, np.nan])})) == {
        "a": None,
        "b": [None, None],
        "c": [1.0, None],
    }


def test_numpy_and_dataclasses_become_plain():
    score = Score("accuracy", np.float32(0.5), np.float64(0.25), None, "x")
    found = plain({"s": score, "i": np.int64(3), "b": np.bool_(True), "t": (1, 2), "set": {"b", "a"}, "cost": Cost.LOW, 5: "key"})
    assert json.loads(dumps(found)) == {
        "s": {"metric": "accuracy", "value": 0.5, "low": 0.25, "high": None, "on": "x"},
        "i": 3,
        "b": True,
        "t": [1, 2],
        "set": ["a", "b"],
        "cost": "low",
        "5": "key",
    }


def test_the_envelope_comes_first_and_seconds_last():
    made = document("mdshift.x/1", Note("info", "hello"), data={"sources": ("a",)}, settings={"seed": 1}, seconds={"total": 1.23456})
    assert list(made) == ["schema", "mdshift", "data", "settings", "level", "text", "seconds"]
    assert made["data"] == {"sources": ["a"]}
    assert made["seconds"] == {"total": 1.235}


def test_json_sends_no_control_characters():
    text = dumps({"\x1b[31m": "\u202e\udcff\n\x9b"})
    assert text.isascii()
    assert "\x1b" not in text
    assert json.loads(text) == {"\x1b[31m": "\u202e\udcff\n\x9b"}


def test_a_line_is_one_line():
    assert line({"a": "x\ny"}).count("\n") == 1


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
        lambda v: st.lists(v) | st.dictionaries(st.text(), v),
        max_leaves=12,
    )
)
def test_anything_can_be_written_and_read_again(value):
    text = dumps(value)
    assert json.loads(text, parse_constant=pytest.fail) == plain(value)


@given(st.text())
def test_clean_text_is_one_harmless_line(text):
    made = clean(text)
    assert all(c.isprintable() or c.isspace() for c in made)
    assert len(made.splitlines()) <= 1


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (None, "–"),
        (0.61234, "0.612"),
        (12.345, "12.3"),
        (123456.7, "123,457"),
        (0.00008, "0.00008"),
        (-0.0004, "-0.0004"),
        (0.000001, "1e-06"),
        (0.0, "0.000"),
        (1234, "1,234"),
        (1e14, "100,000,000,000,000"),
        (-2.5e149, "-2.5e+149"),
        (True, "yes"),
    ],
)
def test_numbers(value, told):
    assert number(value) == told


@pytest.mark.parametrize(("value", "told"), [(None, "–"), (0.0001, "<.001"), (0.05, ".050"), (1.0, "1.000")])
def test_probabilities(value, told):
    assert probability(value) == told


@pytest.mark.parametrize(("value", "told"), [(None, "–"), (0.0, "0 %"), (0.004, "0.4 %"), (0.5, "50 %"), (1.0, "100 %")])
def test_shares(value, told):
    assert share(value) == told
