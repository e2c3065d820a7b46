"""schemathesis attacks every endpoint by our own document: no 5xx, and no reply that the document does not know."""

from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis.core.result import Ok

from gateway.api.app import create_app
from tests.gateway.api.office import Office

EXAMPLES = 50  # for each endpoint
pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


def test_no_request_breaks_the_contract(quiet_office: Office) -> None:
    document = schemathesis.openapi.from_asgi("/openapi.json", create_app(quiet_office.door))
    attacked = 0
    for found in document.get_all_operations():
        assert isinstance(found, Ok)
        attack(found.ok())
        attacked += 1
    assert attacked >= 9


def attack(operation: "schemathesis.APIOperation[Any, Any, Any, Any]") -> None:
    """Requests that fit the document, and requests that do not."""

    @given(case=operation.as_strategy())
    @settings(max_examples=EXAMPLES, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    def ask(case: "schemathesis.Case[Any]") -> None:
        case.call_and_validate(headers={"host": "localhost"})

    ask()
