import signal
import subprocess
import sys

import pytest

from mdshift.errors import EnvironmentFault
from mdshift.lock import held

HOLD = "import sys, time\nfrom mdshift.lock import held\nwith held(sys.argv[1]):\n    print('held', flush=True)\n    time.sleep(60)"


def test_a_second_holder_is_refused_and_nothing_is_left(tmp_path):
    out = str(tmp_path / "m")
    with held(out), pytest.raises(EnvironmentFault, match="another run writes to this output"), held(out):
        pass
    assert list(tmp_path.iterdir()) == []
    with held(out):
        pass


def test_outputs_do_not_hinder_each_other(tmp_path):
    with held(str(tmp_path / "a")), held(str(tmp_path / "b")), held(str(tmp_path / "new" / "c")):
        pass


def test_a_folder_that_is_not_there_is_not_made(tmp_path):
    with held(str(tmp_path / "x" / "y" / "m")):
        assert [p.name for p in tmp_path.iterdir()] == [".x.y.m.lock"]


def test_another_process_is_refused_until_the_first_is_killed(tmp_path):
    out = str(tmp_path / "m")
    with subprocess.Popen([sys.executable, "-c", HOLD, out], stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout.readline() == "held\n"
        with pytest.raises(EnvironmentFault), held(out):
            pass
        other.send_signal(signal.SIGKILL)
        other.wait(30)
    with held(out):  # the kernel let go; the file that the killed run left is taken over
        pass
    assert list(tmp_path.iterdir()) == []


def test_an_output_below_a_file_cannot_be_held(tmp_path):
    (tmp_path / "f").write_text("x")
    with held(str(tmp_path / "f" / "m")):  # the nearest folder above is taken; the store refuses the place itself
        pass
