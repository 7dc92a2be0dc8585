"""What the rule language takes and warns of where there are models; the table of refusals is `bad_model_rules.txt`."""

from collections.abc import Mapping
from typing import get_args

import pytest

from services.segmentation.models.definition import ModelDefinition
from services.segmentation.rules import nodes
from services.segmentation.rules.errors import RuleError
from services.segmentation.rules.lint import lint
from services.segmentation.rules.parse import parse
from services.segmentation.rules.vocabulary import ModelKind
from tests.segmentation.rules.test_bad_rules import Row, rows

MODELS: Mapping[str, ModelKind] = {
    "people": "cluster",
    "likely-buyers": "propensity",
    "odd-ones": "anomaly",
    "money": "rfm",
}
GOOD = [
    "cluster('people') == 'c3'",
    "'c3' != cluster('people')",
    "cluster('people') not in ['c1', 'c2']",
    "score('likely-buyers') >= 0.95",
    "0.2 < score('odd-ones') and score('odd-ones') <= 1",
    "rfm('money', 'r') >= 4 and rfm('money', 'f') in [1, 2] and 3 != rfm('money', 'm')",
]
NEVER = {
    "cluster('people') == 'Readers'": "a cluster's id is such as c3, whatever its name",
    "cluster('people') in ['C1', 'c0', 'c01', 'c']": "a cluster's id is such as c3, whatever its name",
    "score('odd-ones') > 1": "it goes from 0 to 1",
    "score('odd-ones') < 0": "it goes from 0 to 1",
    "rfm('money', 'r') >= 6": "classes go from 1 to 5, and a model says nothing of some users",
    "rfm('money', 'r') == 2.5": "classes go from 1 to 5, and a model says nothing of some users",
}
DEPENDS = [
    *GOOD,
    "score('odd-ones') >= 0.5 or score('odd-ones') < 0.5",
    "rfm('money', 'r') >= 1",
    "rfm('money', 'r') == 5",
    "rfm('money', 'r') in [1, 2, 3, 4, 5]",
    "cluster('people') != 'c1'",
]


@pytest.mark.parametrize("row", rows("bad_model_rules.txt"), ids=str)
def test_a_bad_rule_is_answered_as_the_table_says(row: Row) -> None:
    with pytest.raises(RuleError) as refusal:
        parse(row.rule, models=MODELS)
    error = refusal.value
    said = {"found": error.found, "expected": error.expected, "hint": error.hint}
    assert error.caret == f"{row.rule}\n{row.marks}"
    assert {name: text for name, text in said.items() if text is not None} == row.said


@pytest.mark.parametrize("rule", GOOD)
def test_a_good_rule_is_read_and_written_as_it_was(rule: str) -> None:
    assert str(parse(rule, models=MODELS)) == rule


@pytest.mark.parametrize("rule", ['cluster("any") == "c3"', 'score("any") > 0.5', 'rfm("any", "m") > 4'])
def test_where_models_are_not_told_each_that_is_named_is_taken_for_one(rule: str) -> None:
    parse(rule, models=None)
    with pytest.raises(RuleError, match="any, which there is not"):
        parse(rule)


@pytest.mark.parametrize("rule", NEVER)
def test_what_no_model_ever_says_is_warned_of(rule: str) -> None:
    first, *_ = lint(parse(rule, models=MODELS))
    assert first.code == "never-true"
    assert first.message.endswith(f"({NEVER[rule]})")
    always, *_ = lint(nodes.Not(parse(rule, models=MODELS)))
    assert always.code == "always-true"


@pytest.mark.parametrize("rule", DEPENDS)
def test_what_depends_on_the_user_is_let_be(rule: str) -> None:
    assert lint(parse(rule, models=MODELS)) == ()


def test_rules_know_the_kinds_that_models_have() -> None:
    sorts = get_args(get_args(ModelDefinition)[0])
    assert {get_args(each.model_fields["kind"].annotation)[0] for each in sorts} == set(get_args(ModelKind))
