"""Child processes that never outlive their parent. Whatever starts a process starts, awaits and stops it here."""

import ctypes
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

from services.runtime.errors import OperatorError

_PR_SET_PDEATHSIG = 1


class StartFailed(OperatorError):
    """A process did not come up; the message says why and ends with the last lines of its log."""


def start_child(
    arguments: Sequence[str],
    env: Mapping[str, str],
    log_path: Path | None,
    keep_open: Sequence[int] = (),
) -> subprocess.Popen[bytes]:
    """Start `arguments` with exactly the environment `env`; on Linux it gets SIGTERM when this process dies.

    Both its output streams are appended to `log_path`, or shared with the parent's where that is None. The file
    descriptors `keep_open` are inherited. A child is its own process group, so that Ctrl-C reaches the parent
    alone, which then stops its children in order.

    Raises RuntimeError outside the main thread: the kernel ties a child to the thread that forked it (prctl(2)).
    Raises OSError when the program cannot be run.
    """
    if threading.current_thread() is not threading.main_thread():
        raise RuntimeError("children are started from the main thread: they die with the thread that starts them")
    with ExitStack() as stack:
        output = stack.enter_context(log_path.open("ab")) if log_path else None
        return subprocess.Popen(  # noqa: S603 - the arguments are the caller's own, never a user's
            arguments,
            env=dict(env),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            pass_fds=keep_open,
            process_group=0,
            preexec_fn=_die_with_parent(),  # noqa: PLW1509 - one system call, looked up before the fork
        )


def stop_child(process: subprocess.Popen[bytes], patience_s: float) -> None:
    """Ask the process to end with SIGTERM; kill it when it has not after `patience_s` seconds. It is reaped."""
    process.terminate()
    try:
        process.wait(patience_s)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def wait_until_ready(
    process: subprocess.Popen[bytes], ready: Callable[[], bool], patience_s: float, log_path: Path
) -> None:
    """Return once `ready()` holds. Raises StartFailed when the process ends before, or after `patience_s` seconds."""
    settled = holds_within(patience_s, lambda: process.poll() is not None or ready())
    if settled and process.poll() is None:
        return
    status = process.poll()
    what = f"is not ready after {patience_s:g} s" if status is None else f"ended with status {status}"
    raise StartFailed(f"the process {what}; the end of {log_path}:\n{last_lines(log_path)}")


def holds_within(patience_s: float, condition: Callable[[], bool]) -> bool:
    """Ask for `condition()` again and again for `patience_s` seconds; whether it came to hold."""
    deadline_s = time.monotonic() + patience_s
    while not condition():
        if time.monotonic() > deadline_s:
            return False
        time.sleep(0.02)
    return True


def last_lines(log_path: Path, count: int = 20) -> str:
    """The last `count` lines of a log, of its last 16 KiB at most; empty when there is no log."""
    if not log_path.exists():
        return ""
    with log_path.open("rb") as log:
        log.seek(max(0, log_path.stat().st_size - 16_384))
        return "\n".join(log.read().decode(errors="replace").splitlines()[-count:])


def _die_with_parent() -> Callable[[], None] | None:
    if sys.platform != "linux":
        return None
    prctl, parent = ctypes.CDLL(None).prctl, os.getpid()

    def ask_the_kernel() -> None:
        prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != parent:  # it died before the kernel was asked
            os._exit(1)

    return ask_the_kernel
