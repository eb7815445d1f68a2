"""Questions about every document are recognised in the words of an office, and others are not."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from docqa.ask.everydocument import recognised

DATA = Path(os.environ.get("DOCQA_DATA", Path(__file__).parents[3] / "shared" / "data"))

OF_ALL = """List all contracts that end in 2026.
List all invoices from Harbour Pine
How many invoices are over 1,000 EUR?
Which documents mention asbestos?
Which contracts have a notice period of three months?
Which of our leases allow pets?
Show me every letter from the tax office.
Show all unpaid invoices.
Give me a list of all agreements with Birch Bakery
Find all documents about the roof repair
Find every contract signed by Ms Holt.
How many letters did we get from the insurance company?
How many of the contracts are limited in time?
What documents mention data protection?
Name all contracts with an automatic renewal.
In which documents is the deposit mentioned?
In how many contracts is a penalty agreed?
Are there any contracts without a signature?
Do any of the leases mention a garden?
What is the total of all invoices from March?
Which receipts are from a restaurant?
Please list the delivery notes for walnut shelves.
Could you list all employment contracts that are limited to one year?
Do we have any agreements with Alder Estates?
Across all documents, who is named as managing director?
Summarise the deadlines in all letters.
Which purchase orders were placed in May?
What is the number of invoices in euros?
Count the reports on water damage.
Does every lease have an index clause?
Which files contain bank details?
Which certificates expire this year?
Welche Verträge enden 2026?
Welche Dokumente erwähnen Asbest?
Wie viele Rechnungen sind von Nordlicht?
Wieviele Mahnungen haben wir bekommen?
Liste alle Rechnungen über 1.000 Euro auf.
Nenne alle Mietverträge mit einer Indexklausel.
In welchen Unterlagen steht eine Kündigungsfrist?
Gibt es Verträge ohne Unterschrift? Zeige alle Verträge ohne Unterschrift.
Zeige mir alle Schreiben vom Finanzamt
In allen Dokumenten: Wer ist Geschäftsführer?
Welche unserer Lieferscheine nennen Walnussholz?
Sämtliche Angebote der Firma Birke
Enthält jeder Vertrag eine Haftungsklausel?
Wie hoch ist die Summe aller Rechnungen aus dem März?
Quels contrats mentionnent une clause de résiliation ?
Combien de factures dépassent 1 000 euros ?
Liste toutes les factures de l'atelier Vermeil
Toutes les lettres de la mairie""".splitlines()

OF_ONE = """What is the monthly rent?
When does the contract with Birch Bakery end?
How many days' notice must the tenant give?
How many employees does the company have?
Who signed the lease?
What is the invoice number?
Which party pays for repairs?
Which bank account is the invoice to be paid to?
What does the letter from the tax office ask for?
How many items are on the delivery note?
What is the total amount due, and when?
Which deadlines are mentioned?
Who are the parties, and when does the contract end?
Is there a penalty in the contract?
What is the total of the invoice from Harbour Pine?
List all the items on the invoice.
List the subsidiaries of the company.
Name the members of the board.
How many pages does the report have?
Which products does the price list offer?
How many shares were issued?
Which agreements listed in the annual report were amended?
What reports did the company file?
Show me the notice period.
What does the report say about all regions?
Did all employees agree?
Does every tenant have to pay?
How many orders did the company receive in 2022?
Which statements were audited?
Wie hoch ist die Miete?
Wann endet der Vertrag mit Birke?
Wie viele Mitarbeiter hat die Firma?
Welche Kündigungsfrist gilt?
Welche Partei zahlt die Reparaturen?
Wer hat den Mietvertrag unterschrieben?
Nenne die Vertragsparteien.
Wie lautet die Rechnungsnummer?
Quel est le montant de la facture ?
Combien de jours dure le préavis ?
Qui a signé la lettre ?""".splitlines()


@pytest.mark.parametrize("question", OF_ALL)
def test_a_question_about_every_document_is_recognised(question: str) -> None:
    assert recognised(question) is not None


@pytest.mark.parametrize("question", OF_ONE)
def test_a_question_with_one_answer_is_not_taken_for_one_about_all(question: str) -> None:
    assert recognised(question) is None


@pytest.mark.skipif(not (DATA / "qa.jsonl").exists(), reason="the questions are not here (DOCQA_DATA, ../shared/data)")
def test_no_question_of_the_measured_ones_is_taken_for_one_about_all() -> None:
    lines = (DATA / "qa.jsonl").read_text(encoding="utf-8").splitlines()
    questions = [json.loads(line)["question"] for line in lines]
    assert len(questions) > 100
    assert [question for question in questions if recognised(question)] == []


@pytest.mark.parametrize(
    ("question", "topic"),
    [
        ("Which documents mention asbestos?", "asbestos"),
        ("How many invoices are over 1,000 EUR?", "invoices 1,000 EUR"),
        ("Please list all unpaid invoices from Harbour Pine.", "unpaid invoices Harbour Pine"),
        ("Welche Dokumente erwähnen eine Kündigungsfrist?", "eine Kündigungsfrist"),
    ],
)
def test_what_is_asked_of_each_document_is_the_rest_of_the_question(question: str, topic: str) -> None:
    about_all = recognised(question)
    assert about_all is not None
    assert (about_all.question, about_all.topic) == (question, topic)


@pytest.mark.parametrize("question", ["How many documents are there?", "List all files."])
def test_a_question_without_a_topic_is_none_about_what_documents_say(question: str) -> None:
    assert recognised(question) is None
