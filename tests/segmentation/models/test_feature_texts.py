"""What can be written as a feature, and what is said of what cannot."""

from typing import NamedTuple

import pytest
from hypothesis import given, settings

from services.segmentation.keep import KEEP_ALL, KeepList
from services.segmentation.rules import nodes
from services.segmentation.rules.errors import RuleError
from services.segmentation.rules.parse import MAX_LEAVES, parse, parse_feature
from services.segmentation.rules.signatures import SIGNATURES
from tests.oracle.rule_strategies import rules

KEEP = KeepList.parse("category value context.device.* context.geo.country")
INSTEAD = 'a term about what the user did, such as count("purchase", within="30d")'
OF_MODELS = "what models say is not learned from by models"


@pytest.mark.parametrize(
    "text",
    [
        'count("purchase")',
        '(sum("purchase", "value", within="30d"))',
        'avg("purchase", "value", within="this_month")',
        'distinct("view", "category", category=["shoes", "hats"])',
        'decayed("view", halflife="7d", where={"context.device.type": "mobile"})',
        'share("view", "category", "shoes", halflife="7d")',
        'since("purchase")  # in days',
        'sequence("view", step("purchase", category="shoes"), within="1d")',
        "\n  tenure()\n",
        'trait("age")',
        'last("device.type")',
    ],
)
def test_any_number_time_or_value_is_a_feature_by_itself(text: str) -> None:
    term = parse_feature(text, KEEP)
    assert isinstance(term, nodes.Term)
    assert parse_feature(str(term), KEEP) == term


@settings(max_examples=100)
@given(rule=rules())
def test_any_condition_about_the_user_is_a_feature_as_it_is_a_rule(rule: nodes.Rule) -> None:
    if isinstance(rule, nodes.Holds):
        assert parse_feature(str(rule)) == rule.term
    else:
        assert repr(parse_feature(str(rule))) == repr(parse(str(rule)))


class Bad(NamedTuple):
    text: str
    marked: str
    found: str
    expected: str
    hint: str | None = None

    def __str__(self) -> str:
        return self.text


BAD = [
    Bad(
        'segment("vip")',
        'segment("vip")',
        'segment("vip")',
        INSTEAD,
        "a model takes segments in among and seed, not in its features",
    ),
    Bad(
        'count("view") > 1 and not segment("vip")',
        'segment("vip")',
        'segment("vip")',
        INSTEAD,
        "a model takes segments in among and seed, not in its features",
    ),
    Bad(
        'trait("a") or listed("vip")',
        'listed("vip")',
        'listed("vip")',
        INSTEAD,
        "lists are not learned from; a trait can say the same",
    ),
    Bad(
        'request("device.type") == "mobile"',
        'request("device.type")',
        'request("device.type")',
        INSTEAD,
        'did you mean last("device.type")?',
    ),
    Bad('request("hour") > 18', 'request("hour")', 'request("hour")', INSTEAD, "a model learns without any ad request"),
    Bad(
        'request("channel")',
        'request("channel")',
        'request("channel")',
        INSTEAD,
        "a model learns without any ad request",
    ),
    Bad("request()", "request()", "request()", INSTEAD, "a model learns without any ad request"),
    Bad('cluster("m") == "c1"', 'cluster("m")', 'cluster("m")', INSTEAD, OF_MODELS),
    Bad('score("m")', 'score("m")', 'score("m")', INSTEAD, OF_MODELS),
    Bad('1 < rfm("m", "r")', 'rfm("m", "r")', 'rfm("m", "r")', INSTEAD, OF_MODELS),
    Bad(
        'cuont("view")',
        "cuont",
        "cuont",
        f"one of {', '.join(SIGNATURES)}",
        "did you mean count?",
    ),
    Bad(
        'count("view") / tenure()',
        "/",
        "/",
        "a term or a constant by itself; there is no arithmetic",
    ),
    Bad("5", "5", "5", 'a comparison such as count("purchase") >= 1, joined by and, or, not'),
    Bad(
        "age",
        "age",
        "the word age by itself",
        'a term, such as count("purchase"), or text in quotes',
        'did you mean trait("age")?',
    ),
]


@pytest.mark.parametrize("bad", BAD, ids=str)
def test_what_is_no_feature_is_answered_with_its_place_and_what_to_write_instead(bad: Bad) -> None:
    with pytest.raises(RuleError) as refusal:
        parse_feature(bad.text, KEEP)
    error = refusal.value
    assert (error.found, error.expected, error.hint) == (bad.found, bad.expected, bad.hint)
    assert error.column == bad.text.index(bad.marked) + 1
    assert error.caret.endswith(" " * (error.column - 1) + "^" * len(bad.marked))


def test_what_is_not_kept_cannot_be_measured() -> None:
    with pytest.raises(RuleError, match="'colour', which is not kept"):
        parse_feature('count("view", colour="red")', KEEP)
    with pytest.raises(RuleError, match="which is not kept"):
        parse_feature('last("weather") == "rain"', KEEP)
    parse_feature('last("weather") == "rain"', KEEP_ALL)


def test_a_condition_has_no_more_comparisons_than_a_rule() -> None:
    parse_feature(" or ".join(['trait("a")'] * MAX_LEAVES))
    with pytest.raises(RuleError, match=f"at most {MAX_LEAVES}"):
        parse_feature(" or ".join(['trait("a")'] * (MAX_LEAVES + 1)))


def test_the_hour_of_a_request_is_nothing_that_events_tell() -> None:
    with pytest.raises(RuleError, match="a model learns without any ad request"):
        parse_feature('request("hour") > 18', KEEP_ALL)
