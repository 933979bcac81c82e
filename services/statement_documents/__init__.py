"""Statement documents: one account's statement as CSV for spreadsheets and as PDF for people.

Both take the same checked content and give the same bytes for it, since a hash of them is issued with the statement. That holds for one
version of the compiler and of the locale data: keep the bytes that were issued where they must be had again. Rendering is work for the CPU,
so call it from a thread.
"""

from services.statement_documents.as_csv import csv
from services.statement_documents.as_pdf import pdf
from services.statement_documents.content import MAXIMUM_LINES, StatementContent, StatementError, StatementLine

__all__ = ["MAXIMUM_LINES", "StatementContent", "StatementError", "StatementLine", "csv", "pdf"]
