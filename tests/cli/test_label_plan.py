"""`mdshift recommend --label-plan`: which rows to label first, in a file."""

import csv
import json

import pytest
from shipped import valid

from mdshift.learners import select


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    monkeypatch.setattr(select, "MAX_TREE_COLUMNS", 0)  # linear models alone
    monkeypatch.setitem(select.MIN_NET_ROWS, "image", 1000)


def rows_of(path):
    with path.open(newline="") as f:
        return list(csv.DictReader(f))


def test_the_plan_is_written_and_told(call, pair):
    ended = call("recommend", "s.csv", "t.csv", "--label", "y", "--label-plan", "plan.csv", "--json")
    assert ended.code == 0, ended.err
    told = valid(ended.json)["label_plan"]
    rows = rows_of(pair / "plan.csv")
    assert list(rows[0]) == ["row", "priority", "purpose", "prediction", "confidence", "why"]
    assert (told["file"], told["rows"], told["judge"], told["learn"]) == ("plan.csv", 124, 62, 62)
    assert [r["purpose"] for r in rows] == ["judge"] * 62 + ["learn"] * 62
    assert [int(r["priority"]) for r in rows] == list(range(1, 125))
    assert len({r["row"] for r in rows}) == 124
    assert {r["prediction"] for r in rows} == {"yes", "no"}
    assert "wrote plan.csv: 62 rows to judge by" in ended.err
    # the same seed writes the same bytes, from the data and from the diagnosis of them; another seed other rows
    first = (pair / "plan.csv").read_bytes()
    (pair / "d.json").write_text(call("diagnose", "s.csv", "t.csv", "--label", "y", "--json").out)
    assert call("recommend", "d.json", "--label-plan", "again.csv", "-q").code == 0
    assert (pair / "again.csv").read_bytes() == first
    ended = call("recommend", "d.json", "--label-plan", "plan.csv", "--seed", "5")
    assert (pair / "plan.csv").read_bytes() != first
    assert "plan.csv: 62 rows to judge by" in " ".join(ended.out.split())


def test_rows_are_those_of_predict_and_labelled_ones_are_left_out(call, pair, trained):
    lines = (pair / "l.csv").read_text().splitlines()
    some = [lines[0], *(line if i % 3 == 0 else line.rsplit(",", 1)[0] + "," for i, line in enumerate(lines[1:]))]
    (pair / "half.csv").write_text("\n".join(some) + "\n")
    assert call("recommend", "s.csv", "half.csv", "--label", "y", "--label-plan", "plan.csv", "-q").code == 0
    assert call("predict", trained, "half.csv", "-o", "p.csv").code == 0
    numbers = [int(r["row"]) for r in rows_of(pair / "p.csv")]
    listed = {int(r["row"]) for r in rows_of(pair / "plan.csv")}
    assert len(listed) == 57  # 124 less the 67 that have a label
    assert listed <= set(numbers)
    assert all(i % 3 for i in listed)


def images(folder, source, target):
    """Light and dark ones by turns: the source's in folders named so, the target's in one."""
    import numpy as np
    from PIL import Image

    rng = np.random.default_rng(0)
    for side, size in (("s", source), ("t", target)):
        for i in range(size):
            place = folder / side / (("light", "dark")[i % 2] if side == "s" else ".")
            place.mkdir(parents=True, exist_ok=True)
            pixels = rng.integers(0, 80, (8, 8)) + 150 * (i % 2 == 0)
            Image.fromarray(pixels.astype(np.uint8)).save(place / f"{i:02}.png")


def test_images_are_named_by_file(call, folder):
    images(folder, 12, 21)
    (folder / "t" / "03.png").write_bytes(b"no image")  # skipped: the numbers behind it stay
    ended = call("recommend", "s", "t", "--label-plan", "plan.csv", "--json")
    assert ended.code == 0, ended.err
    rows = rows_of(folder / "plan.csv")
    files = sorted(p.name for p in (folder / "t").iterdir())
    assert sorted(r["file"] for r in rows) == [f for f in files if f != "03.png"]
    assert all(files[int(r["row"])] == r["file"] for r in rows)


def test_images_that_were_moved_into_their_class_judge_too(call, folder):
    images(folder, 40, 40)
    assert call("recommend", "s", "t", "--label-plan", "plan.csv", "-q").code == 0
    plan = rows_of(folder / "plan.csv")[:30]
    for row in plan:
        place = folder / "t" / ("light", "dark")[int(row["file"][:2]) % 2]
        place.mkdir(exist_ok=True)
        (folder / "t" / row["file"]).rename(place / row["file"])
    ended = call("adapt", "s", "t", "--strategy", "label-shift", "--label-plan", "plan.csv", "--json", "--force")
    assert ended.code == 0, ended.err
    judges = sum(row["purpose"] == "judge" for row in plan)
    assert 0 < judges < len(plan)
    assert valid(ended.json)["comparison"]["rows"] == judges


def test_what_is_refused(call, refused, pair):
    data = ("s.csv", "t.csv", "--label", "y", "--label-plan")
    assert "written as CSV" in refused("recommend", *data, "plan.json").error
    assert "does not exist" in refused("recommend", *data, "none/plan.csv").error
    assert "among the data" in refused("recommend", *data, "t.csv").error
    assert "all 200 target rows have a label" in refused("recommend", "s.csv", "l.csv", "--label", "y", "--label-plan", "p.csv").error
    assert "needs a label" in refused("recommend", "t.csv", "t.csv", "--label-plan", "p.csv").error
    assert "needs a target" in refused("recommend", "s.csv", "--goal", "general", "--label", "y", "--label-plan", "p.csv").error
    assert not (pair / "p.csv").exists()


def test_a_diagnosis_whose_data_are_gone_is_refused(call, refused, pair):
    diagnosis = call("diagnose", "s.csv", "t.csv", "--label", "y", "--json").out
    document = json.loads(diagnosis)
    (pair / "d.json").write_text(json.dumps({**document, "data": {**document["data"], "target": "gone.csv"}}))
    ended = refused("recommend", "d.json", "--label-plan", "p.csv")
    assert ended.error.startswith("error: a label plan needs the rows themselves, and a diagnosis holds none: 'gone.csv'")
    assert ended.hint == "hint: name the data: mdshift recommend SOURCE... TARGET --label-plan FILE"
    piped = json.dumps({**document, "data": {**document["data"], "target": "-"}}).encode()
    assert "made from standard input" in refused("recommend", "--label-plan", "p.csv", stdin=piped).error


def test_a_recommendation_says_what_labels_buy(call, pair):
    ended = call("recommend", "s.csv", "t.csv", "--label", "y")
    said = " ".join(ended.out.split())
    assert "124 target labels show a gain of 10 points" in said
    assert "with 3 candidates `auto` asks for 210 and 629" in said
    assert "--label-plan FILE writes which rows to label first" in said


def test_its_labelled_rows_judge_in_adapt(call, pair):
    """The plan, labels in its rows, `adapt --label-plan`: by the judge rows alone."""
    assert call("recommend", "s.csv", "t.csv", "--label", "y", "--label-plan", "plan.csv", "-q").code == 0
    plan = rows_of(pair / "plan.csv")
    with (pair / "t.csv").open(newline="") as f:
        target = list(csv.DictReader(f))
    for line in target:
        line["y"] = ""
    for row in plan:
        target[int(row["row"])]["y"] = row["prediction"]
    with (pair / "t2.csv").open("w", newline="") as f:
        writer = csv.DictWriter(f, target[0].keys())
        writer.writeheader()
        writer.writerows(target)
    given = ("adapt", "s.csv", "t2.csv", "--label", "y", "--strategy", "label-shift", "--json", "--force")
    every, judged = (call(*given, *more) for more in ((), ("--label-plan", "plan.csv")))
    assert judged.code == 0, judged.err
    assert every.json["comparison"]["rows"] == 124
    assert valid(judged.json)["comparison"]["rows"] == 62
    assert judged.json["settings"]["label_plan"] == "plan.csv"
    seen, whole = (call("diagnose", "s.csv", "t2.csv", "--label", "y", "--json", *more) for more in (("--label-plan", "plan.csv"), ()))
    assert seen.code == 0, seen.err
    assert "of the target's 124 labels the diagnosis takes the 62 whose rows the label plan had drawn at random" in seen.err
    assert seen.json["settings"]["judge_rows_of"] == "plan.csv"
    # what goes on from a diagnosis by other labels is told so
    for document, more, told in (
        (seen, (), "took the labels of plan.csv's judge rows alone"),
        (whole, ("--label-plan", "plan.csv"), "took the labels of other rows than plan.csv's judge rows, too"),
    ):
        (pair / "d.json").write_text(document.out)
        went = call("adapt", "s.csv", "t2.csv", "--plan", "d.json", "--strategy", "label-shift", "--force", *more)
        assert told in went.err
    before = call("diagnose", "s.csv", "t.csv", "--label", "y", "--json")  # as it was when the plan was made
    for document in (seen, before):
        (pair / "d.json").write_text(document.out)
        went = call("adapt", "s.csv", "t2.csv", "--plan", "d.json", "--strategy", "label-shift", "--force", "--label-plan", "plan.csv")
        assert went.code == 0
        assert "the diagnosis took the labels" not in went.err
    # the plan that rows were labelled by stays
    kept = (pair / "plan.csv").read_bytes()
    again = call("recommend", "s.csv", "t2.csv", "--label", "y", "--label-plan", "plan.csv")
    assert (again.code, (pair / "plan.csv").read_bytes()) == (2, kept)
    assert "rows were labelled by this label plan" in again.err
    assert call("recommend", "s.csv", "t2.csv", "--label", "y", "--label-plan", "more.csv", "-q").code == 0
    assert valid(seen.json)["tests"]["y"]["n_target"] == 62
    assert whole.json["tests"]["y"]["n_target"] == 124
    refused = call(*given, "--label-plan", "s.csv")
    assert refused.code == 2
    assert "no label plan" in refused.err


def test_thresholds_of_ones_own_do_not_bring_the_chosen_rows_back(call, pair, monkeypatch):
    """With `[thresholds]` the command line diagnoses in the engine's stead."""
    from mdshift.cli import adapt

    (pair / "mdshift.toml").write_text("[thresholds]\nfew_labels = 40\n")
    with (pair / "l.csv").open(newline="") as f:
        rows = [
            ("row,priority,purpose\n"),
            *(f"{i},{i},{'judge' if i < 30 else 'learn'}\n" for i, _ in enumerate(list(csv.DictReader(f))[:60])),
        ]
    (pair / "plan.csv").write_text("".join(rows))
    seen, document_of = [], adapt.document_of
    monkeypatch.setattr(adapt, "document_of", lambda session, p: seen.append(int(p.target.labelled.sum())) or document_of(session, p))
    ended = call(
        "adapt",
        "s.csv",
        "l.csv",
        "--label",
        "y",
        "--label-plan",
        "plan.csv",
        "--strategy",
        "auto",
        "--compute",
        "low",
        "--force",
        "--dry-run",
    )
    assert ended.code == 0, ended.err
    assert seen == [30]
