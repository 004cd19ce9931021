import importlib.util
import time

import pytest

from mdshift.errors import EnvironmentFault
from mdshift.executor import map_units


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
