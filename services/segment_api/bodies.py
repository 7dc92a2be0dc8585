"""Request bodies of the API: read within bounds, then checked against a model."""

from collections.abc import Mapping
from functools import cache
from typing import Any, TypeVar

import orjson
from fastapi import Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, TypeAdapter, ValidationError

from services.runtime.body import read_body
from services.runtime.in_flight import InFlight

Model = TypeVar("Model", bound=BaseModel)

BODY_TIMEOUT_S = 10.0
MAX_IN_FLIGHT_BYTES = 64 * 1024 * 1024


class Bodies:
    def __init__(self) -> None:
        self._in_flight = InFlight(MAX_IN_FLIGHT_BYTES)

    async def read(self, request: Request, model: type[Model] | TypeAdapter[Model], max_bytes: int) -> Model:
        """The body as `model`. Raises ProblemError, Overloaded, or RequestValidationError where it does not fit."""
        with self._in_flight.request() as reservation:
            body = await read_body(request, max_bytes, BODY_TIMEOUT_S, reservation)
        validate = model.validate_python if isinstance(model, TypeAdapter) else model.model_validate
        try:
            return validate(orjson.loads(body))
        except orjson.JSONDecodeError as error:
            raise RequestValidationError([{"loc": ("body", error.pos), "msg": f"not JSON: {error.msg}"}]) from None
        except ValidationError as error:
            details = error.errors(include_url=False, include_context=False, include_input=False)
            raise RequestValidationError([{**each, "loc": ("body", *each["loc"])} for each in details]) from None

    @staticmethod
    @cache
    def schema(model: type[BaseModel] | TypeAdapter[Any]) -> dict[str, Any]:
        """The OpenAPI description of such a body. It is nobody's to change; to make one takes a while."""
        whole = model.json_schema() if isinstance(model, TypeAdapter) else model.model_json_schema()
        schema = _inlined({name: each for name, each in whole.items() if name not in _BESIDE}, whole.get("$defs", {}))
        return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema}}}}


_BESIDE = ("$defs", "discriminator")
"""What refers to places in a document of its own."""


def _inlined(schema: Any, definitions: Mapping[str, Any]) -> Any:
    """The same without references, for whose targets a description within another document has no place."""
    match schema:
        case {"$ref": str(reference)}:
            return _inlined(definitions[reference.removeprefix("#/$defs/")], definitions)
        case dict():
            return {name: _inlined(each, definitions) for name, each in schema.items()}
        case list():
            return [_inlined(each, definitions) for each in schema]
    return schema
