"""What a journey keeps for the documentation: its mails as files, and pictures of its pages.

`CMAST_PICTURES=docs/month` names the folder. What is different at each run, such as secrets and addresses, is replaced.
"""

import base64
import os
import re
import struct
import zlib
from email import policy
from email.message import EmailMessage
from pathlib import Path

from playwright.sync_api import Locator, Page

FOLDER = os.environ.get("CMAST_PICTURES", "")
REGISTER = "https://register.cmast.example"
#: Gives width, height, palette and pixels of a picture: its 256 most frequent colours, the others as the nearest of them.
FEW_COLOURS = """async source => {
  const image = await createImageBitmap(await (await fetch(source)).blob());
  const canvas = new OffscreenCanvas(image.width, image.height).getContext("2d");
  canvas.drawImage(image, 0, 0);
  const { data } = canvas.getImageData(0, 0, image.width, image.height);
  const colour = at => data[at] << 16 | data[at + 1] << 8 | data[at + 2];
  const drawn = Array.from({ length: data.length / 4 }, (_, at) => colour(4 * at));
  const seen = new Map();
  for (const one of drawn) seen.set(one, (seen.get(one) || 0) + 1);
  const palette = [...seen.keys()].sort((a, b) => seen.get(b) - seen.get(a)).slice(0, 256);
  const far = (a, b) => [16, 8, 0].reduce((sum, part) => sum + ((a >> part & 255) - (b >> part & 255)) ** 2, 0);
  const nearest = wanted => palette.reduce((best, one, at) => far(one, wanted) < far(palette[best], wanted) ? at : best, 0);
  const number = new Map([...seen.keys()].map(one => [one, nearest(one)]));
  let text = "";
  for (const one of drawn) text += String.fromCharCode(number.get(one));
  return [image.width, image.height, palette, btoa(text)];
}"""


class Album:
    """Keeps nothing, unless there is a folder."""

    def __init__(self, blank: Page) -> None:
        #: A page of its own, as narrow as a mail program's, that shows mails and counts colours.
        self.blank = blank

    def picture(self, name: str, shown: Page | Locator) -> None:
        """The whole of a page, or one part of it."""
        if FOLDER:
            taken = shown.screenshot(full_page=True) if isinstance(shown, Page) else shown.screenshot()
            source = f"data:image/png;base64,{base64.b64encode(taken).decode()}"
            (Path(FOLDER) / f"{name}.png").write_bytes(_png(*self.blank.evaluate(FEW_COLOURS, source)))

    def mail(self, name: str, message: EmailMessage) -> None:
        """As a file, and as a mail program shows it."""
        if FOLDER:
            (Path(FOLDER) / f"{name}.eml").write_bytes(_constant(name, message).as_bytes())
            self.blank.set_content(body(message, "html"))
            self.picture(name, self.blank)


def body(message: EmailMessage, kind: str) -> str:
    """Its text (`plain`) or its `html`."""
    part = message.get_body((kind,))
    assert part is not None
    return str(part.get_content())


def _constant(name: str, message: EmailMessage) -> EmailMessage:
    """The same at each run."""

    def said(text: str) -> str:
        text = re.sub(r"http://localhost:\d+", REGISTER, text)
        return re.sub(r"(/(?:answer|fewer)/)[^/\s\">]+/", r"\1a-secret-of-this-mail/", text)

    kept = EmailMessage(policy=policy.SMTP.clone(cte_type="7bit"))
    for header, value in message.items():
        if header not in ("Message-ID", "MIME-Version", "Content-Type"):
            kept[header] = said(value)
    kept["Message-ID"] = f"<{name}@cmast.example>"
    kept.set_content(said(body(message, "plain")))
    kept.add_alternative(said(body(message, "html")), subtype="html")
    kept.set_boundary(name)
    return kept


def _png(width: int, height: int, colours: list[int], pixels: str) -> bytes:
    """A PNG with a palette."""
    data = base64.b64decode(pixels)
    rows = b"".join(b"\0" + data[at : at + width] for at in range(0, len(data), width))
    head = struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)
    palette = b"".join(colour.to_bytes(3) for colour in colours)
    chunks = ((b"IHDR", head), (b"PLTE", palette), (b"IDAT", zlib.compress(rows, 9)), (b"IEND", b""))
    written = (struct.pack(">I", len(said)) + name + said + struct.pack(">I", zlib.crc32(name + said)) for name, said in chunks)
    return b"\x89PNG\r\n\x1a\n" + b"".join(written)
