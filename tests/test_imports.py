"""The command line starts light: what is heavy is loaded by the work that needs it."""

import subprocess
import sys

import pytest

HEAVY = ("torch", "sklearn", "scipy", "pandas", "pyarrow", "matplotlib", "PIL", "rich", "jinja2", "numpy")


def loaded(code, *arguments):
    probe = f"import sys\nsys.argv = ['mdshift', *{list(arguments)!r}]\n{code}\nprint('LOADED', *sorted(m for m in {HEAVY!r} if m in sys.modules))"
    said = subprocess.run(
        [sys.executable, "-c", probe], capture_output=True, text=True, check=True, timeout=120, stdin=subprocess.DEVNULL
    ).stdout
    return said.splitlines()[-1].split()[1:]


RUN = "from mdshift.cli.main import main\nassert main(sys.argv[1:]) in (0, 2)"


@pytest.mark.parametrize("arguments", [["--help"], ["adapt", "--help"], ["--version"], ["diagnos"], ["adapt", "--lable"]])
def test_help_and_usage_errors_load_nothing_heavy(arguments):
    assert loaded(RUN, *arguments) == []


def test_the_manual_loads_no_learning_library():
    assert not {"torch", "sklearn", "scipy", "pandas"} & set(loaded(RUN, "explain", "--json"))


@pytest.mark.parametrize("kind", ["strategy", "probe", "rule", "validator", "reader"])
def test_declarations_load_no_learning_library(kind):
    assert not {"torch", "sklearn", "pandas"} & set(loaded(f"from mdshift.declare import every\nevery({kind!r})"))
