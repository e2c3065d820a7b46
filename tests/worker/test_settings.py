"""Settings: every field from its variable, and errors that name the variable and the remedy."""

from pathlib import Path

import pytest

from worker.errors import SettingError
from worker.json_log import LogFormat
from worker.postgres.location import default_data_directory
from worker.settings import Settings, lend_variable, read_secret, read_settings


def test_an_empty_environment_gives_the_defaults() -> None:
    settings = read_settings({})
    assert settings.database_url is None
    assert settings.data_directory == default_data_directory()
    assert (settings.lease_seconds, settings.stall_seconds) == (8.0, 300.0)
    assert (settings.group_tasks, settings.batch_tasks, settings.torch_threads) == (500, 16, 1)


def test_every_field_is_read_from_its_variable() -> None:
    settings = read_settings(
        {
            "APPORTION_DATABASE_URL": "postgresql+psycopg://here/night",
            "APPORTION_DATA_DIRECTORY": "/data",
            "APPORTION_CACHE_DIRECTORY": "~/cache",
            "APPORTION_ENCODER_MODEL": "some/encoder",
            "APPORTION_LEASE_SECONDS": "2.5",
            "APPORTION_STALL_SECONDS": "40",
            "APPORTION_WINDOW_TASKS": "7",
            "APPORTION_GROUP_TASKS": "8",
            "APPORTION_BATCH_TASKS": "9",
            "APPORTION_TORCH_THREADS": "2",
            "APPORTION_LOG_FORMAT": "json",
        }
    )
    assert settings.database_url == "postgresql+psycopg://here/night"
    assert (settings.data_directory, settings.cache_directory) == (Path("/data"), Path.home() / "cache")
    assert settings.encoder_model == "some/encoder"
    assert (settings.lease_seconds, settings.stall_seconds) == (2.5, 40.0)
    assert (settings.window_tasks, settings.group_tasks, settings.batch_tasks) == (7, 8, 9)
    assert settings.torch_threads == 2
    assert settings.log_format is LogFormat.JSON


def test_an_empty_variable_counts_as_not_set() -> None:
    assert read_settings({"APPORTION_LEASE_SECONDS": "", "APPORTION_DATA_DIRECTORY": ""}) == read_settings({})


@pytest.mark.parametrize("value", ["soon", "0", "-1", "nan", "inf", "1e9"])
def test_a_duration_that_is_none_names_its_variable(value: str) -> None:
    with pytest.raises(SettingError, match=f"APPORTION_LEASE_SECONDS is '{value}': write a positive number of seconds"):
        read_settings({"APPORTION_LEASE_SECONDS": value})


@pytest.mark.parametrize("value", ["many", "0", "-3", "1.5"])
def test_a_count_that_is_none_names_its_variable(value: str) -> None:
    with pytest.raises(SettingError, match=f"APPORTION_BATCH_TASKS is '{value}': write a whole number of at least 1"):
        read_settings({"APPORTION_BATCH_TASKS": value})


def test_a_form_of_log_that_is_none_names_its_variable() -> None:
    with pytest.raises(SettingError, match="APPORTION_LOG_FORMAT is 'xml': write one of json, text"):
        read_settings({"APPORTION_LOG_FORMAT": "xml"})


@pytest.mark.parametrize(("tasks", "size"), [(0, 50), (12, 50), (401, 51), (8_000, 1_000), (1_000_000, 5_000)])
def test_a_window_is_an_eighth_of_the_job_within_bounds(tasks: int, size: int) -> None:
    assert read_settings({}).window_size(tasks) == size


@pytest.mark.parametrize(
    "address",
    [
        "postgresql://me:secret@here:5432/night?sslmode=require",
        "postgresql+psycopg://here/night",
        "postgresql:///night?host=/one&host=/two",
        "postgresql://",
    ],
)
def test_an_address_of_postgres_is_taken_as_it_is(address: str) -> None:
    assert read_settings({"APPORTION_DATABASE_URL": address}).database_url == address


@pytest.mark.parametrize(
    ("address", "problem"),
    [
        ("secret", "can not be read as an address"),
        ("me:secret@here/night", "can not be read as an address"),
        ("postgresql://me:x@here:secret/night", "can not be read as an address"),
        ("postgresql://me:se@cret@here/night", "has an @ too many"),
        ("postgresqll://me:secret@here/night", "begins with postgresqll://"),
        ("mysql://me:secret@here/night", "begins with mysql://"),
        ("postgresql+psycopg2://me:secret@here/night", r"begins with postgresql\+psycopg2://"),
        ("postgresql://me:secret@here/night?sslmod=secret", 'has an invalid connection option "sslmod"'),
    ],
)
def test_an_address_that_is_none_of_postgres_is_refused_without_its_password(address: str, problem: str) -> None:
    with pytest.raises(SettingError, match=f"APPORTION_DATABASE_URL {problem}: write postgresql://") as caught:
        read_settings({"APPORTION_DATABASE_URL": address})
    assert "cret" not in str(caught.value)


def test_a_window_size_that_was_set_holds_for_every_job() -> None:
    assert read_settings({"APPORTION_WINDOW_TASKS": "3"}).window_size(1_000_000) == 3


def test_a_secret_is_read_by_its_own_name() -> None:
    assert read_secret("SOME_KEY", {"SOME_KEY": "s3cret"}) == "s3cret"


@pytest.mark.parametrize("environ", [{}, {"SOME_KEY": ""}])
def test_a_secret_that_is_not_set_is_named(environ: dict[str, str]) -> None:
    with pytest.raises(SettingError, match="variable SOME_KEY, which is not set: export it"):
        read_secret("SOME_KEY", environ)


def test_every_setting_is_in_the_readme() -> None:
    readme = (Path(__file__).parent.parent.parent / "README.md").read_text(encoding="utf-8")
    settings = {f"APPORTION_{field.upper()}" for field in Settings.__dataclass_fields__}
    assert {name for name in settings if f"| `{name}` |" not in readme} == set()


@pytest.mark.parametrize(("earlier", "meanwhile"), [(None, "1"), ("0", "1"), ("0", None)])
def test_a_variable_is_lent_and_given_back(earlier: str | None, meanwhile: str | None) -> None:
    environ = {} if earlier is None else {"NAME": earlier}
    before = dict(environ)
    with lend_variable("NAME", lambda _: meanwhile, environ=environ):
        assert environ.get("NAME") == meanwhile
    assert environ == before


def test_a_lent_variable_is_given_back_after_a_failure() -> None:
    environ = {"NAME": "0"}
    with pytest.raises(RuntimeError), lend_variable("NAME", lambda _: "1", environ=environ):
        raise RuntimeError
    assert environ == {"NAME": "0"}


@pytest.mark.parametrize(
    "address", ["http://here:8080", "http://here:8080/", "http://here:8080/v1", "http://here:8080/v1/"]
)
def test_a_server_is_named_as_clients_name_it_or_without_v1(address: str) -> None:
    assert read_settings({"APPORTION_API_URL": address}).api_url == "http://here:8080"


@pytest.mark.parametrize(
    "address", ["here:8080", "ftp://here", "http://", "https://me:secret@here", "https://here?key=secret"]
)
def test_a_server_address_that_can_not_be_one_is_not_repeated(address: str) -> None:
    with pytest.raises(SettingError, match="APPORTION_API_URL can not be read") as caught:
        read_settings({"APPORTION_API_URL": address})
    assert "secret" not in str(caught.value)


def test_a_key_comes_from_its_file_and_is_not_shown(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("apk-1234\n", encoding="utf-8")
    settings = read_settings({"APPORTION_API_KEY_FILE": str(tmp_path / "key")})
    assert settings.api_key == "apk-1234"
    assert "apk-1234" not in repr(settings)
    assert read_settings({"APPORTION_API_KEY": "own", "APPORTION_API_KEY_FILE": str(tmp_path / "no")}).api_key == "own"
