"""What models learn from gets into the log of samples; whatever befalls that, no event and no membership suffers."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, closing
from datetime import UTC
from pathlib import Path
from socket import socket
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from services.runtime.errors import OperatorError
from services.runtime.event_log.embedded import EmbeddedWriter
from services.runtime.event_log.embedded_names import SAMPLES
from services.runtime.event_log.kafka import KafkaLog, KafkaWriter
from services.runtime.event_log.opening import SAMPLE_PARTITIONS, open_samples_tail, open_samples_writer
from services.runtime.event_log.port import LogUnavailable, LogWriter, Message
from services.runtime.metrics import WorkerMetrics
from services.runtime.redis_client import connect
from services.segmentation.keep import KEEP_ALL
from services.segmentation.membership import judge
from services.segmentation.models.samples import Outcome, Sample
from services.segmentation.time_zones import TimeZones
from services.stream_worker import sampler as module
from services.stream_worker.sampler import Sampler
from services.stream_worker.sampling import Rules, Sampling
from services.stream_worker.settings import WorkerSettings
from services.stream_worker.study import Study
from tests.stream_worker.models import definition, heard, samples_in, with_models
from tests.stream_worker.scene import USERS, Scene, until, working
from tests.stream_worker.states import catalog_of, redis_at, view, write_of
from tests.stream_worker.telling_scene import TellingScene
from tests.support.event_logs import Frozen, redis_process
from tests.support.ports import free_ports
from tests.support.servers import redis_server

RULES = Rules(KEEP_ALL, TimeZones())
CATALOG = with_models(
    catalog_of("count('view') >= 2"),
    groups=definition(),
    likely=definition("propensity", event="view"),
    alike=definition("lookalike", seed="s-0"),
)
EACH = 4
"""What is told of a user's first event, and of the second: three samples and an outcome."""

Opening = Callable[[], Awaitable[LogWriter]]


@pytest.fixture
async def scene(clean_redis_url: str) -> AsyncIterator[Scene]:
    async with redis_at(clean_redis_url) as redis:
        scene = Scene(redis)
        await scene.put(CATALOG)
        yield scene


@pytest.fixture
def metrics() -> WorkerMetrics:
    return WorkerMetrics(CollectorRegistry())


def embedded(url: str) -> Opening:
    async def open_writer() -> LogWriter:
        return EmbeddedWriter(connect(url, timeout_s=1), 1_000_000, SAMPLES, forgets=True)

    return open_writer


@asynccontextmanager
async def sampling(scene: Scene, metrics: WorkerMetrics, opening: Opening, level: int = 0) -> AsyncIterator[None]:
    """A worker that samples is at work."""
    sampler = Sampler(opening, RULES, lambda: level, metrics)
    catalog = scene.catalog()
    await catalog.refresh()
    try:
        async with working(scene.worker(catalog, metrics, sampler=sampler)):
            yield
    finally:
        await sampler.close()


async def test_events_go_in_and_samples_come_out(scene: Scene, metrics: WorkerMetrics, clean_redis_url: str) -> None:
    async with sampling(scene, metrics, embedded(clean_redis_url)):
        for number in (1, 2):
            await scene.send(number, USERS)
            await until(scene.is_applied)
    found = await samples_in(scene.redis)
    assert counts(metrics) == {"sent": len(found), "thinned": 0, "lost": 0}
    assert len(found) == 2 * EACH * len(USERS)
    labels = [each.told.label for each in found if each.model == "alike" and isinstance(each.told, Sample)]
    assert (labels.count(False), labels.count(True)) == (len(USERS), len(USERS))
    assert sum(isinstance(each.told, Outcome) for each in found) == 2 * len(USERS)


async def test_a_worker_that_tells_changes_samples_too(metrics: WorkerMetrics, clean_redis_url: str) -> None:
    async with redis_at(clean_redis_url) as redis:
        telling = TellingScene(redis)
        telling.sampler = Sampler(embedded(clean_redis_url), RULES, lambda: 0, metrics)
        await telling.put(CATALOG)
        async with telling.working(CATALOG):
            await telling.send([view(1, user) for user in USERS[:20]])
            await until(lambda: counted(metrics, "sent", 20 * EACH))
        await telling.sampler.close()
        assert len(await samples_in(redis)) == 20 * EACH


async def test_without_models_no_log_is_opened_and_nothing_is_worked_out(
    scene: Scene, metrics: WorkerMetrics, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuse() -> LogWriter:
        raise AssertionError

    monkeypatch.setattr(Sampling, "draw", refuse)
    await scene.put(catalog_of("count('view') >= 2"))
    async with sampling(scene, metrics, refuse):
        await scene.send(1, USERS)
        await until(scene.is_applied)
    assert counts(metrics) == {"sent": 0, "thinned": 0, "lost": 0}


async def test_samples_are_thinned_and_deeds_are_not(
    scene: Scene, metrics: WorkerMetrics, clean_redis_url: str
) -> None:
    async with sampling(scene, metrics, embedded(clean_redis_url), level=1):
        await scene.send(1, USERS)
        await until(scene.is_applied)
    found = await samples_in(scene.redis)
    samples = sum(isinstance(each.told, Sample) for each in found)
    assert len(found) - samples == len(USERS)
    assert counts(metrics) == {"sent": len(found), "thinned": 3 * len(USERS) - samples, "lost": 0}
    assert 0.35 < samples / (3 * len(USERS)) < 0.65


async def test_while_the_log_is_away_everything_else_goes_on_and_samples_are_counted_as_lost(
    scene: Scene, metrics: WorkerMetrics, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with redis_server(tmp_path) as server:
        server.stop()
        async with sampling(scene, metrics, embedded(server.url)):
            await scene.send(1, USERS)
            await until(scene.is_applied)
            assert_right(await scene.states(), 1)
            await until(lambda: counted(metrics, "lost", 1))
            server.start()
            await scene.send(2, USERS)
            await until(lambda: settled(metrics, 2 * EACH * len(USERS)))
        async with redis_at(server.url) as redis:
            assert len(await samples_in(redis)) == counts(metrics)["sent"] > 0
    assert caplog.text.count("samples are lost: LogUnavailable") == 1
    assert caplog.text.count("samples are taken again") == 1
    assert "u-1" not in caplog.text


async def test_a_log_that_never_answers_keeps_nobody_waiting_and_what_waits_is_bounded(
    scene: Scene, metrics: WorkerMetrics, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_WAITING", 400)
    with redis_server(tmp_path) as server:
        frozen = Frozen(redis_process(tmp_path))
        frozen.take_away()
        try:
            async with sampling(scene, metrics, embedded(server.url)):
                for number in range(1, 5):
                    await scene.send(number, USERS)
                    await until(scene.is_applied)
                assert counts(metrics)["lost"] >= 2 * EACH * len(USERS) - 400
        finally:
            frozen.bring_back()
    assert_right(await scene.states(), 4)


async def test_a_kafka_that_is_away_loses_no_event(scene: Scene, metrics: WorkerMetrics) -> None:
    (port,) = free_ports(0)

    async def open_writer() -> LogWriter:
        log = KafkaLog(f"127.0.0.1:{port}", "samples", SAMPLE_PARTITIONS)
        return KafkaWriter(log, timeout_s=0.5)

    async with sampling(scene, metrics, open_writer):
        await scene.send(1, USERS)
        await until(scene.is_applied)
        await until(lambda: counted(metrics, "lost", 1))
    assert_right(await scene.states(), 1)


async def test_a_kafka_that_takes_connections_and_never_answers_loses_no_event(
    scene: Scene, metrics: WorkerMetrics
) -> None:
    with closing(socket()) as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        settings = WorkerSettings(kafka_bootstrap=f"127.0.0.1:{listener.getsockname()[1]}")
        async with sampling(scene, metrics, lambda: open_samples_writer(settings)):
            await scene.send(1, USERS)
            await until(scene.is_applied)
    assert_right(await scene.states(), 1)


async def test_samples_go_to_their_topic_where_there_is_kafka(
    scene: Scene, metrics: WorkerMetrics, kafka_bootstrap: str
) -> None:
    settings = WorkerSettings(kafka_bootstrap=kafka_bootstrap, samples_topic=f"samples-{id(metrics)}")
    users = USERS[:50]
    async with sampling(scene, metrics, lambda: open_samples_writer(settings)):
        await scene.send(1, users)
        await until(lambda: settled(metrics, EACH * len(users)))
    tail = await open_samples_tail(settings)
    stretches = await tail.read({each: (0, end) for each, end in (await tail.ends()).items() if end}, 10_000)
    await tail.close()
    records = [record for stretch in stretches.values() for record in stretch.records]
    models = [heard(Message(each.partition, each.key, each.value)).model for each in records]
    assert {model: models.count(model) for model in models} == {"groups": 50, "likely": 100, "alike": 50}
    assert counts(metrics)["sent"] == len(models)


async def test_a_user_who_cannot_be_measured_keeps_nobody_else_from_it(
    metrics: WorkerMetrics, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    real = Sampling.draw

    def draw(self: Sampling, member: str, *more: Any) -> Any:
        if member == "default:u-1":
            raise ZeroDivisionError(member)
        return real(self, member, *more)

    monkeypatch.setattr(Sampling, "draw", draw)
    log = ListLog()
    sampler = Sampler(log.opened, RULES, lambda: 0, metrics)
    for _ in range(2):
        sampler.take([write_of(user, 1, CATALOG) for user in ("u-1", "u-2")], CATALOG)
    await sampler.close()
    assert (len(log.messages), counts(metrics)) == (2 * EACH, {"sent": 2 * EACH, "thinned": 0, "lost": 2})
    assert caplog.text.count("users that cannot be sampled: ZeroDivisionError") == 1
    assert "u-1" not in caplog.text


async def test_models_that_nobody_foresaw_fail_no_batch(
    scene: Scene, metrics: WorkerMetrics, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def stumble(*_: object) -> bool:
        raise ZeroDivisionError

    monkeypatch.setattr(Study, "of", stumble)
    async with sampling(scene, metrics, ListLog().opened):
        await scene.send(1, USERS)
        await until(scene.is_applied)
    assert metrics.failed_turns._value.get() == 0
    assert caplog.text.count("users that cannot be sampled: ZeroDivisionError") == 1
    assert_right(await scene.states(), 1)


async def test_what_waits_is_appended_in_order_and_a_bounded_number_at_a_time(metrics: WorkerMetrics) -> None:
    log = ListLog()
    sampler = Sampler(log.opened, RULES, lambda: 0, metrics)
    sampler.take([write_of(user, 1, CATALOG) for user in USERS], CATALOG)
    await until(lambda: counted(metrics, "sent", EACH * len(USERS)))
    await sampler.close()
    rules = Sampling(CATALOG, RULES)
    writes = [write_of(user, 1, CATALOG) for user in USERS]
    wanted = [message for each in writes for message in rules.draw(each.member, each.before, each.state, 0).messages]
    assert log.messages == wanted
    assert max(log.sizes) <= module.MESSAGES_AT_ONCE
    assert log.is_closed


async def test_what_an_operator_has_to_mend_is_said_in_full(
    metrics: WorkerMetrics, caplog: pytest.LogCaptureFixture
) -> None:
    async def refuse() -> LogWriter:
        raise OperatorError("the topic tranche.samples may not be made")

    sampler = Sampler(refuse, RULES, lambda: 0, metrics)
    sampler.take([write_of("u-1", 1, CATALOG)], CATALOG)
    await until(lambda: counted(metrics, "lost", EACH))
    await sampler.close()
    assert "samples are lost: the topic tranche.samples may not be made" in caplog.text


async def test_the_worker_stops_within_moments_although_its_samples_wait(metrics: WorkerMetrics) -> None:
    log = ListLog(hangs=True)
    sampler = Sampler(log.opened, RULES, lambda: 0, metrics)
    sampler.take([write_of("u-1", 1, CATALOG)], CATALOG)
    async with asyncio.timeout(module.CLOSE_S + 1):
        await sampler.close()
    assert log.is_closed


async def test_models_that_nobody_can_be_sampled_for_are_named_once(
    metrics: WorkerMetrics, caplog: pytest.LogCaptureFixture
) -> None:
    sampler = Sampler(ListLog().opened, RULES, lambda: 0, metrics)
    lonely = with_models(CATALOG, lonely=definition(among="gone"))
    for catalog in (CATALOG, lonely, with_models(lonely, more=definition()), CATALOG):
        sampler.take([], catalog)
    await sampler.close()
    told = [record.getMessage() for record in caplog.records]
    assert told == [
        "models that nobody can be sampled for: ['lonely']",
        "models that nobody can be sampled for: none any more",
    ]


class ListLog:
    """A log that stands for none: what is appended is remembered, or waits for ever."""

    def __init__(self, *, hangs: bool = False) -> None:
        self._hangs, self.is_closed = hangs, False
        self.messages: list[Message] = []
        self.sizes: list[int] = []

    async def opened(self) -> LogWriter:
        return self

    async def append(self, messages: Any) -> None:
        if self._hangs:
            await asyncio.Event().wait()
        self.messages += messages
        self.sizes.append(len(messages))

    async def dead_letter(self, letters: Any) -> None:
        raise LogUnavailable(letters)

    async def close(self) -> None:
        self.is_closed = True


def counts(metrics: WorkerMetrics) -> dict[str, float]:
    told = {"sent": metrics.samples_sent, "thinned": metrics.samples_thinned, "lost": metrics.samples_lost}
    return {outcome: counter._value.get() for outcome, counter in told.items()}


async def counted(metrics: WorkerMetrics, outcome: str, number: int) -> bool:
    return counts(metrics)[outcome] >= number


async def settled(metrics: WorkerMetrics, number: int) -> bool:
    return counts(metrics)["sent"] + counts(metrics)["lost"] >= number


def assert_right(states: dict[str, Any], events: int) -> None:
    for user, state in states.items():
        assert len(state.profile.types["view"].entries) == events, user
        assert state.membership.spans == judge(state.profile, CATALOG, UTC).spans, user
