"""Everything that can go wrong, in one tree.

DocqaError
├── UsageError                the caller can mend it                                exit 2
│   ├── PathMissing           a file or folder that is not there
│   ├── BadSettings           the settings file or a DOCQA_ variable
│   ├── BadFieldsFile         the fields file
│   ├── BadQuestionsFile      a question or field-record file for `docqa eval`
│   ├── SandboxMissing        nothing here confines the child that reads files
│   ├── CannotServe           the GPU, vLLM or the model's folder is not fit for `docqa model serve`
│   ├── BadAudio              a recording that cannot be understood as one question
│   ├── UnknownDocument       no such document in the store
│   └── UnknownCollection     no such collection in the store
├── DocumentError             one file; becomes its problem, the run goes on        exit 3
│   ├── EmptyFile · FileTooLarge · UnsupportedType · DamagedFile · NoPages · TooManyPages
│   ├── ArchiveTooLarge       a zip that holds, or claims to hold, too much
│   ├── NeedsPassword
│   ├── PagesMissing          some pages could not be read
│   ├── CutOff                the end of the file is missing
│   ├── RendererDied          the child that reads the file crashed or ran out of memory
│   ├── RendererTimeout       … or did not end in time
│   ├── RendererLied          … or said what cannot be
│   └── FillerDied            the process that reads its fields crashed, ran out of memory, or did not end
├── ModelError                the model server                                      exit 4
│   ├── ModelUnreachable · ModelRefused · ModelBusy · ModelTimeout
│   └── ModelBadAnswer        an answer that is not what the protocol promises
└── StoreError                the store on this disk                                exit 5
    ├── StoreBusy             another process is writing
    ├── StoreTooNew           made by a newer docqa
    ├── StoreDamaged          content that is not what was written
    ├── DiskFull
    └── EmbedderUnusable      the embedding model is absent, altered or does not fit the store

Each class carries a stable `code`, each instance a sentence and a hint that says what to do. They are turned into
exit codes once, in `docqa.cli`, and into a document's problem once, in `ingest.worker`. Foreign exceptions (lancedb,
sqlite3, httpx2, pymupdf) are converted in the one module that imports the foreign package.
"""

from __future__ import annotations

from docqa.types import Problem


class DocqaError(Exception):
    """The root. `code` names the kind for programs, `message` and `hint` are for people."""

    code = "error"
    exit_code = 1
    default_hint = ""

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = self.default_hint if hint is None else hint

    @property
    def problem(self) -> Problem:
        """The same as a value that can be stored and shown."""
        return Problem(self.code, self.message, self.hint)


class UsageError(DocqaError):
    """Something the caller asked for cannot be."""

    code = "usage"
    exit_code = 2


class PathMissing(UsageError):
    """A file or folder that is not there."""

    code = "path_missing"
    default_hint = "Check the spelling; a relative path starts in the folder the command was started in."


class BadSettings(UsageError):
    """The settings file or an environment variable holds something that cannot be used."""

    code = "bad_settings"
    default_hint = "The README lists every setting with its default."


class BadFieldsFile(UsageError):
    """The fields file cannot be read or contradicts itself."""

    code = "bad_fields_file"
    default_hint = "See sample_docs/invoice.toml for a working fields file."


class BadQuestionsFile(UsageError):
    """A file given to `docqa eval` is not in the documented form."""

    code = "bad_questions_file"
    default_hint = "One JSON object a line; see sample_docs/questions.jsonl and sample_docs/fields.jsonl."


class SandboxMissing(UsageError):
    """Nothing on this machine confines the child that reads files."""

    code = "sandbox_missing"
    default_hint = (
        "Install bubblewrap (`apt install bubblewrap`), or a Linux kernel from 5.13 with Landlock; "
        "set ingest.unsafe_parser = true only where every file is trusted."
    )


class CannotServe(UsageError):
    """The GPU, vLLM or the folder of the model does not allow a server to be started."""

    code = "cannot_serve"
    default_hint = "`docqa model serve --print` shows the command without running it."


class BadAudio(UsageError):
    """A recording that is no WAV file, too long, or silent."""

    code = "bad_audio"
    default_hint = "Record one question of at most 30 seconds as a WAV file."


class UnknownDocument(UsageError):
    """No such document in the store."""

    code = "unknown_document"
    default_hint = "`docqa search` and `docqa ingest --json` print document ids; a unique beginning of one is enough."


class UnknownCollection(UsageError):
    """No such collection in the store."""

    code = "unknown_collection"
    default_hint = "A collection exists once a document was ingested into it with --collection."


class DocumentError(DocqaError):
    """One file could not be read, or not whole."""

    code = "document"
    exit_code = 3
    #: A transient error may end differently at another attempt; a final one is a fact about the bytes.
    transient = False


class EmptyFile(DocumentError):
    """A file without content."""

    code = "empty_file"
    default_hint = "The file has 0 bytes: copy it again from where it came from."


class FileTooLarge(DocumentError):
    """More bytes than the settings allow."""

    code = "file_too_large"
    default_hint = "Raise ingest.max_file_mb in the settings if the file is meant to be that large."


class ArchiveTooLarge(DocumentError):
    """A zip with more in it than the settings allow, or one that is made to fill the disk."""

    code = "archive_too_large"
    default_hint = (
        "If it is meant to be that large: raise ingest.max_archive_files or ingest.max_archive_mb in the settings, "
        "or unpack it and ingest the folder."
    )


class UnsupportedType(DocumentError):
    """Content that is none of PDF, PNG, JPEG, TIFF, WebP."""

    code = "unsupported_type"
    default_hint = "docqa reads PDF, PNG, JPEG, TIFF and WebP; print or export other files to PDF first."


class DamagedFile(DocumentError):
    """Content that starts like a known type but cannot be opened."""

    code = "damaged_file"
    default_hint = "The file is cut off or broken: copy it again, or open it elsewhere and save it anew."


class NoPages(DocumentError):
    """A document that opens and has no page."""

    code = "no_pages"
    default_hint = "The file holds no page that could be shown: open it elsewhere and save it anew."


class TooManyPages(DocumentError):
    """More pages than the settings allow."""

    code = "too_many_pages"
    default_hint = "Raise ingest.max_pages in the settings, or split the file."


class NeedsPassword(DocumentError):
    """An encrypted document."""

    code = "needs_password"
    default_hint = (
        "Run `docqa ingest` on it again with --password (it asks) or --password-file, or type the password under "
        "Documents in the browser interface."
    )


class PagesMissing(DocumentError):
    """Some pages could not be read; the others are stored."""

    code = "pages_missing"
    default_hint = "The other pages can be found and cited; look at the missing ones in the original."


class CutOff(DocumentError):
    """A file whose end is missing; what was left of it is stored."""

    code = "cut_off"
    default_hint = "Pages may be missing: copy the file again from where it came from."


class RendererDied(DocumentError):
    """The child process that reads the file ended without finishing."""

    code = "renderer_died"
    transient = True
    default_hint = "Run the ingest again; after three attempts the file is set aside."


class RendererTimeout(DocumentError):
    """The child process that reads the file did not end in time."""

    code = "renderer_timeout"
    transient = True
    default_hint = "Raise ingest.page_deadline in the settings if this file is worth waiting for, then run again."


class RendererLied(DocumentError):
    """The child process sent something that cannot be true; nothing of it was kept."""

    code = "renderer_lied"
    default_hint = "The file may be malicious: keep it away from other programs, too."


class FillerDied(DocumentError):
    """The process that reads a document's fields ended without finishing, or had to be ended."""

    code = "filler_died"
    transient = True
    default_hint = "Run again with --retry; if it stays, leave this document out and report it."


class ModelError(DocqaError):
    """The model server did not do its part."""

    code = "model"
    exit_code = 4


class ModelUnreachable(ModelError):
    """No connection to the server."""

    code = "model_unreachable"
    default_hint = "Start the server, or check model.base_url; `--reader quote` works without one."


class ModelRefused(ModelError):
    """The server answered, and said no: wrong key, unknown model, a request it does not take."""

    code = "model_refused"
    default_hint = "Check model.name and model.api_key against what the server was started with."


class ModelBusy(ModelError):
    """The server is overloaded."""

    code = "model_busy"
    default_hint = "Try again in a moment."

    #: seconds the server asks to be left alone; None where it was not asked, and 0 where it did not say
    asked: float | None = None


class ModelTimeout(ModelError):
    """The server did not answer in time."""

    code = "model_timeout"
    default_hint = "Try again; if it stays slow, raise model.read_timeout or ask about fewer pages."


class ModelBadAnswer(ModelError):
    """The server's answer is not what the protocol promises; nothing of it was used."""

    code = "model_bad_answer"
    default_hint = "Try again; if it stays, check that the server runs a vision model with its chat template."


class StoreError(DocqaError):
    """The store on this disk."""

    code = "store"
    exit_code = 5


class StoreBusy(StoreError):
    """Another process holds the writer's lock."""

    code = "store_busy"
    default_hint = "Only one process ingests into a store at a time: wait for it, or stop it."


class StoreTooNew(StoreError):
    """The store was written by a newer docqa."""

    code = "store_too_new"
    default_hint = "Upgrade docqa; an older program does not touch a newer store."


class StoreDamaged(StoreError):
    """Bytes that are not what was written."""

    code = "store_damaged"
    default_hint = "Run `docqa check` to see what is affected."


class DiskFull(StoreError):
    """No space left; everything acknowledged before is intact."""

    code = "disk_full"
    default_hint = "Free some space and run the same command again: it goes on where it stopped."


class EmbedderUnusable(StoreError):
    """The embedding model is absent, altered, or not the one the store was made with."""

    code = "embedder_unusable"
    default_hint = "Check embedder.model in the settings; a store keeps the embedder it was made with."
