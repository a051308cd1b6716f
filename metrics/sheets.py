"""Rows of a CSV file or a workbook, read one after the other, as text.

Written for files that nobody has looked at: what is too large, too deep or not what it says is refused as soon as it is seen,
and no more than a row, the texts of the workbook and a block of bytes are ever in memory.
"""

import csv
import datetime as dt
import io
import re
import zipfile
import zlib
from collections.abc import Generator, Iterator
from contextlib import closing
from decimal import Decimal, InvalidOperation
from typing import IO, Any
from xml.parsers import expat

MAX_ROWS = 1_000_000
MAX_COLUMNS = 500
#: Rows in a row without anything in them, after which nobody expects more.
MAX_EMPTY = 10_000
#: Characters of a row of text.
MAX_ROW_LENGTH = 1_000_000
#: Characters of a cell, as in a spreadsheet.
MAX_CELL = 32_767
#: Bytes of a workbook once it is unpacked, and how many times more than packed a part may be.
MAX_UNPACKED, MAX_RATIO = 400_000_000, 150
#: Texts that a workbook keeps aside for its cells.
MAX_TEXTS, MAX_TEXT_LENGTH = 500_000, 10_000_000
#: Bytes of a tag, which the parser must hold until it ends.
MAX_TAG = 1_000_000
_BLOCK = 64 * 1024

Row = tuple[int, list[str]]
Rows = Generator[Row, None, None]


class Unreadable(Exception):
    """The file cannot be taken at all. The message says why, to whoever sent it."""


def rows(file: IO[bytes], sheet: str = "") -> Rows:
    """(number of the row in the file, its cells as text) for each row with anything in it. Raises Unreadable."""
    start = file.read(8)
    file.seek(0)
    if start.startswith(b"PK\x03\x04"):
        found = Workbook(file).rows(sheet)
    elif start.startswith(b"\xd0\xcf\x11\xe0"):
        raise Unreadable("The workbook has a password or the old format .xls. Save it as .xlsx without a password.")
    elif start.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise Unreadable("The file is in UTF-16. Save it as “CSV UTF-8”.")
    else:
        found = _csv_rows(file)
    return _bounded(found)


def _bounded(found: Rows) -> Rows:
    read, last = 0, 0
    with closing(found):
        for number, cells in found:
            if len(cells) > MAX_COLUMNS:
                raise Unreadable(f"Row {number} has more than {MAX_COLUMNS} columns.")
            if number - last > MAX_EMPTY:
                raise Unreadable(f"After row {last} there are more than {MAX_EMPTY:,} empty rows. Delete them.")
            if not any(cells):
                continue
            last, read = number, read + 1
            if read > MAX_ROWS + 1:
                raise Unreadable(f"The file has more than {MAX_ROWS:,} rows. Send it in parts.")
            yield number, cells


# --- CSV --------------------------------------------------------------------------------------------------------------


class _Lines:
    """Lines of a text for the reader of CSV, so many at most to one row."""

    def __init__(self, text: io.TextIOWrapper) -> None:
        self.text, self.number, self.left = text, 0, MAX_ROW_LENGTH

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = self.text.readline(self.left + 1)
        self.number, self.left = self.number + 1, self.left - len(line)
        if self.left < 0:
            raise Unreadable(f"Line {self.number} is longer than {MAX_ROW_LENGTH:,} characters. Is a quotation mark left open?")
        if not line:
            raise StopIteration
        return line


def _csv_rows(file: IO[bytes]) -> Rows:
    text = io.TextIOWrapper(file, "utf-8-sig", newline="")
    lines = _Lines(text)
    try:
        first = text.readline(MAX_ROW_LENGTH)
        text.seek(0)
        delimiter = max(",;\t", key=first.count)
        for cells in csv.reader(lines, delimiter=delimiter, strict=True):
            lines.left = MAX_ROW_LENGTH
            yield lines.number, [cell.strip() for cell in cells]
    except UnicodeDecodeError as error:
        raise Unreadable("The file is not in UTF-8. Save it as “CSV UTF-8”.") from error
    except csv.Error as error:
        raise Unreadable(f"Line {lines.number} is no CSV: {error}.") from error
    finally:
        text.detach()


# --- Workbooks --------------------------------------------------------------------------------------------------------

_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main "
_RELATION = "http://schemas.openxmlformats.org/officeDocument/2006/relationships id"
_DATE_FORMATS = {*range(14, 23), *range(45, 48)}
_PERCENT_FORMATS = {9, 10}
_CELL_NAME = re.compile(r"([A-Z]{1,3})[0-9]{1,7}")


class Workbook:
    """An .xlsx file: a zip of XML. Formulas are never calculated; what they gave when it was saved is their value."""

    def __init__(self, file: IO[bytes]) -> None:
        try:
            self.zip = zipfile.ZipFile(file)
        except (zipfile.BadZipFile, ValueError, NotImplementedError) as error:
            raise Unreadable("The workbook is damaged.") from error
        parts = self.zip.infolist()
        if any(part.flag_bits & 1 for part in parts):
            raise Unreadable("The workbook has a password. Save it without one.")
        if sum(part.file_size for part in parts) > MAX_UNPACKED or any(_is_bomb(part) for part in parts):
            raise Unreadable("The workbook is far larger unpacked than it looks. Save it anew with the table only, or as CSV.")
        self.names = {part.filename for part in parts}
        self.is_1904 = False
        self.sheets: dict[str, str] = {}
        self.texts: list[str] = []
        #: What the cells of each style are: "date", "percent" or a plain number.
        self.kinds: list[str] = []

    def rows(self, sheet: str) -> Rows:
        self._read_workbook()
        if "xl/sharedStrings.xml" in self.names:
            self._read_texts()
        if "xl/styles.xml" in self.names:
            self._read_styles()
        if sheet and sheet not in self.sheets:
            raise Unreadable(f"There is no sheet called “{sheet}”. The workbook has: {', '.join(self.sheets)[:200]}.")
        if not self.sheets:
            raise Unreadable("The workbook has no sheet.")
        return self._read_sheet(self.sheets[sheet or next(iter(self.sheets))])

    def _read_workbook(self) -> None:
        targets: dict[str, str] = {}
        for name, attributes, _ in self._elements("xl/_rels/workbook.xml.rels", {"Relationship"}):
            if name == "Relationship" and "Id" in attributes:
                target = attributes.get("Target", "")
                targets[attributes["Id"]] = target.lstrip("/") if target.startswith("/") else f"xl/{target}"
        for name, attributes, _ in self._elements("xl/workbook.xml", {"sheet", "workbookPr"}):
            if name == "workbookPr":
                self.is_1904 = attributes.get("date1904") in ("1", "true")
            elif attributes.get(_RELATION) in targets:
                self.sheets[attributes.get("name", "")] = targets[attributes[_RELATION]]

    def _read_texts(self) -> None:
        length = 0
        for name, _, text in self._elements("xl/sharedStrings.xml", {"si"}, gathered={"t"}):
            if name == "si":
                length += len(text)
                self.texts.append(text)
            if len(self.texts) > MAX_TEXTS or length > MAX_TEXT_LENGTH:
                raise Unreadable("The workbook holds too much text. Save the table alone, or as CSV.")

    def _read_styles(self) -> None:
        formats: dict[str, str] = {}
        is_of_cells = False
        for name, attributes, _ in self._elements("xl/styles.xml", {"numFmt", "cellXfs", "cellStyles", "xf"}, opening=True):
            match name:
                case "numFmt":
                    formats[attributes.get("numFmtId", "")] = attributes.get("formatCode", "")
                case "xf" if is_of_cells:
                    number = attributes.get("numFmtId", "")
                    self.kinds.append(_kind_of_format(number, formats.get(number, "")))
                case "cellXfs" | "cellStyles":
                    is_of_cells = name == "cellXfs"

    def _read_sheet(self, part: str) -> Rows:
        reading = _SheetReading(self)
        for _ in self._parse(part, reading.parser):
            if reading.done:
                yield from reading.done
                reading.done = []

    def _elements(
        self, part: str, wanted: set[str], gathered: set[str] | None = None, opening: bool = False
    ) -> Iterator[tuple[str, dict[str, str], str]]:
        """(name, attributes, text below it) of these elements, as they end, or as they begin."""
        found: list[tuple[str, dict[str, str], str]] = []
        parser = _parser()
        state: dict[str, Any] = {"attributes": {}, "text": [], "inside": 0}

        def start(name: str, attributes: dict[str, str]) -> None:
            bare = name.rpartition(" ")[2]
            if bare in wanted:
                state.update(attributes=attributes, text=[], length=0)
                if opening:
                    found.append((bare, attributes, ""))
            state["inside"] = bare in (gathered or ())

        def data(text: str) -> None:
            if state["inside"]:
                state["length"] = state.get("length", 0) + len(text)
                if state["length"] > MAX_CELL:
                    raise Unreadable("A text of the workbook is longer than a cell can hold.")
                state["text"].append(text)

        def end(name: str) -> None:
            bare = name.rpartition(" ")[2]
            state["inside"] = False
            if bare in wanted and not opening:
                found.append((bare, state["attributes"], "".join(state["text"])))

        parser.StartElementHandler, parser.EndElementHandler, parser.CharacterDataHandler = start, end, data
        for _ in self._parse(part, parser):
            yield from found
            found.clear()

    def _parse(self, part: str, parser: Any) -> Iterator[None]:
        """Feed a part to its parser; a turn for each block."""
        try:
            with self.zip.open(part) as stream:
                fed = 0
                while block := stream.read(_BLOCK):
                    parser.Parse(block)
                    fed += len(block)
                    if fed - parser.CurrentByteIndex > MAX_TAG:
                        raise Unreadable("A part of the workbook is longer than any that a spreadsheet writes.")
                    yield
                parser.Parse(b"", True)
                yield
        except KeyError as error:
            raise Unreadable("The workbook lacks a part that it names.") from error
        except (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError, RuntimeError) as error:
            raise Unreadable("The workbook is damaged.") from error
        except (expat.ExpatError, ValueError) as error:
            raise Unreadable("The workbook is damaged: a part of it is no XML.") from error


class _SheetReading:
    """Puts the cells of a sheet together to rows."""

    def __init__(self, book: Workbook) -> None:
        self.book = book
        self.done: list[Row] = []
        self.number = 0
        self.cells: list[str] = []
        self.column = 0
        self.kind, self.style = "n", 0
        self.has_formula = self.is_value = False
        self.text: list[str] = []
        self.length = 0
        self.parser = _parser()
        self.parser.StartElementHandler = self.start
        self.parser.EndElementHandler = self.end
        self.parser.CharacterDataHandler = self.data

    def start(self, name: str, attributes: dict[str, str]) -> None:
        match name.removeprefix(_MAIN):
            case "c":
                self.column = _column(attributes.get("r", ""), len(self.cells))
                self.kind, self.style = attributes.get("t", "n"), int(attributes.get("s", "0"))
                self.has_formula, self.text, self.length = False, [], 0
            case "v" | "t":
                self.is_value = True
            case "f":
                self.has_formula = True
            case "row":
                number = int(attributes.get("r", self.number + 1))
                if not self.number < number <= 2_000_000:
                    raise Unreadable("The rows of the workbook are not in order.")
                self.number, self.cells = number, []

    def data(self, text: str) -> None:
        if self.is_value:
            self.length += len(text)
            if self.length > MAX_CELL:
                raise Unreadable(f"A cell in row {self.number} holds more than a cell can.")
            self.text.append(text)

    def end(self, name: str) -> None:
        match name.removeprefix(_MAIN):
            case "v" | "t":
                self.is_value = False
            case "c":
                self.cells += [""] * (self.column - len(self.cells))
                self.cells.append(self._value("".join(self.text).strip()))
            case "row":
                self.done.append((self.number, self.cells))

    def _value(self, text: str) -> str:
        """What the cell shows, as text."""
        if self.has_formula and not text:
            return "=" if self.kind != "str" else ""
        if not text or self.kind in ("str", "inlineStr", "e", "d"):
            return text
        if self.kind == "s":
            if not (text.isdecimal() and int(text) < len(self.book.texts)):
                raise Unreadable("The workbook is damaged: a cell names a text that is not there.")
            return self.book.texts[int(text)].strip()
        if self.kind == "b":
            return "TRUE" if text == "1" else "FALSE"
        kinds = self.book.kinds
        return shown(text, kinds[self.style] if 0 <= self.style < len(kinds) else "", self.book.is_1904)


def shown(text: str, kind: str, is_1904: bool) -> str:
    """A number of a workbook as it is shown: fifteen digits, a date for a day's number, 71.9% for 0.719."""
    try:
        number = Decimal(text)
        if not number.is_finite() or abs(number.adjusted()) > 30:
            return text
    except InvalidOperation:
        return text
    if kind == "date" and 1 <= number < 2_958_466:
        first = dt.date(1904, 1, 1) if is_1904 else dt.date(1899, 12, 30)
        try:
            return (first + dt.timedelta(days=int(number))).isoformat()
        except OverflowError:
            return text
    if kind == "percent":
        number *= 100
    rounded = +number if len(number.as_tuple().digits) <= 15 else Decimal(f"{number:.14e}")
    plain = f"{rounded.normalize():f}" if rounded else "0"
    return f"{plain}%" if kind == "percent" else plain


def _kind_of_format(number: str, code: str) -> str:
    said = re.sub(r'"[^"]*"|\[[^\]]*\]|\\.|_.', "", code.lower())
    if (number.isdecimal() and int(number) in _DATE_FORMATS) or re.search("[yd]", said) or said.strip() in ("mmm", "mmmm"):
        return "date"
    return "percent" if (number.isdecimal() and int(number) in _PERCENT_FORMATS) or "%" in said else ""


def _column(name: str, following: int) -> int:
    """Number of the column of a cell, from 0. One without a name follows the last."""
    if not name:
        return following
    if not (found := _CELL_NAME.fullmatch(name)):
        raise Unreadable("The workbook is damaged: a cell has no proper name.")
    column = 0
    for letter in found[1]:
        column = column * 26 + ord(letter) - ord("A") + 1
    if column > MAX_COLUMNS:
        raise Unreadable(f"The sheet has more than {MAX_COLUMNS} columns.")
    if column - 1 < following:
        raise Unreadable("The cells of the workbook are not in order.")
    return column - 1


def _is_bomb(part: zipfile.ZipInfo) -> bool:
    return part.file_size > MAX_RATIO * part.compress_size + 1_000_000


def _parser() -> Any:
    """A parser that follows no declaration: a workbook needs none, and they are how files are made to explode or to fetch."""
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.buffer_text = True

    def refuse(*_: Any) -> int:
        raise Unreadable("The workbook declares what a workbook has no need to. Save it anew, or as CSV.")

    parser.StartDoctypeDeclHandler = parser.EntityDeclHandler = refuse
    parser.ExternalEntityRefHandler = refuse
    return parser
