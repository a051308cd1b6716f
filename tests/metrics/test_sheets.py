"""What is read from files, and what is refused before it costs anything."""

import io
import tracemalloc
import zipfile

import pytest

from metrics import sheets
from metrics.sheets import Unreadable
from tests.metrics.workbooks import BOOK, MAIN, row, sheet, workbook

pytestmark = pytest.mark.either_database


def read(content: bytes | str, name: str = "") -> list[tuple[int, list[str]]]:
    return list(sheets.rows(io.BytesIO(content.encode() if isinstance(content, str) else content), name))


def refusal(content: bytes | str, name: str = "") -> str:
    with pytest.raises(Unreadable) as refused:
        read(content, name)
    return str(refused.value)


# --- CSV --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mark", ["", "\N{ZERO WIDTH NO-BREAK SPACE}"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_text_is_read_with_or_without_a_mark_and_whatever_parts_it(mark: str, end: str, delimiter: str) -> None:
    lines = ["organisation,value", "RBN, 5 ", "", '"St Helens\u2019","77, 000"']
    text = mark + end.join(line.replace(",", delimiter) if '"' not in line else line for line in lines[:3]) + end
    assert read(text) == [(1, ["organisation", "value"]), (2, ["RBN", "5"])]
    assert read(end.join(lines))[-1] == (4, ["St Helens\u2019", "77, 000"])


def test_rows_are_numbered_as_a_spreadsheet_shows_them_by_their_last_line() -> None:
    assert read('a,b\n"x\ny",1\nz,2\n') == [(1, ["a", "b"]), (3, ["x\ny", "1"]), (4, ["z", "2"])]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("a,b\ncafé,1".encode("latin-1"), "not in UTF-8"),
        ("a,b".encode("utf-16"), "UTF-16"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 100, "password or the old format .xls"),
        (b'a,b\n"x', "no CSV"),
        (b'a,b\n"x"y,1', "no CSV"),
        (b"a" * 1_000_002, "longer than 1,000,000 characters"),
        (b'"a\n",' * 300_000, "longer than 1,000,000 characters"),
        (b'a\n"' + b"x\n" * 100_000, "no CSV"),
        (b"," * 501, "more than 500 columns"),
        (b"a\n" + b"\n" * 10_001 + b"b", "more than 10,000 empty rows"),
    ],
)
def test_text_that_is_something_else_is_refused(content: bytes, words: str) -> None:
    assert words in refusal(content)


def test_a_million_rows_are_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sheets, "MAX_ROWS", 3)
    assert len(read("h\n1\n2\n3\n")) == 4
    assert "more than 3 rows" in refusal("h\n1\n2\n3\n4\n")


# --- Workbooks --------------------------------------------------------------------------------------------------------


def cell(given: str, name: str = "", **parts: str) -> str:
    return read(workbook(sheet(row(1, given)), **parts), name)[0][1][0]


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ("<c><v>77000</v></c>", "77000"),
        ("<c><v>0.30000000000000004</v></c>", "0.3"),
        ("<c><v>1.5E-3</v></c>", "0.0015"),
        ('<c s="1"><v>45382</v></c>', "2024-03-31"),
        ('<c s="3"><v>45352</v></c>', "2024-03-01"),
        ('<c s="2"><v>0.719</v></c>', "71.9%"),
        ('<c s="4"><v>45352</v></c>', "45352"),
        ('<c t="d"><v>2024-03-31</v></c>', "2024-03-31"),
        ('<c t="s"><v>1</v></c>', "RBN"),
        ('<c t="b"><v>1</v></c>', "TRUE"),
        ('<c t="e"><v>#DIV/0!</v></c>', "#DIV/0!"),
        ("<c><f>1+1</f><v>2</v></c>", "2"),
        ('<c t="str"><f>A1</f><v>RBN</v></c>', "RBN"),
        ("<c><f>1+1</f></c>", "="),
        ('<c s="99"><v>5</v></c>', "5"),
        ("<c><v>1E999</v></c>", "1E999"),
    ],
)
def test_a_cell_is_read_as_it_is_shown(given: str, text: str) -> None:
    texts = f"<sst {MAIN}><si><t>first</t></si><si><r><t>R</t></r><r><t>BN</t></r></si></sst>"
    assert cell(given, texts=texts) == text


def test_a_workbook_of_a_mac_counts_days_from_1904() -> None:
    assert (
        cell('<c s="1"><v>43920</v></c>', book=BOOK.replace("<sheets>", '<workbookPr date1904="1"/><sheets>')) == "2024-03-31"
    )


def test_cells_that_are_left_out_are_empty_and_rows_keep_their_numbers() -> None:
    found = read(workbook(sheet(row(1, "a", "b", "c"), row(4, "x", "", 3), row(9))))
    assert found == [(1, ["a", "b", "c"]), (4, ["x", "", "3"])]


def test_a_sheet_is_found_by_its_name() -> None:
    book = workbook(sheet(row(1, "a")))
    assert read(book, "Notes") == [(1, ["a note"])]
    assert refusal(book, "March") == "There is no sheet called “March”. The workbook has: Figures, Notes."


def bomb() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/worksheets/sheet1.xml", b"0" * 20_000_000)
    return file.getvalue()


def with_password() -> bytes:
    made = bytearray(workbook(sheet()))
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        made[made.index(signature) + offset] |= 1
    return bytes(made)


ENTITY = '<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>'
LAUGHS = '<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;">]>'


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (bomb(), "far larger unpacked"),
        (with_password(), "password"),
        (workbook(ENTITY + sheet(row(1, "&e;"))), "declares what a workbook has no need to"),
        (workbook(LAUGHS + sheet(row(1, "&b;"))), "declares what a workbook has no need to"),
        (workbook(sheet(), texts=ENTITY + "<sst/>"), "declares what a workbook has no need to"),
        (workbook(sheet(row(1, "x" * 40_000))), "more than a cell can"),
        (workbook(sheet(), texts=f"<sst {MAIN}><si><t>{'x' * 40_000}</t></si></sst>"), "longer than a cell can hold"),
        (workbook(sheet('<row r="1"><c r="SG1"/></row>')), "more than 500 columns"),
        (workbook(sheet(row(1, "a"), row(900_000, "b"))), "more than 10,000 empty rows"),
        (workbook(sheet(row(2, "a"), row(1, "b"))), "not in order"),
        (workbook(sheet('<row r="1"><c r="B1"><v>1</v></c><c r="A1"><v>1</v></c></row>')), "not in order"),
        (workbook(sheet(row(1, '<c t="s"><v>7</v></c>'))), "names a text that is not there"),
        (workbook(sheet(row(1, '<c s="x"><v>7</v></c>'))), "damaged"),
        (workbook(sheet("<row")), "damaged"),
        (workbook(sheet(), relations="<Relationships/>"), "no sheet"),
        (workbook(sheet())[:-400], "damaged"),
        (workbook(sheet()).replace(b"sheet1.xml", b"sheet9.xml"), "lacks a part"),
    ],
)
def test_a_workbook_that_means_no_good_is_refused(content: bytes, words: str) -> None:
    assert words in refusal(content)


def test_a_tag_that_does_not_end_costs_no_memory() -> None:
    tag = f'<row r="1" x="{"".join(f"{number:x}" for number in range(1_000_000))}">'
    content = workbook(sheet(tag))
    tracemalloc.start()
    assert "longer than any that a spreadsheet writes" in refusal(content)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 10_000_000


def test_texts_beside_the_cells_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sheets, "MAX_TEXTS", 2)
    assert "too much text" in refusal(workbook(sheet(), texts=f"<sst {MAIN}>{'<si><t>x</t></si>' * 3}</sst>"))


def test_rows_of_a_workbook_are_read_one_after_the_other() -> None:
    rows = "".join(f"<row><c><v>{number}</v></c></row>" for number in range(30_000))
    tracemalloc.start()
    found = sum(1 for _ in sheets.rows(io.BytesIO(workbook(sheet(rows)))))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert found == 30_000 and peak < 20_000_000
