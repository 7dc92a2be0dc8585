"""Every estimator that a model may name, behind one face, and streams for it to learn."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

from services.segmentation.models.definition import Parameter
from services.segmentation.models.scaling import LIMIT, Scaled
from services.segmentation.training.river import classifiers, clusterers, detectors

DIMENSIONS = 6
GROUPS = 4


@dataclass(frozen=True)
class Estimator:
    name: str
    parameters: dict[str, Parameter]
    begin: Callable[[str, dict[str, Parameter], Sequence[Scaled]], Any]
    """One that has learned the users given."""
    learn: Callable[[Any, Scaled], None]
    restore: Callable[[str, dict[str, Parameter], dict[str, Any]], Any]
    ask: Callable[[Any], Any]
    """All that it says."""

    def taught(self, users: Sequence[Scaled]) -> Any:
        return self.begin(self.name, self.parameters, users)

    def restored(self, state: dict[str, Any]) -> Any:
        return self.restore(self.name, self.parameters, state)

    def goes_on(self, model: Any, users: Sequence[Scaled]) -> Any:
        for user in users:
            self.learn(model, user)
        return model

    def __str__(self) -> str:
        return f"{self.name}({', '.join(f'{name}={value}' for name, value in self.parameters.items())})"


def label_of(user: Scaled) -> bool:
    return user[0] + 0.5 * user[1] > 0.3


def _clusterer(name: str, **parameters: Parameter) -> Estimator:
    return Estimator(
        name,
        parameters,
        clusterers.start,
        lambda model, user: model.learn(user),
        clusterers.restore,
        lambda model: (model.centres(), model.power),
    )


def _classifier(name: str, **parameters: Parameter) -> Estimator:
    def begin(name: str, parameters: dict[str, Parameter], users: Sequence[Scaled]) -> classifiers.Classifier:
        model = classifiers.start(name, parameters, len(users[0]))
        for user in users:
            model.learn(user, label_of(user))
        return model

    def learn(model: classifiers.Classifier, user: Scaled) -> None:
        model.learn(user, label_of(user) if user else True, 1.5)

    def ask(model: classifiers.Classifier) -> Any:
        return (model.weights, model.intercept, model.raw((1.0,) * len(model.weights)))

    return Estimator(name, parameters, begin, learn, classifiers.restore, ask)


def _detector(name: str, **parameters: Parameter) -> Estimator:
    def begin(name: str, parameters: dict[str, Parameter], users: Sequence[Scaled]) -> detectors.Detector:
        model = detectors.start(name, parameters, len(users[0]))
        for user in users:
            model.learn(user)
        return model

    return Estimator(
        name,
        parameters,
        begin,
        lambda model, user: model.learn(user),
        detectors.restore,
        lambda model: model.trees(((0.0, 0.0),)),
    )


CLUSTERERS = (
    _clusterer("KMeans", n_clusters=GROUPS),
    _clusterer("KMeans", n_clusters=GROUPS, p=1, halflife=0.1),
    _clusterer("DBSTREAM", clustering_threshold=2.0),
    _clusterer("DenStream", epsilon=2.0),
    _clusterer("STREAMKMeans", n_clusters=GROUPS, chunk_size=50),
)
CLASSIFIERS = (
    _classifier("LogisticRegression"),
    _classifier("LogisticRegression", l1=0.001),
    _classifier("LogisticRegression", optimizer="SGD", lr=0.05, l2=0.01),
)
DETECTORS = (_detector("HalfSpaceTrees", n_trees=5, height=5, window_size=100),)
CROWDED = _clusterer("DBSTREAM", clustering_threshold=1.0, cleanup_interval=20)
"""So near that small clusters share users."""
WAITING = _clusterer("DenStream", epsilon=2.0, n_samples_init=500)
"""It learns nothing before it has so many."""
EVERY = (*CLUSTERERS, CROWDED, WAITING, *CLASSIFIERS, *DETECTORS)


def middles(groups: int = GROUPS, dimensions: int = DIMENSIONS) -> list[Scaled]:
    """The n-th group is far out in the n-th feature, all others are about the middle."""
    return [tuple(4.0 if feature == group else -1.0 for feature in range(dimensions)) for group in range(groups)]


def planted(count: int, seed: int = 1, spread: float = 0.4, groups: int = GROUPS) -> list[tuple[int, Scaled]]:
    """Users with the group that each is of."""
    chance, out = Random(seed), []
    for _ in range(count):
        group = chance.randrange(groups)
        out.append((group, tuple(_within(chance.gauss(middle, spread)) for middle in middles(groups)[group])))
    return out


def users(count: int, seed: int = 1) -> list[Scaled]:
    return [user for _, user in planted(count, seed)]


def noise(count: int, seed: int = 1) -> list[Scaled]:
    """Users who have nothing in common."""
    chance = Random(seed)
    return [tuple(chance.uniform(-LIMIT, LIMIT) for _ in range(DIMENSIONS)) for _ in range(count)]


def _within(value: float) -> float:
    return max(-LIMIT, min(LIMIT, value))
