import ast
import importlib.util
import subprocess
import sys
import time
from pathlib import Path

import fakeray
import pytest

import mdshift
from mdshift.errors import DataError, EnvironmentFault
from mdshift.executor import begin, map_units


def slow_square(x):
    time.sleep(0.002 * (5 - x % 5))  # later units finish first
    return x * x


@pytest.mark.parametrize("workers", [1, 2, 4])
def test_results_stand_in_unit_order_whatever_the_number_of_workers(workers):
    assert map_units(slow_square, range(12), workers=workers) == [x * x for x in range(12)]


def test_an_error_in_a_unit_is_raised():
    with pytest.raises(ZeroDivisionError):
        map_units(lambda x: 1 // x, [1, 0], workers=2)


@pytest.mark.skipif(importlib.util.find_spec("ray") is not None, reason="ray is installed")
def test_a_missing_extra_names_its_install_command():
    with pytest.raises(EnvironmentFault) as caught:
        map_units(slow_square, [1], engine="ray")
    assert caught.value.hint == "pip install 'mdshift[ray]'"


def test_units_on_ray_stand_in_order_and_fail_as_they_would_here(monkeypatch):
    ray = fakeray.made()
    monkeypatch.setitem(sys.modules, "ray", ray)
    begin("local")
    assert not ray.started
    begin("ray")
    assert map_units(lambda x: x * x, [3, 1, 2], engine="ray") == [9, 1, 4]
    assert (ray.started, len(ray.tasks)) == (1, 3)

    def fails(_):
        raise DataError("what", "seen", "hint")

    with pytest.raises(DataError) as caught:
        map_units(fails, [1], engine="ray")
    assert (caught.value.what, caught.value.seen, caught.value.hint) == ("what", "seen", "hint")
    assert "story" not in str(caught.value)


def test_an_interrupt_does_not_wait_for_the_units():
    import _thread
    import threading

    go, ended = threading.Event(), []

    def unit(i):
        if i == 0:
            _thread.interrupt_main()
        go.wait(30)
        ended.append(i)

    try:
        with pytest.raises(KeyboardInterrupt):
            map_units(unit, [0, 1, 2], workers=2)
        assert ended == []
    finally:
        go.set()


def imported_late():
    """Modules of scipy and scikit-learn that functions of the package import."""
    found = set()
    for file in Path(mdshift.__file__).parent.rglob("*.py"):
        for function in ast.walk(ast.parse(file.read_text("utf-8"))):
            if not isinstance(function, ast.FunctionDef):
                continue
            for node in ast.walk(function):
                if isinstance(node, ast.ImportFrom) and node.module:
                    found.add(node.module)
                elif isinstance(node, ast.Import):
                    found |= {alias.name for alias in node.names}
    return {name for name in found if name.split(".")[0] in {"scipy", "sklearn"}}


def test_threads_find_scipy_and_sklearn_imported():
    """Two threads that import the two halves of a circle at once are handed half a module."""
    late = imported_late()
    assert {"sklearn.ensemble", "scipy.special"} <= late
    code = (
        "import sys; from mdshift.executor import map_units\n"
        f"def unit(_): return [n for n in {sorted(late)} if n not in sys.modules]\n"
        "alone = map_units(unit, range(2), workers=1); threads = map_units(unit, range(2), workers=2)\n"
        "print(len(alone[0]) > 0, threads)"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout.split(maxsplit=1) == ["True", "[[], []]\n"]
