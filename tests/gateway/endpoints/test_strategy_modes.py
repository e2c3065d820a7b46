"""A strategy's life by commands and over HTTP, and what people see of predictions that do not hold."""

import json
from pathlib import Path

import pytest
from sqlalchemy import text
from starlette.testclient import TestClient
from typer.testing import CliRunner, Result

from db.drift import WITHDRAWN, NewAlarm, StoredDrift, append_alarm, store_drift
from db.predictors import read_champions
from db.session import session_scope
from db.strategies import read_latest_strategies
from gateway.api.front_door import FrontDoor
from gateway.cli import app
from gateway.doctor.drift import look_at_drift
from gateway.exit_codes import ExitCode
from router.drift.watch import UNSEEN
from router.drift.watch_json import write_watch
from tests.gateway.api.given_keys import give_key
from tests.gateway.dashboard.conftest import Browser
from tests.gateway.endpoints.asking import STRATEGIES, Trained, write_line
from tests.gateway.findings import find, is_ill
from tests.worker.fake_night import budget, make_tasks, predict_flat, submit

PLAN = {"requests": [write_line(number) for number in range(3)]}
THIRD = "  - {name: third, engine: echo, decoding: {method: direct, max_tokens: 20}}\n"


def run(*words: object) -> Result:
    return CliRunner().invoke(app, ["strategies", *map(str, words)])


def read_modes(client: TestClient) -> dict[str, str]:
    return {own["name"]: own["mode"] for own in client.get("/v1/strategies").json()["data"]}


def plan_alone(client: TestClient) -> list[str]:
    """The strategies that a plan knows to serve something."""
    reply = client.post("/v1/plan", json=PLAN)
    assert reply.status_code == 200, reply.text
    return [own["strategy"] for own in reply.json()["strategies"] if own["tasks"]]


def test_plans_do_without_what_is_disabled_or_in_the_shadow(client: TestClient) -> None:
    assert plan_alone(client) == ["small", "large"]
    for mode in ("shadow", "disabled"):
        reply = client.post("/v1/strategies/large/mode", json={"mode": mode, "reason": "dear"})
        assert (reply.status_code, reply.json()["mode"], reply.json()["mode_change"]["reason"]) == (200, mode, "dear")
        assert plan_alone(client) == ["small"]
    client.post("/v1/strategies/small/mode", json={"mode": "disabled"})
    reply = client.post("/v1/plan", json=PLAN)
    assert (reply.status_code, reply.json()["error"]["code"]) == (422, "nothing_serves")
    assert "strategies enable" in reply.text


def test_commands_and_the_api_tell_of_the_same_life(client: TestClient) -> None:
    said = run("disable", "small", "--reason", "its server moves")
    assert (said.exit_code, "strategy small is disabled" in said.stdout) == (0, True)
    assert "is disabled already" in run("disable", "small").stdout
    assert read_modes(client) == {"small": "disabled", "large": "enabled"}
    turned = json.loads(run("enable", "small", "--json").stdout)
    assert turned == {"strategy": "small", "mode": "enabled", "changed": True, "recalled_tasks": 0}
    changes = json.loads(run("history", "small", "--json").stdout)
    assert [(own["mode"], own["reason"]) for own in changes] == [("enabled", ""), ("disabled", "its server moves")]
    latest = json.loads(run("history", "--json").stdout)
    assert [(own["name"], own["mode"]) for own in latest] == [("large", "enabled"), ("small", "enabled")]
    assert "its server moves" in run("history", "small").stdout


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("disable", "nobody"), ExitCode.NOT_FOUND, "known: large, small"),
        (("history", "nobody"), ExitCode.NOT_FOUND, "known: large, small"),
        (("enable", "small"), ExitCode.STRATEGIES, "retired"),
    ],
)
def test_what_can_not_be_is_refused_with_a_remedy(
    client: TestClient, words: tuple[str, ...], code: ExitCode, said: str
) -> None:
    assert run("retire", "small").exit_code == 0
    result = run(*words)
    assert (result.exit_code, said in result.output) == (code, True), result.output


@pytest.mark.parametrize(
    ("name", "body", "status"),
    [
        ("nobody", {"mode": "disabled"}, 404),
        ("small", {"mode": "asleep"}, 400),
        ("small", {"mode": "disabled", "reason": "a\x00"}, 400),
        ("small", {"mode": "disabled", "because": "x"}, 400),
        ("small", {}, 400),
    ],
)
def test_bad_requests_change_nothing(client: TestClient, name: str, body: dict[str, object], status: int) -> None:
    assert client.post(f"/v1/strategies/{name}/mode", json=body).status_code == status
    assert set(read_modes(client).values()) == {"enabled"}


def test_another_tenant_changes_no_strategy_and_is_told_nothing_of_its_life(
    client: TestClient, door: FrontDoor
) -> None:
    client.post("/v1/strategies/large/mode", json={"mode": "shadow"})
    client.headers["Authorization"] = f"Bearer {give_key(door, tenant='stranger').key}"
    assert client.post("/v1/strategies/small/mode", json={"mode": "disabled"}).status_code == 403
    listed = client.get("/v1/strategies").json()["data"]
    assert [(own["mode"], own["mode_change"]) for own in listed] == [("enabled", None), ("shadow", None)]


def write_third(folder: Path) -> tuple[Path, Path]:
    strategies, tasks = folder / "three.yaml", folder / "tasks.jsonl"
    strategies.write_text(STRATEGIES + THIRD, encoding="utf-8")
    tasks.write_text("".join(f"{task.payload}\n" for task in make_tasks(12)), encoding="utf-8")
    return strategies, tasks


def run_job(strategies: Path, tasks: Path, folder: Path) -> Result:
    words = ["run", str(tasks), "--strategies", str(strategies), "--weight", "0.9", "--out", str(folder / "out")]
    return CliRunner().invoke(app, words)


def test_a_new_strategy_joins_by_one_command(trained: Trained, tmp_path: Path) -> None:
    strategies, tasks = write_third(tmp_path)
    alone = run_job(strategies, tasks, tmp_path)
    assert (alone.exit_code, "third" in alone.output) == (ExitCode.UNTRAINED, True)
    added = run("add", "third", "--strategies", strategies, "--tasks", tasks, "--probes", 6, "--json")
    assert added.exit_code == 0, added.output
    assert json.loads(added.stdout)["mode"] == "enabled"
    modes = [own["mode"] for own in json.loads(run("history", "third", "--json").stdout)]
    assert modes == ["enabled", "disabled"]
    assert run_job(strategies, tasks, tmp_path).exit_code == 0


def test_a_strategy_in_the_shadow_is_predicted_for_and_never_asked(trained: Trained, tmp_path: Path) -> None:
    strategies, tasks = write_third(tmp_path)
    added = run("add", "third", "--strategies", strategies, "--tasks", tasks, "--probes", 6, "--shadow")
    said = " ".join(added.stdout.split())
    assert "is shadow: it is predicted for" in said
    assert "third is placed (shadow): " in said
    assert "can be routed to" not in said
    assert run_job(strategies, tasks, tmp_path).exit_code == 0
    decisions = [json.loads(line) for line in (tmp_path / "out" / "decisions.jsonl").read_text("utf-8").splitlines()]
    assert len(decisions) == 12
    for decision in decisions:
        assert decision["chosen"] in ("small", "large")
        assert decision["predicted"]["third"]["accuracy"] is not None


def test_where_all_are_retired_nobody_is_told_to_enable_them(trained: Trained, tmp_path: Path) -> None:
    _, tasks = write_third(tmp_path)
    strategies = tmp_path / "two.yaml"
    strategies.write_text(STRATEGIES, encoding="utf-8")
    run("retire", "large")
    run("disable", "small")
    assert "`apportion strategies enable NAME` takes one back" in say(run_job(strategies, tasks, tmp_path))
    run("retire", "small")
    said = say(run_job(strategies, tasks, tmp_path))
    assert "small is retired, large is retired; that is final: give an entry in the file another name" in said
    assert "enable" not in said


def say(result: Result) -> str:
    """What it printed, however the lines were broken."""
    return " ".join(result.output.split())


def test_what_is_not_in_the_file_or_retired_is_not_added(trained: Trained, tmp_path: Path) -> None:
    strategies, tasks = write_third(tmp_path)
    missing = run("add", "fourth", "--strategies", strategies, "--tasks", tasks)
    assert (missing.exit_code, "it has small, large, third" in missing.output) == (ExitCode.USAGE, True)
    run("retire", "large")
    retired = run("add", "large", "--strategies", strategies, "--tasks", tasks)
    assert (retired.exit_code, "another name" in retired.output) == (ExitCode.STRATEGIES, True)


@pytest.fixture
def alarmed(door: FrontDoor) -> FrontDoor:
    """Where `large` was found to be worse than predicted."""
    with session_scope(door.database) as session:
        own = read_latest_strategies(session, tenant_id="default", names=["large"])["large"]
        encoder = json.loads(CliRunner().invoke(app, ["predictors", "list", "--json"]).stdout)[0]["encoder"]
        (version,) = read_champions(session, strategy_ids=[own.id], encoder=encoder).values()
        drift = StoredDrift(
            predictor_version_id=version.id,
            outcomes=420,
            watch=write_watch(UNSEEN),
            log_odds_offset=-1.25,
            cost_ratio=1.5,
        )
        store_drift(session, drift=drift)
        alarm = NewAlarm(
            predictor_version_id=version.id,
            strategy_id=own.id,
            broken="worse",
            outcomes=80.0,
            predicted=0.8,
            observed=0.55,
        )
        append_alarm(session, alarm=alarm)
    return door


def test_an_alarm_is_told_wherever_people_look(client: TestClient, alarmed: FrontDoor) -> None:
    told = "55.0% of its answers were right, 80.0% were predicted, over 80 answers"
    _, large = client.get("/v1/strategies").json()["data"]
    assert (large["drift"]["log_odds_offset"], large["drift"]["cost_ratio"]) == (-1.25, 1.5)
    assert told in large["drift"]["alarms"][0]
    metrics = client.get("/metrics").text
    assert 'apportion_accuracy_offset{engine="echo",strategy="large"} -1.25' in metrics
    assert 'apportion_drift_alarm_total{broken="worse",engine="echo",strategy="large"} 1.0' in metrics
    assert told in client.get("/dashboard/strategies").text
    flat = predict_flat(1, small=(0.2, 5.0), large=(0.9, 20.0))
    job_id = submit(alarmed.database, predictions=flat, objective=budget(80))
    status = CliRunner().invoke(app, ["status", str(job_id)]).stdout
    assert f"large: {told}" in " ".join(status.split())
    with session_scope(alarmed.database) as session:
        assert is_ill(find(look_at_drift, session), "strategy large", told, "strategies disable large")


def test_a_withdrawal_is_told_wherever_the_alarm_was(client: TestClient, alarmed: FrontDoor) -> None:
    told = "the alarm that its answers are right less often than predicted was withdrawn"
    since = "since then 79.0% of 90 answers were right, 80.0% were predicted"
    withdraw(alarmed)
    _, large = client.get("/v1/strategies").json()["data"]
    assert large["drift"]["alarms"] == []
    assert told in large["drift"]["withdrawn"][0]
    metrics = client.get("/metrics").text
    for name in ("alarm", "withdrawal"):
        assert f'apportion_drift_{name}_total{{broken="worse",engine="echo",strategy="large"}} 1.0' in metrics
    assert 'broken="withdrawn"' not in metrics
    page = client.get("/dashboard/strategies").text
    assert told in page
    assert since in page
    assert "Predictions do not hold" not in page
    job_id = submit(
        alarmed.database, predictions=predict_flat(1, small=(0.2, 5.0), large=(0.9, 20.0)), objective=budget(80)
    )
    status = CliRunner().invoke(app, ["status", str(job_id)]).stdout
    assert f"large: {told}" in " ".join(status.split())
    with session_scope(alarmed.database) as session:
        (finding,) = [own for own in look_at_drift(session) if "strategy large" in own.text]
    assert (finding.well, told in finding.text, since in finding.text) == (True, True, True)


def withdraw(door: FrontDoor) -> None:
    """The alarm about `large` was false."""
    with session_scope(door.database) as session:
        ((version_id, strategy_id),) = session.execute(
            text("SELECT predictor_version_id, strategy_id FROM drift_alarm")
        )
        alarm = NewAlarm(
            predictor_version_id=version_id,
            strategy_id=strategy_id,
            broken=WITHDRAWN,
            outcomes=90.0,
            predicted=0.8,
            observed=0.79,
        )
        append_alarm(session, alarm=alarm)


def test_the_dashboard_tells_other_tenants_of_strategies_and_not_of_drift(
    client: TestClient, alarmed: FrontDoor
) -> None:
    browser = Browser(client)
    shown = {}
    for tenant in ("default", "stranger"):
        browser.send("/sign-in", page="/sign-in", key=give_key(alarmed, tenant=tenant).key)
        shown[tenant] = browser.open("/strategies")
        assert ">large<" in shown[tenant]
        assert ">champion<" in shown[tenant]
    for secret in ("Predictions do not hold", "Correction of accuracy", "Outcomes", "Off by"):
        assert secret in shown["default"]
        assert secret not in shown["stranger"]


def test_a_plan_expects_what_was_corrected(client: TestClient, door: FrontDoor, request: pytest.FixtureRequest) -> None:
    def look() -> dict[str, tuple[float, int]]:
        alone = client.post("/v1/plan", json=PLAN).json()["strategies"]
        return {own["strategy"]: (own["accuracy"], own["cost"]) for own in alone}

    before = look()
    request.getfixturevalue("alarmed")
    after = look()
    assert after["small"] == before["small"]
    assert after["large"][0] < before["large"][0]
    assert after["large"][1] > before["large"][1]
