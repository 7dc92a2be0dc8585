"""The endpoints for the classes of a model: what a cluster is called, and who goes from which class to which."""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from services.runtime.problems import ProblemError, problem_answer
from services.segment_api.bodies import Bodies
from services.segment_api.models.clusters import names_of
from services.segment_api.models.edits import ModelEdits, known
from services.segment_api.models.learned import Learned
from services.segment_api.models.moves import Letter, MovesAnswer, Period, Transitions
from services.segment_api.models.parameters import ClusterId, ModelId
from services.segment_api.models.views import TAGGED
from services.segment_api.parameters import Moment
from services.segment_api.segments.catalog_store import CatalogStore
from services.segment_api.segments.edits import STALE
from services.segment_api.segments.min_catalog import MinCatalog, wait_for_catalog
from services.segment_api.segments.preconditions import IfMatch, Preconditions, entity_tag
from services.segment_api.segments.views import as_json
from services.segmentation.models.registry import Model

MAX_BODY_BYTES = 16 * 1024


class ClusterName(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    name: Annotated[str, Field(min_length=1, max_length=200)] | None = Field(
        description="what it is called from now on; null: by the generated name again"
    )


class NamedCluster(BaseModel):
    id: str
    name: str | None = Field(description="null: it is gone, and its generated name with it")


def cluster_routes(store: CatalogStore, edits: ModelEdits, learned: Learned, bodies: Bodies) -> APIRouter:
    routes = APIRouter()

    @routes.put(
        "/v1/models/{model_id}/clusters/{cluster}",
        summary="Give a cluster a name",
        description="An edit of the model's `cluster_names`: nothing is learned anew. Rules go on naming the id.",
        response_model=NamedCluster,
        responses={
            200: TAGGED,
            404: problem_answer("No such model, or there never was such a cluster in it."),
            409: problem_answer("Too many clusters have a name already."),
            **STALE,
        },
        openapi_extra=bodies.schema(ClusterName),
    )
    async def name(model_id: ModelId, cluster: ClusterId, request: Request, if_match: IfMatch = None) -> Response:
        given = await bodies.read(request, ClusterName, MAX_BODY_BYTES)
        _, after = await edits.name_cluster(model_id, cluster, given.name, Preconditions(if_match))
        model = known(after, model_id)
        content = {"id": cluster, "name": names_of(after, model).get(cluster)}
        return as_json(content, headers={"ETag": entity_tag(model)})

    @routes.get(
        "/v1/models/{model_id}/moves",
        summary="Who went from which class to which: the transition matrix of a period",
        description="Of users who were sampled again, by the classes before and after. Counted by whole UTC days: all "
        "that have a part in the period. Only what does not occur is missing in a row.",
        response_model=MovesAnswer,
        responses={404: problem_answer("No such model, or one of a kind without classes.")},
    )
    async def moves(
        model_id: ModelId,
        since: Annotated[Moment | None, Query(description="the first moment; as far back as is known")] = None,
        until: Annotated[Moment | None, Query(description="the first moment that is not counted")] = None,
        by: Annotated[Letter | None, Query(description="of `rfm`: only recency, frequency or money")] = None,
        min_catalog: MinCatalog = None,
    ) -> Response:
        await wait_for_catalog(store.watched, min_catalog)
        catalog = await store.read()
        model = known(catalog, model_id)
        _refuse(model, since, until, by)
        found = Transitions(Period(since, until), by)
        async for move in learned.moves(model_id):
            found.add(move)
        return as_json({"id": model_id, "by": by, "names": names_of(catalog, model), **found.told()})

    return routes


def _refuse(model: Model, since_ms: int | None, until_ms: int | None, by: Letter | None) -> None:
    """Raises ProblemError where nothing can be answered."""
    kind = model.definition.kind
    if kind not in ("cluster", "rfm"):
        raise ProblemError(HTTPStatus.NOT_FOUND, f"a model of the kind {kind} has no classes to go between")
    if by is not None and kind != "rfm":
        raise ProblemError(HTTPStatus.UNPROCESSABLE_ENTITY, f"by: a model of the kind {kind} has no such classes")
    if since_ms is not None and until_ms is not None and since_ms >= until_ms:
        raise ProblemError(HTTPStatus.UNPROCESSABLE_ENTITY, "since: it is not before until")
