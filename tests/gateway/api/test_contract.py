"""schemathesis attacks every endpoint by our own document: no 5xx, and no reply that the document does not know."""

from typing import Any

import pytest
import schemathesis
from fastapi import FastAPI
from hypothesis import HealthCheck, settings

from gateway.api.app import create_app
from tests.gateway.api.office import Office

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def attacked(quiet_office: Office) -> FastAPI:
    return create_app(quiet_office.door)


@pytest.fixture
def document(attacked: FastAPI) -> schemathesis.BaseSchema:
    return schemathesis.openapi.from_asgi("/openapi.json", attacked)


schema = schemathesis.pytest.from_fixture("document")


@schema.parametrize()
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
def test_no_request_breaks_the_contract(case: "schemathesis.Case[Any]") -> None:
    case.call_and_validate(headers={"host": "localhost"})
