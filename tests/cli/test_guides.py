"""What the guides in `docs/` tell to type is typed, and what they show is what is printed."""

import re
import runpy
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

DOCS = Path(__file__).parent.parent.parent / "docs"
NUMBER = re.compile(r"-?\d*\.?\d+")
NEAR = 0.03  # another processor may differ in the last digits, and what hangs on them


def blocks(page, language):
    return re.findall(rf"^```{language}\n(.*?)^```", (DOCS / page).read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)


def steps(page, folder=DOCS):
    """(command, exit code, lines shown) of every `$ ` line."""
    for block in blocks(folder / page, "console"):
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            line, *shown = part.rstrip("\n").split("\n")
            command, _, code = line.partition("  # exit ")
            yield command, int(code or 0), shown


def alike(shown, printed):
    """The same words, and numbers that are near."""
    if NUMBER.sub("#", " ".join(shown.split())) != NUMBER.sub("#", " ".join(printed.split())):
        return False
    pairs = zip(NUMBER.findall(shown), NUMBER.findall(printed), strict=True)
    return all(abs(float(a) - float(b)) <= max(NEAR, 0.1 * abs(float(a))) for a, b in pairs)


def missing(shown, printed):
    """The first shown line that is not printed, in order; `...` stands for any lines."""
    at, free = 0, False
    for line in shown:
        if line == "...":
            free = True
            continue
        found = next((i for i in range(at, len(printed)) if alike(line, printed[i])), None)
        if found is None or (found > at and not free):
            return line
        at, free = found + 1, False
    return None


def test_the_quick_start_runs_and_prints_what_it_shows(call, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    seen = 0
    for command, code, shown in steps("quickstart.md"):
        name, *arguments = shlex.split(command)
        assert name == "mdshift"
        ended = call(*arguments)
        assert ended.code == code, (command, ended.err)
        assert missing(shown, ended.out.splitlines()) is None, (command, missing(shown, ended.out.splitlines()), ended.out)
        seen += bool(shown)
    assert seen >= 7
    assert Path("model/report.json").is_file()
    assert Path("rows.csv").is_file()


def test_what_the_readme_shows_is_what_the_quick_start_shows():
    told = {command: shown for command, _, shown in steps("quickstart.md")}
    shown = list(steps("README.md", DOCS.parent))
    assert len(shown) == 4
    for command, _, lines in shown:
        assert missing(lines, told[command]) is None


def test_the_comparison_sees_a_line_that_is_not_there():
    printed = ["Diagnosis", "reaches 0.74", "x", "end"]
    assert missing(["Diagnosis", "reaches 0.75", "...", "end"], printed) is None
    assert missing(["Diagnosis", "reaches 0.84"], printed) == "reaches 0.84"
    assert missing(["Diagnosis", "x"], printed) == "x"
    assert missing(["...", "end", "x"], printed) == "x"


@pytest.fixture
def gate(folder, table):
    """The Makefile of ci.md beside a pair that moved and one that did not."""
    table(folder / "reference.csv")
    table(folder / "moved.csv", 0.9, seed=1)
    table(folder / "same.csv", seed=2)
    (folder / "Makefile").write_text(blocks("ci.md", "makefile")[0], encoding="utf-8")
    return folder


def test_the_job_in_ci_fails_where_data_moved_and_passes_where_not(gate, call):
    lines = re.findall(r"run: \.venv/bin/mdshift (.*)$", blocks("ci.md", "yaml")[0], re.MULTILINE)
    assert len(lines) == 1
    for today, code in (("moved.csv", 1), ("same.csv", 0)):
        shutil.copy(gate / today, gate / "today.csv")
        assert call(*shlex.split(lines[0])).code == code
        assert (gate / "diagnosis.html").read_text(encoding="utf-8").startswith("<!doctype html>")
    assert call(*shlex.split(lines[0].replace("--label y", "--label none"))).code == 2


@pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")
def test_the_makefile_in_ci_stops_where_data_moved(gate):
    own = f"MDSHIFT={shlex.quote(sys.executable)} -c 'from mdshift.cli.main import run; run()'"
    ended = subprocess.run(["make", "gate", own, "TODAY=moved.csv"], cwd=gate, capture_output=True, text=True, check=False)
    assert ended.returncode == 2, ended.stderr
    assert "gate: a shift of moderate or more; read diagnosis.html" in ended.stdout
    assert (gate / "diagnosis.html").is_file()


def test_the_second_gate_is_a_command_that_can_be_given(call):
    for block in blocks("ci.md", "sh"):
        _, *arguments = shlex.split(block)
        assert "No such option" not in (said := call(*arguments)).err
        assert said.code == 2  # the files are not there
        assert "reference.csv" in said.error


PICTURES = runpy.run_path(str(DOCS / "pictures.py"))
WORDS = re.compile(r'aria-label="([^"]*)"|<text[^>]*>([^<]*)<')


def test_every_kind_has_its_picture_and_every_picture_its_place():
    page = (DOCS / "kinds.md").read_text(encoding="utf-8")
    shown = re.findall(r"!\[[^\]]{20,}\]\(pictures/(\w+)\.svg\)", page)
    assert shown == list(PICTURES["PICTURES"])
    assert {p.name for p in (DOCS / "pictures").iterdir()} == {f"{name}.svg" for name in shown}
    for name in shown:
        root = ET.parse(DOCS / "pictures" / f"{name}.svg").getroot()
        assert len(root.findall("{http://www.w3.org/2000/svg}svg")) == 2
        assert "var(--" not in (DOCS / "pictures" / f"{name}.svg").read_text(encoding="utf-8")


@pytest.mark.slow
def test_the_kinds_are_told_and_drawn_as_the_page_shows_them(call, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    call("samples", "pairs")
    PICTURES["compound"](Path("pairs"))
    for command, code, shown in steps("kinds.md"):
        ended = call(*shlex.split(command)[1:])
        assert ended.code == code
        assert missing(shown, ended.out.splitlines()) is None, (command, missing(shown, ended.out.splitlines()))
    for name in PICTURES["PICTURES"]:
        drawn = PICTURES["picture"](name, PICTURES["diagnosed"](Path("pairs"), name))
        kept = (DOCS / "pictures" / f"{name}.svg").read_text(encoding="utf-8")
        told, before = (["".join(words) for words in WORDS.findall(text)] for text in (drawn, kept))
        assert len(told) == len(before)
        assert all(alike(a, b) for a, b in zip(before, told, strict=True)), f"{name}: run `python docs/pictures.py`"
