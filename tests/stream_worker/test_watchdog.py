"""The watchdog ends a process whose worker hangs, and no other. Each in a process of its own, since it really ends."""

import os
import signal
import subprocess
import sys
import time

import pytest

from services.stream_worker.watchdog import EXIT_CODE

PROGRAM = """
import asyncio, os, time
from services.runtime.logs import configure_logging
from services.stream_worker.watchdog import watched

async def at_work(beat):
    for _ in range(20):
        await asyncio.sleep(0.02)
        beat()

async def main():
    beats = 0
    def beat():
        nonlocal beats
        beats += 1
    with watched(lambda: beats, patience_s={patience_s}, tick_s=0.05):
        await at_work(beat)
        print("at work", flush=True)
        {then}
    print("over", flush=True)

configure_logging("worker", "info")
asyncio.run(main())
"""


def run(then: str) -> tuple[int, str, str]:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(then=then, patience_s=0.4)],
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize(
    "then",
    [
        "await asyncio.Event().wait()",
        "time.sleep(60)",
        "import logging; logging.getLogger().handlers[0].acquire(); time.sleep(60)",
    ],
    ids=["an await that never returns", "a loop that is blocked", "a loop that is blocked and holds the log"],
)
def test_a_worker_without_a_sign_of_life_ends_its_process(then: str) -> None:
    code, told, log = run(then)
    assert (code, told) == (EXIT_CODE, "at work\n")
    if "acquire" not in then:
        assert '"level":"critical"' in log
        assert "no sign of life for 0.4 s" in log


def test_a_worker_that_shows_life_is_left_alone_and_so_is_what_comes_after() -> None:
    assert run("await at_work(beat)")[:2] == (0, "at work\nover\n")


def test_a_process_that_was_suspended_is_left_alone() -> None:
    program = PROGRAM.format(then="input(); await at_work(beat)", patience_s=1)
    process = subprocess.Popen([sys.executable, "-c", program], stdin=-1, stdout=-1, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "at work\n"
    time.sleep(0.2)  # until its last sign of life has been noticed
    os.kill(process.pid, signal.SIGSTOP)
    time.sleep(1.5)
    os.kill(process.pid, signal.SIGCONT)
    time.sleep(0.2)  # in which it shows no life either
    assert (process.communicate("\n", timeout=20)[0], process.returncode) == ("over\n", 0)
