"""The unmodified openai client, sync and async, against a live server: upload, create, poll, download, cancel."""

import asyncio
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import openai
import pytest
from openai.types import Batch
from typer.testing import CliRunner

from gateway.cli import app
from tests.gateway.api.live_server import serve
from tests.gateway.api.office import FINAL, make_settings
from tests.gateway.api.trained import copy_database, write_lines
from tests.waiting import wait_until
from worker.settings import Settings

pytestmark = pytest.mark.timeout(600)

LINES = 12


@dataclass(frozen=True, kw_only=True)
class Served:
    """A server, and the key of a tenant that has no strategies of its own."""

    address: str
    key: str


def make_key(settings: Settings, tenant: str) -> str:
    with pytest.MonkeyPatch.context() as patch:
        assert settings.database_url is not None
        patch.setenv("APPORTION_DATABASE_URL", settings.database_url)
        result = CliRunner().invoke(app, ["keys", "create", "client", "--tenant", tenant])
    assert result.exit_code == 0, result.output
    return result.output.splitlines()[-1]


@pytest.fixture(scope="module")
def served(server_url: str, trained_template: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("served")
    with copy_database(server_url, name="served", template=trained_template) as url:
        settings = make_settings(url, folder)
        key = make_key(settings, "acme")
        with serve(settings, "--host", "0.0.0.0") as address:
            yield Served(address=address.replace("0.0.0.0", "127.0.0.1"), key=key)


def read_answers(text: str) -> Mapping[str, str]:
    lines = [json.loads(line) for line in text.splitlines()]
    return {line["custom_id"]: line["response"]["body"]["choices"][0]["message"]["content"] for line in lines}


def expected(prefix: str) -> Mapping[str, str]:
    return {f"{prefix}-{number}": f"say {prefix} {number}" for number in range(LINES)}


def test_the_sync_client_from_upload_to_download_and_cancel(served: Served) -> None:
    with openai.OpenAI(base_url=served.address, api_key=served.key) as client:
        file = client.files.create(file=("sync.jsonl", write_lines(LINES, prefix="sync")), purpose="batch")
        batch = client.batches.create(
            input_file_id=file.id,
            endpoint="/v1/chat/completions",
            completion_window="24h",
            metadata={"from": "sync"},
            extra_body={"budget": {"percent": 50}},
        )
        wait_until(lambda: client.batches.retrieve(batch.id).status in FINAL, seconds=120)
        batch = client.batches.retrieve(batch.id)
        assert batch.status == "completed", batch
        assert batch.output_file_id is not None
        assert read_answers(client.files.content(batch.output_file_id).text) == expected("sync")
        assert batch.model_extra is not None
        assert batch.model_extra["spent"]["unit"] == "tokens"
        assert sum(batch.model_extra["routing"]["mix"].values()) == LINES
        assert batch.id in [listed.id for listed in client.batches.list(limit=1)]
        with pytest.raises(openai.BadRequestError, match="nothing left to cancel"):
            client.batches.cancel(batch.id)
        long = client.files.create(file=("long.jsonl", write_lines(2000, prefix="long")), purpose="batch")
        cut = make_long(client, long.id)
        wait_until(lambda: client.batches.retrieve(cut.id).status in FINAL, seconds=120)
        assert client.batches.retrieve(cut.id).status == "cancelled"
        assert client.files.delete(file.id).deleted
        with pytest.raises(openai.NotFoundError):
            client.files.retrieve(file.id)


def make_long(client: openai.OpenAI, file_id: str) -> Batch:
    batch = client.batches.create(
        input_file_id=file_id,
        endpoint="/v1/chat/completions",
        completion_window="4h",  # type: ignore[arg-type]  # the client's types know one window, and it sends any
        extra_body={"strategies": ["patient"], "objective": {"weight": 1.0}},
    )
    wait_until(lambda: client.batches.retrieve(batch.id).status == "in_progress", seconds=120)
    assert client.batches.cancel(batch.id).status == "cancelling"
    return batch


async def poll(client: openai.AsyncOpenAI, batch: Batch, *statuses: str) -> Batch:
    """The batch once it has one of these statuses."""
    async with asyncio.timeout(120):
        while batch.status not in statuses:
            batch = await client.batches.retrieve(batch.id)
    return batch


def test_the_async_client_from_upload_to_download_and_cancel(served: Served) -> None:
    async def drive() -> Batch:
        async with openai.AsyncOpenAI(base_url=served.address, api_key=served.key) as client:
            file = await client.files.create(file=("a.jsonl", write_lines(LINES, prefix="async")), purpose="batch")
            batch = await client.batches.create(
                input_file_id=file.id, endpoint="/v1/chat/completions", completion_window="24h"
            )
            batch = await poll(client, batch, *FINAL)
            assert batch.output_file_id is not None
            content = await client.files.content(batch.output_file_id)
            assert read_answers(content.text) == expected("async")
            first = await anext(aiter(client.files.list(purpose="batch", limit=1)))
            assert first.id == file.id
            await cancel_long(client)
            return batch

    batch = asyncio.run(drive())
    assert batch.status == "completed"
    assert batch.request_counts is not None
    assert batch.request_counts.completed == LINES


async def cancel_long(client: openai.AsyncOpenAI) -> None:
    """A batch that would take minutes, cancelled on its way: what was answered by then is kept."""
    file = await client.files.create(file=("long.jsonl", write_lines(2000, prefix="alongside")), purpose="batch")
    batch = await client.batches.create(
        input_file_id=file.id,
        endpoint="/v1/chat/completions",
        completion_window="24h",
        extra_body={"strategies": ["patient"], "objective": {"weight": 1.0}},
    )
    batch = await poll(client, batch, "in_progress")
    assert (await client.batches.cancel(batch.id)).status == "cancelling"
    batch = await poll(client, batch, *FINAL)
    assert batch.status == "cancelled"
    assert batch.error_file_id is not None
    left = (await client.files.content(batch.error_file_id)).text.splitlines()
    assert {json.loads(line)["error"]["code"] for line in left} == {"batch_cancelled"}
    assert (await client.files.delete(file.id)).deleted


def test_errors_are_the_clients_own(served: Served) -> None:
    with openai.OpenAI(base_url=served.address, api_key="wrong", max_retries=0) as client:
        with pytest.raises(openai.AuthenticationError) as refused:
            client.files.list()
        assert refused.value.code == "invalid_api_key"
        assert refused.value.request_id is not None
    with openai.OpenAI(base_url=served.address, api_key=served.key, max_retries=0) as client:
        with pytest.raises(openai.NotFoundError) as missing:
            client.batches.retrieve("batch_of_nobody")
        assert missing.value.param == "batch_id"
        with pytest.raises(openai.BadRequestError) as wrong:
            client.files.create(file=("a", b"{}"), purpose="fine-tune")
        assert wrong.value.param == "purpose"
