"""From a server's refusal to the error that a command ends with."""

from http import HTTPStatus

import httpx

from gateway.errors import ServerError
from gateway.exit_codes import ExitCode

EXIT_CODES = {
    HTTPStatus.UNAUTHORIZED: ExitCode.KEY,
    HTTPStatus.FORBIDDEN: ExitCode.KEY,
    HTTPStatus.PAYMENT_REQUIRED: ExitCode.BUDGET,
    HTTPStatus.NOT_FOUND: ExitCode.NOT_FOUND,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: ExitCode.JOB_FILE,
    HTTPStatus.UNPROCESSABLE_ENTITY: ExitCode.UNTRAINED,
    HTTPStatus.TOO_MANY_REQUESTS: ExitCode.SERVER,
}
REMEDIES = {
    HTTPStatus.UNAUTHORIZED: "; commands take it from APPORTION_API_KEY, or the file that APPORTION_API_KEY_FILE names",
    HTTPStatus.TOO_MANY_REQUESTS: "; wait that long and run the command again",
}


def read_refusal(reply: httpx.Response) -> ServerError:
    """What the server said, and how the command ends for it."""
    status = HTTPStatus(reply.status_code)
    unknown = ExitCode.SERVER if reply.is_server_error or reply.is_redirect else ExitCode.USAGE
    message = _read_message(reply) or f"{reply.url} answers {reply.status_code} {status.phrase}"
    return ServerError(message + REMEDIES.get(status, ""), exit_code=EXIT_CODES.get(status, unknown))


def _read_message(reply: httpx.Response) -> str | None:
    try:
        return str(reply.json()["error"]["message"])
    except (ValueError, KeyError, TypeError):
        return None
