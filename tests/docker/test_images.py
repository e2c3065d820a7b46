"""The images and the compose file: well formed, and every name in them is one that the code knows.

There is no Docker engine to try them with.
"""

import ast
import json
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import jsonschema
import platformdirs
import pytest
import typer.main
import yaml
from celery.bin.celery import celery as celery_command
from fastapi.routing import APIRoute
from sqlalchemy import make_url

from gateway.api.routes import health
from gateway.cli import app
from worker.pool import read_strategy_file
from worker.queues import RECONCILER, ROUTER, TRAINER, engine_queue
from worker.settings import Settings, read_settings

CHECKOUT = Path(__file__).parent.parent.parent
DOCKER = CHECKOUT / "docker"
DOCKERFILES = sorted(DOCKER.glob("*.Dockerfile"))
COMPOSE: dict[str, Any] = yaml.safe_load((DOCKER / "compose.yaml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = {name: service for name, service in SERVICES.items() if "build" in service}
SECRETS = (DOCKER / "secrets.example.env").read_text()
SCHEMA = json.loads((Path(__file__).parent / "compose-spec.json").read_text())
PROGRAMS: Mapping[str, Any] = {"apportion": typer.main.get_command(app), "celery": celery_command}


def read_instructions(path: Path) -> list[tuple[str, str]]:
    """The instructions of a Dockerfile with their arguments."""
    lines = [line for line in path.read_text().splitlines() if not line.startswith("#")]
    joined = "\n".join(lines).replace("\\\n", " ")
    return [(word, rest.strip()) for word, _, rest in (line.partition(" ") for line in joined.splitlines() if line)]


def last(path: Path, instruction: str) -> str | None:
    """The arguments of the last such instruction, which is the one that counts."""
    found = [rest for word, rest in read_instructions(path) if word == instruction]
    return found[-1] if found else None


def dockerfile_of(service: Mapping[str, Any]) -> Path:
    path: Path = DOCKER / service["build"]["context"] / service["build"]["dockerfile"]
    return path


def words_of(path: Path, instruction: str) -> list[str]:
    """The words of an instruction in its exec form."""
    text = last(path, instruction)
    words: list[str] = [] if text is None else json.loads(text.removeprefix("CMD "))
    return words


def command_of(service: Mapping[str, Any]) -> list[str]:
    """What a container of ours runs, as Docker puts it together."""
    path = dockerfile_of(service)
    entrypoint = service.get("entrypoint") or words_of(path, "ENTRYPOINT")
    command = service.get("command") or ([] if "entrypoint" in service else words_of(path, "CMD"))
    return [*entrypoint, *command]


def health_check_of(service: Mapping[str, Any]) -> list[str]:
    if "healthcheck" in service:
        test: list[str] = service["healthcheck"]["test"]
        return test[1:]
    text = last(dockerfile_of(service), "HEALTHCHECK")
    words: list[str] = [] if text is None else json.loads(text.partition("CMD ")[2])
    return words


def parse(words: Sequence[str]) -> dict[str, Any]:
    """The options of a command line of ours; an error when the program does not know one."""
    program, *rest = words
    command = PROGRAMS[program]  # typer brings a click of its own
    context = command.context_class(command)
    options: dict[str, Any] = {}
    while True:
        parser = command.make_parser(context)
        given, rest, _ = parser.parse_args(args=list(rest))
        options |= given
        if not hasattr(command, "get_command") or not rest:
            assert rest == [], f"{shlex.join(words)}: what is {rest}?"
            return options
        inner = command.get_command(context, rest[0])
        assert inner is not None, f"{program} has no command {rest[0]}"
        command, rest = inner, rest[1:]
        context = command.context_class(command, parent=context)


def seconds(text: str) -> float:
    """A duration of the compose file."""
    match = re.fullmatch(r"(\d+)s", text)
    assert match is not None
    return float(match[1])


def environment_of(service: Mapping[str, Any]) -> dict[str, str]:
    """The variables of a container, with those of the example of the secrets."""
    lines = [line.partition("=") for line in SECRETS.splitlines() if line and not line.startswith("#")]
    given: dict[str, str] = service.get("environment", {})
    return {name: value for name, _, value in lines} | given


def test_the_compose_file_is_valid() -> None:
    jsonschema.validate(COMPOSE, SCHEMA)
    with pytest.raises(jsonschema.ValidationError):  # the schema is one that refuses something
        jsonschema.validate({"services": {"router": {"imagine": "x"}}}, SCHEMA)


@pytest.mark.parametrize("path", DOCKERFILES, ids=lambda path: path.name)
def test_dockerfiles_are_lint_free(path: Path) -> None:
    hadolint = Path(sys.executable).with_name("hadolint")
    linted = subprocess.run([hadolint, path], capture_output=True, text=True, check=False)
    assert (linted.returncode, linted.stdout, linted.stderr) == (0, "", "")


@pytest.mark.parametrize("path", DOCKERFILES, ids=lambda path: path.name)
def test_nothing_runs_as_root_and_nothing_secret_is_built_in(path: Path) -> None:
    user = last(path, "USER")
    assert user == "10001"
    made = [rest for word, rest in read_instructions(path) if word == "RUN" and "useradd" in rest]
    assert all(f"--uid {user}" in rest for rest in made)
    assert made
    assert not re.search(r"PASSWORD|_KEY|SECRET|DATABASE_URL", path.read_text())


@pytest.mark.parametrize("path", DOCKERFILES, ids=lambda path: path.name)
def test_images_install_from_a_lock_that_exists(path: Path) -> None:
    engines = re.findall(r"python -m install\.install --engine=(\S+)", path.read_text())
    assert len(engines) == 1
    assert (CHECKOUT / "install" / f"{engines[0]}.lock").exists()
    ignored = (CHECKOUT / ".dockerignore").read_text().splitlines()
    assert "docker/secrets.env" in ignored
    assert "/docker/secrets.env" in (CHECKOUT / ".gitignore").read_text().splitlines()


def test_the_whole_system_is_there() -> None:
    assert set(SERVICES) - set(OURS) == {"postgres", "redis"}
    assert {dockerfile_of(service).name for service in OURS.values()} >= {
        "gateway.Dockerfile",
        "router.Dockerfile",
        "engine.Dockerfile",
    }
    assert all(dockerfile_of(service).exists() for service in OURS.values())
    images = [service["image"] for name, service in SERVICES.items() if name not in OURS]
    assert all(re.search(r":\d+\.\d+", image) for image in images), "other people's images are pinned"


@pytest.mark.parametrize("name", OURS)
def test_commands_and_health_checks_exist(name: str) -> None:
    scripts = {script.name for script in entry_points(group="console_scripts")}
    command, check = command_of(OURS[name]), health_check_of(OURS[name])
    assert command[0] in scripts
    if name == "gateway":
        assert (command, check) == (["apportion"], [])  # it is given a command, does it and ends
        return
    if name == "api":
        assert command[1] == "serve"
        return
    assert parse(command)["app"] == "worker.app"
    assert check[0] in scripts
    assert parse(check) == {"of_worker": True}


def test_the_api_is_served_where_its_port_and_health_check_say() -> None:
    service = OURS["api"]
    served = parse(command_of(service))
    (config,) = service["configs"]
    assert (str(served["strategies"]), served["host"]) == (config["target"], "0.0.0.0")
    assert service["ports"] == [f"127.0.0.1:{served['port']}:{served['port']}"]
    program, option, code = health_check_of(service)
    assert (program, option) == ("python", "-c")
    ast.parse(code)
    asked = re.search(r"http://127\.0\.0\.1:(\d+)(/\w+)", code)
    assert asked is not None
    assert asked[1] == str(served["port"])
    assert asked[2] in {route.path for route in health.routes.routes if isinstance(route, APIRoute)}


def test_the_api_keeps_its_files() -> None:
    home = "/home/apportion"
    kept = platformdirs.user_data_path("apportion").relative_to(Path.home())  # as the settings say for who is not root
    assert ("api", "files", f"{home}/{kept}") in find_mounts()
    assert f"{home}/{kept}" in {
        rest for word, rest in read_instructions(dockerfile_of(OURS["api"])) if word == "VOLUME"
    }


def test_workers_consume_every_queue_and_no_other() -> None:
    strategies = read_strategy_file(DOCKER / COMPOSE["configs"]["strategies"]["file"].partition(":-")[2].rstrip("}"))
    engines = {engine_queue(strategy.engine.name) for strategy in strategies.strategies}
    for profile in ("gpu", "cpu"):
        started = [service for service in OURS.values() if service.get("profiles", [profile]) == [profile]]
        commands = [parse(words) for words in map(command_of, started) if words[0] == "celery"]
        queues = [queue for command in commands for queue in command["queues"].split(",")]
        assert sorted(queues) == sorted({ROUTER, RECONCILER, TRAINER, *engines})
    default = parse(
        [*words_of(DOCKER / "engine.Dockerfile", "ENTRYPOINT"), *words_of(DOCKER / "engine.Dockerfile", "CMD")]
    )
    assert default["queues"] in engines


@pytest.mark.parametrize("name", OURS)
def test_variables_are_settings_that_can_be_read(name: str) -> None:
    environment = environment_of(OURS[name])
    ours = {key for key in environment if key.startswith("APPORTION_")}
    assert ours <= {f"APPORTION_{field.upper()}" for field in Settings.__dataclass_fields__}
    settings = read_settings(environment)
    assert settings.database_url is not None
    assert settings.has_workers
    (config,) = OURS[name]["configs"]
    assert str(settings.strategies) == config["target"]
    assert config["source"] in COMPOSE["configs"]


@pytest.mark.parametrize("name", OURS)
def test_servers_are_services_on_their_own_ports(name: str) -> None:
    settings = read_settings(environment_of(OURS[name]))
    assert settings.database_url is not None
    assert settings.broker_url is not None
    for text, image, port in ((settings.database_url, "postgres", 5432), (settings.broker_url, "redis", 6379)):
        url = make_url(text)
        assert url.host is not None
        assert SERVICES[url.host]["image"].startswith(f"{image}:")
        assert url.port == port
        assert OURS[name]["depends_on"][url.host] == {"condition": "service_healthy"}
        assert set(OURS[name]["networks"]) & set(SERVICES[url.host]["networks"])
    password = environment_of(SERVICES["postgres"])["POSTGRES_PASSWORD"]
    assert make_url(settings.database_url).password == password


def test_only_the_api_is_published_and_no_secret_is_on_a_command_line() -> None:
    assert [name for name, service in SERVICES.items() if "ports" in service] == ["api"]
    assert COMPOSE["networks"]["inside"] == {"internal": True}
    secrets = {name for name, _, _ in (line.partition("=") for line in SECRETS.splitlines()) if name.isupper()}
    for service in SERVICES.values():
        assert not secrets & set(service.get("environment", {}))
        assert not re.search("|".join(secrets), str([service.get("command"), service.get("entrypoint")]))


@pytest.mark.parametrize("name", OURS)
def test_containers_are_given_the_time_to_drain(name: str) -> None:
    service = OURS[name]
    settings = read_settings(environment_of(service))
    assert service["stop_signal"] == "SIGTERM"
    assert service["init"] is True
    assert seconds(service["stop_grace_period"]) > settings.drain_seconds


def test_graphics_cards_are_reserved_and_weights_are_kept() -> None:
    engine = SERVICES["engine-gpu"]
    (device,) = engine["deploy"]["resources"]["reservations"]["devices"]
    assert (device["driver"], device["capabilities"]) == ("nvidia", ["gpu"])
    assert engine["ipc"] == "host"
    mounts = list(find_mounts())
    assert ("engine-gpu", "models", last(DOCKER / "engine.Dockerfile", "VOLUME")) in mounts
    assert {source for _, source, _ in mounts if not source.startswith("${")} == set(COMPOSE["volumes"])


def find_mounts() -> Iterator[tuple[str, str, str]]:
    for name, service in SERVICES.items():
        for volume in service.get("volumes", []):
            source, _, target = volume.rpartition(":")
            yield name, source, target
