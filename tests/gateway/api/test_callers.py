"""Who comes in, how often, and what is kept from whom: asked of every endpoint of the document."""

from collections.abc import Iterator

import pytest
from starlette.testclient import TestClient
from typer.testing import CliRunner

from db.api_keys import ApiKey, revoke_key
from db.batches import list_open_batches
from db.session import session_scope
from gateway.api.app import create_app
from gateway.api.errors import TooManyRequests
from gateway.api.front_door import FrontDoor
from gateway.api.rate_limits import RateLimits
from gateway.batch_asked import Asked
from gateway.cli import app
from tests.db.building import build_job
from tests.gateway.api.given_keys import give_key
from tests.gateway.api.office import Office, batch_of

OPEN = {"/healthz", "/readyz"}  # to anybody: nothing of a tenant is in them
OF_THE_DEPLOYMENT = {"/v1/strategies/{name}/mode"}  # no tenant's own: others are told so


@pytest.fixture
def public(door: FrontDoor) -> Iterator[TestClient]:
    """A client that comes from elsewhere."""
    with TestClient(create_app(door), base_url="http://batches.example") as client:
        yield client


def test_without_keys_only_this_machine_is_answered(client: TestClient, public: TestClient) -> None:
    assert client.get("/v1/files").status_code == 200
    assert client.get("/v1/files", headers={"authorization": "Bearer whatever"}).status_code == 200
    refused = public.get("/v1/files")
    assert (refused.status_code, refused.headers["www-authenticate"]) == (401, "Bearer")
    assert "without API keys" in refused.json()["error"]["message"]


def test_with_a_key_nobody_comes_in_without_one(client: TestClient, public: TestClient, door: FrontDoor) -> None:
    given = give_key(door, tenant="default")
    for headers in ({}, {"authorization": "Bearer wrong"}, {"authorization": "Basic x"}, {"authorization": given.key}):
        refused = client.get("/v1/files", headers=headers)
        assert (refused.status_code, refused.json()["error"]["code"]) == (401, "invalid_api_key")
    assert public.get("/v1/files", headers=given.headers).status_code == 200
    with session_scope(door.database) as session:
        assert revoke_key(session, key_id=given.id)
    assert public.get("/v1/files", headers=given.headers).status_code == 401
    assert client.get("/v1/files").status_code == 401  # the last key is gone: still nobody


def test_a_key_may_upload_what_it_may_and_ask_as_often_as_it_may(client: TestClient, door: FrontDoor) -> None:
    given = give_key(door, tenant="default", requests_per_minute=2, max_file_bytes=100)
    content = {"file": ("a.jsonl", b"x" * 101)}
    refused = client.post("/v1/files", files=content, data={"purpose": "batch"}, headers=given.headers)
    assert (refused.status_code, refused.json()["error"]["param"]) == (413, "file")
    assert client.get("/v1/files", headers=given.headers).status_code == 200
    refused = client.get("/v1/files", headers=given.headers)
    assert (refused.status_code, refused.json()["error"]["code"]) == (429, "rate_limit_exceeded")
    assert 1 <= int(refused.headers["retry-after"]) <= 30


def test_a_bucket_is_refilled_evenly_and_never_beyond_a_minute() -> None:
    now = 0.0
    limits = RateLimits(clock=lambda: now)
    key = ApiKey(**dict.fromkeys(ApiKey.__dataclass_fields__) | {"id": "k", "requests_per_minute": 30})  # type: ignore[arg-type]  # the rest does not matter
    for _ in range(30):
        limits.admit(key)
    with pytest.raises(TooManyRequests) as refused:
        limits.admit(key)
    assert refused.value.retry_after_seconds == 2
    now = 2.0
    limits.admit(key)
    now = 10_000.0
    for _ in range(30):
        limits.admit(key)
    with pytest.raises(TooManyRequests):
        limits.admit(key)


def test_a_key_spends_from_its_own_budgets_alone(client: TestClient, door: FrontDoor) -> None:
    one, two = (give_key(door, tenant="default", budgets=names) for names in (["night"], ["night", "day"]))
    upload = client.post("/v1/files", files={"file": ("a", b"{}")}, data={"purpose": "batch"}, headers=one.headers)
    for given, fields, status in (
        (one, {"budget": "5%"}, 403),
        (one, {"objective": {"weight": 1}}, 403),
        (one, {"budget": {"name": "day"}}, 403),
        (two, {}, 403),  # which of the two?
        (one, {}, 400),  # it is night's, and there is no such budget yet
        (two, {"budget": {"name": "day"}}, 400),
    ):
        body = batch_of(upload.json()["id"], **fields)
        reply = client.post("/v1/batches", json=body, headers=given.headers)
        assert reply.status_code == status, reply.text


def test_a_key_with_one_budget_spends_from_that_and_each_tenant_has_its_own(
    client: TestClient, door: FrontDoor, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("APPORTION_DATABASE_URL", database_url)
    made = CliRunner().invoke(app, ["budgets", "create", "night", "5000 tokens", "--tenant", "acme"])
    assert made.exit_code == 0, made.output
    for tenant, status in (("acme", 200), ("default", 400)):
        given = give_key(door, tenant=tenant, budgets=["night"])
        file = client.post("/v1/files", files={"file": ("a", b"{}")}, data={"purpose": "batch"}, headers=given.headers)
        reply = client.post("/v1/batches", json=batch_of(file.json()["id"]), headers=given.headers)
        assert reply.status_code == status, reply.text
    with session_scope(door.database) as session:
        (batch,) = list_open_batches(session)
    assert Asked.from_json(batch.asked).shared_budget == "night"


def test_a_tenant_reaches_nothing_of_another(quiet_office: Office) -> None:
    own, other = (give_key(quiet_office.door, tenant=tenant) for tenant in ("own", "other"))
    client = quiet_office.client
    file_id = client.post(
        "/v1/files", files={"file": ("a", b"{}")}, data={"purpose": "batch"}, headers=own.headers
    ).json()["id"]
    batch_id = client.post("/v1/batches", json=batch_of(file_id), headers=own.headers).json()["id"]
    new_budget = {"name": "team", "amount": "40000 tokens"}
    assert client.post("/v1/budgets", json=new_budget, headers=own.headers).status_code == 200
    with session_scope(quiet_office.door.database) as session:
        job_id = build_job(session, tasks=1, tenant_id="own").id
    operator = give_key(quiet_office.door, tenant="default")
    predictor_id = client.get("/v1/predictors", headers=operator.headers).json()["data"][0]["id"]
    assert client.get(f"/v1/predictors/{predictor_id}", headers=operator.headers).status_code == 200
    ids = {"file_id": file_id, "batch_id": batch_id, "job_id": job_id, "name": "team", "predictor_id": predictor_id}
    tried = 0
    for path, methods in client.get("/openapi.json").json()["paths"].items():
        for method in methods:
            body = {"mode": "shadow"} if path in OF_THE_DEPLOYMENT else {"amount": "1 tokens"}
            asked = {"method": method, "url": path.format(**ids), "json": body}
            if method == "get":
                del asked["json"]
            assert path in OPEN or client.request(**asked).status_code == 401, f"{method} {path}"
            if "{" in path:
                reply = client.request(**asked, headers=other.headers)
                hidden = 403 if path in OF_THE_DEPLOYMENT else 404
                assert reply.status_code == hidden, f"{method} {path}"
                tried += 1
    assert tried >= 9
    assert client.post("/v1/batches", json=batch_of(file_id), headers=other.headers).status_code == 404
    for path, after in (("/v1/files", file_id), ("/v1/batches", batch_id)):
        assert client.get(path, headers=other.headers).json()["data"] == []
        assert client.get(path, params={"after": after}, headers=other.headers).status_code == 404
    assert client.get(f"/v1/files/{file_id}", headers=own.headers).status_code == 200
    assert client.get(f"/v1/batches/{batch_id}", headers=own.headers).status_code == 200
