"""docs/rules.md is true: each rule in it is one, each example comes out as told, and nothing is left out."""

import re
from collections.abc import Mapping
from typing import get_args

import pytest

from services.runtime.settings import DEFAULT_KEEP
from services.segmentation import catalog, keep, profile
from services.segmentation.keep import KeepList
from services.segmentation.rules import nodes, parse, source, terms
from services.segmentation.rules.durations import UNITS_MS
from services.segmentation.rules.errors import RuleError
from services.segmentation.rules.lint import Code, lint
from services.segmentation.rules.request import HOUR, WEEKDAY
from services.segmentation.rules.signatures import OF_MODELS, SIGNATURES
from services.segmentation.rules.vocabulary import ModelKind
from tests.rules_reference.judging import holds, holds_by_force
from tests.rules_reference.reference import COOKBOOK, Block, reference
from tests.rules_reference.stories import read_story

REFERENCE = reference()
KEEP = KeepList.parse(DEFAULT_KEEP)
COMPARED = re.compile(r" (==|!=|<=?|>=?|in|and|or) ")
TERM = re.compile(rf"({'|'.join(SIGNATURES)})\(")
MODELS: Mapping[str, ModelKind] = {
    "readers": "cluster",
    "likely-buyers": "propensity",
    "odd-visitors": "anomaly",
    "value": "rfm",
    "model": "cluster",
}
LIMITS = {
    "newest events of each type that terms see": profile.RETAINED,
    "event types of one visitor": profile.MAX_TYPES,
    "traits of one visitor, and paths of the context": profile.MAX_LATEST,
    "lists of one visitor": profile.MAX_LISTS,
    "kept properties and paths of one event": keep.MAX_FIELDS,
    "characters of a kept text": keep.MAX_TEXT,
    "elements of a kept list": keep.MAX_ELEMENTS,
    "steps of a sequence": terms.MAX_STEPS,
    "characters of a rule": source.MAX_LENGTH,
    "comparisons in a rule": parse.MAX_LEAVES,
    "levels of brackets, `and`, `or`, `not`": parse.MAX_DEPTH,
    "segments": catalog.MAX_SEGMENTS,
}


def blocks_of(kind: str) -> list[Block]:
    return [block for block in REFERENCE.blocks if block.kind == kind]


RULES = blocks_of("rule")


def stories_of(rule: Block) -> list[Block]:
    """The examples between a rule and the next one."""
    later = [block for block in REFERENCE.blocks if block.line > rule.line and block.kind in ("rule", "example")]
    until = next((index for index, block in enumerate(later) if block.kind == "rule"), len(later))
    return later[:until]


@pytest.mark.parametrize("rule", RULES, ids=str)
def test_every_example_comes_out_as_told(rule: Block) -> None:
    for block in stories_of(rule):
        story = read_story(block.text)
        for expected in story.expectations:
            assert holds(rule.text, story, expected) == expected.holds, (block.line, expected.line)
            assert holds_by_force(rule.text, story, expected) == expected.holds, (block.line, expected.line)


@pytest.mark.parametrize("rule", RULES, ids=str)
def test_every_rule_has_an_example_of_being_in_and_one_of_being_out(rule: Block) -> None:
    told = {expected.holds for block in stories_of(rule) for expected in read_story(block.text).expectations}
    assert told == {True, False}


@pytest.mark.parametrize("rule", RULES, ids=str)
def test_the_default_keep_list_allows_every_rule(rule: Block) -> None:
    parse.parse(rule.text, KEEP)


@pytest.mark.parametrize("code", [code for code in REFERENCE.inline if COMPARED.search(code) and "…" not in code])
def test_whole_rules_in_running_text_are_rules(code: str) -> None:
    parse.parse(code, models=MODELS)


@pytest.mark.parametrize("code", [code for code in REFERENCE.inline if TERM.match(code) and "…" not in code])
def test_terms_in_running_text_can_be_written_so(code: str) -> None:
    assert any(_is_rule(code + comparison) for comparison in ("", " > 1", ' < "1d"', ' == "x"'))


@pytest.mark.parametrize("rule", blocks_of("learned"), ids=str)
def test_rules_about_models_are_rules_and_deserve_no_warning(rule: Block) -> None:
    assert not lint(parse.parse(rule.text, KEEP, models=MODELS), KEEP)


def _is_rule(text: str) -> bool:
    try:
        parse.parse(text, models=None)
    except RuleError:
        return False
    return True


@pytest.mark.parametrize("refused", blocks_of("refused"), ids=str)
def test_what_is_refused_is_refused_with_that_answer(refused: Block) -> None:
    with pytest.raises(RuleError) as raised:
        parse.parse(refused.text.rstrip(), KEEP)
    assert f"{raised.value.caret}\n{raised.value}" == answer_to(refused)


@pytest.mark.parametrize("doubtful", blocks_of("doubtful"), ids=str)
def test_what_is_doubtful_is_taken_with_that_warning(doubtful: Block) -> None:
    assert "\n".join(map(str, lint(parse.parse(doubtful.text, KEEP)))) == answer_to(doubtful)


def answer_to(block: Block) -> str:
    answer = REFERENCE.blocks[REFERENCE.blocks.index(block) + 1]
    assert answer.kind == "answer"
    return answer.text.rstrip()


@pytest.mark.parametrize("code", get_args(Code))
def test_every_code_of_a_warning_is_told_of(code: str) -> None:
    assert code in REFERENCE.inline


@pytest.mark.parametrize("rule", RULES, ids=str)
def test_no_rule_deserves_a_warning(rule: Block) -> None:
    assert not lint(parse.parse(rule.text, KEEP), KEEP)


def test_links_within_the_page_lead_to_headings() -> None:
    headings = re.findall(r"^#+ (.+)$", REFERENCE.text, re.MULTILINE)
    anchors = {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}
    assert len(anchors) == len(headings)
    assert set(re.findall(r"\]\(#([^)]+)\)", REFERENCE.text)) <= anchors


def test_every_recipe_is_in_the_list_at_the_head_of_the_cookbook() -> None:
    recipes = [block.section for block in RULES if block.chapter == COOKBOOK]
    listed = REFERENCE.text.split(f"\n## {COOKBOOK}\n")[1].split("\n### ")[0]
    for recipe in recipes:
        assert f"(#{re.sub(r'[^a-z -]', '', recipe.lower()).replace(' ', '-')})" in listed


def test_the_cookbook_has_thirty_recipes_each_with_a_sentence_a_rule_and_an_example() -> None:
    recipes = re.split(r"^### ", REFERENCE.text.split(f"\n## {COOKBOOK}\n")[1], flags=re.MULTILINE)[1:]
    assert len(recipes) >= 30
    for recipe in recipes:
        assert re.match(r".+\n\n[^`\n].{30,}", recipe), recipe
        assert re.findall(r"^```(\w+)$", recipe, re.MULTILINE)[:2] == ["rule", "example"], recipe


@pytest.mark.parametrize("name", OF_MODELS)
def test_every_term_about_models_has_its_section_with_a_rule(name: str) -> None:
    assert any(block.section == name and f"{name}(" in block.text for block in blocks_of("learned"))


@pytest.mark.parametrize("name", [name for name in SIGNATURES if name not in OF_MODELS])
def test_every_term_has_its_section_a_rule_and_a_recipe(name: str) -> None:
    assert f"\n### {name}\n" in REFERENCE.text
    using = [block for block in RULES if re.search(rf"\b{name}\(", block.text)]
    assert any(block.section == name for block in using)
    assert any(block.chapter == COOKBOOK for block in using)


@pytest.mark.parametrize(
    "word", ["within", "halflife", "where", "step", *get_args(nodes.Calendar), "and", "or", "not", "in", "not in"]
)
def test_every_word_of_the_language_is_in_a_rule_that_is_executed(word: str) -> None:
    assert any(re.search(rf"\b{word}\b", block.text) for block in RULES)


@pytest.mark.parametrize("symbol", get_args(nodes.Operator))
def test_every_comparison_is_in_a_rule_that_is_executed(symbol: str) -> None:
    assert any(f" {symbol} " in block.text for block in RULES)


@pytest.mark.parametrize("word", ["True", "False", "None", HOUR, WEEKDAY, *UNITS_MS])
def test_every_other_word_is_told_of(word: str) -> None:
    pattern = rf'"\d+{word}"' if word in UNITS_MS else rf"\b{word}\b"
    assert any(re.search(pattern, code) for code in REFERENCE.inline)


def test_the_limits_are_those_of_the_product() -> None:
    rows = dict(re.findall(r"^\| ([^|]+) \| (\d+) \|$", REFERENCE.text, re.MULTILINE))
    assert {name: int(number) for name, number in rows.items()} == LIMITS
