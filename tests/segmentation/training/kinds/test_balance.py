"""Who is remembered of each label, and who is taken next."""

import orjson

from services.segmentation.models.definition import LookalikeModel
from services.segmentation.models.samples import Sample
from services.segmentation.models.scaling import Scale
from services.segmentation.training.kinds.balance import REMEMBERED, Balanced, Examples


def example(user: int, feature: float | None = None, *, label: bool = True) -> Sample:
    return Sample(user, 0, (float(user) if feature is None else feature,), label)


def of(users: int) -> Examples:
    examples = Examples()
    for user in range(users):
        examples.add(example(user))
    return examples


def taken(examples: Examples, count: int, *, label: bool = True) -> list[float | None]:
    found = (examples.next_of(label) for _ in range(count))
    return [features[0] for features in found if features is not None]


def test_one_after_the_other_is_taken_and_then_the_first_again() -> None:
    assert taken(of(3), 7) == [0, 1, 2, 0, 1, 2, 0]


def test_labels_are_apart() -> None:
    examples = of(2)
    assert taken(examples, 3, label=False) == []
    examples.add(example(7, label=False))
    assert taken(examples, 2, label=False) == [7, 7]


def test_a_user_is_remembered_once_as_the_newest_sample_shows_it_and_is_the_last_in_turn() -> None:
    examples = of(3)
    for feature in (8.0, 9.0):
        examples.add(example(1, feature))
    assert taken(examples, 6) == [0, 2, 9, 0, 2, 9]


def test_when_there_are_too_many_the_newest_comes_in_and_who_was_taken_the_longest_ago_leaves() -> None:
    examples = of(REMEMBERED)
    assert taken(examples, 2) == [0, 1]
    examples.add(example(5_000))
    assert taken(examples, REMEMBERED) == [*range(3, REMEMBERED), 0, 1, 5_000]


def test_what_was_stopped_goes_on_with_the_same_ones() -> None:
    examples = of(5)
    taken(examples, 2)
    again = Examples.resume(orjson.loads(orjson.dumps(examples.state())))
    assert taken(again, 9) == taken(examples, 9)


def test_in_another_scale_it_goes_on_with_what_it_has_learned() -> None:
    model = LookalikeModel(kind="lookalike", name="l", features={"age": "tenure()"}, seed="s")
    balanced = Balanced.begin(model, Scale((10.0,), (10.0,)), [example(user, label=user >= 8) for user in range(20)])
    before = balanced.linear(()).weights
    balanced.restart(Scale((14.0,), (4.0,)), [])
    assert balanced.linear(()).weights == before
    assert before[0] > 0


def test_in_another_scale_whom_it_is_told_of_are_learned_in_it() -> None:
    model = LookalikeModel(kind="lookalike", name="l", features={"age": "tenure()"}, seed="s")
    told = [example(user, 2.0 if user % 2 else 1.0, label=user % 2 == 1) for user in range(200)]
    balanced = Balanced.begin(model, Scale((1.5,), (50.0,)), told)
    scale = Scale((1.5,), (0.5,))
    balanced.restart(scale, [])
    before = balanced.raw(scale.scaled((2.0,)))
    balanced.restart(scale, told)
    assert balanced.raw(scale.scaled((2.0,))) > before + 0.5
