"""What the API refuses; each leaves as OpenAI's error object with its status.

ApiError
├── InvalidRequest      400  something about the request itself
├── NotAuthenticated    401  no API key, or one that is not known
├── BudgetRefused       402  the money is not there; clients do not try again
├── NotPermitted        403  the key may not do that
├── NoSuchObject        404  no such object of this tenant
├── TooLarge            413  more bytes than are taken
├── NotTrained          422  nothing is known yet of a strategy; clients do not try again
├── TooManyRequests     429  with the seconds after which to try again
└── Unavailable         503  the database is away, or too much is asked for at once
"""

from collections.abc import Mapping
from http import HTTPStatus

from gateway.errors import GatewayError


class ApiError(GatewayError):
    """A refusal; `param` names the field it is about."""

    status = HTTPStatus.INTERNAL_SERVER_ERROR
    type = "server_error"
    code: str | None = None

    def __init__(self, message: str, *, param: str | None = None, code: str | None = None) -> None:
        super().__init__(message)
        self.param = param
        self.code = code or self.code

    @property
    def headers(self) -> Mapping[str, str]:
        """What goes out beside the error."""
        return {}


class InvalidRequest(ApiError):
    """Something about the request itself."""

    status = HTTPStatus.BAD_REQUEST
    type = "invalid_request_error"


class NotAuthenticated(ApiError):
    """No API key, or one that is not known or was revoked."""

    status = HTTPStatus.UNAUTHORIZED
    type = "invalid_request_error"
    code = "invalid_api_key"

    @property
    def headers(self) -> Mapping[str, str]:
        """What HTTP asks of a 401."""
        return {"WWW-Authenticate": "Bearer"}


class BudgetRefused(ApiError):
    """The money is not there; the message names what would do."""

    status = HTTPStatus.PAYMENT_REQUIRED
    type = "insufficient_budget"
    code = "budget_too_small"


class NotPermitted(ApiError):
    """The key may not do that."""

    status = HTTPStatus.FORBIDDEN
    type = "permission_error"


class NoSuchObject(ApiError):
    """No such object of this tenant: of another one's, nothing is said."""

    status = HTTPStatus.NOT_FOUND
    type = "invalid_request_error"
    code = "not_found"


class TooLarge(ApiError):
    """More bytes than are taken."""

    status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE
    type = "invalid_request_error"
    code = "too_large"


class TooManyRequests(ApiError):
    """A key's limit is reached."""

    status = HTTPStatus.TOO_MANY_REQUESTS
    type = "requests"
    code = "rate_limit_exceeded"

    def __init__(self, message: str, *, retry_after_seconds: int) -> None:
        super().__init__(message)
        self.retry_after_seconds = retry_after_seconds

    @property
    def headers(self) -> Mapping[str, str]:
        """When to try again."""
        return {"Retry-After": str(self.retry_after_seconds)}


class Unavailable(ApiError):
    """The database does not answer, or too much is asked for at once."""

    status = HTTPStatus.SERVICE_UNAVAILABLE
    code = "unavailable"

    @property
    def headers(self) -> Mapping[str, str]:
        """Outages of a database that is started again are short."""
        return {"Retry-After": "2"}


class NotTrained(ApiError):
    """Nothing is known yet of a strategy: the operator has to calibrate and train, or probe it."""

    status = HTTPStatus.UNPROCESSABLE_ENTITY
    type = "invalid_request_error"
    code = "untrained_strategies"
