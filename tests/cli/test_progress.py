"""Progress of long work on standard error: rate, time left, a line a minute, silence, and nothing left behind."""

import io
import sys

import pytest

from mdshift.cli.progress import Display, duration, told
from mdshift.cli.session import Session
from mdshift.pace import Work, follow, shows


class Clock:
    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


class Screen(io.StringIO):
    """A terminal: what is visible after carriage returns and line breaks."""

    def isatty(self):
        return True

    @property
    def lines(self):
        shown = []
        for line in self.getvalue().split("\n"):
            cells = []
            for part in line.split("\r"):
                cells[: len(part)] = part
            shown.append("".join(cells).rstrip())
        return shown


class Gone(io.StringIO):
    """A stream whose reader went away."""

    def write(self, text):
        raise BrokenPipeError


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def screen():
    return Screen()


@pytest.fixture
def live(screen, clock):
    return Display(screen, terminal=True, live=True, clock=clock, watched=False)


@pytest.fixture
def plain(clock):
    return Display(io.StringIO(), terminal=False, live=False, clock=clock, watched=False)


# --- the words ----------------------------------------------------------------------------


def test_rows_of_a_known_total_have_share_rate_and_time_left():
    work = Work("reading s.parquet", "rows", 4_000_000, 1_000_000)
    assert told(work, 10.0, 1_000_000) == "reading s.parquet: 1,000,000 of 4,000,000 rows (25%), 100,000 rows/s, 30 s left"


def test_bytes_tell_the_time_left_where_rows_cannot():
    work = Work("reading s.csv", "rows", None, 1_000_000, share=0.2)
    assert told(work, 30.0, 1_000_000) == "reading s.csv: 1,000,000 rows (20%), 33,333 rows/s, 2 min 0 s left"


def test_without_total_or_bytes_there_is_a_rate_alone():
    assert told(Work("reading s.jsonl", "rows", None, 500), 10.0, 500) == "reading s.jsonl: 500 rows, 50 rows/s"


def test_training_tells_epochs_steps_and_time_left():
    work = Work("joint", "steps", 1500, 300, lap=37.5)
    assert told(work, 3.0, 300) == "joint: epoch 9 of 40, 100 steps/s, 12 s left"
    work.done = 1500
    assert told(work, 15.0, 1500) == "joint: epoch 40 of 40, 100 steps/s, 0 s left"


def test_a_training_that_was_taken_up_again_has_the_rate_of_its_new_steps():
    work = Work("joint", "steps", 1000, 910, lap=100)
    assert told(work, 10.0, 10) == "joint: epoch 10 of 10, 1.0 steps/s, 1 min 30 s left"


def test_what_is_counted_has_the_time_spent():
    assert told(Work("candidates", "done", 9, 3, rated=False), 72.0, 3) == "candidates: 3 of 9 done, 1 min 12 s"
    assert told(Work("mmd", "done", 1, 0, rated=False), 4.0, 0) == "mmd: 4 s"


def test_nothing_is_foretold_from_the_first_moment():
    assert told(Work("joint", "steps", 100, 10, lap=10), 0.1, 10) == "joint: epoch 2 of 10"
    assert told(Work("reading s.csv", "rows"), 5.0, 0) == "reading s.csv: 5 s"
    assert told(Work("reading s.parquet", "rows", 0), 5.0, 0) == "reading s.parquet: 5 s"


def test_long_and_wild_names_are_tamed():
    text = told(Work("reading /a/very/long/folder/with/\x1b[31mdata.csv", "rows"), 0.0, 0)
    assert "\x1b" not in text
    assert text.startswith("reading /a/very/…")
    assert text.endswith("data.csv: 0 s")


@pytest.mark.parametrize(("seconds", "text"), [(0.4, "0 s"), (59.6, "1 min 0 s"), (3599.0, "59 min 59 s"), (7500.0, "2 h 5 min")])
def test_durations(seconds, text):
    assert duration(seconds) == text


# --- a terminal ---------------------------------------------------------------------------


def test_one_line_is_rewritten_and_nothing_is_left(live, screen, clock):
    with follow(live, "joint", "steps", 100, lap=10) as work:
        work.done, clock.now = 50, 5.0
        live.draw()
        assert screen.lines == ["joint: epoch 6 of 10, 10 steps/s, 5 s left"]
        work.done, clock.now = 99, 9.9
        live.draw()
        assert screen.lines == ["joint: epoch 10 of 10, 10 steps/s, 0 s left"]
    assert screen.lines == [""]
    assert screen.getvalue().endswith("\r")
    live.draw()
    assert screen.lines == [""]


def test_a_shorter_line_covers_a_longer_one(live, screen):
    with follow(live, "outer", "done", 3, rated=False):
        with follow(live, "inner work with a name", "steps", 10):
            live.draw()
        live.draw()
        assert screen.lines == ["outer: 0 of 3 done, 0 s"]


def test_what_is_counted_stands_before_what_goes_on_within(live, screen, clock):
    with follow(live, "candidates", "done", 9, rated=False) as outer:
        outer.done = 2
        with follow(live, "joint", "steps", 100, lap=10) as inner:
            clock.now, inner.done = 2.0, 20
            live.draw()
            assert screen.lines == ["candidates: 2 of 9 done, 2 s; joint: epoch 3 of 10, 10 steps/s, 8 s left"]
            assert len(screen.lines[0]) < 80


def test_side_by_side_the_latest_is_shown(live, screen):
    outer, one, two = Work("candidates", "done", 2, rated=False), Work("one", "steps", 10), Work("two", "steps", 10)
    for work in (outer, one, two):
        live.begin(work)
    live.draw()
    assert screen.lines == ["candidates: 0 of 2 done, 0 s; two: 0 of 10 steps (0%)"]
    live.end(one)
    live.end(two)
    live.draw()
    assert screen.lines == ["candidates: 0 of 2 done, 0 s"]


def test_sentences_and_warnings_stand_above_the_line(live, screen):
    with follow(live, "diagnosing", "parts", 20, rated=False):
        live.draw()
        live("asking: mmd")
        live.draw()
        live.say("warning: few rows")
        live.draw()
        assert screen.lines == ["asking: mmd", "warning: few rows", "diagnosing: 0 of 20 parts, 0 s"]
    assert screen.lines == ["asking: mmd", "warning: few rows", ""]


def test_the_line_is_gone_before_an_error_is_told(live, screen):
    def fail():
        with follow(live, "reading s.csv", "rows"):
            live.draw()
            raise ValueError

    with pytest.raises(ValueError):
        fail()
    assert screen.lines == [""]


def test_after_an_interrupt_threads_that_go_on_show_nothing(live, screen):
    def stop():
        with follow(live, "candidates", "done", 9, rated=False):
            live.begin(Work("joint", "steps", 10))  # in a thread that nobody waits for
            live.draw()
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stop()
    with follow(live, "another", "steps", 10):
        live.draw()
    assert screen.lines == [""]


def test_a_line_never_breaks(live, screen):
    with follow(live, "多" * 30, "steps", 10_000_000_000) as work, follow(live, "x" * 30, "parts", rated=False):
        work.rated = False
        live.draw()
    from rich.cells import cell_len

    drawn = screen.getvalue().split("\r")[1]
    assert cell_len(drawn) <= 79
    assert drawn.endswith("…")
    assert screen.lines == [""]


def test_a_terminal_without_carriage_returns_gets_lines_alone(screen, clock):
    dumb = Display(screen, terminal=True, live=False, clock=clock, watched=False)
    with follow(dumb, "joint", "steps", 100):
        dumb("running mmd")
        dumb.draw()
    assert screen.getvalue() == "running mmd\n"


# --- no terminal --------------------------------------------------------------------------


def test_elsewhere_one_line_a_minute_and_none_before(plain, clock):
    with follow(plain, "reading s.parquet", "rows", 1000) as work:
        for second in range(1, 151):
            clock.now, work.done = float(second), second
            plain.draw()
            plain("reading s.parquet")
    assert plain.stream.getvalue().splitlines() == [
        "reading s.parquet: 60 of 1,000 rows (6%), 1.0 rows/s, 15 min 40 s left",
        "reading s.parquet: 120 of 1,000 rows (12%), 1.0 rows/s, 14 min 40 s left",
    ]


def test_elsewhere_a_step_is_told_where_nothing_was_for_a_minute(plain, clock):
    plain("encoding")
    clock.now = 61.0
    plain("asking: mmd")
    plain("asking: label")
    assert plain.stream.getvalue() == "asking: mmd\n"


# --- the protocol -------------------------------------------------------------------------


def test_a_plain_function_stays_a_progress_function():
    said = []
    with follow(said.append, "joint", "steps", 10) as work:
        work.done = 5
    assert said == []
    assert not shows(said.append)


def test_the_watch_ends_with_the_work(screen):
    shown = Display(screen, terminal=True, live=True)
    with follow(shown, "joint", "steps", 10):
        stop = shown.stop
        assert not stop.is_set()
    assert stop.is_set()


def test_a_reader_that_went_away_ends_the_display_not_the_work(clock):
    shown = Display(Gone(), terminal=True, live=True, clock=clock)
    with follow(shown, "joint", "steps", 10) as work:
        shown.drawn = 5  # so that something is to be erased
        work.done = 10
    assert shown.works == {}


def test_no_thread_no_display(screen, monkeypatch):
    def refuse(thread):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr("threading.Thread.start", refuse)
    shown = Display(screen, terminal=True, live=True)
    with follow(shown, "joint", "steps", 10):
        shown.draw()
    assert screen.getvalue() == ""


# --- the command line ---------------------------------------------------------------------


def opened(monkeypatch, stream, **flags):
    monkeypatch.setattr(sys, "stderr", stream)
    return Session.open(("quiet", "verbose"), {"quiet": None, "verbose": None, **flags})


@pytest.mark.parametrize("stream", [Screen(), io.StringIO()])
def test_quiet_shows_nothing(folder, monkeypatch, stream):
    session = opened(monkeypatch, stream, quiet=True)
    session.progress("asking: mmd")
    session.message("wrote x.json")
    assert not shows(session.progress)
    assert stream.getvalue() == ""


def test_verbose_says_every_step(folder, monkeypatch):
    session = opened(monkeypatch, io.StringIO(), verbose=True)
    session.progress("asking: mmd")
    assert not shows(session.progress)
    assert sys.stderr.getvalue() == "asking: mmd\n"


def test_a_message_does_not_mix_with_the_line(folder, monkeypatch, screen):
    session = opened(monkeypatch, screen)
    with follow(session.progress, "joint", "steps", 10):
        session.progress.draw()
        session.warn("few rows")
    assert screen.lines == ["warning: few rows", ""]


def test_predictions_are_counted(call, pair, trained, monkeypatch):
    begun = []
    monkeypatch.setattr(Display, "begin", lambda _, work: begun.append(work))
    ended = call("predict", trained, "l.csv", "-o", "p.csv")
    assert (ended.code, ended.err) == (0, "wrote p.csv\n")
    assert [(w.what, w.done, w.unit) for w in begun] == [("predicting l.csv", 200, "rows")]
    assert call("predict", trained, "l.csv").code == 0
    assert len(begun) == 1  # the rows go where the line would


def test_a_diagnosis_counts_its_parts_on_a_terminal_alone(call, pair, monkeypatch):
    seen = []
    kept = Display.end

    def end(self, work):
        seen.append((work.what, work.unit, work.done, work.total, work.share))
        kept(self, work)

    monkeypatch.setattr(Display, "end", end)
    ended = call("diagnose", "s.csv", "t.csv", "--json", "--workers", "2")
    assert ended.code == 0
    assert "diagnosing" not in ended.err
    files = [entry for entry in seen if entry[1] == "rows"]
    assert files == [("reading s.csv", "rows", 200, None, 1.0), ("reading t.csv", "rows", 200, None, 1.0)]
    [(what, _, done, total, _)] = [entry for entry in seen if entry[1] == "parts"]
    assert what == "diagnosing"
    assert done == total > 5
