"""Word documents, web pages, data, texts and odd entries of a folder, made to harm, for `benchmarks.hostile`."""

from __future__ import annotations

import os
import random
import socket
import struct
import zipfile
from collections.abc import Callable, Mapping
from io import BytesIO
from pathlib import Path

WORD = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
LINKS = 'xmlns="http://schemas.openxmlformats.org/package/2006/relationships"'
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
VANISHING = "vanishing.md"
"""A file of this name is removed when another one of its folder has been read."""


def document(body: str, before: str = "") -> bytes:
    """A word/document.xml."""
    return f"{before}<w:document {WORD}><w:body>{body}</w:body></w:document>".encode()


def said(text: str) -> str:
    """A paragraph."""
    return f"<w:p><w:r><w:t>{text}</w:t></w:r></w:p>"


def docx(main: bytes, parts: Mapping[str, bytes] | None = None, packing: int = zipfile.ZIP_DEFLATED) -> bytes:
    """A Word document of this main part and more parts."""
    relation = f'<Relationship Id="r1" Type="{OFFICE}/officeDocument" Target="word/document.xml"/>'
    out = BytesIO()
    with zipfile.ZipFile(out, "w", packing) as archive:
        archive.writestr("_rels/.rels", f"<Relationships {LINKS}>{relation}</Relationships>")
        archive.writestr("word/document.xml", main)
        for name, data in (parts or {}).items():
            archive.writestr(name, data)
    return out.getvalue()


def patched(data: bytes, offset: int, value: bytes) -> bytes:
    """`data` with `value` at `offset` within the central directory's entry of the main part."""
    place = data.index(b"word/document.xml", data.index(b"PK\1\2")) - 46 + offset
    return data[:place] + value + data[place + len(value) :]


def entities(levels: int, each: int) -> str:
    """A document type in which each entity names the one before many times."""
    named = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * each}">' for n in range(1, levels))
    return f'<!DOCTYPE w [<!ENTITY e0 "{"ha" * 100}">{named}]>'


def noise(megabytes: int) -> bytes:
    """Bytes that do not pack, the same each time."""
    return random.Random(1).randbytes(megabytes * 1_000_000)


TEXT = said("Restart the server.")
CELLS = "<w:tbl><w:tr><w:tc>"
ENDS = "</w:tc></w:tr></w:tbl>"
SPAN = '<w:tcPr><w:gridSpan w:val="999999999"/></w:tcPr>'
HIDDEN_RUN = "<w:r><w:rPr><w:vanish/></w:rPr><w:t>x</w:t></w:r>"
LOOP = f'<w:styles {WORD}><w:style w:type="paragraph" w:styleId="a"><w:basedOn w:val="a"/></w:style></w:styles>'
PICTURE = f'<Relationships {LINKS}><Relationship Id="r1" Type="{OFFICE}/image" TargetMode="External" Target="file:///x"/></Relationships>'

DOCX: dict[str, Callable[[], bytes]] = {
    "packed-1000-times.docx": lambda: docx(document(said(" " * 300_000_000))),
    "below-the-caps.docx": lambda: docx(document("".join(map(said, noise(5).hex(" ", 8).split())))),
    "paragraphs-300000.docx": lambda: docx(document("<w:p/>" * 300_000 + said(noise(1).hex()))),
    "words-20-mb.docx": lambda: docx(document(said(noise(10).hex()))),
    "many-parts.docx": lambda: docx(document(TEXT), {f"p{n}": b"" for n in range(60_000)}),
    "media-300-mb.docx": lambda: docx(document(TEXT), {f"word/media/{n}": b"\0" * 30_000_000 for n in range(10)}),
    "overlapping.docx": lambda: patched(docx(document(TEXT)), 42, struct.pack("<I", 0)),
    "size-lies.docx": lambda: patched(docx(document(said("a " * 5_000_000))), 24, struct.pack("<I", 100)),
    "size-of-4-gb.docx": lambda: patched(docx(document(TEXT)), 24, struct.pack("<I", 0xFFFFFFF0)),
    "checksum-lies.docx": lambda: patched(docx(document(TEXT)), 16, b"\0\0\0\0"),
    "encrypted-part.docx": lambda: patched(docx(document(TEXT)), 8, b"\1\0"),
    "unknown-packing.docx": lambda: patched(docx(document(TEXT)), 10, b"\x63\0"),
    "same-names.docx": lambda: docx(document(TEXT), {"word/document.xmm": b"x"}).replace(b".xmm", b".xml"),
    "path-traversal.docx": lambda: docx(document(TEXT), {"../../../../tmp/evil": b"x", "/etc/evil": b"x"}),
    "nested-archives.docx": lambda: docx(document(TEXT), {"x.zip": docx(b" " * 900_000, {"y.zip": docx(b"z")})}),
    "billion-laughs.docx": lambda: docx(document(said("&e20;"), entities(21, 10))),
    "quadratic-entities.docx": lambda: docx(document(said("&e1;" * 1000), entities(2, 50_000))),
    "outside-entity.docx": lambda: docx(
        document(said("&x;"), '<!DOCTYPE w [<!ENTITY x SYSTEM "file:///etc/passwd">]>')
    ),
    "outside-picture.docx": lambda: docx(document(TEXT), {"word/_rels/document.xml.rels": PICTURE.encode()}),
    "tables-in-tables.docx": lambda: docx(document(CELLS * 5_000 + TEXT + ENDS * 5_000), {"x": noise(1)}),
    "nested-60000.docx": lambda: docx(document("<w:p>" * 60_000 + "</w:p>" * 60_000)),
    "cell-over-a-billion-columns.docx": lambda: docx(document(CELLS + SPAN + TEXT + ENDS)),
    "style-based-on-itself.docx": lambda: docx(document(TEXT), {"word/styles.xml": LOOP.encode()}),
    "hidden-runs-100000.docx": lambda: docx(document(HIDDEN_RUN * 100_000 + said(noise(1).hex()))),
    "hidden-and-nested-60000.docx": lambda: docx(document("<w:p>" * 60_000 + HIDDEN_RUN + "</w:p>" * 60_000)),
    "hidden-billion-laughs.docx": lambda: docx(document(HIDDEN_RUN + said("&e20;"), entities(21, 10))),
    "utf-16.docx": lambda: docx(document(TEXT, '<?xml version="1.0" encoding="utf-16"?>').decode().encode("utf-16")),
    "without-a-document.docx": lambda: b"PK\5\6" + b"\0" * 18,
    "cut-off.docx": lambda: docx(document(TEXT))[:-30],
    "old-word.docx": lambda: b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 4096,
}

WEB: dict[str, Callable[[], bytes]] = {
    "scripts.html": lambda: b"<p>Fees</p><script>alert(1)</script><img src=x onerror=alert(1)>" * 1000,
    "nested-100000.html": lambda: b"<div>" * 100_000 + b"x",
    "lists-nested-900.html": lambda: b"<ul><li>a" * 900,
    "never-closed.html": lambda: b"<p>a<b>b<i>c" * 200_000,
    "attributes-500000.html": lambda: b"<p " + b" ".join(b"a%d=1" % n for n in range(500_000)) + b">x</p>",
    "attribute-15-mb.html": lambda: b"<p title='" + b"x" * 15_000_000 + b"'>x</p>",
    "base64-pictures.html": lambda: b"<p>x</p>" + b"<img src='data:image/png;base64,%s'>" % (b"A" * 5_000_000) * 3,
    "comments-open.html": lambda: b"<p>x</p>" + b"<!--" * 3_000_000,
    "declarations.html": lambda: b"<![" * 100_000 + b"x",
    "brackets-15-mb.html": lambda: b"<" * 15_000_000,
    "entities.html": lambda: b"&amp;&#x41;&#99999999999;&nosuch" * 300_000,
    "cell-over-a-billion-columns.html": lambda: b"<table><tr><td colspan=999999999>x</td></tr></table>",
    "table-of-100000-cells.html": lambda: b"<table>" + b"<tr>" * 300 + b"<td>x</td>" * 100_000,
    "cells-over-a-billion-rows.html": lambda: (
        b"<table>" + b"<tr>" + b"<td colspan=1000 rowspan=999999999>x" * 1_000 + b"<tr><td>y" * 10_000
    ),
    "cells-repeated-15-mb.html": lambda: (
        b"<table><tr><td rowspan=0>" + b"x" * 15_000_000 + b"<td>y" + b"<tr><td>z" * 9_000
    ),
    "heads-100000.html": lambda: b"<table><thead>" + b"<tr><th>a<th>b" * 100_000 + b"<tbody><tr><td>1<td>2",
    "tables-in-tables.html": lambda: b"<table><tr><td>x" * 150 + b"</table>" * 150 + b"<table><tr><td>x" * 400,
    "items-never-closed.html": lambda: b"<ul>" + b"<li>a<b>b" * 200_000,
    "paragraph-open-below-blocks.html": lambda: b"<p><button>" + b"<div>" * 400 + b"<section></section>" * 300_000,
    "raised-empty.html": lambda: b"<sup></sup>" * 200_000 + b"<sup>1</sup>",
    "raised-never-closed.html": lambda: b"<p>$20<sup>1" * 100_000 + b"<sup>1" * 400,
    "styles-of-no-size.html": lambda: (
        b"<div style='font-size:0'>" * 400 + b"<span style='font-size:0'>x</span>" * 50_000
    ),
    "front-matter-aliases.md": lambda: yaml(
        "a: &a [x,x,x,x,x,x,x,x,x]", *(f"b{n}: &b{n} [{f'*b{n - 1},' * 9}]" for n in range(1, 9)), first="b0: &b0 [*a]"
    ),
    "front-matter-merges.md": lambda: yaml(
        "a0: &a0 {k: 1}", *(f"a{n}: &a{n} {{<<: [{f'*a{n - 1},' * 20}]}}" for n in range(1, 12))
    ),
    "front-matter-nested.md": lambda: yaml("a: " + "[" * 30_000),
    "front-matter-object.md": lambda: yaml("a: !!python/object/apply:os.system ['touch /tmp/evil']"),
    "front-matter-number.md": lambda: yaml("a: " + "9" * 60_000, "b: 0x" + "f" * 3_000),
    "front-matter-never-closed.md": lambda: b"---\n" + b"a: b\n" * 2_000_000,
    "headings-only.md": lambda: b"# \n" * 3_000_000,
    "links-nested.md": lambda: b"# " + b"[" * 5_000_000,
    "marks.md": lambda: b"# " + b"*_`" * 3_000_000,
}


def yaml(*lines: str, first: str = "") -> bytes:
    """Front matter and a little text."""
    head, *rest = lines
    return "\n".join(["---", head, *filter(None, [first]), *rest, "---", "Restart the server."]).encode()


def keys(depth: int) -> bytes:
    """An object in an object, and so on."""
    return b'{"a":' * depth + b"1" + b"}" * depth


DATA: dict[str, Callable[[], bytes]] = {
    "nested-10.json": lambda: keys(10),
    "nested-100000.json": lambda: keys(100_000),
    "lists-nested-100000.json": lambda: b"[" * 100_000 + b"]" * 100_000,
    "lists-never-closed.json": lambda: b"[" * 19_000_000,
    "numbers-of-a-million-digits.json": lambda: b'{"a": %s, "b": 1e999999999, "c": NaN}' % (b"9" * 1_000_000),
    "numbers-5-million.json": lambda: b'{"a": [' + b"1, " * 5_000_000 + b"1]}",
    "objects-empty.json": lambda: b"[" + b"{}," * 5_000_000 + b"{}]",
    "objects-in-a-long-name.json": lambda: b'{"%s": [%s1]}' % (b"k" * 9_000_000, b"[1]," * 1_000_000),
    "lone-surrogates.json": lambda: b'{"a\\ud800": "\\udfff\\u0000 x"}',
    "cut-off.json": lambda: b'{"a": "',
    "utf-16.json": lambda: '{"a": "x"}'.encode("utf-16"),
    "line-100-mb.jsonl": lambda: b'{"id": 1, "text": "' + b"x" * 100_000_000 + b'"}\n{"id": 2, "text": "x"}',
    "nested-lines.jsonl": lambda: (b"[" * 100_000 + b"\n") * 20,
    "lines-of-nothing.jsonl": lambda: b"{}\n" * 5_000_000,
    "numbers.jsonl": lambda: b'{"id": %s, "text": "x"}' % (b"9" * 100_000),
    "line-100-mb.csv": lambda: b"a,b\n" + b"x" * 100_000_000,
    "quote-never-closed.csv": lambda: b'a,b\n1,"x\n' + b"2,y\n" * 30_000,
    "quotes-never-closed.csv": lambda: b'a,b\n1,"x\n2,y"z\n' * 30_000,
    "quotes-only.csv": lambda: b'a,b\n"' + b'"' * 15_000_000,
    "columns-a-million.csv": lambda: b",".join(b"c%d" % n for n in range(1_000_000)) + b"\n" + b"1," * 999_999 + b"1",
    "names-repeated.csv": lambda: b",".join([b"c" * 100] * 1000) + b"\n" + (b"1," * 999 + b"1\n") * 9_000,
    "field-10-mb.csv": lambda: b'a,b\n1,"' + b"x\n" * 5_000_000 + b'"\n2,y\n',
    "ragged.csv": lambda: b"a,b\n" + b"".join(b"1," * (n % 9) + b"\n" for n in range(50_000)),
    "nul.csv": lambda: b"a,b\n1,\0\n",
    "formulas.csv": lambda: b"a,b\n=cmd|'/c calc'!A1,@SUM(1)\n",
}

TEXTS: dict[str, Callable[[], bytes]] = {
    "line-100-mb.txt": lambda: b"x" * 100_000_000,
    "line-100-mb.md": lambda: b"x" * 100_000_000,
    "line-19-mb.txt": lambda: b"x" * 19_000_000,
    "utf-16-with-mark.txt": lambda: "Refunds take five days. ".encode("utf-16") * 3,
    "utf-16-without-mark.txt": lambda: ("Refunds take five days. " * 9).encode("utf-16-le"),
    "utf-32-with-mark.txt": lambda: ("Refunds take five days. " * 9).encode("utf-32"),
    "utf-32-without-mark.txt": lambda: ("Refunds take five days. " * 9).encode("utf-32-le"),
    "nul.txt": lambda: b"a\0b",
    "surrogates.txt": lambda: "a\ud800b".encode("utf-8", "surrogatepass") * 1000,
    "noise.txt": lambda: noise(15),
    "noise-without-nul.txt": lambda: noise(15).replace(b"\0", b"x"),
    "ligatures-18-letters-each.txt": lambda: "\ufdfa".encode() * 6_000_000,
    "accents-on-one-letter.txt": lambda: b"a" + "\u0301\u0323".encode() * 4_000_000,
    "invisible.txt": lambda: "\u200b".encode() * 6_000_000,
    "overlong.txt": lambda: b"\xc0\xaf\xf5\x80\x80" * 100_000,
}


def socket_at(folder: Path) -> None:
    """A socket with the name of a text."""
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(str(folder / "s.md"))


def deep(folder: Path) -> None:
    """Folders in folders, until a path is too long for the system."""
    here = os.open(folder, os.O_RDONLY)
    for _ in range(60):
        os.mkdir("d" * 100, dir_fd=here)
        inner = os.open("d" * 100, os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = inner
    os.close(here)


def sparse(path: Path, size: int = 1 << 40) -> None:
    """A file that says it is a terabyte."""
    with path.open("wb") as file:
        file.truncate(size)


def dated(path: Path, seconds: int) -> None:
    """A file from a year that no calendar has."""
    path.write_text("x")
    os.utime(path, (seconds, seconds))


def closed(path: Path) -> None:
    """A file that nobody but root may read."""
    path.write_text("x")
    path.chmod(0)


def folder_of_that_name(folder: Path) -> None:
    """A folder with the name of a text, and one with the name of a PDF in it."""
    (folder / "folder.md" / "inner.pdf").mkdir(parents=True)
    (folder / "folder.md" / "inner.pdf" / "x.md").write_text("x")


def vanishing(folder: Path) -> None:
    """A file that will be gone when it is its turn."""
    for name in ("first.md", VANISHING):
        (folder / name).write_text("x")


NO_FILES: dict[str, Callable[[Path], object]] = {
    "link-out.md": lambda folder: (folder / "l.md").symlink_to("/etc/passwd"),
    "link-to-a-device.md": lambda folder: (folder / "l.md").symlink_to("/dev/zero"),
    "link-to-itself.md": lambda folder: (folder / "l.md").symlink_to("l.md"),
    "link-to-nothing.md": lambda folder: (folder / "l.md").symlink_to("gone.md"),
    "link-to-its-folder": lambda folder: (folder / "l").symlink_to("."),
    "fifo.md": lambda folder: os.mkfifo(folder / "f.md"),
    "socket.md": socket_at,
    "folder.md": folder_of_that_name,
    "folders-too-deep": deep,
    "terabyte.txt": lambda folder: sparse(folder / "terabyte.txt"),
    "terabyte.jsonl": lambda folder: sparse(folder / "terabyte.jsonl"),
    "far-future.md": lambda folder: dated(folder / "future.md", 1 << 40),
    "no-permission.md": lambda folder: closed(folder / "closed.md"),
    "name-with-a-line-end.md": lambda folder: (folder / "a\nindexed 9 documents\x1b[2J.md").write_text("x"),
    "name-written-backwards.md": lambda folder: (folder / "a\u202efdp.md").write_text("x"),
    "name-not-unicode.md": lambda folder: Path(os.fsdecode(os.fsencode(folder) + b"/caf\xe9.md")).write_text("x"),
    "name-of-255-bytes.md": lambda folder: (folder / ("n" * 252 + ".md")).write_text("x"),
    VANISHING: vanishing,
}
