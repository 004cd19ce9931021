"""Charts in the HTML report: each there with its block and absent without, nothing that acts, the same bytes, small files."""

import copy
import re
import subprocess
import sys
from html.parser import HTMLParser

import documents
import pytest

from mdshift.report import html, markdown, pages, terminal
from mdshift.report.charts import axes, confusion, curves, intervals, shares, svg
from mdshift.report.page import Figure

HOSTILE = (
    "<script>alert(1)</script>",
    "</text></svg><script>alert(1)</script>",
    '" onload="alert(1)',
    "' style='x",
    "$\\bad$",
    "$x_{$",
    "\x1b[31m",
    "a\nb",
    "x" * 10_000,
    "שלום",
    "\u202eevil",
    "😀👩‍👩‍👧",
    "{{ 7 * 7 }}",
    "]]>",
    "<!--",
    "\ud800",
    "",
)


class Reader(HTMLParser):
    """Tags with their attributes, and the texts within SVG."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.labels, self.words, self.inside = [], [], [], False
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag == "svg":
            self.labels.append(dict(attrs)["aria-label"])
        self.inside = self.inside or tag == "text"

    def handle_endtag(self, tag):
        self.inside = self.inside and tag != "text"

    def handle_data(self, data):
        if self.inside:
            self.words.append(data)


def render(document):
    return html.render(pages.page(document))


def labels(document):
    return Reader(render(document)).labels


def without(document, *path):
    """The document as an older version wrote it: without this block."""
    made = copy.deepcopy(document)
    at = made
    for key in path[:-1]:
        at = at[key]
    del at[path[-1]]
    return made


def test_a_diagnosis_shows_each_of_its_charts():
    starts = [label.split(":")[0].split(",")[0].split(" x")[0] for label in labels(documents.diagnosis(2))]
    assert starts == [
        "Effects of the kinds of shift",
        "Scores",
        "The drop and its parts",
        "Rows of source and target in a plane",
        "ROC curve of the domain classifier",
        "Histogram of",
        "Histogram of",
        "Shares of the classes",
    ]


@pytest.mark.parametrize(
    ("path", "gone"),
    [
        (("overlap", "plane"), "in a plane"),
        (("tests", "x", "evidence", "classifier", "roc"), "ROC curve"),
        (("features", 0, "histogram"), "Histogram of x0"),
        (("label", "target_prior"), "Shares of the classes"),
        (("performance", "drop"), "The drop"),
        (("performance",), "Scores"),
    ],
)
def test_a_chart_of_a_block_that_an_older_document_lacks_is_left_out(path, gone):
    whole = documents.diagnosis()
    assert any(gone in label for label in labels(whole))
    assert not any(gone in label for label in labels(without(whole, *path)))


def test_kinds_without_an_effect_have_no_chart():
    document = documents.diagnosis()
    for s in document["shifts"].values():
        s |= {"effect": None, "low": None, "high": None}
    assert not any("kinds" in label for label in labels(document))


def test_an_adaptation_shows_before_and_after():
    starts = [label.split(":")[0].split(".")[0] for label in labels(documents.adaptation())]
    assert starts == [
        "Scores before and after",
        "Confusion, source-only",
        "Confusion, coral",
        "ROC curves",
        "Reliability",
        "Estimates of the candidates",
    ]
    assert [label.split(":")[0] for label in labels(documents.adaptation(comparison=None))] == [starts[0], starts[-1]]


def test_without_target_labels_the_predictions_are_shown():
    made = documents.adaptation(comparison=documents.predicted())
    assert any(label.startswith("Classes before and after: 82 %") for label in labels(made))
    assert "18 % of 33 target rows change their class." in render(made)


def test_an_adapted_model_that_trained_on_the_labels_is_not_judged_on_them():
    compared = documents.adaptation()["comparison"] | {"adapted": None}
    told = render(documents.adaptation(comparison=compared))
    assert "trains on these labels" in told
    assert "Confusion, coral" not in told


def test_an_evaluation_shows_its_charts():
    assert [label.split(":")[0].split(".")[0] for label in labels(documents.evaluation())] == ["Confusion", "ROC curves", "Reliability"]
    numbers = documents.evaluation() | {
        "classes": [],
        "per_class": [],
        "confusion": [],
        "roc": [],
        "calibration": {},
        "points": [[1.0, 2.0], [3.0, 3.0]],
    }
    assert [label.split(":")[0] for label in labels(numbers)] == ["True and predicted"]


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("make", [documents.diagnosis, documents.adaptation, documents.evaluation])
def test_what_users_named_acts_on_nothing(make, name):
    classes = [f"{name}{i}" for i in range(3)]
    text = render(make(name=name, classes=classes))
    reader = Reader(text)
    tags = {t for t, _ in reader.tags}
    assert not tags & {"script", "img", "iframe", "object", "embed", "link", "a", "use", "image", "foreignobject", "b"}
    assert not any(k.startswith("on") or k in {"src", "href", "xlink:href", "id"} for _, a in reader.tags for k in a)
    known = {"d", "x", "y", "style"}
    assert all(set(a) <= known for t, a in reader.tags if t in {"path", "text"})
    assert not any(c in text for c in ("\x1b", "\u202e", ">49<"))
    assert "�" not in text
    text.encode()
    assert len(text) < 200_000


def test_names_in_charts_are_shown_as_they_are():
    made = Reader(render(documents.diagnosis(name="$\\bad$ <b>", classes=["<i>&amp;", "b", "c"])))
    assert "$\\bad$ <b>11" in made.words
    assert "<i>&amp;" in made.words


def test_the_policy_allows_styles_alone():
    reader = Reader(render(documents.diagnosis()))
    policy = next(a["content"] for t, a in reader.tags if t == "meta" and a.get("http-equiv") == "Content-Security-Policy")
    assert policy.split("; ")[:2] == ["default-src 'none'", "style-src 'unsafe-inline'"]
    assert "script-src" not in policy
    assert "url(" not in render(documents.diagnosis())


def test_every_chart_has_words_beside_it():
    reader = Reader(render(documents.diagnosis()))
    drawings = [a for t, a in reader.tags if t == "svg"]
    assert all(a["role"] == "img" and len(a["aria-label"]) > 20 for a in drawings)
    assert sum(t == "figure" for t, _ in reader.tags) == len(drawings)


def test_colours_follow_the_page():
    text = render(documents.diagnosis())
    drawn = "".join(re.findall(r"(?s)<svg.*?</svg>", text))
    assert not re.search(r"#[0-9a-f]{3,6}\b|rgb", drawn)
    used = set(re.findall(r"var\(--(\w+)\)", drawn))
    assert used <= set(svg.COLOURS)
    dark = text[text.index("prefers-color-scheme: dark") : text.index("@media print")]
    assert all(f"--{name}:" in dark for name in used)


def test_the_same_document_gives_the_same_bytes_whatever_the_users_settings(tmp_path):
    (tmp_path / "matplotlibrc").write_text("text.usetex: True\nlines.linewidth: 9\nsvg.fonttype: path\nfont.size: 30\n")
    program = (
        "import sys, documents; from mdshift.report import html, pages; sys.stdout.write(html.render(pages.page(documents.diagnosis())))"
    )
    here = __file__.rpartition("/")[0]
    environment = {"PYTHONPATH": here, "MATPLOTLIBRC": str(tmp_path), "HOME": str(tmp_path), "PYTHONHASHSEED": "7"}
    other = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, check=True, text=True).stdout
    assert render(documents.diagnosis()) == render(documents.diagnosis()) == other


def test_settings_of_matplotlib_come_back():
    import matplotlib as mpl

    mpl.rcParams["font.size"] = 17
    try:
        svg.drawn(lambda canvas: canvas.text(1, 9, "x"), "a", 10, 10)
        assert mpl.rcParams["font.size"] == 17
    finally:
        mpl.rcdefaults()


@pytest.mark.parametrize(("features", "limit"), [(100, 1_000_000), (1_000, 3_000_000)])
def test_a_report_is_small(features, limit):
    document = documents.diagnosis(features, name="a column with quite a long name, number ")
    document["overlap"]["plane"]["source"] = {"x": [i / 300 for i in range(300)], "y": [0.5] * 300}
    text = render(document)
    assert len(text.encode()) < limit
    assert text.count("<svg") == 18  # twelve features
    assert "a column with quite a long na…" in text
    assert text.count("<td>mean ") == features  # and all of them in the tables


def test_other_layouts_draw_nothing():
    code = "import sys, documents; from mdshift.report import markdown, pages, terminal; d = documents.diagnosis()"
    code += "; terminal.render(pages.page(d)); markdown.render(pages.page(d)); sys.exit('matplotlib' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], env={"PYTHONPATH": __file__.rpartition("/")[0]}, check=False).returncode == 0


def test_layouts_without_charts_leave_them_out():
    page = pages.page(documents.diagnosis())
    assert any(s.figures for s in page.sections)
    assert all("svg" not in layout(page) for layout in (terminal.render, markdown.render))


def test_provenance_tells_the_command_that_can_be_pasted():
    text = markdown.render(pages.page(documents.adaptation(name="a b'c$")))
    assert r"mdshift adapt 'a b'\"'\"'c\$' 'a b'\"'\"'c\$' --label" in text.replace("\\_", "_") or "'a b'\"'\"'c\\$'" in text
    plain = markdown.render(pages.page(documents.diagnosis()))
    assert "| command | mdshift diagnose s.csv t.csv --label y --seed 3 |" in plain
    assert "| hash of the rows, target | ff00 |" in plain


def test_provenance_tells_what_mdshift_toml_alone_can_say():
    document = documents.adaptation()
    assert "with mdshift.toml" not in markdown.render(pages.page(document))
    document["data"]["kinds"] = {"zip": "category", "a b": "text"}
    document["settings"]["thresholds"] = {"churn": 0.2}
    rows = dict(next(s for s in pages.page(document).sections if s.heading == "Provenance").table.rows)
    assert rows["with mdshift.toml"] == '[columns] zip = "category", "a b" = "text" and [thresholds] churn = 0.2'
    assert rows["thresholds"] == "churn=0.2"
    document["model"] = ""
    rows = dict(next(s for s in pages.page(document).sections if s.heading == "Provenance").table.rows)
    assert not {"command", "with mdshift.toml"} & set(rows)


@pytest.mark.parametrize(
    ("low", "high", "found"),
    [
        (0, 1, ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"]),
        (-0.05, 0.1, ["−0.05", "0.00", "0.05", "0.10"]),
        (0, 90_000, ["0", "20,000", "40,000", "60,000", "80,000"]),
        (1950, 2010, ["1960", "1980", "2000"]),
    ],
)
def test_ticks_are_round_and_told_apart(low, high, found):
    assert axes.told(axes.ticks(low, high)) == found


@pytest.mark.parametrize(("low", "high"), [(0, 0), (1, 1), (float("nan"), 1), (-1e308, 1e308), (0, 1e-320), (1e15, 1e15 + 3)])
def test_ticks_of_odd_ends(low, high):
    found = axes.ticks(low, high)
    assert len(found) <= 12
    assert len(set(axes.told(found))) == len(found)


def test_a_value_beyond_the_scale_is_drawn_at_its_edge():
    scale = axes.Scale(0, 1, 10, 20)
    assert [scale(v) for v in (-5, 0.5, 7)] == [10, 15, 20]


def test_a_number_of_few_values_has_a_pair_of_bars_for_each():
    document = documents.diagnosis(1)
    document["features"][0]["histogram"] = {"levels": [float(v) for v in range(12)], "source": [1] * 12, "target": [2] * 12}
    label = next(label for label in labels(document) if label.startswith("Values of x0"))
    assert label.count("8.3 % and 8.3 %") == 12
    document["features"][0] |= {"kind": "date", "histogram": {"levels": [19_000.0, 1e300], "source": [1, 1], "target": [2, 0]}}
    assert any("2022-01-08 50 % and 100 %; 1e+300 50 % and 0 %" in label for label in labels(document))


def test_charts_of_next_to_nothing():
    assert "svg" in shares.figure([], "nothing").draw()
    assert "svg" in intervals.figure([intervals.Row("a", None)], "nothing", "", bars=True).draw()
    assert confusion.figure(["a"], [[1]], "one class", "") is None
    assert confusion.figure([str(i) for i in range(13)], [[1] * 13] * 13, "many", "") is None
    assert confusion.figure(["a", "b"], [[0, 0], [0, 0]], "empty", "") is None
    assert curves.roc([("model", "bar", [])]) is None
    assert curves.reliability([("model", "bar", {"ece": None, "bins": []})]) is None
    assert isinstance(curves.scatter([[1.0, 1.0]], "one", "bar"), Figure)


def test_of_many_classes_the_area_is_of_all_and_the_curves_of_some():
    points = [[0.0, 0.0], [0.2, 0.7], [1.0, 1.0]]
    found = [{"class": str(i), "auc": 1.0 if i < 20 else 0.5, "points": points if i < 20 else []} for i in range(25)]
    one, two = curves.roc([("model", "bar", found)]), curves.roc([("a", "source", found), ("b", "target", found[:20])])
    assert "curves of 20 of 25 classes, area of all: model 0.900." in one.caption
    assert "area of all: a 0.900, b 1.000." in two.caption
    assert "curves of" not in curves.roc([("model", "bar", found[:20])]).caption


def test_few_labels_show_no_calibration():
    def made(*rows):
        bins = [{"rows": n, "confidence": 0.1 * k, "accuracy": 0.1 * k} for k, n in enumerate(rows)]
        return [("model", "bar", {"ece": 0.2, "bins": bins})]

    assert curves.reliability(made(5, 6)) is None
    assert curves.reliability(made(90, 9)) is None
    assert curves.reliability(made(*[4] * 30)) is None
    few, many = (curves.reliability(made(96, 50, n)).draw() for n in (4, 5))
    assert len(few) < len(many)  # the bin of four rows is not drawn
    document = documents.evaluation()
    assert "calibration error" in render(document)
    document["calibration"] = made(5, 6)[0][2]
    assert "calibration error" not in render(document)


@pytest.mark.parametrize(
    ("p", "named", "concept", "told"),
    [
        (0.001, ["label"], "no-shift", "covariate shift, explained by label shift 0.020 [0.000, 0.100];"),
        (0.001, ["label"], "untestable", "covariate shift, label shift may explain it 0.020 [0.000, 0.100];"),
        (0.001, ["label", "concept"], "shift", "covariate shift, explained by the others 0.020 [0.000, 0.100];"),
        (0.4, ["label"], "no-shift", "covariate shift 0.020 [0.000, 0.100], not found;"),
    ],
)
def test_a_kind_that_another_explains_is_not_called_not_found(p, named, concept, told):
    document = documents.diagnosis()
    quiet, shift = document["shifts"]["label"], document["shifts"]["covariate"]
    document["kinds"] = named
    document["shifts"] = {"covariate": quiet | {"p_value": p}, "label": shift, "concept": quiet | {"verdict": concept}}
    label = next(label for label in labels(document) if label.startswith("Effects"))
    assert told in label
    assert "…" not in intervals.kinds(document).draw()


def test_the_domain_classifiers_curve_says_what_its_area_is():
    caption = curves.domains(documents.diagnosis()).caption
    assert "the mean over the folds" in caption
    assert "The curve is of all folds together." in caption


def test_the_levels_of_a_category_that_are_not_drawn_are_one_bar():
    document = documents.diagnosis(1)
    held = {"levels": list("abcdefgh"), "source": [2] * 8, "target": [1, 1, 1, 1, 1, 1, 1, 11], "others": [4, 2]}
    document["features"][0] |= {"kind": "category", "histogram": held}
    label = next(label for label in labels(document) if label.startswith("Values of x0"))
    assert label.endswith("f 10 % and 5.0 %; all others 40 % and 70 %")
    document["features"][0]["histogram"] = {"levels": ["a", "b"], "source": [1, 1], "target": [1, 1], "others": [0, 0]}
    assert not any("all others" in label for label in labels(document))


@pytest.mark.parametrize("values", [[1000000.1, 1000000.2], [0.0, 1e-9, 5.0], [-1.5, 2.0], [1, 2]])
def test_numbers_of_few_values_are_told_apart(values):
    document = documents.diagnosis(1)
    document["features"][0]["histogram"] = {"levels": values, "source": [1] * len(values), "target": [2] * len(values)}
    label = next(label for label in labels(document) if label.startswith("Values of x0"))
    names = [part.rpartition(" and ")[0].rpartition(" ")[0] for part in label.split(": ")[1].split("; ")]
    assert len(set(names)) == len(values)
