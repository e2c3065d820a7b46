"""A private Postgres server for one user's Apportion: made, started, shared between commands and stopped here."""

from worker.postgres.errors import EmbeddedPostgresError as EmbeddedPostgresError
from worker.postgres.location import default_data_directory as default_data_directory
from worker.postgres.server import EmbeddedPostgres as EmbeddedPostgres
