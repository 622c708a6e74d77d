"""PDFs made to harm whoever reads them, for `benchmarks.hostile`."""

from __future__ import annotations

import os
import zlib
from collections.abc import Callable
from io import BytesIO


def pdf(*objects: bytes, end: bytes = b"") -> bytes:
    """A PDF of these objects, numbered from 1, of which the first is the catalogue. `end` replaces its tail."""
    out = bytearray(b"%PDF-1.7\n")
    places = []
    for number, content in enumerate(objects, start=1):
        places.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, content)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    tail = b"xref\n0 %d\n0000000000 65535 f \n%s" % (len(objects) + 1, table)
    tail += b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, len(out))
    return bytes(out + (end or tail))


def stream(data: bytes, entries: bytes = b"") -> bytes:
    """A stream object."""
    return b"<< /Length %d %s >>\nstream\n%s\nendstream" % (len(data), entries, data)


FONT = b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>"
WORDS = b"BT /F1 12 Tf 72 720 Td (Restart the server.) Tj ET"


def page(content: bytes, *more: bytes, resources: bytes = b"", catalogue: bytes = b"") -> bytes:
    """A PDF of one page with this content stream; `more` are objects from 6 on."""
    return pdf(
        b"<< /Type /Catalog /Pages 2 0 R %s >>" % catalogue,
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 4 0 R"
        b" /Resources << /Font << /F1 5 0 R >> %s >> >>" % resources,
        content,
        FONT,
        *more,
    )


def deflated(pattern: bytes, times: int, rounds: int = 1) -> bytes:
    """`pattern` many times over, packed `rounds` times."""
    packer = zlib.compressobj(9)
    data = b"".join([*(packer.compress(pattern * 1000) for _ in range(times // 1000)), packer.flush()])
    for _ in range(rounds - 1):
        data = zlib.compress(data, 9)
    return data


def locked(algorithm: str) -> bytes:
    """A PDF behind a password."""
    from pypdf import PdfReader, PdfWriter

    out = BytesIO()
    writer = PdfWriter(clone_from=PdfReader(BytesIO(page(stream(WORDS)))))
    writer.encrypt("secret", algorithm=algorithm)
    writer.write(out)
    return out.getvalue()


def page_tree(levels: int) -> bytes:
    """Pages within pages."""
    kids = (b"<< /Type /Pages /Kids [%d 0 R] /Count 1 >>" % (n + 1) for n in range(2, levels + 2))
    return pdf(b"<< /Type /Catalog /Pages 2 0 R >>", *kids, b"<< /Type /Page >>")


def doubling(levels: int) -> bytes:
    """Forms of which each shows the next one twice."""
    forms = (
        stream(b"/X Do /X Do", b"/Type /XObject /Subtype /Form /Resources << /XObject << /X %d 0 R >> >>" % (7 + n))
        for n in range(levels)
    )
    return page(stream(b"/X Do"), *forms, stream(WORDS, b"/Subtype /Form"), resources=b"/XObject << /X 6 0 R >>")


CATALOGUE = b"<< /Type /Catalog /Pages 2 0 R >>"
FLATE = b"/Filter /FlateDecode"
PICTURE = b"/XObject << /X 6 0 R >>"

PDFS: dict[str, Callable[[], bytes]] = {
    "flate-bomb.pdf": lambda: page(stream(deflated(b"q " * 1000, 150_000), FLATE)),
    "flate-below-the-cap.pdf": lambda: page(stream(deflated(b"(ab) Tj ", 9_000_000), FLATE)),
    "flate-thrice.pdf": lambda: page(stream(deflated(b" " * 1000, 300_000, 3), b"/Filter [" + FLATE[7:] * 3 + b"]")),
    "run-length-bomb.pdf": lambda: page(stream(b"\x81 " * 4_000_000, b"/Filter /RunLengthDecode")),
    "predictor.pdf": lambda: page(
        stream(deflated(b"\2" * 1000, 90_000), FLATE + b" /DecodeParms << /Predictor 12 /Columns 2000000000 >>")
    ),
    "page-tree-deep.pdf": lambda: page_tree(60_000),
    "page-tree-loop.pdf": lambda: pdf(
        CATALOGUE, b"<< /Type /Pages /Kids [3 0 R] /Count 9 >>", b"<< /Type /Pages /Kids [2 0 R] /Count 9 >>"
    ),
    "page-tree-wide.pdf": lambda: pdf(
        CATALOGUE, b"<< /Type /Pages /Kids [" + b"3 0 R " * 1_000_000 + b"] >>", b"<< /Type /Page /Parent 2 0 R >>"
    ),
    "page-count-lies.pdf": lambda: pdf(CATALOGUE, b"<< /Type /Pages /Kids [] /Count 2000000000 >>"),
    "many-objects.pdf": lambda: page(stream(WORDS), *[b"<< /A 1 >>"] * 300_000),
    "many-objects-no-xref.pdf": lambda: page(stream(WORDS), *[b"<< /A 1 >>"] * 150_000)[:-4_000_000],
    "xref-loop.pdf": lambda: pdf(
        CATALOGUE,
        end=b"xref\n0 1\n0000000000 65535 f \ntrailer\n<< /Root 1 0 R /Size 9 /Prev 56 >>\nstartxref\n56\n%%EOF",
    ),
    "xref-beyond-the-end.pdf": lambda: pdf(CATALOGUE, end=b"startxref\n99999999999\n%%EOF"),
    "xref-of-billions.pdf": lambda: pdf(
        CATALOGUE, end=b"xref\n0 4000000000\n0000000000 65535 f \ntrailer\n<< /Root 1 0 R >>\nstartxref\n56\n%%EOF"
    ),
    "xref-stream-of-billions.pdf": lambda: pdf(
        stream(b"\0" * 64, b"/Type /XRef /Size 4000000000 /W [0 0 0] /Root 1 0 R"), end=b"startxref\n9\n%%EOF"
    ),
    "cut-off.pdf": lambda: page(stream(WORDS))[:300],
    "only-a-header.pdf": lambda: b"%PDF-1.7\n",
    "noise.pdf": lambda: b"%PDF-1.7\n" + os.urandom(5_000_000),
    "locked-rc4.pdf": lambda: locked("RC4-128"),
    "locked-aes.pdf": lambda: locked("AES-256"),
    "script.pdf": lambda: page(
        stream(WORDS), catalogue=b"/OpenAction << /S /JavaScript /JS (app.launchURL\\('http://x'\\)) >>"
    ),
    "operators.pdf": lambda: page(stream(b"BT /F1 1 Tf " + b"1 0 Td (a) Tj " * 1_000_000)),
    "states-never-restored.pdf": lambda: page(stream(b"q " * 5_000_000)),
    "arrays-nested.pdf": lambda: page(stream(b"[" * 5_000_000)),
    "dictionaries-nested.pdf": lambda: page(stream(WORDS), b"<< /A " * 100_000, resources=b"/X 6 0 R"),
    "form-shows-itself.pdf": lambda: page(
        stream(b"/X Do"),
        stream(b"/X Do", b"/Subtype /Form /Resources << /XObject << /X 6 0 R >> >>"),
        resources=PICTURE,
    ),
    "forms-double.pdf": lambda: doubling(60),
    "length-lies.pdf": lambda: page(b"<< /Length 2000000000 >>\nstream\n" + WORDS + b"\nendstream"),
    "length-is-itself.pdf": lambda: page(b"<< /Length 4 0 R >>\nstream\n" + WORDS + b"\nendstream"),
    "inline-picture-without-end.pdf": lambda: page(stream(b"BI /W 9 /H 9 ID " + b"E" * 5_000_000)),
    "scan.pdf": lambda: page(
        stream(b"/X Do"), stream(b"\0" * 100, b"/Subtype /Image /Width 10 /Height 10"), resources=PICTURE
    ),
}
