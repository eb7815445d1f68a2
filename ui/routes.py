"""The routes beside Streamlit's own: page images, the upload of documents, and the table of an extraction as a file.

Page images are addressed by URL so that the browser can cache them and turn pages without asking the script. Uploads
stream to the disk and are never whole in memory; a zip is unpacked into the store on the way (`docqa.archive`).
"""

from __future__ import annotations

import io
import re
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack
from dataclasses import asdict
from typing import TYPE_CHECKING, BinaryIO, cast

import anyio
import anyio.from_thread
import anyio.to_thread
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from docqa.archive import Unpacked, spooled, take_archive
from docqa.errors import ArchiveTooLarge, DiskFull, DocqaError, FileTooLarge, StoreError, UsageError
from docqa.extract.export import CsvStyle, write_into
from docqa.extract.table import RunTable, run_sheet
from docqa.mediatype import is_zip
from docqa.store import Taken, check_collection
from ui import resources

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

STALL_SECONDS = 60.0  #: an upload of which nothing came for so long is given up
_BLOCK = 1 << 20
_MAGIC = 4  #: bytes by which a zip is known
_DOC = re.compile(r"[0-9a-f]{64}")
_FOREVER = {"cache-control": "private, max-age=31536000, immutable"}
_NEVER = {"cache-control": "no-store"}
_FILES = {
    ".csv": "text/csv; charset=utf-8",
    ".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    ".json": "application/json",
}
# The byte order mark makes Excel read UTF-8; where decimals have a comma it wants semicolons between columns.
_FOR_EXCEL = {"": CsvStyle(bom=True), "semicolon": CsvStyle(bom=True, delimiter=";", decimal=",")}
_uploads = anyio.CapacityLimiter(6)  # threads that wait for slow uploads must not be those that serve pages


def page_image(request: Request) -> Response:
    """GET /page/{doc}/{number}: the stored image of a page."""
    doc, number = request.path_params["doc"], request.path_params["number"]
    store = resources.store()
    if not _DOC.fullmatch(doc) or number not in {str(record.number) for record in store.catalog.page_records(doc)}:
        return PlainTextResponse("There is no such page.", 404, _NEVER)
    try:
        return Response(store.image(doc, int(number)), media_type="image/jpeg", headers=_FOREVER)
    except StoreError as error:
        return PlainTextResponse(f"{error.message} {error.hint}", 500, _NEVER)


def run_file(request: Request) -> Response:
    """GET /runs/{run}.csv, .xlsx or .json: the table of an extraction, with what people corrected.

    With ?columns=semicolon a CSV is one for countries with a decimal comma.
    """
    store, number, suffix = resources.store(), request.path_params["run"], request.path_params["suffix"]
    runs = store.catalog.ledger.runs(number)
    style = _FOR_EXCEL.get(request.query_params.get("columns", ""))
    if not runs or suffix not in _FILES or style is None:
        return PlainTextResponse("There is no such extraction.", 404, _NEVER)
    rows, address = RunTable(store, number), str(request.base_url)
    with ExitStack() as open_files:
        file = open_files.enter_context(tempfile.TemporaryFile(dir=store.folder))
        try:
            sheet = run_sheet(runs[0], rows)
            write_into(cast(BinaryIO, file), suffix, rows.fields, rows, sheet, style, address, store.folder)
        except UsageError as error:
            return PlainTextResponse(f"{error.message} {error.hint}", 413, _NEVER)
        open_files.pop_all()  # whole: closed when it was sent
    told = {"content-length": str(file.tell())}
    named = {"content-disposition": f'attachment; filename="docqa-extraction-{number}{suffix}"'}
    return StreamingResponse(_pieces(cast(BinaryIO, file)), media_type=_FILES[suffix], headers=_NEVER | named | told)


def _pieces(file: BinaryIO) -> Iterator[bytes]:
    """A file from its beginning, closed at its end."""
    with file:
        file.seek(0)
        while block := file.read(_BLOCK):
            yield block


async def upload(request: Request) -> Response:
    """PUT /upload?collection=…&label=…: keep the body as a document to be read, or the files of an archive.

    Answers {"doc", "duplicate"}, or {"archive": {"taken", "duplicates", "passed_over", "problems"}}.
    """
    label, collection = request.query_params.get("label", ""), request.query_params.get("collection", "").strip()
    try:
        check_collection(collection)
        if not label:
            raise UsageError("The upload has no label.", "Send the name of the file as ?label=.")
        body = io.BufferedReader(_Body(request.stream()), _BLOCK)
        kept = await anyio.to_thread.run_sync(_keep, body, label, collection, limiter=_uploads)
    except DocqaError as error:
        return JSONResponse({"problem": asdict(error.problem)}, _status(error), _NEVER)
    except (TimeoutError, ClientDisconnect):
        return PlainTextResponse("The upload broke off; nothing of it was kept.", 408, _NEVER)
    return JSONResponse(kept, headers=_NEVER)


ROUTES = [
    Route("/page/{doc}/{number}", page_image),
    Route("/runs/{run:int}{suffix}", run_file),
    Route("/upload", upload, methods=["PUT"]),
]


def _keep(body: io.BufferedReader, label: str, collection: str) -> dict[str, object]:
    """Take in what was sent; a zip goes to the disk first, because its directory stands at its end."""
    store, limits = resources.store(), resources.settings().ingest
    if not is_zip(body.peek(_MAGIC)):
        return _document(store.take(body, label, collection, limits.max_file_mb << 20))
    with spooled(body, store.folder, limits.max_archive_mb << 20) as file:
        unpacked = take_archive(store, file, label, collection, limits, store.catalog.passwords(collection))
        if unpacked is None:  # an Office file or the like
            return _document(store.take(file, label, collection, limits.max_file_mb << 20))
    return {"archive": _archive(unpacked)}


def _document(taken: Taken) -> dict[str, object]:
    return {"doc": taken.document.doc, "duplicate": taken.duplicate}


def _archive(unpacked: Unpacked) -> dict[str, object]:
    taken = [entry.taken for entry in unpacked.entries if entry.taken is not None]
    refused = [(entry.label, entry.problem) for entry in unpacked.entries if entry.problem is not None]
    return {
        "taken": len(taken),
        "duplicates": sum(one.duplicate for one in taken),
        "passed_over": unpacked.passed_over,
        "problems": [{"label": label, "problem": asdict(problem)} for label, problem in refused],
    }


class _Body(io.RawIOBase):
    """The body of a request as a file that can be read in another thread, piece by piece as it comes in."""

    def __init__(self, pieces: AsyncIterator[bytes]) -> None:
        super().__init__()
        self._pieces = pieces
        self._rest = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        """Fill the buffer with what is there, waiting only if nothing is; 0 at the end."""
        view = memoryview(buffer)
        piece = self._rest or anyio.from_thread.run(self._next)
        size = min(len(piece), len(view))
        view[:size] = piece[:size]
        self._rest = piece[size:]
        return size

    async def _next(self) -> bytes:
        """What came in: enough of it to tell what it is, unless it ends before."""
        came = b""
        with anyio.fail_after(STALL_SECONDS):
            while len(came) < _MAGIC and (piece := await anext(self._pieces, b"")):
                came += piece
        return came


def _status(error: DocqaError) -> int:
    if isinstance(error, FileTooLarge | ArchiveTooLarge):
        return 413
    if isinstance(error, DiskFull):
        return 507
    return 500 if isinstance(error, StoreError) else 422
