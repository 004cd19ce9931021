import importlib.util
import sys
import time

import fakeray
import pytest

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
