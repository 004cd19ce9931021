"""`import mdshift` is light, and what it offers is found when it is asked for."""

import mdshift
from tests.test_imports import loaded


def test_the_package_loads_nothing_heavy():
    assert loaded("import mdshift\nassert 'mdshift.api' not in sys.modules\nassert 'Adapter' in dir(mdshift)") == []


def test_the_calls_load_nothing_heavy_before_they_are_called():
    assert loaded("import mdshift\nmdshift.diagnose, mdshift.adapt, mdshift.Diagnosis") == []


def test_every_name_is_there():
    assert all(getattr(mdshift, name) is not None for name in mdshift.__all__)
    assert not hasattr(mdshift, "diagnoze")
