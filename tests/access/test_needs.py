"""Every route of every service has its line in the table, and the guard reads a path as the router does."""

from collections.abc import Iterator, Sequence
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from starlette.routing import Match, Route

from services.collector.app import open_app as open_collector
from services.collector.settings import CollectorSettings
from services.runtime.access.needs import NEEDS, NOTHING, Needs
from services.segment_api.app import open_app as open_api
from services.segment_api.settings import ApiSettings
from services.stream_worker.app import open_app as open_worker
from services.stream_worker.settings import WorkerSettings

WORDS = sorted({word for path in NEEDS for word in path.split("/")})
METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "get"]

segments = st.sampled_from([*WORDS, "u-1", "a\n", "%2F", ".."]) | st.text(max_size=3)
known = st.sampled_from(sorted(NEEDS)).map(lambda path: path.replace("{", "").replace("}", ""))
mangled = st.builds(
    lambda path, change: change(path),
    known,
    st.sampled_from([str.upper, str.title, "{}/".format, "{}\n".format, "/{}".format, "{}?x".format]),
)
paths = known | mangled | st.lists(segments, max_size=7).map("/".join)


async def routes_of_every_service(redis_url: str) -> Sequence[Route]:
    told: dict[str, Any] = {"redis_url": redis_url, "partitions": 2}
    async with (
        open_api(ApiSettings(**told)) as api,
        open_collector(CollectorSettings(**told)) as collector,
        open_worker(WorkerSettings(**told)) as worker,
    ):
        return [route for app in (api, collector, worker) for route in flat(app.routes)]


def flat(routes: Sequence[Any]) -> Iterator[Route]:
    for route in routes:
        if included := getattr(route, "original_router", None):
            yield from flat(included.routes)
        else:
            assert isinstance(route, Route)  # nothing else is foreseen in the table: no mount, no websocket
            yield route


def methods_of(route: Route) -> set[str]:
    assert route.methods
    return set(route.methods)


async def test_every_route_of_every_service_is_in_the_table_and_nothing_else_is(clean_redis_url: str) -> None:
    routes = await routes_of_every_service(clean_redis_url)
    found = {(route.path, method) for route in routes for method in methods_of(route)}
    assert found == {(path, method) for path, methods in NEEDS.items() for method in methods}


async def test_whatever_route_answers_the_guard_has_asked_for_its_scope(clean_redis_url: str) -> None:
    routes, needs = await routes_of_every_service(clean_redis_url), Needs()

    @given(st.sampled_from(METHODS), paths.map(lambda path: path if path.startswith("/") else f"/{path}"))
    def check(method: str, path: str) -> None:
        scope = {"type": "http", "method": method, "path": path}
        answering = [route for route in routes if route.matches(scope)[0] is Match.FULL]
        if path.endswith("\n") and needs.of(method, path) is None:
            return  # $ in the patterns looks past a line end; the guard shuts more than it has to
        assert {NEEDS[route.path][method] for route in answering} == {needs.of(method, path)} - {None}

    check()


def test_only_what_has_to_be_is_open() -> None:
    table = [(path, need) for path, methods in NEEDS.items() for need in methods.values()]
    assert {path for path, need in table if need == NOTHING} == {"/healthz", "/readyz", "/openapi.json", "/v1/events"}
