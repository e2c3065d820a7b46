"""Files over HTTP: what was uploaded comes back, and whatever is wrong leaves nothing behind."""

from collections.abc import Iterator, Mapping
from dataclasses import replace

import pytest
from sqlalchemy import update
from starlette.testclient import TestClient

from db.session import session_scope
from db.tables import FileRow
from gateway.api.app import create_app
from gateway.api.front_door import FrontDoor

CONTENT = b'{"custom_id": "a"}\n' * 1000
BOUNDARY = "edge"


def upload(
    client: TestClient,
    *,
    filename: str = "tasks.jsonl",
    content: bytes = CONTENT,
    fields: Mapping[str, str] | None = None,
) -> str:
    reply = client.post("/v1/files", files={"file": (filename, content)}, data={"purpose": "batch", **(fields or {})})
    assert reply.status_code == 200, reply.text
    file_id: str = reply.json()["id"]
    return file_id


def stored_names(door: FrontDoor) -> list[str]:
    folder = door.settings.data_directory / "files"
    return sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []


def test_a_file_comes_back_as_it_went_in_until_it_is_deleted(client: TestClient, door: FrontDoor) -> None:
    file_id = upload(client)
    known = client.get(f"/v1/files/{file_id}").json()
    assert (
        known.items()
        >= {
            "id": file_id,
            "object": "file",
            "bytes": len(CONTENT),
            "filename": "tasks.jsonl",
            "purpose": "batch",
            "status": "processed",
            "expires_at": None,
        }.items()
    )
    content = client.get(f"/v1/files/{file_id}/content")
    assert content.content == CONTENT
    assert content.headers["content-disposition"] == 'attachment; filename="tasks.jsonl"'
    assert stored_names(door) == [file_id]
    assert client.delete(f"/v1/files/{file_id}").json() == {"id": file_id, "object": "file", "deleted": True}
    assert stored_names(door) == []
    for path in (f"/v1/files/{file_id}", f"/v1/files/{file_id}/content"):
        assert client.get(path).json()["error"]["code"] == "not_found"


def test_pages_go_from_the_latest_to_the_first_and_back(client: TestClient) -> None:
    ids = [upload(client, filename=f"{number}.jsonl") for number in range(5)]
    page = client.get("/v1/files", params={"limit": 2}).json()
    assert ([item["id"] for item in page["data"]], page["has_more"]) == ([ids[4], ids[3]], True)
    assert (page["object"], page["first_id"], page["last_id"]) == ("list", ids[4], ids[3])
    page = client.get("/v1/files", params={"limit": 2, "after": page["last_id"]}).json()
    assert [item["id"] for item in page["data"]] == [ids[2], ids[1]]
    page = client.get("/v1/files", params={"limit": 2, "after": ids[3], "order": "asc"}).json()
    assert ([item["id"] for item in page["data"]], page["has_more"]) == ([ids[4]], False)
    empty = client.get("/v1/files", params={"purpose": "batch_output"}).json()
    assert empty == {"object": "list", "data": [], "first_id": None, "last_id": None, "has_more": False}
    refused = client.get("/v1/files", params={"after": "file-of-nobody"})
    assert (refused.status_code, refused.json()["error"]["param"]) == (404, "after")


@pytest.mark.parametrize(
    "filename",
    ["../../etc/passwd", "/etc/shadow", "..\\..\\x", "a\x00b", "CON", "ü\N{GRINNING FACE}.jsonl", "x" * 1000, ""],
)
def test_a_name_is_only_a_name(client: TestClient, door: FrontDoor, filename: str) -> None:
    body = b'--edge\r\nContent-Disposition: form-data; name="purpose"\r\n\r\nbatch\r\n'
    body += f'--edge\r\nContent-Disposition: form-data; name="file"; filename="{filename}"\r\n\r\n'.encode()
    reply = client.post("/v1/files", content=body + b"x\r\n--edge--\r\n", headers=form_headers())
    assert reply.status_code == 200
    file_id = reply.json()["id"]
    assert stored_names(door) == [file_id]
    assert len(reply.json()["filename"]) <= 255
    assert client.get(f"/v1/files/{file_id}/content").content == b"x"


def form_headers() -> Mapping[str, str]:
    return {"content-type": f"multipart/form-data; boundary={BOUNDARY}"}


def part(name: str, content: bytes, *, filename: str | None = None) -> bytes:
    named = "" if filename is None else f'; filename="{filename}"'
    head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"{named}\r\n\r\n'
    return head.encode() + content + b"\r\n"


END = f"--{BOUNDARY}--\r\n".encode()
PURPOSE = part("purpose", b"batch")
FILE = part("file", b"{}", filename="a")


@pytest.mark.parametrize(
    ("body", "param", "message"),
    [
        (PURPOSE + FILE, None, "its last boundary is missing"),
        (b"nothing like a form", None, "the body is not multipart/form-data"),
        (b"", None, "its last boundary is missing"),
        (PURPOSE + END, "file", "there is no file"),
        (PURPOSE + part("file", b"{}") + END, "file", "send it with a file name"),
        (PURPOSE + FILE + FILE + END, "file", "two files"),
        (FILE + END, "purpose", "purpose is missing"),
        (part("purpose", b"fine-tune") + FILE + END, "purpose", 'purpose is "fine-tune"'),
        (part("purpose", b"x" * 5000) + FILE + END, "purpose", "longer than 4096 bytes"),
        (part("more", b"x") * 20 + FILE + END, None, "more than 16 parts"),
        (PURPOSE + part("expires_after[seconds]", b"3600") + FILE + END, "expires_after[anchor]", "created_at"),
        (
            PURPOSE + part("expires_after[anchor]", b"created_at") + part("expires_after[seconds]", b"-1") + FILE + END,
            "expires_after[seconds]",
            "3600 to 2592000",
        ),
    ],
)
def test_a_bad_form_is_refused_and_leaves_nothing(
    client: TestClient, door: FrontDoor, *, body: bytes, param: str | None, message: str
) -> None:
    reply = client.post("/v1/files", content=body, headers=form_headers())
    assert reply.status_code == 400, reply.text
    assert reply.json()["error"]["param"] == param
    assert message in reply.json()["error"]["message"]
    assert stored_names(door) == []
    assert client.get("/v1/files").json()["data"] == []


@pytest.mark.parametrize(
    ("headers", "message"),
    [
        ({"content-type": "application/json"}, "multipart/form-data"),
        ({}, "multipart/form-data"),
        ({"content-type": "multipart/form-data"}, "multipart/form-data"),
        ({"content-type": f"multipart/form-data; boundary={'x' * 300}"}, "Boundary length 300"),
        (dict(form_headers()) | {"content-encoding": "gzip"}, "Content-Encoding gzip"),
    ],
)
def test_a_body_of_another_kind_is_refused(client: TestClient, headers: dict[str, str], message: str) -> None:
    reply = client.post("/v1/files", content=PURPOSE + FILE + END, headers=headers)
    assert reply.status_code == 400
    assert message in reply.json()["error"]["message"]


def test_an_upload_without_an_end_is_given_up_at_the_limit(door: FrontDoor) -> None:
    sent = 0

    def never_ending() -> Iterator[bytes]:
        nonlocal sent
        yield PURPOSE + FILE.removesuffix(b"{}\r\n")
        while sent < 2**30:
            sent += 2**16
            yield b"x" * 2**16

    narrow = replace(door, settings=replace(door.settings, max_file_bytes=2**20))
    client = TestClient(create_app(narrow), base_url="http://localhost")
    reply = client.post("/v1/files", content=never_ending(), headers=form_headers())
    assert reply.status_code == 413
    assert reply.json()["error"]["param"] == "file"
    assert stored_names(door) == []


def test_a_file_is_gone_when_its_time_is_over(client: TestClient, door: FrontDoor) -> None:
    expiry = {"expires_after[anchor]": "created_at", "expires_after[seconds]": "3600"}
    file_id = upload(client, fields=expiry)
    known = client.get(f"/v1/files/{file_id}").json()
    assert known["expires_at"] - known["created_at"] == 3600
    with session_scope(door.database) as session:
        session.execute(update(FileRow).values(expires_at=FileRow.created_at))
    assert client.get(f"/v1/files/{file_id}").status_code == 404
    assert client.get("/v1/files").json()["data"] == []


def test_a_file_of_many_pieces_comes_back_whole(client: TestClient) -> None:
    content = (bytes(range(256)) + b"\r\n--edg\r\n--") * 2**14  # much in it looks like a boundary
    assert client.get(f"/v1/files/{upload(client, content=content)}/content").content == content
