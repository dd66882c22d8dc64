"""Opens an export and yields its rows with their line numbers: encoding, delimiter, quoting; not their meaning."""

import codecs
import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from sandbox.report_columns import recognised
from sandbox.report_problems import Collector, Problem, ReportError

_DELIMITERS: Final = (",", ";", "\t")
_HEAD_BYTES: Final = 65_536


def read_rows(path: Path, problems: Collector) -> Iterator[tuple[int, list[str]]]:
    """Yield (line at which the row starts, cells), blank rows left out; the first one is the header.

    A fault of the file's text ends the rows and goes into `problems`.

    Raises:
        ReportError: the file cannot be read, is empty, or is no text.
    """
    encoding, delimiter = _look(path)
    with path.open(encoding=encoding, newline="") as file:
        reader = csv.reader(file, delimiter=delimiter, strict=True)
        while True:
            line = reader.line_num + 1
            try:
                cells = next(reader)
            except StopIteration:
                return
            except UnicodeDecodeError:
                problems.add(line, "", f"near this line the text is not {encoding}; save the file as UTF-8")
                return
            except csv.Error as error:
                problems.add(line, "", f"not CSV from here on: {error}")
                return
            if any(cell.strip() for cell in cells):
                yield line, cells


def _look(path: Path) -> tuple[str, str]:
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD_BYTES)
    except OSError as error:
        raise _refusal(f"the file cannot be read: {error.strerror}") from error
    if not head.strip(b"\0 \r\n\t" + codecs.BOM_UTF8):
        raise _refusal("the file is empty")
    if head.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0")):
        raise _refusal("this is an Excel workbook; export the report as CSV")
    encoding = _encoding(head)
    text = codecs.getincrementaldecoder(encoding)(errors="replace").decode(head)
    header = next(line for line in text.splitlines() if line.strip())
    return encoding, max(_DELIMITERS, key=lambda mark: _known_headers(header, mark))


def _encoding(head: bytes) -> str:
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    if len(head) > 1 and head[1] == 0:
        return "utf-16-le"
    if len(head) > 1 and head[0] == 0:
        return "utf-16-be"
    return "utf-8-sig"


def _known_headers(header: str, delimiter: str) -> tuple[int, int]:
    cells = next(csv.reader([header], delimiter=delimiter), [])
    return recognised(cells), len(cells)


def _refusal(reason: str) -> ReportError:
    return ReportError((Problem(line=0, column="", reason=reason),))
