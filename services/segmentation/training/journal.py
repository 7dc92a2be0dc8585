"""Who goes from one class to another, as the latest snapshot tells classes apart."""

from collections.abc import Mapping

from services.segmentation.models.prediction import Output, Rfm, predict
from services.segmentation.models.samples import Sample
from services.segmentation.models.snapshots import Clusters, Move, Snapshot
from services.segmentation.models.wire import plain_snapshot, snapshot_in
from services.segmentation.training.moves import Moves
from services.segmentation.training.port import State


class Journal:
    def __init__(self, moves: Moves | None = None, latest: Snapshot | None = None) -> None:
        self._moves = moves or Moves()
        self.latest = latest
        """By which classes are told; nothing is noted without one."""

    @classmethod
    def after(cls, before: Snapshot | None) -> "Journal":
        """That of a training which goes on from a snapshot: between clusters, whose ids go on with it."""
        if before is None or not isinstance(before.body, Clusters):
            return cls()
        return cls(Moves.restore({"classes": [], "moves": before.body.moves}), before)

    @classmethod
    def resume(cls, state: State) -> "Journal":
        latest = state["latest"]
        return cls(Moves.restore(state["moves"]), None if latest is None else snapshot_in(latest))

    def seen(self, sample: Sample) -> None:
        name = None if self.latest is None else class_name(predict(self.latest, sample.features))
        if name is not None:
            self._moves.seen(sample.user, name, sample.at_ms)

    def moves(self) -> tuple[Move, ...]:
        return self._moves.moves()

    def gone_to(self) -> Mapping[str, str]:
        """By class, the one to which most of its people have gone, where they have."""
        return self._moves.gone_to()

    def state(self) -> State:
        return {"moves": self._moves.state(), "latest": self.latest and plain_snapshot(self.latest)}


def class_name(output: Output) -> str | None:
    """A cluster's id, or the three classes of RFM as "543"; None where there is no class."""
    match output:
        case str():
            return output
        case Rfm(r, f, m):
            return f"{r}{f}{m}"
    return None
