"""A trained model with what is needed to look at it."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from services.model_tools.tried import Tried
from services.segmentation.models.prediction import Output, predict
from services.segmentation.models.snapshots import Snapshot

Matrix = NDArray[np.float64]


@dataclass
class Look:
    tried: Tried
    snapshots: Sequence[Snapshot]
    """All versions, the oldest first; at least one."""

    @property
    def latest(self) -> Snapshot:
        return self.snapshots[-1]

    @property
    def features(self) -> Sequence[str]:
        return self.latest.features

    @cached_property
    def scaled(self) -> Matrix:
        """By user of the sample and feature, in deviations from the mean."""
        rows = [self.latest.scale.scaled(vector) for vector in self.tried.vectors]
        return np.array(rows, dtype=np.float64).reshape(len(rows), len(self.features))

    @cached_property
    def said(self) -> Sequence[Output]:
        """What the latest snapshot says of each user of the sample."""
        return [predict(self.latest, vector) for vector in self.tried.vectors]
