"""The pages made from declarations are up to date, and nothing that a user can call is missing in them."""

import re
import runpy
from math import isnan
from pathlib import Path
from statistics import median

import numpy as np
import pytest

from mdshift.cli.main import COMMANDS, app
from mdshift.cli.options import REGISTERED
from mdshift.config import OPTIONS
from mdshift.declare import every

DOCS = Path(__file__).parent.parent / "docs"
ROOT = DOCS.parent
BENCHMARKS = ROOT / "benchmarks"
PAGES = sorted([*DOCS.glob("*.md"), *ROOT.glob("README*.md"), *(ROOT / "benchmarks").glob("*/README.md"), ROOT / "samples" / "README.md"])
MADE = runpy.run_path(str(DOCS / "generate.py"))


@pytest.mark.parametrize("name", MADE["PAGES"])
def test_a_generated_page_is_up_to_date(name):
    text = MADE["PAGES"][name]().rstrip() + "\n"
    assert (DOCS / name).read_text(encoding="utf-8") == text, "stale: run `python docs/generate.py`"


def test_every_command_is_documented():
    page = (DOCS / "cli.md").read_text(encoding="utf-8")
    registered = {c.name for c in app.registered_commands}
    assert registered == set(COMMANDS) == set(REGISTERED) == set(MADE["FORMS"])
    assert all(f"\n## mdshift {name}\n" in page for name in registered)


def test_every_option_is_documented_and_used():
    page = (DOCS / "cli.md").read_text(encoding="utf-8")
    used = {o for c in REGISTERED.values() for o in c.options}
    assert set(OPTIONS) - used == {"source", "target"}  # mdshift.toml alone: on the command line they are positional
    assert all(f"`{OPTIONS[o].flag}`" in page for o in used)


@pytest.mark.parametrize(
    ("page", "kind"), [("strategies.md", "strategy"), ("rules.md", "rule"), ("probes.md", "probe"), ("validators.md", "validator")]
)
def test_every_declared_thing_is_documented(page, kind):
    text = (DOCS / page).read_text(encoding="utf-8")
    assert all(f"\n## {name}\n" in text for name in every(kind))


def links(page):
    return [t for t in re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8")) if "://" not in t]


def anchors(page):
    """The anchors of a page's headings, as GitHub makes them."""
    heads = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", h.lower()).replace(" ", "-") for h in heads}


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_links_between_pages_lead_somewhere(page):
    for link in links(page):
        target, _, anchor = link.partition("#")
        place = page.parent / target if target else page
        assert place.exists(), f"{page.name}: {link}"
        assert not anchor or anchor in anchors(place), f"{page.name}: {link}"


def commands(page):
    """The lines of a page's shell blocks, without their remarks."""
    found = re.findall(r"^```sh\n(.*?)^```", page.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    return [line.split("  #")[0].strip() for block in found for line in block.splitlines() if line.strip()]


def test_the_readme_is_short_and_begins_with_the_two_commands():
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= 200
    assert commands(ROOT / "README.md")[:2] == ["make demo", "make test"]


def test_the_chinese_readme_has_the_commands_and_links_of_the_english_one():
    english, chinese = ROOT / "README.md", ROOT / "README.zh-CN.md"
    assert commands(chinese)[:2] == ["make demo", "make test"]
    assert set(commands(chinese)) <= set(commands(english))
    pages = {link for link in links(english) if link.startswith("docs/")}
    assert pages <= set(links(chinese))
    assert set(links(chinese)) <= {*links(english), "README.md"}


def test_a_command_of_the_readme_is_one_with_options_that_are_there():
    told = [part.split() for line in commands(ROOT / "README.md") for part in line.split(" | ") if part.startswith("mdshift")]
    assert len(told) > 6
    for _, name, *words in told:
        given = {w for w in words if w.startswith("-")}
        known = {f for o in REGISTERED[name].options for f in (OPTIONS[o].flags or (OPTIONS[o].flag,))} | {"-o"}
        assert given <= known, (name, given - known)


NULL_COLUMNS = ("marginal", "label", "within-class", "conditional", "prior", "reading, labels", "reading, none")


def test_the_rates_where_nothing_changed_are_those_that_the_benchmark_printed():
    printed = {}
    for line in (BENCHMARKS / "diagnosis" / "null.txt").read_text(encoding="utf-8").splitlines():
        if found := re.match(r"(\w+), n = (\d+): (.*)", line):
            kind, n, rates = found.groups()
            own = dict(re.findall(r"([a-z][\w ,-]*?) (\d\.\d+)", rates))
            printed[n, kind] = [own[name].removeprefix("0") for name in NULL_COLUMNS]
    page = (DOCS / "trust.md").read_text(encoding="utf-8")
    told = re.findall(r"^\| (\d+) \| (?:mixed )?(\w+) \|((?: \.\d+ \|)+)$", page, re.MULTILINE)
    assert len(told) == len(printed) == 5
    for n, kind, cells in told:
        assert re.findall(r"\.\d+", cells) == printed[n, kind]


COLUMN = r" +(\S+)"  # one column of a printed table
FIGURES = [  # page, what it tells, the file, where the file has it: the groups of the patterns are the numbers told, in any order
    (
        "README.md",
        "| .935, nulls at most .065 | RCIT .852 (nulls up to .090), PCM .172, GCM .062 |",
        "diagnosis/conditional.txt",
        (r"S5U" + 2 * COLUMN + r" +\S+ +\S+/(\S+) +(\S+)/(\S+)", r"S2U .*?/(\S+)"),
    ),
    ("README.md", "| .505 | Polo et al. 2023 .345 |", "diagnosis/kinds_regression.txt", (r" 0\.050" + 2 * COLUMN,)),
    (
        "README.md",
        "| .810 | MMDAgg .785, MMD-FUSE .765 |",
        "diagnosis/power_x.txt",
        (r"sd 1\.3, n=2000" + 2 * COLUMN + r".*\] +(\S+) \[",),
    ),
    (
        "README.md",
        "| .535 | MMDAgg **.605**, MMD-FUSE .505 |",
        "diagnosis/power_x.txt",
        (r"bumps of \.3, n=500" + 2 * COLUMN + r".*\] +(\S+) \[",),
    ),
    (
        "README.md",
        "| whole diagnosis 6.1 s, .75 GB | alibi-detect's MMD alone 321 s, 5.6 GB |",
        "diagnosis/speed.txt",
        (r"columns: (\S+) s \(.*CPU\), (\S+) GB", r"permutations: (\S+) s, (\S+) GB"),
    ),
    (
        "README.md",
        "| +3.3, +4.1, +4.3; +3.3, +3.0, +3.7 (its source model alone +4.5) | skada's CORAL, linear OT, MMD target shift: -1.5, +1.3, +0.1 |",
        "strategies/open_tables.txt",
        (
            *(rf"(?m)^{name} +26 +(\S+) .* (\S+)$" for name in ("coral", "linear-ot", "label-shift")),
            *(rf"(?m)^{name} +26 +(\S+)" for name in ("source-only", "mcc", "mmd", "dann")),
        ),
    ),
    (
        "README.md",
        "| 40 of 40 (",
        "choosing/null.txt",
        (r"kept on (\d+) of (\d+)",),
    ),
    (
        "docs/trust.md",
        "| .505, .980, 1.000 | .345, .662, .949 |",
        "diagnosis/kinds_regression.txt",
        tuple(rf" 0\.{shift}" + 2 * COLUMN for shift in ("050", "090", "150")),
    ),
    (
        "docs/trust.md",
        "| .330, .830, .995 | .285, .750, .973 |",
        "diagnosis/kinds_classification.txt",
        tuple(rf" 0\.{shift}" + 2 * COLUMN for shift in ("025", "045", "065")),
    ),
    (
        "docs/trust.md",
        "| .040/.990, .040/1.000, .065/.935 | best single test over all three (RCIT): .082/.918, .074/.964, .090/.852 |",
        "diagnosis/conditional.txt",
        tuple(scenario + 2 * COLUMN + r" +\S+ +\S+ +(\S+)/(\S+)" for scenario in ("S1U", "S2U", "S5U")),
    ),
    (
        "docs/trust.md",
        "| .960, .810, .535 | MMDAgg .945, .785, .605 |",
        "diagnosis/power_x.txt",
        tuple(name + r" +\S+ +(\S+).*\] +(\S+) \[" for name in (r"sd 2, n=500", r"sd 1\.3, n=2000", r"bumps of \.3, n=500")),
    ),
    *(
        (
            "docs/trust.md",
            f"| seeds from {seed} | {told} |",
            "diagnosis/cost.txt",
            (rf"--seed ({seed})\n(?:.*\n)*?all others" + 2 * COLUMN,),
        )
        for seed, told in ((20000, "56 | .929"), (21000, "132 | .962"))
    ),
    (
        "docs/trust.md",
        "is 2.8 points better on average",
        "strategies/open_tables.txt",
        (r"regret: (\S+) on average",),
    ),
    (
        "docs/trust.md",
        "judged by the other half, it is 0.8 points better, 0.1 in the median",
        "strategies/open_tables.txt",
        (r"halvings\): (\S+) on average, (\S+) in the median",),
    ),
    (
        "docs/trust.md",
        "a share of .079 of its pairs lay below the low end",
        "choosing/unseen.txt",
        (r"committee(?:.*\n)*?.*below the low end (\S+) of a further",),
    ),
    (
        "docs/trust.md",
        "is foretold; .069 with the pairs on which its members disagree less",
        "choosing/unseen.txt",
        (r"committee, classification, ambiguity from 0\.015(?:.*\n)*?.*below the low end (\S+) of a further",),
    ),
    (
        "docs/trust.md",
        "of .053 for `consensus` of numbers",
        "choosing/unseen.txt",
        (r"consensus, regression(?:.*\n)*?.*below the low end (\S+) of a further",),
    ),
    (
        "docs/trust.md",
        "the source model was kept on 40 of 40",
        "choosing/null.txt",
        (r"kept on (\d+) of (\d+)",),
    ),
    (
        "docs/trust.md",
        "mean +8.7 points over 26 of classification (median +4.2), 0 hurt",
        "choosing/auto.txt",
        (r"classification: (\d+) pairs; mean gain over source-only (\S+) pts, worst \S+, hurt (\d+)", r"of classification (\S+),"),
    ),
    (
        "README.md",
        "| +8.7, 0 hurt, worst -0.4 |",
        "choosing/auto.txt",
        (r"classification: \d+ pairs; mean gain over source-only (\S+) pts, worst (\S+), hurt (\d+)",),
    ),
    (
        "docs/trust.md",
        "on 26 of these pairs: mean +16.2 points, worst -0.4, 0 hurt: 1.9 times the +8.7 that",
        "choosing/auto.txt",
        (r"classification (\d+) mean (\S+) worst (\S+) hurt (\d+) .* without labels (\S+) ratio (\S+)",),
    ),
    (
        "docs/trust.md",
        "on 11: mean +31.2 hundredths of R², 1 hurt (-8.6:",
        "choosing/auto.txt",
        (r"regression (\d+) mean (\S+) worst (\S+) hurt (\d+) ",),
    ),
    (
        "docs/trust.md",
        "Classes: mean +1.5 over 24 further pairs, 0 hurt, worst -1.4.",
        "choosing/auto.txt",
        (r"new sets, classification: (\d+) pairs; mean gain over source-only (\S+) pts, worst (\S+), hurt (\d+)",),
    ),
    (
        "docs/trust.md",
        "mean +2.6 over 22 further pairs, 2 hurt, worst -94.5",
        "choosing/auto.txt",
        (r"new sets, regression: (\d+) pairs; mean gain over source-only (\S+) pts, worst (\S+), hurt (\d+)",),
    ),
    ("docs/trust.md", "Regression, in hundredths of R²: mean +2.9,", "choosing/auto.txt", (r"regression: .* (\S+) pts, worst",)),
    ("docs/trust.md", "Worst of classification -0.4.", "choosing/auto.txt", (r"classification: .* worst (\S+),",)),
    (
        "docs/trust.md",
        ".115, lies outside of its binomial bound of .105",
        "diagnosis/null.txt",
        (r"prior (\S+) ABOVE", r"200 repeats; at most (\S+)"),
    ),
    (
        "docs/trust.md",
        "rejects .095 of the same 200 pairs under other draws, and 21 of 550 further pairs (.038)",
        "diagnosis/null.txt",
        (r"rejects (\S+) of the same (\d+) pairs under other draws, and (\d+) of (\d+) = (\S+) of",),
    ),
    (
        "docs/worth.md",
        "above the baseline on 88 and below it on 22, 14.7 points better on average",
        "strategies/few_labels.txt",
        (r"all seeds: finetune: .*above the yardstick (\d+) .* below (\d+); mean gain \+(\S+)",),
    ),
    (
        "docs/worth.md",
        "lies above it on 70 of 78, by 14.8 on average",
        "strategies/few_labels.txt",
        (r"all seeds: self-training: (\d+) pairs, above the yardstick (\d+) .*; mean gain \+(\S+)",),
    ),
]


def numbers(told):
    """The numbers of a cell; a year is none."""
    found = re.findall(r"(?<![\w.])[+-]?(?:\d+(?:\.\d+)?|\.\d+)(?!\w)", told)
    return [float(f) for f in found if not re.fullmatch(r"20[0-2]\d", f)]


@pytest.mark.parametrize(("page", "told", "file", "printed"), FIGURES, ids=[f"{page}: {told[:30]}" for page, told, *_ in FIGURES])
def test_a_figure_is_the_one_that_the_benchmark_last_printed(page, told, file, printed):
    """Every number of the cell, mdshift's own and those of others."""
    assert told in (ROOT / page).read_text(encoding="utf-8")
    text = (BENCHMARKS / file).read_text(encoding="utf-8")
    found = [re.search(pattern, text) for pattern in printed]
    assert all(found), printed
    assert sorted(float(n) for f in found for n in f.groups()) == pytest.approx(sorted(numbers(told)))


def test_the_medians_of_what_auto_gained_are_those_of_the_pairs():
    block = (BENCHMARKS / "choosing" / "auto.txt").read_text(encoding="utf-8").split("\n\n")[1]
    gains = {"classification": [], "regression": []}
    numeric = {"beijing_air", "bike_sharing", "california_housing", "school_exam", "student_performance", "wine_quality"}
    for line in block.splitlines():
        gain = float(re.search(r"gain +(\S+)", line)[1])
        if not isnan(gain):  # a pair of texts has no yardstick
            gains["regression" if line.split()[0] in numeric else "classification"].append(gain)
    assert [len(g) for g in gains.values()] == [26, 11]
    page = (DOCS / "trust.md").read_text(encoding="utf-8")
    assert f"(median {median(gains['classification']):+.1f})" in page
    assert f"median {median(gains['regression']):+.1f} over 11" in page


def test_what_the_pages_tell_of_the_record_is_in_the_record():
    from mdshift.validators.precedent import LEAST, MOST, gainful, record, spread

    def points(share):
        return f"{100 * share:.1f}"

    def short(number):
        return f"{number:.3f}".replace("0.", ".", 1)

    page, worth = ((DOCS / name).read_text(encoding="utf-8") for name in ("trust.md", "worth.md"))
    for strategy, task, named in (
        ("committee", "classification", "`committee`, classes, {} of {} data sets (low end {})"),
        ("consensus", "regression", "`consensus`, numbers, {} of {} sets, gains too little to be kept ({})"),
        ("blend", "classification", "`blend`, classes, {} of {} sets ({})"),
        ("blend", "regression", "`blend`, numbers, {} of {} sets ({})"),
        ("consensus", "classification", "`consensus`, classes, {} of {} sets ({})"),
    ):
        own = record(strategy, task, *(() if strategy == "blend" else (LEAST[task], MOST[task])))
        found = spread(own, task)
        count = sum(len(gains) for gains in own.values())
        assert named.format(count, len(own), "too few sets" if found is None else short(found.low)) in page
        kept = found is not None and found.low > -{"classification": 0.02, "regression": 0.05}[task] and gainful(own)
        assert kept == ("to be kept" not in named and "too few" not in page.split(named[:18])[1][:40])
        worst = min(gain for gains in own.values() for gain in gains)
        below = sum(gain < -0.02 for gains in own.values() for gain in gains)
        if strategy == "committee":
            assert (
                f"`committee` gained {points(found.value)} points on average of its sets, {points(-worst)} lost at worst, and {below} of its pairs lost more than two"
                in page
            )
            assert (
                f"on {count} pairs of {len(own)} sets it gains {points(found.value)} points on average of the sets and loses {points(-worst)} at worst"
                in worth
            )
        elif (strategy, task) == ("consensus", "classification"):
            told = f"{count} pairs of {len(own)} sets, `precedents.txt`) it gains {points(found.value)} points on average of the sets and loses {points(-worst)} at worst"
            assert told in worth
        elif (strategy, task) == ("consensus", "regression"):
            assert f"`consensus` of numbers gained {short(found.value)} of R² on average" in page


def test_what_the_pages_tell_of_slight_disagreement_is_in_the_record():
    from mdshift.validators.precedent import LEAST, MOST, SLIGHT, record, spread

    page, worth, design = ((DOCS / name).read_text(encoding="utf-8") for name in ("trust.md", "worth.md", "design.md"))
    limit, slight = LEAST["classification"], SLIGHT["committee"]
    every = record("committee", "classification", slight, MOST["classification"])
    low = f"{spread(every, 'classification').low:.3f}".replace("0.", ".", 1)
    assert f"where its members disagree less, {sum(map(len, every.values()))} of {len(every)} ({low})" in page
    few = record("committee", "classification", slight, limit - 1e-9)
    gains = 100 * np.concatenate(list(few.values()))
    words = {5: "five", 12: "twelve"}
    told = f"{words[len(gains)]} pairs of {words[len(few)]} sets below .04 gained {gains.mean():.1f} on average and lost {-gains.min():.1f} at worst"
    assert told in worth
    assert (
        f"on {len(gains)} pairs of {len(few)} sets, {gains.mean():.1f} points gained on average,\n  {-gains.min():.1f} lost at worst"
        in design
    )


def test_what_is_told_of_a_believed_mean_is_what_its_record_holds():
    """Two scripts make them from the same pairs: one by the rule as it is tried, one for the guard."""
    from mdshift.validators.precedent import LEAST, MOST, precedents

    printed = (ROOT / "benchmarks/choosing/coherence.txt").read_text("utf-8")
    for strategy in ("committee", "consensus"):
        groups = re.findall(
            rf"^{strategy}, pairs (?:by which|drawn).*\n(?:  .*\n)*?     every pair .*?(\d+) pairs, +(\S+), worst +(\S+), +(\d+) below",
            printed,
            re.MULTILINE,
        )
        assert len(groups) == 3
        count, mean, worst, below = (np.array([float(g[i]) for g in groups]) for i in range(4))
        task = "classification"
        held = [p for p in precedents() if (p["strategy"], p["task"]) == (strategy, task)]
        gains = 100 * np.array([p["gain"] for p in held if LEAST[task] <= p["ambiguity"] <= MOST[task]])
        assert len(gains) == count.sum()
        assert np.average(mean, weights=count) == pytest.approx(gains.mean(), abs=0.06)
        assert worst.min() == pytest.approx(gains.min(), abs=0.06)
        assert below.sum() == (gains < -2).sum()
