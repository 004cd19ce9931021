"""How a result shows itself: text, HTML, a notebook, files."""

import html
import json
import re

import pytest

from mdshift.errors import EnvironmentFault, UsageError
from mdshift.report.pages import page


def test_the_representation_is_the_verdict(found, adapted):
    lines = repr(found).splitlines()
    assert lines[0] == "Diagnosis:"
    assert [line.strip() for line in lines[1:]] == list(page(found.document).verdict) == list(found.verdict)
    assert repr(adapted).startswith("Adaptation:\n  coral was kept.")


def test_as_text_it_is_the_report_of_a_terminal_with_the_next_call(found, adapted):
    assert str(found).startswith("Diagnosis\n")
    assert "mdshift.recommend(found)" in str(found)
    assert "the model is in memory" in str(adapted)
    assert "/report.json" not in str(adapted)


def test_in_a_notebook_the_report_stands_in_a_frame_of_its_own(found):
    shown = found._repr_html_()
    assert shown.startswith("<iframe ")
    assert shown.endswith("></iframe>")
    assert shown.count("<") == 2  # nothing of the report is part of the notebook: no id, no style, no script
    inside = re.search(r'srcdoc="([^"]*)"', shown)[1]
    assert html.unescape(inside) == found.to_html()
    assert ' sandbox="" ' in shown


@pytest.mark.parametrize(("ending", "begins"), [("json", "{"), ("html", "<!doctype html>"), ("md", "# ")])
def test_it_is_saved_in_the_form_of_the_ending(found, tmp_path, ending, begins):
    place = tmp_path / f"report.{ending}"
    place.write_text("old")
    found.save(place)
    text = place.read_text(encoding="utf-8")
    assert text.startswith(begins)
    assert [p.name for p in tmp_path.iterdir()] == [place.name]
    if ending == "json":
        assert json.loads(text) == json.loads(found.to_json()) == found.document


def test_it_is_not_saved_under_another_ending_nor_in_a_folder_that_is_not_there(found, tmp_path):
    with pytest.raises(UsageError, match="ending"):
        found.save(tmp_path / "report.pdf")
    with pytest.raises(UsageError, match="no file can stand here"):
        found.save(tmp_path / "nothere" / "report.md")
    (tmp_path / "taken.md").mkdir()
    with pytest.raises(UsageError, match="no file can stand here"):
        found.save(tmp_path / "taken.md")


def test_a_full_disk_is_told(found, tmp_path, monkeypatch):
    def full(*arguments, **named):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pathlib.Path.write_text", full)
    with pytest.raises(EnvironmentFault, match="No space left"):
        found.save(tmp_path / "report.md")


def test_what_was_in_memory_names_no_command_line(found, adapted):
    for result in (found, adapted):
        rows = dict(next(s for s in result.page.sections if s.heading == "Provenance").table.rows)
        assert "seed" in rows
        assert "command" not in rows
