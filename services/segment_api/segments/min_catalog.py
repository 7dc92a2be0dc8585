"""`?min_catalog=`: whoever made an edit waits for the process that answers to know it."""

import asyncio
import time
from http import HTTPStatus
from typing import Annotated

from fastapi import Query

from services.runtime.problems import ProblemError
from services.runtime.watched import WatchedValue
from services.segmentation.catalog import Catalog

TIMEOUT_S = 2.0
INTERVAL_S = 0.01

MinCatalog = Annotated[
    int | None,
    Query(
        ge=0,
        description="answer by this version of the catalog or a newer one, such as the `version` that an edit was "
        f"answered with; 503 where it is not known here within {TIMEOUT_S:g} seconds",
    ),
]


async def wait_for_catalog(catalog: WatchedValue[Catalog], version: int | None, timeout_s: float = TIMEOUT_S) -> None:
    """Return when the catalog that is followed here has reached a version. Raises ProblemError (503) when it does not.

    It asks Redis nothing, so however many wait, the following alone does.
    """
    by_s = time.monotonic() + timeout_s
    while version is not None and catalog.value.version < version:
        if time.monotonic() >= by_s:
            detail = f"the catalog is at version {catalog.value.version} here; ask again soon"
            raise ProblemError(HTTPStatus.SERVICE_UNAVAILABLE, detail, headers={"Retry-After": "1"})
        await asyncio.sleep(INTERVAL_S)
