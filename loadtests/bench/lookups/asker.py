"""Asks for users at a constant rate, whatever becomes of the answers: the open loop, as a process of its own.

A lookup's time begins when it was due, not when a connection was free for it, so that a server that stalls pays for
everybody who would have asked meanwhile (coordinated omission). It runs on plain sockets and epoll, because it has to
cost little beside what it measures, and it tells how late it was itself: nothing shorter than that is to be trusted.
"""

import gc
import os
import re
import select
import socket
import sys
import time
from collections import deque
from pathlib import Path
from typing import NamedTuple

from loadtests.bench.lookups.open_loop import Timed, summed_up
from loadtests.bench.lookups.timer import periodic_timer

GRACE_S = 1.0
"""How long answers are waited for after the last lookup was due. What is not there by then never came."""
_LENGTH = re.compile(rb"(?i)\r\ncontent-length: *(\d+)")
_WHOLE = b'"degraded":false'


class _Free(NamedTuple):
    file: int
    since_s: float


class Asker:
    """Over some connections to a port of loopback, one lookup on each at a time, `rate` lookups a second."""

    def __init__(self, port: int, requests: list[bytes], rate: float, connections: int) -> None:
        self._port, self._requests, self._rate = port, requests, rate
        self._epoll = select.epoll()
        self._connections: dict[int, socket.socket] = {}
        self._free: deque[_Free] = deque()
        self._due_s: dict[int, float] = {}
        self._parts: dict[int, bytes] = {}
        self._begin_s, self._sent = 0.0, 0
        self.answered: list[Timed] = []
        self.late_s: list[float] = []
        for _ in range(connections):
            self._connect()

    def run(self, seconds: float) -> None:
        """Ask that long, and close all connections. Raises OSError where the server is gone."""
        timer = periodic_timer(1 / self._rate)
        self._epoll.register(timer, select.EPOLLIN)
        total = int(seconds * self._rate)
        self._begin_s = time.perf_counter()
        give_up_s = self._begin_s + seconds + GRACE_S
        while len(self.answered) < total and time.perf_counter() < give_up_s:
            for file, _ in self._epoll.poll(0.1):
                if file == timer:
                    os.read(timer, 8)
                else:
                    self._receive(file)
            self._send_due(total)
        for connection in self._connections.values():
            connection.close()

    def _connect(self) -> None:
        connection = socket.create_connection(("127.0.0.1", self._port))
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._connections[connection.fileno()] = connection
        self._epoll.register(connection, select.EPOLLIN)
        self._free.append(_Free(connection.fileno(), 0.0))

    def _send_due(self, total: int) -> None:
        due = min(total, int((time.perf_counter() - self._begin_s) * self._rate) + 1)
        while self._sent < due and self._free:
            file, free_since_s = self._free.popleft()
            due_s = self._begin_s + self._sent / self._rate
            self.late_s.append(time.perf_counter() - max(due_s, free_since_s))
            self._connections[file].send(self._requests[self._sent % len(self._requests)])
            self._due_s[file] = due_s
            self._sent += 1

    def _receive(self, file: int) -> None:
        received = self._connections[file].recv(262_144)
        if not received or file not in self._due_s:
            self._replace(file)
            return
        content = self._parts.pop(file, b"") + received
        if not _is_complete(content):
            self._parts[file] = content
            return
        now_s, due_s = time.perf_counter(), self._due_s.pop(file)
        self.answered.append(Timed(due_s - self._begin_s, now_s - due_s, _WHOLE in content))
        self._free.append(_Free(file, now_s))

    def _replace(self, file: int) -> None:
        """A connection that the server closed, or on which it says what nobody asked. A lookup that waited on it never
        gets its answer."""
        self._connections.pop(file).close()
        self._due_s.pop(file, None)
        self._parts.pop(file, None)
        self._free = deque(each for each in self._free if each.file != file)
        self._connect()


def main() -> None:
    port, users, prefix, suffix, rate, connections, seconds = sys.argv[1:]
    requests = [_request(f"{prefix}{user_id}{suffix}") for user_id in Path(users).read_text().split()]
    asker = Asker(int(port), requests, float(rate), int(connections))
    gc.disable()  # a pause of ours would look like one of the server
    began, cpu_before_s = time.perf_counter(), time.process_time()
    asker.run(float(seconds))
    busy = (time.process_time() - cpu_before_s) / (time.perf_counter() - began)
    asked = int(float(seconds) * float(rate))
    sys.stdout.write(summed_up(asked, float(rate), asker.answered, asker.late_s, busy).json())


def _request(path: str) -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode()


def _is_complete(content: bytes) -> bool:
    end = content.find(b"\r\n\r\n")
    length = _LENGTH.search(content, 0, end + 2) if end >= 0 else None
    return length is not None and len(content) >= end + 4 + int(length[1])


if __name__ == "__main__":
    main()
