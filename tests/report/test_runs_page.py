import re

import pytest

from mdshift.report import pages, terminal


def run(number, strategy, *, status="done", kept="adapted", model="mdshift-model", seconds=20.0):
    scores = {k: {"metric": "accuracy", "value": 0.8, "low": 0.7, "high": 0.9} for k in ("source_only", "adapted")}
    told = {"seconds": {"started": 1_700_000_000.0, "total": seconds}, "scores": scores if status == "done" else None}
    return {"id": number, "status": status, "strategy": strategy, "kept": kept, "model": f"/a/{model}", **told}


RUNS = [
    run(1, "coral", seconds=0.004),
    run(12_345, "adversarial-alternating", kept="source-only", model="a_model_with_a_long_name_of_its_own", seconds=12_345.6),
    run(3, None, status="interrupted", kept=None, seconds=None),
    run(4, "self-training", status="failed", kept=None),
]


@pytest.fixture
def lines(monkeypatch):
    monkeypatch.delenv("COLUMNS", raising=False)
    page = pages.page({"schema": "mdshift.runs/1", "runs": RUNS, "settings": {"ids": []}, "data": {}, "seconds": {}})
    return terminal.render(page).splitlines()


def test_the_list_of_runs_fits_80_columns_and_breaks_no_date(lines):
    assert max(map(len, lines)) <= 80
    assert sum(bool(re.search(r"2023-11-1\d\s\d\d:\d\d ", line)) for line in lines) == len(RUNS)


def test_how_a_run_ended_stands_with_its_strategy(lines):
    text = " ".join(" ".join(lines).split())
    assert "(not" in text
    assert "interrupted" in text
    assert "(failed)" in text
    assert " 12,345.6 " in text
    assert " 0.0 coral " in text
