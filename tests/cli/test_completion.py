"""What a shell offers while a command is typed."""

import os
import shutil
import subprocess
import sys

import pytest

from mdshift import record
from mdshift.cli.completion import SCRIPTS, VARIABLE, answer, candidates, split
from mdshift.cli.main import COMMANDS
from mdshift.declare import every

RUN = [sys.executable, "-c", "import sys; from mdshift.cli.main import run; sys.argv = ['mdshift']; run()"]


def offered(line):
    words, last, _ = split(f"mdshift {line}")
    return [value for value, _ in candidates(words, last)]


def asked(shell, line):
    """Ask as the shell does, in a process of its own."""
    sent = {"_MDSHIFT_LINE": line} if shell == "bash" else {"_MDSHIFT_WORDS": "\n".join([*line.split(" ")])}
    said = subprocess.run(
        RUN,
        check=False,
        env={**os.environ, VARIABLE: f"{shell}_complete", **sent},
        capture_output=True,
        text=True,
        timeout=120,
        stdin=subprocess.DEVNULL,
    )
    assert (said.returncode, said.stderr) == (0, "")
    return said.stdout


@pytest.fixture
def files(folder):
    (folder / "s.csv").write_text('age,my col,"q""x",y\n1,2,3,4\n')
    (folder / "t.csv").write_text("age;beyond\n1;2\n")
    return folder


@pytest.mark.parametrize("shell", ["bash", "zsh"])
def test_a_shell_is_answered_with_the_columns_of_a_file(files, shell):
    lines = asked(shell, "mdshift diagnose s.csv t.csv --label ").splitlines()
    assert lines == (["age", r"my\ col", r"q\"x", "y", "beyond"] if shell == "bash" else ["age", "my col", 'q"x', "y", "beyond"])


def test_zsh_is_told_what_an_option_means(folder):
    lines = dict(line.split("\t") for line in asked("zsh", "mdshift adapt --strategy co").splitlines())
    assert set(lines) == {n for n in every("strategy") if n.startswith("co")}
    assert all(lines.values())


@pytest.mark.parametrize("shell", SCRIPTS)
def test_the_script_is_printed(shell):
    assert answer({VARIABLE: f"{shell}_source"}) == SCRIPTS[shell]
    assert f"{shell}_complete" in SCRIPTS[shell]


@pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")
def test_the_script_works_in_bash(files, tmp_path):
    program = tmp_path / "mdshift"
    program.write_text(
        f"#!/bin/sh\nexec {sys.executable} -c 'import sys; from mdshift.cli.main import run; sys.argv = [\"mdshift\"]; run()'\n"
    )
    program.chmod(0o755)
    typed = 'mdshift diagnose s.csv t.csv --label "my'
    script = (
        f'eval "$({VARIABLE}=bash_source {program})"; complete -p mdshift; '
        f"COMP_LINE='{typed} behind'; COMP_POINT={len(typed)}; _mdshift_completion {program}; printf '<%s>' \"${{COMPREPLY[@]}}\""
    )
    said = subprocess.run(["bash", "--norc", "-c", script], capture_output=True, text=True, timeout=120, check=True)
    assert said.stdout.splitlines() == ["complete -o default -F _mdshift_completion mdshift", "<my col>"]
    assert said.stderr == ""


@pytest.mark.parametrize(
    ("line", "values"),
    [
        ("", list(COMMANDS)),
        ("di", ["diagnose"]),
        ("--seed 3 dia", ["diagnose"]),
        ("diagnose --fail-on ", ["minor", "moderate", "severe"]),
        ("adapt --fail-on ", ["worse"]),
        ("adapt --task=r", ["--task=regression"]),
        ("adapt --strategy cora", ["coral"]),
        ("adapt -s au", ["auto", "augment", "augment-adversarial", "augment-gan"]),
        ("adapt -s coral --set reg", ["regularisation="]),
        ("adapt --set class_weight=", ["class_weight=none", "class_weight=balanced"]),
        ("adapt s.csv t.csv --set group=a", ["group=age"]),
        ("explain domain-cl", ["domain-classifier"]),
        ("diagnose s.csv t.csv --label a", ["age"]),
        ("diagnose s.csv t.csv --label=b", ["--label=beyond"]),
        ("diagnose s.csv t.csv --label y --drop ", ["age", "my col", 'q"x', "beyond"]),
        ("diagnose s.csv t.csv --domain-column be", ["beyond"]),
        ("diagnose --time a", []),
        ("diagnose nothere.csv t.csv --text b", ["beyond"]),
        ("evaluate s.csv t.csv --label ", ["age", "beyond"]),
        ("diagnose s.csv ", []),
        ("diagnose -- --la", []),
        ("diagnose --quiet --qu", []),
        ("diagnose s.csv t.csv --json | mdshift recommend --comp", ["--compute"]),
        ("explain coral --j", ["--json"]),
        ("explain strat", ["strategies"]),
        ("explain strategies/cora", ["strategies/coral"]),
        ("explain probe/mm", ["probe/mmd"]),
        ("explain nothing/c", []),
        ("diagnose --seed ", []),
    ],
)
def test_what_is_offered(files, line, values):
    found = offered(line)
    assert sorted(found) == sorted(values)


def test_the_keys_of_the_runs_are_offered(folder):
    assert offered("runs --where ") == []
    record.begin("m", {"sources": ["s.csv"], "target": "t.csv"}, {"seed": 1, "set": {"weight": 2}})
    assert {"strategy=", "seed=", "weight=", "sources=", "started="} <= set(offered("runs --where "))
    assert offered("runs --where see") == ["seed="]
    assert offered("runs --where settings.se") == ["settings.seed=", "settings.set.weight="]
    assert asked("bash", "mdshift runs --where wei") == "weight=\n"


def test_options_are_those_of_the_command(folder):
    assert "--strategy" in offered("adapt --")
    assert "--strategy" not in offered("diagnose --")
    assert "--help" in offered("diagnose --")


def test_data_of_the_working_folder_are_looked_at_without_paths(files):
    (files / "src").mkdir()
    (files / "tgt").mkdir()
    shutil.copy("s.csv", "src/part.csv")
    assert "my col" in offered("adapt --label ")
    (files / "mdshift.toml").write_text('[data]\nsource = "t.csv"\ntarget = "t.csv"\n')
    assert offered("adapt --label ") == ["age", "beyond"]


def test_runs_are_offered_by_their_number(pair, call):
    from mdshift import record

    record.end(record.begin("out", {}, {}), "done", None)
    assert offered("runs ") == ["1"]
    assert offered("runs 1 ") == []


@pytest.mark.parametrize(
    "environment",
    [
        {},
        {VARIABLE: "nonsense"},
        {VARIABLE: "tcsh_source"},
        {VARIABLE: "bash_"},
        {VARIABLE: "bash_complete", "_MDSHIFT_LINE": 'mdshift diagnose "'},
        {VARIABLE: "bash_complete", "_MDSHIFT_LINE": "mdshift adapt --set =\\"},
        {VARIABLE: "bash_complete", "_MDSHIFT_LINE": "mdshift diagnose /dev/zero bad.csv bad.parquet . --label "},
        {VARIABLE: "bash_complete", "_MDSHIFT_LINE": "mdshift adapt --strategy nosuch --set x="},
    ],
)
def test_trouble_is_silent(folder, environment, capfd):
    (folder / "bad.csv").write_bytes(b"\xff\xfe\0\0" * 9)
    (folder / "bad.parquet").write_bytes(b"PAR1")
    (folder / "mdshift.toml").write_text("[data\n")
    os.mkfifo(folder / "pipe.csv")
    assert answer(environment) == ""
    assert capfd.readouterr() == ("", "")


def test_names_that_could_act_on_a_terminal_are_not_offered(folder):
    (folder / "s.csv").write_text("a,\x1b[31mred,b\n1,2,3\n")
    assert offered("diagnose s.csv --drop ") == ["a", "b"]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("mdshift a 'b c' d\\ e f", (["a", "b c", "d e"], "f", False)),
        ('mdshift "a b', ([], "a b", True)),
        ("x=1 mdshift a ", (["a"], "", False)),
        ("ls; mdshift a && /usr/bin/mdshift b c", (["b"], "c", False)),
        ('mdshift a "" ', (["a", ""], "", False)),
    ],
)
def test_a_line_is_split_as_bash_does(line, expected):
    assert split(line) == expected


def test_a_completion_loads_nothing_heavy(files):
    from tests.test_imports import loaded

    code = "from mdshift.cli.completion import candidates\ncandidates(['diagnose', 's.csv', 't.csv', '--label'], '')"
    assert loaded(code) == []
