"""What auto keeps on a shipped sample: its source is small, so held-out thirds must be pooled before a gain can be seen."""

import pytest


@pytest.mark.slow
def test_auto_keeps_label_shift_on_the_sample_that_was_made_for_it_and_the_gain_is_true(call):
    assert call("samples", "s").code == 0
    pair = "s/label"
    data = (f"{pair}/source.csv", f"{pair}/target_unlabelled.csv", "--label", "y")
    ended = call("adapt", *data, "--strategy", "auto", "--out", "m", "--json")
    assert ended.code == 0, ended.err
    assert (ended.json["kept"], ended.json["strategy"]) == ("adapted", "label-shift")
    assert call("adapt", *data, "--strategy", "source-only", "--out", "n").code == 0
    after, before = (call("evaluate", model, f"{pair}/target.csv", "--json").json for model in ("m", "n"))
    assert after["scores"][0]["value"] > before["scores"][0]["value"] + 0.05
