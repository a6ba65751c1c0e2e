"""Parts of a run in processes of their own: what they give is that of one process, and they end with the run."""

from __future__ import annotations

import gc
import math
import multiprocessing
import os
import pickle
import signal
import subprocess
import sys

import pytest

from cgbm1_report.errors import ToolError
from cgbm1_report.system import workers
from cgbm1_report.system.handed import carry_out, pack_call
from cgbm1_report.system.processes import tell_end
from cgbm1_report.system.workers import Workers, gather
from tests.called_there import end_itself
from tests.test_endings import wait_for

#: A run that has begun its processes, says their numbers, and waits for what never comes.
RUN = """
import os, signal
from cgbm1_report.system.workers import Workers, gather
with Workers(2) as hands:
    print(os.getpid(), *set(gather([hands.call(os.getpid) for _ in range(8)], "x")), flush=True)
    gather([hands.call(signal.pause) for _ in range(8)], "x")
"""


@pytest.mark.parametrize("count", [1, 2])
def test_calls_give_what_they_give_here_in_the_order_they_were_asked(count):
    with Workers(count) as hands:
        assert gather([hands.call(math.comb, 6, k) for k in range(7)], "sums") == [1, 6, 15, 20, 15, 6, 1]


@pytest.mark.parametrize("count", [1, 2])
def test_first_call_that_fails_raises_what_it_raised(count):
    with pytest.raises(ValueError, match="'x'"), Workers(count) as hands:
        gather([hands.call(int, text) for text in ("1", "x", "y")], "numbers")


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (9, r"was ended by signal 9 \(killed\): the system does this where memory runs out, or somebody ended it(.|\n)*more memory; find out who"),
        (15, r"was ended by signal 15 \(terminated\): somebody ended it, or the service or scheduler (.|\n)*find out who ended it"),
        (11, r"was ended by signal 11 \(segmentation fault\)"),
    ],
)  # fmt: skip
def test_signal_that_ended_a_process_is_told(number, said):
    with Workers(2) as hands, pytest.raises(ToolError, match=said) as error:
        gather([hands.call(end_itself, number), hands.call(math.comb, 6, 3)], "sums")
    assert error.value.exit_code == 69


def test_end_that_nobody_sent_is_told_by_its_code():
    assert [tell_end(code) for code in (3, 255, None)] == ["died (exit code 3)", "died (exit code 255)", "died"]
    # As a shell, and what stands between a program and us, hand it on.
    assert tell_end(137) == tell_end(-9)


def test_process_that_dies_is_told_with_a_remedy():
    with Workers(2) as hands:
        died = hands.call(os._exit, 1)
        assert died.exception()
        # No process is left for what is asked afterwards.
        with pytest.raises(ToolError, match=r"process .* died(.|\n)*--jobs 1"):
            gather([hands.call(abs, 1)], "reading back")


@pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="this system cannot wait for a process that is no child")
def test_error_ends_the_processes_and_what_they_do():
    before = multiprocessing.active_children()
    numbers: set[int] = set()

    def begin_and_fail(hands: Workers) -> None:
        numbers.update(gather([hands.call(os.getpid) for _ in range(4)], "x"))
        for _ in range(4):
            hands.call(signal.pause)
        raise LookupError

    with pytest.raises(LookupError), Workers(2) as hands:
        begin_and_fail(hands)
    assert numbers
    assert os.getpid() not in numbers
    assert [one for one in numbers if not wait_for(one, 20)] == []
    assert multiprocessing.active_children() == before


def test_error_ends_a_run_whose_process_has_not_read_a_long_call():
    """What a pipe has no room for would be waited for, for ever: nobody reads it any more."""

    def begin_and_fail(hands: Workers) -> None:
        hands.call(len, b"x" * 10_000_000)
        raise LookupError

    with pytest.raises(LookupError), Workers(2) as hands:
        begin_and_fail(hands)


@pytest.mark.parametrize(
    ("function", "argument"),
    [
        (len, "x" * 1_000_000),  # a long call
        (bytes, 1_000_000),  # a long answer
        (int, "x" * 1_000_000),  # a long error: it says what it could not read
    ],
)
def test_what_goes_through_a_pipe_is_written_in_one_piece(function, argument, tmp_path):
    """A process that is ended in the midst of a longer message leaves who reads it waiting for the rest, for ever."""
    asked = pack_call(function, (argument,), {}, str(tmp_path))
    answer = carry_out(asked, str(tmp_path))
    # With what the queue puts around it, POSIX lets no pipe take less than 512 bytes at once.
    assert max(len(pickle.dumps(handed)) for handed in (asked, answer)) < 400


def test_long_answers_and_errors_arrive_whole_and_leave_no_file():
    with Workers(2) as hands:
        long, error = hands.call(bytes, 1_000_000), hands.call(int, "x" * 1_000_000)
        assert long.result() == bytes(1_000_000)
        with pytest.raises(ValueError, match="invalid literal") as raised:
            error.result()
        assert "in answer_call" in raised.value.__notes__[0]
        assert os.listdir(hands._folder) == []
        folder = hands._folder
    assert not os.path.exists(folder)


@pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="this system cannot wait for a process that is no child")
def test_run_that_is_killed_leaves_no_process():
    with subprocess.Popen([sys.executable, "-c", RUN], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as run:
        own, *others = map(int, run.stdout.readline().split())
        os.kill(own, signal.SIGKILL)
    assert len(others) >= 1
    assert [one for one in others if not wait_for(one, 20)] == []


def test_system_without_semaphores_works_in_one_process(monkeypatch):
    def refuse(*_: object, **__: object) -> None:
        raise OSError(38, "Function not implemented")

    monkeypatch.setattr(workers, "ProcessPoolExecutor", refuse)
    with Workers(2) as hands:
        assert gather([hands.call(os.getpid)], "x") == [os.getpid()]


def test_processes_look_for_garbage_seldom_and_never_among_their_modules():
    with Workers(2) as workers:
        assert workers.call(gc.get_threshold).result()[0] >= 20_000
        assert workers.call(gc.get_freeze_count).result() > 10_000
