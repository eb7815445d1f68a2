"""From a question to ranked pages: two searches made one, filters, and what a hit says about itself."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence

import numpy as np
import pytest

from docqa.embed import Embedder
from docqa.errors import UnknownCollection, UnknownDocument
from docqa.find import Finder, Scope
from docqa.settings import FindSettings
from docqa.store import Store
from docqa.store.library import Vectors
from docqa.types import Chunk, Document, Hit

AddDocument = Callable[..., Document]


class Along:
    """An embedder whose questions all point along one axis."""

    identity = "test:axis"

    def embed_documents(self, texts: Sequence[str]) -> Vectors:
        return np.stack([self.embed_question(text) for text in texts])

    def embed_question(self, question: str) -> Vectors:
        return np.eye(8, dtype=np.float32)[0]


def near(closeness: float) -> Vectors:
    """A unit vector of that cosine to the questions of `Along`."""
    vector = np.zeros(8, dtype=np.float32)
    vector[:2] = closeness, (1 - closeness**2) ** 0.5
    return vector


@pytest.fixture
def finder(small_store: Store, fake_embedder: Embedder) -> Finder:
    return Finder(small_store, fake_embedder, FindSettings())


def pages(hits: Sequence[Hit]) -> list[tuple[str, int]]:
    return [(hit.label, hit.page) for hit in hits]


def test_the_page_that_is_asked_about_comes_first(finder: Finder) -> None:
    assert pages(finder.find("What is the monthly rent?", 1, Scope())) == [("lease.pdf", 1)]
    assert pages(finder.find("notice period to terminate", 1, Scope())) == [("lease.pdf", 2)]
    assert pages(finder.find("When does the rowing club meet next?", 1, Scope())) == [("minutes.pdf", 1)]


def test_a_hit_says_where_it_is_and_why(small_store: Store, finder: Finder) -> None:
    best, *others = finder.find("boathouse roof", 10, Scope())
    assert best.doc == small_store.catalog.documents("club")[0].doc
    assert "The treasurer reported that the boathouse roof was repaired" in best.snippet
    assert best.why == "words and meaning"
    assert {hit.why for hit in others} <= {"words and meaning", "meaning"}
    assert [hit.score for hit in others] == sorted((hit.score for hit in others), reverse=True)


def test_no_more_than_k_pages_come_and_each_once(finder: Finder) -> None:
    everything = finder.find("rent notice invoice minutes", 10, Scope())
    assert len({(hit.doc, hit.page) for hit in everything}) == len(everything) == 4
    for k in (1, 2, 3):
        assert finder.find("rent notice invoice minutes", k, Scope()) == everything[:k]
    assert finder.find("rent", 0, Scope()) == []


def test_a_collection_is_all_that_is_searched(finder: Finder) -> None:
    assert {label for label, _ in pages(finder.find("the monthly rent", 10, Scope("club")))} == {"minutes.pdf"}
    found = pages(finder.find("the next meeting of the club", 10, Scope("office")))
    assert {label for label, _ in found} == {"lease.pdf", "invoice.pdf"}


def test_a_document_is_all_that_is_searched(small_store: Store, finder: Finder) -> None:
    doc = next(d.doc for d in small_store.catalog.documents() if d.label == "lease.pdf")
    assert sorted(pages(finder.find("boathouse", 10, Scope(doc=doc)))) == [("lease.pdf", 1), ("lease.pdf", 2)]
    assert sorted(pages(finder.find("boathouse", 10, Scope("office", doc)))) == [("lease.pdf", 1), ("lease.pdf", 2)]
    assert finder.find("boathouse", 10, Scope("club", doc)) == []


def test_filters_are_not_applied_to_what_was_cut_off(
    empty_store: Store, add_document: AddDocument, fake_embedder: Embedder
) -> None:
    add_document(empty_store, "crowd.pdf", "crowd", *[f"the rent of flat {number}" for number in range(30)])
    add_document(empty_store, "one.pdf", "one", "a few words about the rent and much else, too")
    finder = Finder(empty_store, fake_embedder, FindSettings(candidates=10))
    assert pages(finder.find("the rent of flat 7", 5, Scope("one"))) == [("one.pdf", 1)]


def test_a_hit_carries_the_label_of_the_collection_asked_for(small_store: Store, finder: Finder) -> None:
    document = small_store.catalog.documents("club")[0]
    content = small_store.originals.path(document.doc).read_bytes()
    small_store.take(io.BytesIO(content), "a copy.pdf", "office", 1 << 20)
    assert pages(finder.find("boathouse roof", 1, Scope("office"))) == [("a copy.pdf", 1)]
    assert pages(finder.find("boathouse roof", 1, Scope("club"))) == [("minutes.pdf", 1)]
    assert pages(finder.find("boathouse roof", 1, Scope())) == [("minutes.pdf", 1)]


def test_what_is_not_there_is_an_error(finder: Finder) -> None:
    with pytest.raises(UnknownCollection, match="'cellar'"):
        finder.find("rent", 5, Scope("cellar"))
    with pytest.raises(UnknownDocument):
        finder.find("rent", 5, Scope(doc="f" * 64))


def test_an_empty_store_has_no_hits(empty_store: Store, fake_embedder: Embedder) -> None:
    finder = Finder(empty_store, fake_embedder, FindSettings())
    assert finder.find("anything", 5, Scope()) == []


def test_a_search_is_the_hits_with_their_question(finder: Finder) -> None:
    result = finder.search("monthly rent", 2, Scope("office"))
    assert result.question == "monthly rent"
    assert list(result.hits) == finder.find("monthly rent", 2, Scope("office"))
    assert result.seconds >= 0


# ── fusion, with scores known beforehand ─────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def mixed(empty_store: Store) -> Store:
    """Three documents: one that matches in words only, one in meaning only, one half in meaning."""
    places = {}
    for name in ("worded", "meant", "half"):
        places[name] = empty_store.take(io.BytesIO(name.encode()), name, "c", 100).document.doc
    chunks = [
        Chunk(places["worded"], 1, 1, "deposit", "", ""),
        Chunk(places["meant"], 1, 1, "security money", "", ""),
        Chunk(places["half"], 1, 1, "other matters", "", ""),
        Chunk(places["half"], 1, 2, "security", "", ""),
    ]
    vectors = np.stack([near(0.2), near(0.8), near(0.1), near(0.5)])
    empty_store.library.add([], chunks)
    empty_store.library.add_vectors([(chunk.doc, chunk.page, chunk.number) for chunk in chunks], vectors)
    empty_store.catalog.set_vectors({chunk.doc for chunk in chunks}, Along.identity)
    return empty_store


@pytest.mark.parametrize(("weight", "first"), [(0.9, "meant"), (0.1, "worded")])
def test_both_searches_count_by_their_weight(mixed: Store, weight: float, first: str) -> None:
    finder = Finder(mixed, Along(), FindSettings(dense_weight=weight))  # type: ignore[arg-type]
    hits = finder.find("deposit", 10, Scope())
    assert hits[0].label == first
    assert {hit.label: hit.why for hit in hits} == {
        "worded": "words and meaning",
        "meant": "meaning",
        "half": "meaning",
    }


def test_a_page_counts_as_much_as_its_best_passage(mixed: Store) -> None:
    finder = Finder(mixed, Along(), FindSettings())  # type: ignore[arg-type]
    [half] = [hit for hit in finder.find("deposit", 10, Scope()) if hit.label == "half"]
    assert half.snippet == "security"


# ── documents that the question names ────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def reports(empty_store: Store, add_document: AddDocument) -> Store:
    """The same report of three companies and two years, and a note that only says what nobody named."""
    for number, name in enumerate(("ACME_2021_10K", "ACME_2022_10K", "BESTBUY_2022_10K", "JOHNSON_JOHNSON_2022_10K")):
        pages = [f"Annual report {number}", "Revenue rose and the margin fell", "Legal proceedings against the company"]
        add_document(empty_store, f"{name}.pdf", "reports", *pages)
    add_document(empty_store, "note.pdf", "notes", "The hamster wheel squeaks on Thursdays")
    return empty_store


@pytest.mark.parametrize(
    ("question", "label"),
    [
        ("What was the revenue of Acme in FY2021?", "ACME_2021_10K.pdf"),
        ("What was Acme's revenue in FY22?", "ACME_2022_10K.pdf"),
        ("Did the margin of Best Buy fall?", "BESTBUY_2022_10K.pdf"),
        ("How did the revenue of JnJ change?", "JOHNSON_JOHNSON_2022_10K.pdf"),
    ],
)
def test_the_document_that_is_named_comes_first(
    reports: Store, fake_embedder: Embedder, question: str, label: str
) -> None:
    best = Finder(reports, fake_embedder, FindSettings()).find(question, 1, Scope())[0]
    assert (best.label, best.page) == (label, 2)
    assert best.why.startswith("document named, ")


def test_a_wrong_name_does_not_lose_the_page(reports: Store, fake_embedder: Embedder) -> None:
    finder = Finder(reports, fake_embedder, FindSettings(named_weight=100))
    hits = finder.find("Acme 2022: when does the hamster wheel squeak?", 6, Scope())
    assert hits[0].label == "ACME_2022_10K.pdf"
    assert "note.pdf" in {hit.label for hit in hits}


def test_a_document_taken_in_later_can_be_named_at_once(
    reports: Store, fake_embedder: Embedder, add_document: AddDocument
) -> None:
    finder = Finder(reports, fake_embedder, FindSettings())
    assert "ZENITH" not in finder.find("Zenith revenue", 1, Scope())[0].label
    add_document(reports, "ZENITH_2022.pdf", "reports", "Annual report", "Revenue rose")
    assert pages(finder.find("Zenith revenue", 1, Scope())) == [("ZENITH_2022.pdf", 2)]


@pytest.mark.parametrize("written", ["1577", "1,577", "1.577", "1'577", "1.577,00", "1577.00"])
def test_a_number_is_found_however_it_is_written(
    empty_store: Store, add_document: AddDocument, fake_embedder: Embedder, written: str
) -> None:
    for number in range(30):
        add_document(empty_store, f"{number}.pdf", "c", f"paid {number + 200},{number + 100} in all")
    add_document(empty_store, "wanted.pdf", "c", "paid 1,577 in all")
    finder = Finder(empty_store, fake_embedder, FindSettings(dense_weight=0))
    assert pages(finder.find(f"who paid {written}?", 1, Scope())) == [("wanted.pdf", 1)]


def test_of_two_pages_that_say_the_same_the_one_with_figures_comes_first(
    empty_store: Store, add_document: AddDocument, fake_embedder: Embedder
) -> None:
    add_document(
        empty_store, "a.pdf", "c", "inventories and receivables", "inventories 4365 4034 receivables 5020 4889"
    )
    finder = Finder(empty_store, fake_embedder, FindSettings(figures_weight=2))
    assert finder.find("inventories receivables", 1, Scope())[0].page == 2
