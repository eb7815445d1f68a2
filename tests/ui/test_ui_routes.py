"""The routes and the guards before them, through the whole application."""

from __future__ import annotations

import csv
import dataclasses
import io
import re
import tomllib
import zipfile
from pathlib import Path

import anyio
import openpyxl
import pytest
import streamlit as st
from starlette.requests import Request
from starlette.responses import Response
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from docqa.errors import BadSettings
from docqa.extract.fields import field_key, fields_json
from docqa.settings import Settings
from docqa.store import MAX_COLLECTION, Store
from docqa.types import Cell, Document, FieldSpec, FieldType
from ui import resources, routes, server
from ui.guards import CLOSED, host_name

UPLOAD = "/upload?collection=inbox&label=folder%2Fletter.pdf"


class TestPageImage:
    def test_the_stored_image_is_served_for_good(self, client: TestClient, store: Store, invoice: Document) -> None:
        response = client.get(f"/page/{invoice.doc}/2?v=abc")
        assert response.content == store.image(invoice.doc, 2)
        assert response.headers["content-type"] == "image/jpeg"
        assert response.headers["cache-control"] == "private, max-age=31536000, immutable"

    @pytest.mark.parametrize(
        "place", ["{doc}/3", "{doc}/0", "{doc}/-1", "{doc}/x", "{beginning}/1", "f00/1", "{other}/1"]
    )
    def test_what_is_not_there_is_404(self, client: TestClient, invoice: Document, place: str) -> None:
        path = place.format(doc=invoice.doc, beginning=invoice.doc[:12], other="0" * 64)
        response = client.get(f"/page/{path}")
        assert response.headers["content-type"] != "image/jpeg"
        assert response.status_code == 404

    def test_an_altered_image_is_not_served(self, client: TestClient, store: Store, invoice: Document) -> None:
        records = store.catalog.page_records(invoice.doc)
        altered = [dataclasses.replace(record, image_sha256="0" * 64) for record in records]
        store.catalog.finish_document(
            invoice.doc, invoice.status, pipeline="test", pages=2, page_records=altered, seconds=0.1
        )
        response = client.get(f"/page/{invoice.doc}/1")
        assert response.status_code == 500
        assert "not what was stored" in response.text
        assert response.headers["cache-control"] == "no-store"


class TestUpload:
    def test_a_file_becomes_a_document_to_be_read(self, client: TestClient, store: Store) -> None:
        body = b"%PDF-1.7 " + bytes(3_000_000)
        response = client.put(UPLOAD, content=(body[start : start + 100_000] for start in range(0, len(body), 100_000)))
        assert response.status_code == 200
        document = store.catalog.document(response.json()["doc"])
        assert (document.label, document.collection, document.bytes) == ("folder/letter.pdf", "inbox", len(body))
        assert not response.json()["duplicate"]

    def test_the_same_bytes_again_are_a_duplicate(self, client: TestClient) -> None:
        first = client.put(UPLOAD, content=b"one").json()
        again = client.put("/upload?collection=other&label=copy.pdf", content=b"one").json()
        assert again == {"doc": first["doc"], "duplicate": True}

    def test_an_empty_file_is_a_problem_with_a_sentence(self, client: TestClient, store: Store) -> None:
        response = client.put(UPLOAD, content=b"")
        assert response.status_code == 422
        assert response.json()["problem"]["code"] == "empty_file"
        assert response.json()["problem"]["message"] and response.json()["problem"]["hint"]
        assert store.catalog.documents() == []

    def test_too_much_is_refused_and_nothing_kept(
        self, client: TestClient, settings: Settings, store: Store, tmp_path: Path
    ) -> None:
        small = settings.model_copy(update={"ingest": settings.ingest.model_copy(update={"max_file_mb": 1})})
        resources.use(small)
        response = client.put(UPLOAD, content=bytes((1 << 20) + 1))
        assert response.status_code == 413
        assert response.json()["problem"]["code"] == "file_too_large"
        assert [path for path in (tmp_path / "store" / "originals").rglob("*") if path.is_file()] == []

    @pytest.mark.parametrize(
        "query", ["", "collection=&label=a", "collection=a", f"label=a&collection={'a' * (MAX_COLLECTION + 1)}",
                  "label=a&collection=a%00b"],
    )  # fmt: skip
    def test_without_a_name_it_is_refused(self, client: TestClient, store: Store, query: str) -> None:
        response = client.put(f"/upload?{query}", content=b"one")
        assert response.status_code == 422
        assert response.json()["problem"]["hint"]
        assert store.catalog.documents() == []

    def test_a_label_is_only_a_label(self, client: TestClient, store: Store, tmp_path: Path) -> None:
        client.put("/upload?collection=a&label=..%2F..%2Fetc%2Fpasswd", content=b"one")
        assert store.catalog.documents()[0].label == "../../etc/passwd"
        assert {path.parent.name for path in (tmp_path / "store" / "originals").rglob("*") if path.is_file()} == {"76"}


class TestUploadOfAnArchive:
    @staticmethod
    def packed(**entries: bytes) -> bytes:
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as out:
            for name, content in entries.items():
                out.writestr(name.replace("_", "."), content)
        return buffer.getvalue()

    def test_its_files_become_documents(self, client: TestClient, store: Store) -> None:
        body = self.packed(a_pdf=b"%PDF-1.7 a", b_pdf=b"%PDF-1.7 b", c_pdf=b"", d_txt=b"text")
        archive = client.put(UPLOAD, content=body).json()["archive"]
        (problem,) = archive.pop("problems")
        assert archive == {"taken": 2, "duplicates": 0, "passed_over": 1}
        assert (problem["label"], problem["problem"]["code"]) == ("folder/letter.pdf/c.pdf", "empty_file")
        assert [d.label for d in store.catalog.documents("inbox")] == [f"folder/letter.pdf/{n}.pdf" for n in "ab"]
        assert client.put(UPLOAD, content=body).json()["archive"]["duplicates"] == 2

    def test_it_is_known_by_its_first_bytes_however_they_come(self, client: TestClient) -> None:
        body = self.packed(a_pdf=b"%PDF-1.7 a")
        response = client.put(UPLOAD, content=(body[at : at + 1] for at in range(len(body))))
        assert response.json()["archive"]["taken"] == 1

    def test_an_office_file_is_a_document(self, client: TestClient, store: Store) -> None:
        body = self.packed(mimetype=b"application/vnd.oasis.opendocument.text")
        document = store.catalog.document(client.put(UPLOAD, content=body).json()["doc"])
        assert store.originals.path(document.doc).read_bytes() == body

    def test_a_damaged_one_is_a_problem_with_a_sentence(self, client: TestClient, store: Store) -> None:
        response = client.put(UPLOAD, content=self.packed(a_pdf=b"x")[:-9])
        assert (response.status_code, response.json()["problem"]["code"]) == (422, "damaged_file")
        assert store.catalog.documents() == []

    def test_too_much_is_refused_and_nothing_kept(self, client: TestClient, settings: Settings, store: Store) -> None:
        small = settings.model_copy(update={"ingest": settings.ingest.model_copy(update={"max_archive_mb": 1})})
        resources.use(small)
        response = client.put(UPLOAD, content=b"PK\x03\x04" + bytes(1 << 20))
        assert (response.status_code, response.json()["problem"]["code"]) == (413, "archive_too_large")
        assert [path for path in (store.folder / "originals").rglob("*") if path.is_file()] == []

    def test_the_passwords_of_the_collection_are_tried(
        self, client: TestClient, store: Store, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        given = []
        monkeypatch.setattr(routes, "take_archive", lambda *arguments: given.append(arguments[-1]))
        store.catalog.add_password("inbox", "open sesame")
        store.catalog.add_password("elsewhere", "another")
        client.put(UPLOAD, content=self.packed(a_pdf=b"x"))
        assert given == [["open sesame"]]


class TestBrokenUpload:
    """What no well-behaved client does, so the request is played by hand."""

    @staticmethod
    def upload(*messages: dict[str, object]) -> Response:
        async def receive() -> dict[str, object]:
            if not left:
                await anyio.sleep(30)
            return left.pop(0)

        left = list(messages)
        scope = {"type": "http", "method": "PUT", "headers": [], "query_string": b"collection=a&label=b"}
        return anyio.run(lambda: routes.upload(Request(scope, receive)))

    def test_a_connection_that_breaks_off_leaves_nothing(self, store: Store) -> None:
        piece = {"type": "http.request", "body": b"begun", "more_body": True}
        assert self.upload(piece, {"type": "http.disconnect"}).status_code == 408
        self.nothing_is_left(store)

    def test_a_connection_that_stalls_is_given_up(self, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(routes, "STALL_SECONDS", 0.05)
        piece = {"type": "http.request", "body": b"begun", "more_body": True}
        assert self.upload(piece).status_code == 408
        self.nothing_is_left(store)

    @staticmethod
    def nothing_is_left(store: Store) -> None:
        assert store.catalog.documents() == []
        assert [path for path in (store.folder / "originals").rglob("*") if path.is_file()] == []


class TestCsv:
    FIELDS = (FieldSpec("total", FieldType.AMOUNT), FieldSpec("supplier", FieldType.TEXT))

    def test_a_run_can_be_downloaded(self, client: TestClient, store: Store, invoice: Document) -> None:
        run = store.catalog.ledger.start_run(fields_json(self.FIELDS), "quote", "quote-1", [invoice.doc])
        response = client.get(f"/runs/{run}.csv")
        assert response.headers["content-type"] == "text/csv; charset=utf-8"
        assert response.headers["content-disposition"] == f'attachment; filename="docqa-extraction-{run}.csv"'
        assert response.content.startswith(b"\xef\xbb\xbf")
        header, row = csv.reader(io.StringIO(response.content.decode("utf-8-sig"), newline=""))
        assert {"total", "supplier"} < set(header)
        assert row[header.index("document")] == "invoice.pdf"

    def test_so_it_can_as_a_workbook_that_leads_back_here_and_as_json(
        self, client: TestClient, store: Store, invoice: Document
    ) -> None:
        run = store.catalog.ledger.start_run(fields_json(self.FIELDS), "quote", "quote-1", [invoice.doc])
        cell = Cell(invoice.doc, "total", "5.00", "5.00", 1, "5.00")
        key = field_key(self.FIELDS[0], "quote-1")
        store.catalog.ledger.finish_run_document(run, invoice.doc, [(key, cell)])
        book = openpyxl.load_workbook(io.BytesIO(client.get(f"/runs/{run}.xlsx").content))
        link = book["Documents"]["C2"].hyperlink.target
        assert link == f"http://127.0.0.1:8501/extract?run={run}&doc={invoice.doc}&field=total"
        response = client.get(f"/runs/{run}.json")
        assert response.headers["content-type"] == "application/json"
        assert response.headers["cache-control"] == "no-store"
        assert response.json()["documents"][0]["cells"]["total"]["value"] == "5.00"

    def test_a_csv_can_have_semicolons(self, client: TestClient, store: Store, invoice: Document) -> None:
        run = store.catalog.ledger.start_run(fields_json(self.FIELDS), "quote", "quote-1", [invoice.doc])
        text = client.get(f"/runs/{run}.csv?columns=semicolon").content.decode("utf-8-sig")
        assert text.startswith("document;doc;") and "," not in text.splitlines()[0]
        assert client.get(f"/runs/{run}.csv?columns=rm").status_code == 404

    @pytest.mark.parametrize("name", ["99.csv", "99.xlsx", "1.exe", "1.CSV"])
    def test_an_unknown_run_is_404(self, client: TestClient, store: Store, name: str) -> None:
        store.catalog.ledger.start_run(fields_json(self.FIELDS), "quote", "quote-1", [])
        assert client.get(f"/runs/{name}").status_code == 404


class TestGuards:
    PLACES = ("/", "/page/x/1", "/upload", "/_stcore/health", "/static/nothing.js")

    @pytest.mark.parametrize("place", PLACES)
    def test_only_known_host_names_are_answered(self, client: TestClient, place: str) -> None:
        assert client.get(place, headers={"host": "attacker.example"}).status_code == 421
        assert client.get(place, headers={"host": "127.0.0.1.attacker.example:8501"}).status_code == 421
        assert client.get("/_stcore/health", headers={"host": "localhost:9"}).status_code == 200
        assert client.get("/_stcore/health", headers={"host": "[::1]:8501"}).status_code == 200

    @pytest.mark.parametrize("place", PLACES)
    def test_every_answer_carries_the_security_headers(self, client: TestClient, place: str) -> None:
        headers = client.get(place).headers
        policy = headers["content-security-policy"]
        assert "connect-src 'self' blob: ws://127.0.0.1:8501 wss://127.0.0.1:8501;" in policy
        assert "media-src 'self' blob:;" in policy  # a recording, before it is sent
        assert "microphone=(self)" in headers["permissions-policy"]
        assert "'unsafe-eval'" not in policy and "script-src 'self' blob: 'sha256-" in policy
        assert "default-src 'self'" in policy and "frame-ancestors 'none'" in policy
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "same-origin"

    @pytest.mark.parametrize("place", CLOSED)
    def test_what_streamlit_leaves_open_for_programs_is_closed(self, client: TestClient, place: str) -> None:
        assert client.get(place).status_code == 404
        assert client.get(f"{place}/openapi.json").status_code == 404

    def test_a_refused_host_cannot_write_itself_into_the_policy(self, client: TestClient) -> None:
        response = client.get("/", headers={"host": "x; script-src *"})
        assert response.status_code == 421
        assert "script-src *" not in response.headers["content-security-policy"]

    @pytest.mark.parametrize(
        "headers",
        [
            {"sec-fetch-site": "cross-site"},
            {"sec-fetch-site": "same-site"},
            {"sec-fetch-site": "none"},
            {"origin": "http://attacker.example"},
            {"origin": "http://127.0.0.1:9999"},
            {"origin": "null"},
        ],
    )
    def test_other_sites_cannot_upload(self, client: TestClient, store: Store, headers: dict[str, str]) -> None:
        assert client.put(UPLOAD, content=b"one", headers=headers).status_code == 403
        assert store.catalog.documents() == []

    def test_our_own_pages_can(self, client: TestClient) -> None:
        ours = {"sec-fetch-site": "same-origin", "origin": "http://127.0.0.1:8501"}
        assert client.put(UPLOAD, content=b"one", headers=ours).status_code == 200

    def test_other_sites_cannot_open_the_websocket(self, client: TestClient) -> None:
        foreign = {"origin": "http://attacker.example"}
        with pytest.raises(WebSocketDisconnect), client.websocket_connect("/_stcore/stream", headers=foreign):
            pass

    @pytest.mark.parametrize(
        ("host", "name"),
        [
            ("localhost", "localhost"),
            ("LOCALHOST:80", "localhost"),
            ("[::1]:8501", "::1"),
            ("127.0.0.1:8501", "127.0.0.1"),
            ("", ""),
            ("a@localhost", ""),
            ("localhost:port", ""),
            ("localhost/../", ""),
            ("localhost:80; x", ""),
            ("[::1", ""),
        ],
    )
    def test_a_host_is_a_name_and_a_port(self, host: str, name: str) -> None:
        assert host_name(host) == name


class TestServer:
    def test_streamlit_has_our_settings(self, client: TestClient) -> None:
        config = tomllib.loads((server.HERE / "config.toml").read_text())
        assert st.get_option("browser.gatherUsageStats") is False
        assert st.get_option("runner.postScriptGC") is False
        assert st.get_option("client.toolbarMode") == "viewer"
        assert st.get_option("client.showErrorDetails") == "none"
        assert st.get_option("server.fileWatcherType") == "none"
        assert st.get_option("theme.primaryColor") == config["theme"]["primaryColor"]
        assert st.get_option("theme.sidebar.backgroundColor") == config["theme"]["sidebar"]["backgroundColor"]

    @pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.2", "::", "office.example"])
    def test_without_a_login_only_this_machine_is_served(self, settings: Settings, host: str) -> None:
        open_to_all = settings.model_copy(update={"ui": settings.ui.model_copy(update={"host": host})})
        with pytest.raises(BadSettings) as caught:
            server.serve(open_to_all)
        assert host in caught.value.message and caught.value.hint

    def test_a_taken_port_is_a_sentence(self, settings: Settings) -> None:
        with server._listening("127.0.0.1", 0) as taken:
            port = taken.getsockname()[1]
            busy = settings.model_copy(update={"ui": settings.ui.model_copy(update={"port": port})})
            with pytest.raises(BadSettings, match=f"Port {port}"):
                server.serve(busy)

    def test_a_port_that_is_none_is_a_sentence(self, settings: Settings) -> None:
        with pytest.raises(BadSettings, match="Port 99999"):
            server.serve(settings.model_copy(update={"ui": settings.ui.model_copy(update={"port": 99999})}))

    def test_nothing_of_another_host_is_in_the_page(self, client: TestClient) -> None:
        assert re.findall(r"""(?:src|href)=["'](?:https?:)?//""", client.get("/").text) == []
