"""The endpoints for models: put, get, list, delete; with those for their snapshots and their clusters."""

from http import HTTPStatus

from fastapi import APIRouter, Request, Response

from services.runtime.problems import problem_answer
from services.segment_api.bodies import Bodies
from services.segment_api.models.cluster_routes import cluster_routes
from services.segment_api.models.edits import BAD_MODEL, FULL, IN_USE, NOT_FOUND, ModelEdits, known
from services.segment_api.models.learned import Learned
from services.segment_api.models.parameters import ModelId
from services.segment_api.models.snapshot_routes import snapshot_routes
from services.segment_api.models.views import (
    TAGGED,
    ModelDetails,
    ModelList,
    SavedModel,
    details,
    overview,
    saved,
    trainer,
)
from services.segment_api.segments.catalog_store import CatalogStore
from services.segment_api.segments.edits import STALE
from services.segment_api.segments.min_catalog import MinCatalog, wait_for_catalog
from services.segment_api.segments.preconditions import IfMatch, IfNoneMatch, Preconditions, entity_tag
from services.segment_api.segments.routes import CATALOG_VERSION, DELETED
from services.segment_api.segments.views import as_json
from services.segmentation.keep import KeepList
from services.segmentation.models.definition import MODEL

MAX_BODY_BYTES = 1024 * 1024


def model_routes(store: CatalogStore, keep: KeepList, bodies: Bodies, learned: Learned) -> APIRouter:
    edits = ModelEdits(store, keep, learned)
    routes = APIRouter(tags=["models"], responses={503: problem_answer("The catalog cannot be reached now.")})

    @routes.get("/v1/models", summary="All models, sorted by id", response_model=ModelList)
    async def every(min_catalog: MinCatalog = None) -> Response:
        await wait_for_catalog(store.watched, min_catalog)
        catalog = await store.read()
        models = [model for _, model in sorted(catalog.registry.models.items())]
        progress, backlog = await learned.progress(models), await learned.backlog()
        shown = [overview(catalog, model, progress[model.id]) for model in models]
        return as_json({"catalog_version": catalog.version, "trainer": trainer(backlog), "models": shown})

    @routes.get(
        "/v1/models/{model_id}",
        summary="One model, what it has learned and how far it is",
        response_model=ModelDetails,
        responses={200: TAGGED, **NOT_FOUND},
    )
    async def one(model_id: ModelId, min_catalog: MinCatalog = None) -> Response:
        await wait_for_catalog(store.watched, min_catalog)
        catalog = await store.read()
        model = known(catalog, model_id)
        progress, stored = await learned.progress([model]), await learned.stored(model_id)
        content = details(catalog, model, progress[model_id], stored, await learned.backlog())
        return as_json(content, headers={"ETag": entity_tag(model)})

    @routes.put(
        "/v1/models/{model_id}",
        summary="Create or replace the definition of a model",
        description="It learns by it from the next sample on, and goes on saying what it said until the first snapshot "
        "of the new definition is live. Its kind stays. What is there already is not put again.",
        response_model=SavedModel,
        responses={
            200: TAGGED,
            201: {"model": SavedModel, "description": "Created.", **TAGGED},
            **FULL,
            **STALE,
            **BAD_MODEL,
        },
        openapi_extra=bodies.schema(MODEL),
    )
    async def put(
        model_id: ModelId, request: Request, if_match: IfMatch = None, if_none_match: IfNoneMatch = None
    ) -> Response:
        definition = await bodies.read(request, MODEL, MAX_BODY_BYTES)
        before, after = await edits.put(model_id, definition, Preconditions(if_match, if_none_match))
        status = HTTPStatus.OK if model_id in before.registry.models else HTTPStatus.CREATED
        model = known(after, model_id)
        progress = await learned.progress([model])
        return as_json(saved(after, model, progress[model_id]), status, {"ETag": entity_tag(model)})

    @routes.delete(
        "/v1/models/{model_id}",
        summary="Delete a model that no rule names",
        status_code=HTTPStatus.NO_CONTENT,
        responses={204: DELETED, **NOT_FOUND, **IN_USE, **STALE},
    )
    async def delete(model_id: ModelId, if_match: IfMatch = None) -> Response:
        _, after = await edits.delete(model_id, Preconditions(if_match))
        return Response(status_code=HTTPStatus.NO_CONTENT, headers={CATALOG_VERSION: str(after.version)})

    routes.include_router(snapshot_routes(store, edits, learned, bodies))
    routes.include_router(cluster_routes(store, edits, learned, bodies))
    return routes
