"""Workbooks as a spreadsheet writes them, and as somebody might who means no good."""

import io
import zipfile
from typing import Any

TYPES = '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"/>'
MAIN = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
RELATIONS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
BOOK = (
    f'<workbook {MAIN} xmlns:r="{RELATIONS}"><sheets><sheet name="Figures" sheetId="1" r:id="rId1"/>'
    '<sheet name="Notes" sheetId="2" r:id="rId2"/></sheets></workbook>'
)
BOOK_RELATIONS = (
    '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
    '<Relationship Id="rId1" Type="worksheet" Target="worksheets/sheet1.xml"/>'
    '<Relationship Id="rId2" Type="worksheet" Target="/xl/worksheets/sheet2.xml"/></Relationships>'
)
#: Styles: 0 plain, 1 a date, 2 a percentage, 3 "mmm yy", 4 text in quotes that is no date.
STYLES = (
    f'<styleSheet {MAIN}><numFmts><numFmt numFmtId="164" formatCode="mmm\\ yy"/>'
    '<numFmt numFmtId="165" formatCode="0&quot; days&quot;"/></numFmts>'
    '<cellStyleXfs><xf numFmtId="14"/></cellStyleXfs>'
    '<cellXfs><xf numFmtId="0"/><xf numFmtId="14"/><xf numFmtId="10"/><xf numFmtId="164"/><xf numFmtId="165"/></cellXfs>'
    '<cellStyles><cellStyle xfId="0"/></cellStyles></styleSheet>'
)


def sheet(*rows: str) -> str:
    return f"<worksheet {MAIN}><sheetData>{''.join(rows)}</sheetData></worksheet>"


def row(number: int, *cells: Any) -> str:
    """A row of texts and numbers; what begins with `<` is a cell as it is to be written."""
    parts = []
    for index, cell in enumerate(cells):
        name = f"{chr(ord('A') + index)}{number}"
        if isinstance(cell, str) and cell.startswith("<"):
            parts.append(cell.replace("<c", f'<c r="{name}"', 1))
        elif isinstance(cell, str):
            parts.append(f'<c r="{name}" t="inlineStr"><is><t>{cell}</t></is></c>' if cell else "")
        else:
            parts.append(f'<c r="{name}"><v>{cell}</v></c>')
    return f'<row r="{number}">{"".join(parts)}</row>'


def workbook(figures: str, **parts: str) -> bytes:
    """The bytes of a workbook with this sheet; `parts` replaces others: styles, texts, book, relations."""
    held = {
        "[Content_Types].xml": TYPES,
        "xl/workbook.xml": parts.get("book", BOOK),
        "xl/_rels/workbook.xml.rels": parts.get("relations", BOOK_RELATIONS),
        "xl/styles.xml": parts.get("styles", STYLES),
        "xl/sharedStrings.xml": parts.get("texts", f"<sst {MAIN}/>"),
        "xl/worksheets/sheet1.xml": figures,
        "xl/worksheets/sheet2.xml": sheet(row(1, "a note")),
    }
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in held.items():
            archive.writestr(name, text)
    return file.getvalue()
