"""What was worked out of a user stays right, and is used again, when models say something else."""

from dataclasses import replace
from datetime import UTC
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from services.segmentation.catalog import Catalog, SegmentDefinition
from services.segmentation.engine import UserState, step
from services.segmentation.events import Event
from services.segmentation.keep import KEEP_ALL
from services.segmentation.models.wire import encode_trained
from services.segmentation.wire.catalog import CatalogReader
from tests.stream_worker.models import definition, published, with_models

RULES = {
    "s-0": "score('likely') >= 0.5",
    "s-1": "count('view', within='1h') >= 2",
    "s-2": "segment('s-0') and segment('s-1')",
    "s-3": "not segment('s-2') or count('buy') == 1",
    "s-4": "score('other') >= 0.5 and last('plan') == 'gold' or segment('s-0') and count('buy') >= 2",
    "s-5": "since('view') < '10m'",
}
EDITS = {"s-1": ["count('view', within='1h') >= 2", "count('view') >= 1"], "s-2": ["segment('s-0')", RULES["s-2"]]}


def begun() -> Catalog:
    catalog = with_models(Catalog(), likely=definition("propensity"), other=definition("propensity"))
    return catalog.put_all({name: SegmentDefinition(name=name, rule=rule) for name, rule in RULES.items()}, KEEP_ALL)


BEGUN = begun()
events = st.tuples(st.sampled_from(["view", "buy", "other"]), st.integers(0, 7_200_000))
publications = st.tuples(st.sampled_from(["likely", "other"]), st.sampled_from([0.1, 0.9]))
edits = st.sampled_from(["s-1", "s-2"])


@given(st.lists(st.lists(events, min_size=1, max_size=3) | publications | edits, min_size=8, max_size=25))
def test_a_memo_says_after_a_publication_what_looking_anew_says(happenings: list[Any]) -> None:
    catalog, state, plain = BEGUN, UserState(), UserState()
    for number, happening in enumerate(happenings, start=1):
        match happening:
            case (str(model), float(score)):
                catalog = published(catalog, model, number, score)
            case str(name):
                rule = EDITS[name][number % 2]
                catalog = catalog.put(name, SegmentDefinition(name=name, rule=rule), KEEP_ALL)
            case [*several]:
                facts = [Event(f"{number}-{each}", "u", *event) for each, event in enumerate(several)]
                state = step(state, facts, catalog, KEEP_ALL, UTC)
                plain = step(replace(plain, memo=None), facts, catalog, KEEP_ALL, UTC)
                assert state == plain


def test_a_memo_goes_on_by_a_catalog_in_which_only_models_say_something_else() -> None:
    first = published(BEGUN, "likely", 1, 0.9)
    state = step(UserState(), [Event("e-1", "u", "view", 5)], first, KEEP_ALL, UTC)
    second = published(first, "likely", 2, 0.1)
    after = step(state, [Event("e-2", "u", "view", 6)], second, KEEP_ALL, UTC)
    assert second.index is first.index
    assert after.memo is state.memo
    edited = second.put("s-1", SegmentDefinition(name="s-1", rule="count('more') >= 1"), KEEP_ALL)
    assert step(after, [Event("e-3", "u", "view", 8)], edited, KEEP_ALL, UTC).memo is not after.memo


def test_who_follows_the_catalog_keeps_what_was_worked_out_over_publications() -> None:
    reader = CatalogReader()
    first = published(BEGUN, "likely", 1, 0.9)
    followed = reader.complete(reader.decode(first.encode()), stored(first))
    index = followed.index
    second = published(first, "likely", 2, 0.1)
    assert reader.complete(reader.decode(second.encode()), stored(second)).index is index


def stored(catalog: Catalog) -> list[bytes | None]:
    return [encode_trained(each) for each in catalog.registry.trained.values()]
