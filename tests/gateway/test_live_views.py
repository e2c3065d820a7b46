"""What a person sees while a command works."""

import contextlib
import io
import re

import pytest
from rich.console import Console

from gateway.live.choose_view import choose_view
from gateway.live.plain_view import PlainView
from gateway.live.terminal_view import TerminalView
from router.units import Unit
from worker.progress import Progress, Stage


class HandClock:
    """A clock that only moves when told."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


def answering(done: int) -> Progress:
    return Progress(
        stage=Stage.ANSWERING,
        done=done,
        total=240,
        unit=Unit.FLOPS,
        spent=done * 28 * 10**9,
        reserved=6 * 10**11,
        cap=74 * 10**11,
        mix={"direct": done // 4, "program": done - done // 4, "vote-5": 0},
        correct=done * 0.45,
        graded=done,
    )


def work(view: TerminalView | PlainView, clock: HandClock) -> None:
    with view:
        view.show(Progress(stage=Stage.DATABASE))
        clock.seconds += 1.2
        view.show(Progress(stage=Stage.ENCODING, total=240))
        clock.seconds += 1.9
        view.note("the engine differs from the recording")
        for done in range(0, 241, 8):
            view.show(answering(done))
            clock.seconds += 3.0


def test_plain_lines_say_each_stage_once_and_each_tenth() -> None:
    clock, stream = HandClock(), io.StringIO()
    work(PlainView(Console(file=stream, width=60), now=clock), clock)
    lines = stream.getvalue().splitlines()
    assert lines[0] == "Opening the database: done; 1.2 s"
    assert lines[1] == "! the engine differs from the recording"
    assert lines[2] == "Encoding prompts: done; 0 of 240; 1.9 s"
    assert lines[-1] == (
        "Answering: done; 240 of 240; 93 s; spent 6.72e12 of 7.40e12 FLOPs (91%); 45% right so far; "
        "program 180, direct 60"
    )
    assert len([line for line in lines if line.startswith("Answering")]) == 10
    assert "\x1b" not in stream.getvalue()


@pytest.mark.parametrize("width", [80, 120])
def test_the_live_view_fits_its_terminal(width: int) -> None:
    clock = HandClock()
    view = TerminalView(Console(file=io.StringIO(), width=width, force_terminal=True), now=clock)
    view.show(answering(0))
    clock.seconds += 60
    view.show(answering(120))
    console = Console(file=io.StringIO(), width=width, record=True)
    console.print(view)
    text = console.export_text()
    assert max(len(line) for line in text.splitlines()) <= width
    for part in ("120 of 240", "60 s left", "3.36e12 of 7.40e12 FLOPs (45%)", "45% right so far", "program 90"):
        assert part in text
    assert "vote-5" not in text


def test_the_live_view_leaves_one_line_a_stage() -> None:
    clock, stream = HandClock(), io.StringIO()
    work(TerminalView(Console(file=stream, width=100, force_terminal=True, color_system=None), now=clock), clock)
    assert stream.getvalue().count("\N{CHECK MARK} Opening the database") == 1
    assert stream.getvalue().count("\N{CHECK MARK} Answering") == 1


@pytest.mark.parametrize("kind", [PlainView, TerminalView])
@pytest.mark.parametrize("error", [None, KeyboardInterrupt])
def test_what_has_ended_takes_no_more_time(
    kind: type[PlainView | TerminalView], error: type[BaseException] | None
) -> None:
    """Neither a stage that another one followed, nor the last one, whether it is drained or stopped."""
    clock, stream = HandClock(), io.StringIO()
    view = kind(Console(file=stream, width=100, force_terminal=True, color_system=None), now=clock)
    with contextlib.suppress(KeyboardInterrupt), view:
        view.show(Progress(stage=Stage.ENCODING, done=100, total=240))
        clock.seconds += 1.9
        view.show(answering(0))
        clock.seconds += 10
        view.show(answering(120))
        if error is not None:
            raise error
    ended = [line for line in stream.getvalue().splitlines() if "120 of 240" in line][-1]
    assert re.search(r"10 s\b", ended)
    assert not re.search(r"(done|\N{CHECK MARK}|stopped|\N{BALLOT X}).* left", stream.getvalue())


def test_a_failure_marks_the_stage_it_came_in() -> None:
    stream = io.StringIO()
    view = TerminalView(Console(file=stream, width=100, force_terminal=True, color_system=None), now=HandClock())

    def fails() -> None:
        with view:
            view.show(Progress(stage=Stage.ENGINES))
            raise RuntimeError("no weights")

    with pytest.raises(RuntimeError, match="no weights"):
        fails()
    assert "\N{BALLOT X} Starting engines" in stream.getvalue()


def test_a_pipe_gets_plain_lines_and_a_terminal_the_live_view() -> None:
    assert isinstance(choose_view(Console(file=io.StringIO())), PlainView)
    assert isinstance(choose_view(Console(file=io.StringIO(), force_terminal=True)), TerminalView)
