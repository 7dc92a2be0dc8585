"""One user of a shop, in segments that come and go by themselves: much is told, and some of it wrongly at first."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from hypothesis import strategies as st

from services.segmentation.events import Event
from services.segmentation.rules.nodes import Rule
from services.segmentation.rules.parse import parse
from tests.oracle.changes import Line
from tests.oracle.pools import NOON_MS, USER

TEXTS = (
    "count('view', within='1h') >= 1",
    "count('view', within='1h') >= 2",
    "count('cart', within='1h') >= 1 and count('buy', within='1h') == 0",
    "since('view') > '30m'",
    "since('buy') > '1h' and since('view') < '2h'",
    "count('view', within='2h') in [1, 3, 5]",
    "count('view', within='90m') in [1, 3, 5, 7, 9, 11] or count('cart', within='2h') in [1, 3, 5, 7]",
    "decayed('view', halflife='1h') > 0.5",
    "count('view', within='today') >= 1 and since('view') > '10m'",
    "tenure() > '1h' and count('buy') == 0",
    "count('view', within='1h') >= 1 or count('buy') >= 1 and since('buy') > '2h'",
    " or ".join(f"since('view') >= '{begin}m' and since('view') < '{begin + 5}m'" for begin in range(5, 70, 10)),
    "trait('vip') == True and count('view', within='10m') >= 1",
)
STEP_MS = 600_000

rules: st.SearchStrategy[Rule] = st.sampled_from([parse(text) for text in TEXTS])
catalogs = st.dictionaries(st.sampled_from(["s-0", "s-1", "s-2", "s-3"]), rules, min_size=1)
purposes = st.sampled_from([frozenset[int](), frozenset[int](), frozenset({1}), frozenset({1, 2})])
purposes_by_segment: st.SearchStrategy[Mapping[str, frozenset[int]]] = st.fixed_dictionaries(
    {f"s-{number}": purposes for number in range(4)}
)
_moments = st.builds(
    lambda steps, nudge_ms: NOON_MS + steps * STEP_MS + nudge_ms,
    st.integers(0, 36),
    st.sampled_from([0, 0, 0, 1, -1, 77_000]),
)
_events = st.builds(
    Event,
    event_id=st.uuids(version=4).map(str),
    user_id=st.just(USER),
    type=st.sampled_from(["view", "view", "view", "cart", "buy"]),
    ts_ms=_moments,
    traits=st.sampled_from([{}, {}, {"vip": True}, {"vip": False}]),
    purposes=st.sampled_from([None, None, None, None, frozenset[int](), frozenset({1}), frozenset({1, 2})]),
)
_delays_ms = st.sampled_from([0, 0, 0, 5, -60_000, -300_000, 3 * STEP_MS, 7 * STEP_MS, 13 * STEP_MS])


@st.composite
def logs(draw: st.DrawFn) -> list[Line]:
    """Records in order of their append times, nearly always; some events come late, and some twice."""
    sent = draw(st.lists(st.tuples(_events, _delays_ms), min_size=1, max_size=12))
    sent += [(replace(event, ts_ms=event.ts_ms + 1), 9 * STEP_MS) for event, _ in sent if draw(st.integers(0, 9)) == 0]
    records = sorted(((event.ts_ms + delay_ms, event) for event, delay_ms in sent), key=lambda record: record[0])
    lines = [Line(offset, at_ms, event) for offset, (at_ms, event) in enumerate(records, 7)]
    return _with_a_jump(lines) if draw(st.integers(0, 9)) == 0 else lines


def end_of(lines: Sequence[Line]) -> int:
    """When nothing changes any more."""
    return max(max(line.appended_ms, line.fact.ts_ms) for line in lines) + 30 * 3_600_000


def _with_a_jump(lines: Sequence[Line]) -> list[Line]:
    """The clock of the log goes back half-way."""
    middle = len(lines) // 2
    return [*lines[:middle], *(line._replace(appended_ms=line.appended_ms - 4 * STEP_MS) for line in lines[middle:])]
