"""`diagnose` from end to end: every form of data gives a document that its schema allows, and what users named acts nowhere."""

import json
import unicodedata

import numpy as np
import pytest
from shipped import valid

from mdshift.report import html, markdown, pages, terminal


def strict(text):
    def refuse(token):
        raise AssertionError(token)

    return json.loads(text, parse_constant=refuse)


def rows(path, n, move=0.0, label="number", seed=0):
    """A table of n rows: a, b, c, and y, which is a + noise, its sign, one class, or not there."""
    rng = np.random.default_rng([seed, n])
    X = rng.normal(move, 1, (n, 3))
    y = X[:, 0] + rng.normal(size=n)
    told = {"number": [f"{v:.5f}" for v in y], "class": ["p" if v > 0 else "q" for v in y], "one": ["p"] * n}.get(label)
    lines = [",".join(["a", "b", "c", *(["y"] if told else [])])]
    lines += [",".join([*(f"{v:.5f}" for v in x), *([told[i]] if told else [])]) for i, x in enumerate(X)]
    path.write_text("\n".join(lines) + "\n")
    return path.name


@pytest.mark.parametrize(
    ("source", "target"),
    [
        ((90, 0.0, "number"), (60, 1.0, "number")),
        ((90, 0.0, "number"), (60, 1.0, None)),
        ((60, 0.0, "class"), (50, 1.0, "one")),
        ((3, 0.0, "number"), (1, 1.0, "number")),
        ((1, 0.0, "class"), (40, 1.0, "class")),
        ((60, 0.0, None), (50, 1.0, None)),
    ],
)
def test_every_form_of_table_gives_a_valid_document(call, folder, source, target):
    s, t = rows(folder / "s.csv", *source), rows(folder / "t.csv", *target)
    ended = call("diagnose", s, t, "--json")
    assert ended.code == 0, ended.err
    valid(strict(ended.out))


def test_the_number_of_workers_leaves_no_trace(call, folder):
    s, t = rows(folder / "s.csv", 80, 0.0, "class"), rows(folder / "t.csv", 60, 0.8, "class")
    one, three = (strict(call("diagnose", s, t, "--json", "--workers", k).out) for k in (1, 3))
    assert {**one, "seconds": 0} == {**three, "seconds": 0}


def test_names_and_values_act_nowhere(call, folder):
    """Column names, levels and classes with escapes, line breaks, markup and overrides of direction: in rules, causes, tables, commands."""
    import pandas as pd

    rng = np.random.default_rng(4)
    named = ["new\nline", "\x1b[31mred", "<script>alert(1)</script>", "L" * 500, "\u202eevil", "|pipe|`tick`"]
    for file, move in (("s", 0.0), ("t", 1.5)):
        table = pd.DataFrame(rng.normal(move, 1, (80, len(named))), columns=named)
        table[named[0]] = table[named[0]].where(rng.random(80) > move / 3)  # missing more often: a cause
        table["<cat>\x07"] = rng.choice(["<b>", "\x1b[2J", "\u202ez", *(["<new>\n"] * 3 if move else [])], 80)
        table["y\n<i>"] = rng.choice(["<i>p</i>", "\x1b[1mq"], 80)
        table.to_parquet(folder / f"{file}.parquet")
    ended = call("diagnose", "s.parquet", "t.parquet", "--label", "y\n<i>", "--json")
    assert ended.code == 0, ended.err
    found = valid(strict(ended.out))
    assert found["where"]["regions"]
    assert any("<cat>" in c["sentence"] or "new" in c["sentence"] for c in found["causes"])
    page = pages.page(found)
    for render in (terminal.render, markdown.render, html.render):
        text = render(page)
        assert not [c for c in text if unicodedata.category(c) in ("Cc", "Cf") and c != "\n"]
        assert "L" * 500 not in text
    assert "<script" not in html.render(page)
    commands = len(page.commands)
    tables = [line for line in terminal.render(page).splitlines() if len(line) > 80]
    assert len(tables) <= commands  # what is to be pasted is never broken
