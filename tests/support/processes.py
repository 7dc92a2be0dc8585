"""Questions about processes that may end while they are asked: whatever cannot be told any more is no error."""

import psutil


def command_of(process: psutil.Process) -> list[str]:
    """Its command line; empty where it has ended."""
    try:
        return process.cmdline()
    except psutil.Error:
        return []


def status_of(process: psutil.Process) -> str | None:
    """One of psutil's STATUS_...; None where it has ended, whether or not anybody has asked how."""
    try:
        status = process.status() if process.is_running() else None
    except psutil.NoSuchProcess:  # between the two questions
        return None
    return None if status == psutil.STATUS_ZOMBIE else status
