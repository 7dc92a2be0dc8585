"""What OpenAPI documents say of keys: the two ways to show one, and the scope that each operation needs."""

from typing import Any

from services.runtime.access.needs import NEEDS, NOTHING

_WHEN = "Needed where the service was given a file of API keys (TRANCHE_API_KEYS)."
_SCHEMES: dict[str, Any] = {
    "bearer": {"type": "http", "scheme": "bearer", "description": _WHEN},
    "apiKey": {"type": "apiKey", "in": "header", "name": "X-API-Key", "description": _WHEN},
}


def with_keys(document: dict[str, Any]) -> dict[str, Any]:
    """The document, in which every operation that may need a key says so."""
    document.setdefault("components", {})["securitySchemes"] = _SCHEMES
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            need = NEEDS.get(path, {}).get(method.upper(), NOTHING)
            if need != NOTHING:
                operation["security"] = [{"bearer": [need.value]}, {"apiKey": [need.value]}, {}]
    return document
