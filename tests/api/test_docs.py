"""The examples of the page on Python run as they stand."""

import re
from pathlib import Path

import numpy as np

import mdshift

PAGE = Path(__file__).parents[2] / "docs" / "python.md"


def test_the_examples_run(frames, found, capsys, monkeypatch):
    # what is dear is made once, and what is chosen by itself is tried elsewhere: here the source model is asked for
    diagnose, recommend, adapt = mdshift.diagnose, mdshift.recommend, mdshift.adapt
    monkeypatch.setattr(mdshift, "diagnose", lambda *a, **k: found if k["label"] == "y" else diagnose(*a, **k), raising=False)
    monkeypatch.setattr(mdshift, "recommend", lambda *a, **k: recommend(found), raising=False)
    monkeypatch.setattr(mdshift, "adapt", lambda *a, **k: adapt(*a, **{"strategy": "source-only", **k}), raising=False)
    source, target = frames["source"], frames["target"]
    names = {"source": source, "target": target, "older": source, "new": frames["new"]}
    names |= {"X": source[["a", "b"]].to_numpy(), "y": source["y"].to_numpy(), "X_target": target[["a", "b"]].to_numpy()}
    names["some"] = np.array([*target["y"][:40], *[None] * 60], dtype=object)
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert len(blocks) >= 5
    for block in blocks:
        exec(compile(block, str(PAGE), "exec"), names)
    said = capsys.readouterr().out
    assert said.startswith("Diagnosis\n")
    assert "label column not found" in said
    assert names["adapted"].predict(names["new"]).shape == (30,)
    assert names["model"].kept_ == "adapted"


def test_what_the_page_names_is_there():
    text = PAGE.read_text(encoding="utf-8")
    for name in ("verdict", "to_html", "to_markdown", "to_json", "save", "document"):
        assert name in text
        assert hasattr(mdshift.Diagnosis, name) or name == "document"
