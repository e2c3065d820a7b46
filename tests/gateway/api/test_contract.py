"""schemathesis attacks every endpoint by our own document: no 5xx, and no reply that the document does not know."""

from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import GenerationMode
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import negative_data_rejection, positive_data_acceptance

from gateway.api.app import create_app
from tests.gateway.api.given_keys import give_key
from tests.gateway.api.office import Office

EXAMPLES = 40  # for each endpoint
pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


def test_no_request_breaks_the_contract(quiet_office: Office) -> None:
    document = schemathesis.openapi.from_asgi("/openapi.json", create_app(quiet_office.door))
    given, attacked = give_key(quiet_office.door, tenant="attacked"), 0
    for found in document.get_all_operations():
        assert isinstance(found, Ok)
        operation = found.ok()
        takes_something = bool(operation.body) or any(True for _ in operation.iter_parameters())
        for mode in (GenerationMode.POSITIVE, *((GenerationMode.NEGATIVE,) if takes_something else ())):
            attack(operation, mode, headers={"Host": "localhost", "Authorization": f"Bearer {given.key}"})
        attacked += 1
    assert attacked >= 9


def attack(
    operation: "schemathesis.APIOperation[Any, Any, Any, Any]", mode: GenerationMode, *, headers: dict[str, str]
) -> None:
    """Requests that fit the document, or requests that do not."""

    @given(case=operation.as_strategy(generation_mode=mode))
    @settings(max_examples=EXAMPLES, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    def ask(case: "schemathesis.Case[Any]") -> None:
        # What the document can not say (whether a text is an amount) is refused all the same, and a query parameter
        # that nobody knows is not.
        not_said = [positive_data_acceptance, negative_data_rejection]
        case.call_and_validate(headers=headers, excluded_checks=[*not_said])

    ask()
