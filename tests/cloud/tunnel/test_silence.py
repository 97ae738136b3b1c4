"""A line on which nothing comes is poked, and cut when it stays silent."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from cloud.tunnel.silence import Watch


@dataclass
class FakeLine:
    heard: float = 0.0
    said: float = 0.0
    quiet: bool = False
    held: bool = False
    is_open: bool = True
    pokes: int = 0
    cut: bool = False

    def poke(self) -> None:
        self.pokes += 1

    def abort(self) -> None:
        self.cut, self.is_open = True, False


def test_a_silent_line_is_poked_once_and_then_cut() -> None:
    watch, line = Watch(10.0, 5.0), FakeLine()
    watch.add(line)
    watch.look(9.9)
    assert line.pokes == 0
    watch.look(10.1)
    watch.look(15.0)
    assert (line.pokes, line.cut) == (1, False)
    watch.look(15.1)
    assert line.cut


def test_a_sign_of_life_is_enough() -> None:
    watch, line = Watch(10.0, 5.0), FakeLine()
    watch.add(line)
    watch.look(10.1)
    line.heard = 10.2
    watch.look(16.0)
    assert not line.cut
    watch.look(20.3)
    assert (line.pokes, line.cut) == (2, False)


def test_who_speaks_by_itself_is_never_poked() -> None:
    watch, line = Watch(10.0, 5.0), FakeLine()
    watch.add(line)
    for second in range(100):
        line.heard = float(second - second % 8)
        watch.look(float(second))
    assert line.pokes == 0


def test_one_that_saves_data_is_left_in_peace_longer() -> None:
    watch, line = Watch(10.0, 5.0, quiet=60.0), FakeLine(quiet=True)
    watch.add(line)
    for second in range(60):
        watch.look(float(second))
    assert line.pokes == 0
    watch.look(70.1)
    watch.look(75.2)
    assert (line.pokes, line.cut) == (1, True)


def test_one_that_saves_data_no_more_or_to_which_something_was_said_is_not() -> None:
    for change in ({"quiet": False}, {"said": 20.0}):
        watch, line = Watch(10.0, 5.0, quiet=60.0), FakeLine(quiet=True)
        watch.add(line)
        watch.look(10.1)
        watch.look(20.2)
        vars(line).update(change)
        watch.look(30.3)
        watch.look(35.4)
        assert (line.pokes, line.cut) == (1, True)


def test_one_that_is_not_read_for_the_moment_is_not_cut_and_hears_of_us() -> None:
    """A slow disk takes what came; the peer's answer, and its own pings, wait in the kernel."""
    watch, line = Watch(10.0, 5.0), FakeLine()
    watch.add(line)
    watch.look(10.1)
    line.held = True
    for second in range(11, 60):
        watch.look(float(second))
    assert (line.pokes, line.cut) == (6, False)
    line.held, line.heard = False, 60.0
    watch.look(64.0)
    watch.look(70.1)
    assert (line.pokes, line.cut) == (7, False)
    watch.look(75.2)
    assert line.cut


def test_a_line_that_is_closed_is_let_go() -> None:
    watch, line = Watch(10.0, 5.0), FakeLine()
    watch.add(line)
    line.is_open = False
    watch.look(100.0)
    assert (line.pokes, line.cut, watch._due) == (0, False, [])


def test_one_that_cannot_be_poked_is_cut_and_the_others_are_watched(caplog: pytest.LogCaptureFixture) -> None:
    class Broken(FakeLine):
        def poke(self) -> None:
            raise RuntimeError("its transport is gone")

    watch, broken, line = Watch(10.0, 5.0), Broken(), FakeLine()
    watch.add(broken)
    watch.add(line)
    watch.look(10.1)
    assert (broken.cut, line.pokes) == (True, 1)
    assert "cannot be watched" in caplog.text
    watch.look(15.2)
    assert line.cut
