"""The OpenAPI document: what FastAPI makes of the endpoints, with examples."""

from typing import Any

from fastapi import FastAPI

from gateway.api.examples import EXAMPLES


class Described(FastAPI):
    """Adds the examples itself: in those of its own models FastAPI leaves out every field that is null."""

    def openapi(self) -> dict[str, Any]:
        """The document."""
        document = super().openapi()
        for name, examples in EXAMPLES.items():
            document["components"]["schemas"][name]["examples"] = examples
        return document
