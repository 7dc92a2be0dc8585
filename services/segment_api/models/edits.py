"""Edits of models through the API: each is checked against the newest catalog, or refused with a problem."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from http import HTTPStatus
from typing import Any

from pydantic import ValidationError

from services.runtime.problems import ProblemError, problem_answer
from services.segment_api.models.checks import put_checked
from services.segment_api.models.clusters import was_there
from services.segment_api.models.learned import Learned
from services.segment_api.segments.catalog_store import CatalogStore, Change, NotStored
from services.segment_api.segments.edits import PLACED, Answers
from services.segment_api.segments.preconditions import Preconditions
from services.segmentation.catalog import Catalog
from services.segmentation.keep import KeepList
from services.segmentation.model_edits import ModelInUse, delete_model, pin, release
from services.segmentation.models.definition import MODEL, ClusterModel, ModelDefinition
from services.segmentation.models.features import BadFeature
from services.segmentation.models.registry import MAX_MODELS, BadModel, Model, TooManyModels
from services.segmentation.models.wire import BadSnapshot
from services.segmentation.wire import keys

NOT_FOUND: Answers = {404: problem_answer("No such model.")}
BAD_MODEL: Answers = {
    422: problem_answer(
        "The request does not fit, or the model cannot learn like that.",
        optional={
            "feature": {"type": "string", "description": "the name of the feature whose text is wrong"},
            **PLACED,
        },
    )
}
FULL: Answers = {409: problem_answer(f"There are {MAX_MODELS} models already.")}
IN_USE: Answers = {
    409: problem_answer(
        "The rules of segments name it: `used_by`.", {"used_by": {"type": "array", "items": {"type": "string"}}}
    )
}


@dataclass(frozen=True)
class ModelEdits:
    """Preconditions count only where the edit could be made otherwise (RFC 9110, 13.2.1)."""

    store: CatalogStore
    keep: KeepList
    learned: Learned

    async def put(self, model_id: str, definition: ModelDefinition, conditions: Preconditions) -> Change:
        """Raises ProblemError: 409, 412, 422."""

        def edit(catalog: Catalog) -> Catalog:
            edited = put_checked(catalog, {model_id: definition}, self.keep)
            conditions.check(catalog.registry.models.get(model_id))
            return edited

        with refusals():
            return await self.store.change(edit)

    async def delete(self, model_id: str, conditions: Preconditions) -> Change:
        """Raises ProblemError: 404, 409, 412."""

        def edit(catalog: Catalog) -> Catalog:
            model, edited = known(catalog, model_id), delete_model(catalog, model_id)
            conditions.check(model)
            return edited

        with refusals():
            return await self.store.change(edit)

    async def pin(self, model_id: str, number: int) -> Change:
        """Raises ProblemError: 404, and 409 where nothing can be said by the snapshot."""
        await self._refuse_snapshot(known(await self.store.read(), model_id), number)
        place = keys.snapshots(model_id), str(number)
        try:
            return await self.store.change(
                lambda catalog: pin(catalog, known(catalog, model_id).id, number), needs=place
            )
        except NotStored:  # the trainer has just made room for a newer one
            raise _not_stored() from None

    async def release(self, model_id: str) -> Change:
        """Raises ProblemError: 404."""
        return await self.store.change(lambda catalog: release(catalog, known(catalog, model_id).id))

    async def name_cluster(self, model_id: str, cluster: str, name: str | None, conditions: Preconditions) -> Change:
        """None takes the name away. Raises ProblemError: 404, 409, 412."""

        def edit(catalog: Catalog) -> Catalog:
            model = known(catalog, model_id)
            edited = _renamed(catalog, model, cluster, name)
            conditions.check(model)
            return edited

        return await self.store.change(edit)

    async def _refuse_snapshot(self, model: Model, number: int) -> None:
        try:
            trained = await self.learned.snapshot(model.id, number)
        except BadSnapshot as error:
            raise ProblemError(HTTPStatus.CONFLICT, f"the snapshot cannot be read: {error}") from None
        if trained is None or trained.definition.kind != model.definition.kind:  # it had the id before it was deleted
            raise _not_stored()


def known(catalog: Catalog, model_id: str) -> Model:
    """The model with an id. Raises ProblemError (404)."""
    model = catalog.registry.models.get(model_id)
    if model is None:
        raise ProblemError(HTTPStatus.NOT_FOUND, "there is no model with this id")
    return model


def _not_stored() -> ProblemError:
    return ProblemError(HTTPStatus.NOT_FOUND, "no snapshot of the model is stored under this number")


@contextmanager
def refusals() -> Iterator[None]:
    """Turn what the catalog refuses into problems."""
    try:
        yield
    except BadModel as error:
        raise ProblemError(HTTPStatus.UNPROCESSABLE_ENTITY, error.reason, members=_place(error)) from None
    except ModelInUse as error:
        raise ProblemError(HTTPStatus.CONFLICT, str(error), members={"used_by": error.users}) from None
    except TooManyModels as error:
        raise ProblemError(HTTPStatus.CONFLICT, str(error)) from None


def _place(error: BadModel) -> dict[str, Any]:
    """Where in the text of which feature it is."""
    cause = error.__cause__
    return {"feature": cause.name, **asdict(cause.error)} if isinstance(cause, BadFeature) else {}


def _renamed(catalog: Catalog, model: Model, cluster: str, name: str | None) -> Catalog:
    """What else the definition says is not checked anew: it has nothing to do with what a cluster is called."""
    definition = model.definition
    if not isinstance(definition, ClusterModel) or not was_there(catalog, model, cluster):
        raise ProblemError(HTTPStatus.NOT_FOUND, "there never was a cluster with this id in the model")
    names = {each: called for each, called in definition.cluster_names.items() if each != cluster}
    names |= {} if name is None else {cluster: name}
    try:
        named = MODEL.validate_python({**definition.model_dump(), "cluster_names": names})
    except ValidationError:
        raise ProblemError(HTTPStatus.CONFLICT, "as many clusters as can be have a name already") from None
    registry = catalog.registry.put_all({model.id: named}, catalog.version + 1)
    return catalog if registry is catalog.registry else catalog.after_edit(registry=registry)
