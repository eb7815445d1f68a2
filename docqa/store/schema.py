"""The tables of the catalog, as numbered migrations. A migration that was released is never edited."""

from __future__ import annotations

MIGRATIONS: tuple[str, ...] = (
    """
    CREATE TABLE documents (
        doc TEXT PRIMARY KEY, bytes INTEGER NOT NULL, media_type TEXT, status TEXT NOT NULL,
        pages INTEGER, pages_done INTEGER NOT NULL DEFAULT 0, attempts INTEGER NOT NULL DEFAULT 0,
        problem_code TEXT, problem_message TEXT, problem_hint TEXT, transient INTEGER NOT NULL DEFAULT 0,
        title TEXT, pipeline TEXT, added_at TEXT NOT NULL, seconds REAL
    ) STRICT;
    CREATE INDEX documents_by_status ON documents (status);

    -- what people call a document, and where they put it
    CREATE TABLE labels (
        doc TEXT NOT NULL REFERENCES documents (doc), collection TEXT NOT NULL, label TEXT NOT NULL,
        added_at TEXT NOT NULL, PRIMARY KEY (collection, label, doc)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX labels_by_doc ON labels (doc);

    -- what LanceDB must hold, so that it can be checked and rebuilt
    CREATE TABLE pages (
        doc TEXT NOT NULL REFERENCES documents (doc), number INTEGER NOT NULL,
        text_source TEXT NOT NULL, quality REAL NOT NULL, image_sha256 TEXT NOT NULL,
        PRIMARY KEY (doc, number)
    ) STRICT, WITHOUT ROWID;

    -- one extraction: which fields, by which reader, over which documents
    CREATE TABLE runs (
        run INTEGER PRIMARY KEY, fields TEXT NOT NULL, reader TEXT NOT NULL, version TEXT NOT NULL,
        started_at TEXT NOT NULL, cancelled INTEGER NOT NULL DEFAULT 0
    ) STRICT;
    CREATE TABLE run_documents (
        run INTEGER NOT NULL REFERENCES runs (run), doc TEXT NOT NULL REFERENCES documents (doc),
        attempts INTEGER NOT NULL DEFAULT 0, done INTEGER NOT NULL DEFAULT 0,
        problem_code TEXT, problem_message TEXT, problem_hint TEXT,
        PRIMARY KEY (run, doc)
    ) STRICT, WITHOUT ROWID;

    -- the ledger: a cell belongs to a document and a field as one reader reads it, whichever run asked for it
    CREATE TABLE cells (
        doc TEXT NOT NULL REFERENCES documents (doc), field_key TEXT NOT NULL, field TEXT NOT NULL,
        value TEXT, text TEXT, page INTEGER, quote TEXT, boxes TEXT NOT NULL, score REAL NOT NULL, reader TEXT NOT NULL,
        problem_code TEXT, problem_message TEXT, problem_hint TEXT, filled_at TEXT NOT NULL,
        PRIMARY KEY (doc, field_key)
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE chats (chat INTEGER PRIMARY KEY, title TEXT NOT NULL, started_at TEXT NOT NULL) STRICT;
    CREATE TABLE turns (
        chat INTEGER NOT NULL REFERENCES chats (chat), number INTEGER NOT NULL,
        question TEXT NOT NULL, answer TEXT NOT NULL, asked_at TEXT NOT NULL, PRIMARY KEY (chat, number)
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE facts (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
    """,
    """
    -- the embedding model whose vectors the library holds for a document; until then it is found by its words
    ALTER TABLE documents ADD COLUMN embedder TEXT;
    -- how many chunks the library must hold for a document
    ALTER TABLE documents ADD COLUMN chunks INTEGER;
    CREATE INDEX documents_without_vectors ON documents (doc) WHERE embedder IS NULL;

    -- of the words of a page with their places, as image_sha256 is of its image
    ALTER TABLE pages ADD COLUMN words_sha256 TEXT NOT NULL DEFAULT '';

    -- what people should know about single pages
    CREATE TABLE notices (
        doc TEXT NOT NULL REFERENCES documents (doc), page INTEGER NOT NULL, code TEXT NOT NULL, detail TEXT NOT NULL,
        PRIMARY KEY (doc, page, code)
    ) STRICT, WITHOUT ROWID;

    -- what opens the encrypted documents of a collection
    CREATE TABLE passwords (
        collection TEXT NOT NULL, password TEXT NOT NULL, added_at TEXT NOT NULL, PRIMARY KEY (collection, password)
    ) STRICT, WITHOUT ROWID;

    -- folders that are looked through again and again, and what was in them the last time: a file's name as the
    -- file system has it, its modification time in ns, and since when, by our clock, it looks as it does
    CREATE TABLE watched (
        folder TEXT PRIMARY KEY, collection TEXT NOT NULL, added_at TEXT NOT NULL, scanned_at TEXT,
        files INTEGER NOT NULL DEFAULT 0, waiting INTEGER NOT NULL DEFAULT 0, problem TEXT,
        confirmed INTEGER NOT NULL DEFAULT 0
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE watched_files (
        folder TEXT NOT NULL REFERENCES watched (folder), path BLOB NOT NULL, label TEXT NOT NULL,
        size INTEGER NOT NULL, modified INTEGER NOT NULL, seen_at REAL NOT NULL, settled INTEGER NOT NULL DEFAULT 0,
        missing_at REAL, doc TEXT REFERENCES documents (doc), problem TEXT, PRIMARY KEY (folder, path)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX watched_files_by_doc ON watched_files (doc);

    -- documents that lost their last label and whose pages are to leave the library
    CREATE TABLE withdrawn (doc TEXT PRIMARY KEY REFERENCES documents (doc)) STRICT, WITHOUT ROWID;
    """,
    """
    -- what is known of a cell beyond its value, as JSON: currency, confidence, failed checks, the rows of a table
    ALTER TABLE cells ADD COLUMN details TEXT NOT NULL DEFAULT '{}';
    """,
    """
    -- what people said of cells: only ever added to, and kept by the field's name, so that no reading takes it away
    CREATE TABLE corrections (
        number INTEGER PRIMARY KEY AUTOINCREMENT, doc TEXT NOT NULL REFERENCES documents (doc), field TEXT NOT NULL,
        in_row INTEGER NOT NULL, in_column TEXT NOT NULL, value TEXT, read TEXT,
        who TEXT NOT NULL, at TEXT NOT NULL, note TEXT NOT NULL, withdrawn INTEGER NOT NULL
    ) STRICT;
    CREATE INDEX corrections_by_doc ON corrections (doc);
    CREATE TRIGGER corrections_stay BEFORE DELETE ON corrections
    BEGIN SELECT RAISE(ABORT, 'a correction is never removed'); END;
    CREATE TRIGGER corrections_stand BEFORE UPDATE ON corrections
    BEGIN SELECT RAISE(ABORT, 'a correction is never changed'); END;
    """,
    """
    -- when the last document of an extraction was done or set aside
    ALTER TABLE runs ADD COLUMN finished_at TEXT;
    """,
    """
    -- of the rows that the library holds for a document (`docqa.store.rowsums`); none where an earlier docqa wrote them
    ALTER TABLE documents ADD COLUMN chunks_digest TEXT;
    ALTER TABLE documents ADD COLUMN vectors_digest TEXT;
    ALTER TABLE documents ADD COLUMN pictures_digest TEXT;
    """,
    """
    -- the currency that a person named with an amount
    ALTER TABLE corrections ADD COLUMN currency TEXT;
    """,
    """
    -- what is left of extractions, which is asked for again and again: few, and in between all that were ever done
    CREATE INDEX run_documents_left ON run_documents (run) WHERE NOT done;
    """,
)
