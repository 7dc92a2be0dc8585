"""`tranche models check` says of each model of a file what is wrong with it, and what was understood."""

import io
import re
from pathlib import Path

import pytest
from rich.console import Console

from services.model_tools.check import check_models
from services.runtime.definitions_file import BadDefinitionsFile
from services.runtime.settings import DEFAULT_KEEP
from tests.model_tools.recordings import MODELS

DEPLOY = Path(__file__).parents[2] / "deploy"
WRONG = """
models:
  fine: {name: Fine, kind: cluster, features: {known_for: tenure()}}
  typo:
    name: Typo
    kind: cluster
    features:
      pages: cuont("page_view")
      asks: request("hour")
      red: count("page_view", colour="red")
  kindless: {name: Kindless, features: {known_for: tenure()}}
  sort: {name: Sort, kind: clusters, features: {known_for: tenure()}}
  stranger: {name: Stranger, kind: lookalike, seed: buyer, features: {known_for: tenure()}}
  asker: {name: Asker, kind: rfm, among: by-hour}
  odd: {name: Odd, kind: anomaly, feature: {known_for: tenure()}, sample_every: often}
  many: {name: Many, kind: cluster, parameters: {n_cluster: 3}, features: {known_for: tenure()}}
  alien: {name: Alien, kind: cluster, estimator: KMean, features: {known_for: tenure()}}
  Bad id: {name: Bad, kind: rfm}
"""


LEAKING_SEGMENTS = """
segments:
  a: {name: A, rule: 'sum("purchase", "value") > 9 or trait("age") > 30'}
  b: {name: B, rule: segment("a") and last("device.type") == "tv"}
"""
LEAKING = """
models:
  m:
    name: M
    kind: lookalike
    seed: b
    features:
      known_for: tenure()
      bought: count("purchase")
      old: trait("age")
      on_tv: last("device.type") == "tv"
      seen: count("product_view")
"""


def checked(path: Path, segments: Path | None = None, keep: str = DEFAULT_KEEP) -> tuple[int, str]:
    """The exit code, and what was printed."""
    console = Console(file=io.StringIO(), width=60)
    code = check_models(path, segments, keep, console)
    assert isinstance(console.file, io.StringIO)
    return code, console.file.getvalue()


@pytest.fixture
def segments(tmp_path: Path) -> Path:
    path = tmp_path / "segments.yaml"
    path.write_text(
        "segments: {buyers: {name: B, rule: count('purchase') >= 1}, by-hour: {name: H, rule: request('hour') >= 9}}"
    )
    return path


@pytest.fixture
def wrong(tmp_path: Path) -> Path:
    path = tmp_path / "models.yaml"
    path.write_text(WRONG)
    return path


def test_every_model_is_told_of_with_its_line(wrong: Path, segments: Path) -> None:
    code, printed = checked(wrong, segments)
    assert code == 1
    heads = re.findall(r"^(.) (.+) \(.*:(\d+)\)$", printed, re.MULTILINE)
    assert heads == [
        ("✓", "fine", "3"),
        *(("✗", name, line) for name, line in (("typo", "4"), ("kindless", "11"), ("sort", "12"), ("stranger", "13"))),
        *(("✗", name, line) for name, line in (("asker", "14"), ("odd", "15"), ("many", "16"), ("alien", "17"))),
        ("✗", "Bad id", "18"),
    ]
    assert "10 checked: 9 with errors, 0 with warnings" in printed


@pytest.mark.parametrize(
    "told",
    [
        '  feature pages:\n  cuont("page_view")\n  ^^^^^\n  line 1, column 1: found cuont,',
        "  feature asks:\n",
        "  feature red:\n",
        "kind: missing; it is one of cluster, rfm, lookalike, propensity, anomaly",
        "kind: found clusters, expected one of cluster, rfm, lookalike, propensity, anomaly; did you mean cluster?",
        "seed: there is no segment buyer; did you mean buyers?",
        "among: the segment by-hour asks the ad request",
        "feature: there is no such field in a model of the kind anomaly; did you mean features?",
        "features: missing",
        'sample_every: a duration: a whole number and a unit of ms, s, m, h, d or w, such as "30m" or "7d"',
        "n_clusters",
        "KMeans",
        "id: String should match pattern",
        "  groups found by KMeans in 1 feature, among all users, each sampled about every 6h of activity",
    ],
)
def test_errors_say_what_is_wrong_and_what_there_is_instead(wrong: Path, segments: Path, told: str) -> None:
    assert told in checked(wrong, segments)[1]


def test_the_models_to_begin_with_are_fine() -> None:
    code, printed = checked(DEPLOY / "models.yaml", DEPLOY / "segments.yaml")
    assert code == 0, printed
    assert "0 with errors, 0 with warnings" in printed


def test_without_segments_nobody_says_that_they_are_there(tmp_path: Path) -> None:
    path = tmp_path / "models.yaml"
    path.write_text(MODELS)
    code, printed = checked(path)
    assert code == 0
    assert "! like-buyers" in printed
    assert "not looked for, as no --segments says what there is: seed: buyers" in printed


def test_a_feature_that_counts_twice_is_told_of(tmp_path: Path) -> None:
    path = tmp_path / "models.yaml"
    path.write_text("models: {m: {name: M, kind: anomaly, features: {a: tenure(), b: tenure()}}}")
    code, printed = checked(path)
    assert code == 0
    assert "a and b are the same" in printed


def test_features_that_ask_what_the_seed_asks_are_told_of(tmp_path: Path) -> None:
    models, segments = tmp_path / "models.yaml", tmp_path / "segments.yaml"
    segments.write_text(LEAKING_SEGMENTS)
    models.write_text(LEAKING)
    code, printed = checked(models, segments)
    assert code == 0
    assert re.findall(r"feature (\w+) looks at (.+), and so does the rule of the seed b", printed) == [
        ("bought", "purchase events"),
        ("old", "the trait age"),
        ("on_tv", "the last device.type"),
    ]


def test_the_keep_list_can_be_another(tmp_path: Path) -> None:
    path = tmp_path / "models.yaml"
    path.write_text("models: {m: {name: M, kind: rfm, value: price}}")
    assert checked(path)[0] == 1
    assert checked(path, keep="price")[0] == 0


@pytest.mark.parametrize(
    "content", ["models: [", "segments: {}", "models: {a: 1, a: 2}", "", "models: [1]", "models: {}", "\x00"]
)
def test_a_file_that_holds_no_models_is_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "models.yaml"
    path.write_text(content)
    with pytest.raises(BadDefinitionsFile, match=r"models\.yaml"):
        checked(path)


def test_segments_may_name_models_and_who_learns_of_such_users_is_told_that_it_takes_a_live_one(tmp_path: Path) -> None:
    segments, models = tmp_path / "segments.yaml", tmp_path / "models.yaml"
    segments.write_text(
        """segments: {humans: {name: H, rule: 'not score("odd") >= 0.999'}, near: {name: N, rule: segment("humans")}}"""
    )
    features = "features: {known_for: tenure()}"
    models.write_text(f"""
models:
  odd: {{name: Odd, kind: anomaly, {features}}}
  people: {{name: People, kind: cluster, among: near, {features}}}
""")
    code, printed = checked(models, segments)
    assert code == 0
    assert "among: the segment near depends on the model odd" in " ".join(printed.split())
    assert printed.count("depends on") == 1
