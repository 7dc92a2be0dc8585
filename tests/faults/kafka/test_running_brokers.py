"""`deploy/kafka/run --brokers 3`, as people start it: one command, three brokers, and nothing left behind."""

import os
from pathlib import Path

import psutil
import pytest

from services.local_stack.child_process import holds_within, start_child, stop_child
from tests.support.kafka_brokers import PATIENCE_S
from tests.support.ports import free_ports, listens
from tests.support.servers import KAFKA_ENV, KAFKA_RUN

pytestmark = [pytest.mark.long, pytest.mark.timeout(400)]


def test_one_command_starts_three_brokers_and_stops_them(tmp_path: Path, kafka_bootstrap: str) -> None:
    ports = free_ports(*range(6))
    settings = {"TRANCHE_KAFKA_PORT": str(ports[0]), "TRANCHE_KAFKA_DATA_DIR": str(tmp_path / "kafka")}
    process = start_child([str(KAFKA_RUN), "--brokers", "3"], os.environ | KAFKA_ENV | settings, tmp_path / "out")
    try:
        assert holds_within(PATIENCE_S, lambda: all(listens(port) for port in ports)), (tmp_path / "out").read_text()
        brokers = psutil.Process(process.pid).children(recursive=True)
        assert len(brokers) == 3
    finally:
        stop_child(process, PATIENCE_S)
    assert psutil.wait_procs(brokers, timeout=0)[1] == []
