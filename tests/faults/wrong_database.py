"""Faults inside a private Postgres: a clock that is stepped, and a disk that is full."""

import psycopg

from worker.migration import migrate

# Our queries and defaults ask for the time by its bare name, which the search path lets them find here first.
CLOCK = """
    CREATE TABLE public.fault (clock_error interval NOT NULL, disk_full boolean NOT NULL);
    INSERT INTO public.fault VALUES ('0', false);
    CREATE FUNCTION public.clock_timestamp() RETURNS timestamptz LANGUAGE sql VOLATILE AS
        'SELECT pg_catalog.clock_timestamp() + clock_error FROM public.fault';
    ALTER DATABASE postgres SET search_path = public, pg_catalog;
"""
DISK = """
    CREATE FUNCTION public.fail_when_full() RETURNS trigger LANGUAGE plpgsql AS $body$
        BEGIN
            IF (SELECT disk_full FROM public.fault) THEN
                RAISE EXCEPTION 'could not extend file "base/5/1": No space left on device' USING ERRCODE = 'disk_full';
            END IF;
            RETURN NULL;
        END
    $body$;
"""
GUARD = "CREATE TRIGGER full_disk BEFORE INSERT ON {table} FOR EACH STATEMENT EXECUTE FUNCTION public.fail_when_full();"
GROWING = ("outcome", "ledger_entry", "task_window", "grp", "requeue", "attempt")

# When a batch was started or burned, by the true clock.
TRUE_TIMES = """
    CREATE TABLE public.true_time (entry_id bigint PRIMARY KEY, at timestamptz NOT NULL);
    CREATE FUNCTION public.note_true_time() RETURNS trigger LANGUAGE plpgsql AS $body$
        BEGIN
            INSERT INTO public.true_time VALUES (NEW.id, pg_catalog.clock_timestamp());
            RETURN NULL;
        END
    $body$;
    CREATE TRIGGER true_time AFTER INSERT ON ledger_entry FOR EACH ROW WHEN (NEW.kind IN ('reserve', 'burn'))
        EXECUTE FUNCTION public.note_true_time();
"""


class WrongDatabase:
    """A private server's only database, with our schema, whose clock and disk a test can put out of order."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._execute(CLOCK)
        migrate(url)
        self._execute(DISK + TRUE_TIMES + "".join(GUARD.format(table=table) for table in GROWING))

    def step_clock(self, seconds: float) -> None:
        """From now on its clock is wrong by so much."""
        self._execute(f"UPDATE public.fault SET clock_error = make_interval(secs => {float(seconds)})")

    def fill_disk(self) -> None:
        """Nothing can be stored any more."""
        self._execute("UPDATE public.fault SET disk_full = true")

    def free_disk(self) -> None:
        """There is room again."""
        self._execute("UPDATE public.fault SET disk_full = false")

    def _execute(self, statements: str) -> None:
        with psycopg.connect(self._url, autocommit=True) as connection:
            connection.execute(statements.encode())
