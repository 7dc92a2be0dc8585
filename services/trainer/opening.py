"""Opens the trainings of pupils. The one file here that brings River along: to be imported when there is a model."""

from collections.abc import Set
from dataclasses import replace

import orjson

from services.segmentation.keep import KEEP_ALL
from services.segmentation.models.definition import ModelDefinition
from services.segmentation.models.recipes import recipe_of
from services.segmentation.models.snapshots import Classes, Clusters, Trained
from services.segmentation.models.wire import BadSnapshot, decode_moves, decode_trained
from services.segmentation.training.opening import begin, resume
from services.trainer.pupil import Mark, Pupil
from services.trainer.store import Before, Kept


def resumed(model_id: str, definition: ModelDefinition, kept: Kept, skipped: Set[int]) -> Pupil:
    """One that goes on from what is stored. Raises ValueError where that is damaged."""
    if not kept.is_whole:
        raise ValueError("the state is not what was written")
    training = resume(model_id, definition, orjson.loads(kept.state))
    return Pupil(model_id, definition, training, kept.mark.offset, kept.mark, skipped)


def begun(
    model_id: str, definition: ModelDefinition, before: Before | None, mark: Mark | None, skipped: Set[int]
) -> Pupil:
    """One that has learned nothing, after the newest snapshot that is stored of the model.

    Raises BadSnapshot where that cannot be read, BadParameters where there is no such estimator, and ValueError where
    that is of another kind, which does not know which ids clusters were given.
    """
    after = None if before is None else _whole(before)
    if after is not None and after.definition.kind != definition.kind:
        raise ValueError(
            f"the id stood for a model of the kind {after.definition.kind}, and that stays: take another id"
        )
    training = begin(model_id, definition, recipe_of(definition, KEEP_ALL).names, after)
    return Pupil(model_id, definition, training, 0, mark, skipped)


def _whole(before: Before) -> Trained:
    """With its moves, as far as they can be read: without them the matrix begins anew, and nothing else."""
    trained = decode_trained(before.snapshot)
    body = trained.snapshot.body
    if before.moves is None or not isinstance(body, Clusters | Classes):
        return trained
    try:
        moves = decode_moves(before.moves)
    except BadSnapshot:
        return trained
    return trained._replace(snapshot=replace(trained.snapshot, body=replace(body, moves=moves)))
