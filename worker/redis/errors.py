"""What can go wrong with the private Redis server.

PrivateRedisError
├── ProgramMissing      the wheel with the server's program is not installed
└── RedisFailed         the server did not start
"""


class PrivateRedisError(Exception):
    """The private Redis server is not available; the message names the cause and the remedy."""


class ProgramMissing(PrivateRedisError):
    """The wheel with the server's program is not installed."""


class RedisFailed(PrivateRedisError):
    """The server did not start; the message ends with what it printed."""
