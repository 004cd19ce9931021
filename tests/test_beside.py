import os
import time
from pathlib import Path

import pytest

from mdshift import beside
from mdshift.errors import EnvironmentFault


@pytest.fixture
def folder(tmp_path):
    place = tmp_path / "m"
    place.mkdir()
    (place / "x").write_text("old")
    return place


def replace(place):
    with beside.beside(place) as made:
        (made / "x").write_text("new")


def test_the_old_folder_and_the_new_change_places_at_once(folder, monkeypatch):
    """There is no moment at which a killed run leaves neither."""
    seen, rename = [], Path.rename

    def watched(self, to):
        seen.append(self.name)
        return rename(self, to)

    monkeypatch.setattr(Path, "rename", watched)
    replace(folder)
    assert [f.name for f in folder.parent.iterdir()] == ["m"]
    assert (folder / "x").read_text() == "new"
    if not beside.exchanged(folder, folder):
        pytest.skip("this system renames twice")
    assert not seen


def test_a_system_without_an_exchange_renames_twice(folder, monkeypatch):
    monkeypatch.setattr(beside, "exchanged", lambda *_: False)
    replace(folder)
    assert [f.name for f in folder.parent.iterdir()] == ["m"]
    assert (folder / "x").read_text() == "new"


def test_what_killed_runs_left_is_swept_when_it_is_old(folder):
    for name, age in (
        (".m.0123456789ab.new", 7200),
        (".m.0123456789ab.old", 7200),
        (".m.ba9876543210.new", 0),
        (".mine.0123456789ab.new", 7200),
    ):
        (folder.parent / name).mkdir()
        os.utime(folder.parent / name, (time.time() - age,) * 2)
    replace(folder)
    assert sorted(f.name for f in folder.parent.iterdir()) == [".m.ba9876543210.new", ".mine.0123456789ab.new", "m"]


def test_a_block_that_fails_leaves_the_old_folder(folder):
    def failing():
        with beside.beside(folder):
            raise OSError(28, "No space left on device")

    with pytest.raises(EnvironmentFault, match="No space left"):
        failing()
    assert (folder / "x").read_text() == "old"
    assert [f.name for f in folder.parent.iterdir()] == ["m"]


def test_what_a_run_killed_before_its_first_folder_left_is_swept_but_not_the_only_folder_there_is(tmp_path):
    for end in ("new", "old"):
        (tmp_path / f".m.0123456789ab.{end}").mkdir()
        os.utime(tmp_path / f".m.0123456789ab.{end}", (time.time() - 7200,) * 2)
    replace(tmp_path / "m")
    assert sorted(f.name for f in tmp_path.iterdir()) == [".m.0123456789ab.old", "m"]
