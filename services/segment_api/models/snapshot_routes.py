"""The endpoints for the snapshots of a model: back to an earlier one, and onwards again."""

from http import HTTPStatus

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from services.runtime.problems import problem_answer
from services.segment_api.bodies import Bodies
from services.segment_api.models.edits import NOT_FOUND, ModelEdits, known
from services.segment_api.models.learned import Learned
from services.segment_api.models.parameters import ModelId
from services.segment_api.models.views import ModelView, overview
from services.segment_api.segments.catalog_store import CatalogStore
from services.segment_api.segments.routes import CATALOG_VERSION, DELETED, VERSIONED
from services.segment_api.segments.views import as_json

MAX_BODY_BYTES = 1024


class SnapshotChoice(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    version: int = Field(ge=1, le=2**53, description="the `number` of a stored snapshot")


def snapshot_routes(store: CatalogStore, edits: ModelEdits, learned: Learned, bodies: Bodies) -> APIRouter:
    routes = APIRouter()

    @routes.put(
        "/v1/models/{model_id}/snapshot",
        summary="Roll a model back to a stored snapshot",
        description="It says what that snapshot says until it is released, whatever is learned meanwhile. It reaches a "
        "user at the next event, or in the background pass.",
        response_model=ModelView,
        responses={
            200: VERSIONED,
            404: problem_answer("No such model, or no such snapshot of it is stored."),
            409: problem_answer("The snapshot cannot be read by this version of Tranche."),
        },
        openapi_extra=bodies.schema(SnapshotChoice),
    )
    async def pin(model_id: ModelId, request: Request) -> Response:
        choice = await bodies.read(request, SnapshotChoice, MAX_BODY_BYTES)
        _, after = await edits.pin(model_id, choice.version)
        catalog = await store.read()  # by now with what the snapshot says
        model = known(catalog, model_id)
        progress = await learned.progress([model])
        return as_json(overview(catalog, model, progress[model_id]), headers={CATALOG_VERSION: str(after.version)})

    @routes.delete(
        "/v1/models/{model_id}/snapshot",
        summary="Release a model that was rolled back",
        description="The next snapshot is live as soon as there is one that is newer.",
        status_code=HTTPStatus.NO_CONTENT,
        responses={204: DELETED, **NOT_FOUND},
    )
    async def release(model_id: ModelId) -> Response:
        _, after = await edits.release(model_id)
        return Response(status_code=HTTPStatus.NO_CONTENT, headers={CATALOG_VERSION: str(after.version)})

    return routes
