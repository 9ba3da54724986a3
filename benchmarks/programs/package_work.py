"""Ordinary work of packages from PyPI, of a size: ``python package_work.py NAME N``.

See `growing_packages.py` and `estimates.py`.
"""

from __future__ import annotations

import sys


def dnspython(n):
    """The addresses of one name."""
    import dns.rrset

    addresses = [f"10.{i >> 16}.{i >> 8 & 255}.{i & 255}" for i in range(n)]
    dns.rrset.from_text_list("example.com.", 300, "IN", "A", addresses)


def httpx(n):
    """A response of one long line, which comes in pieces."""
    import httpx

    response = httpx.Response(200, content=iter([b"x" * 1000] * n))
    for _ in response.iter_lines():
        pass


def netaddr(n):
    """Addresses that are added to a set one by one."""
    import netaddr

    addresses = netaddr.IPSet()
    for i in range(n):
        addresses.add(f"10.{i >> 8}.{i & 255}.1")


def networkx(n):
    """Small graphs joined into one."""
    import networkx

    networkx.disjoint_union_all([networkx.path_graph(5) for _ in range(n)])


def pyasn1(n):
    """A sequence of strings in DER."""
    from pyasn1.codec.der import decoder, encoder
    from pyasn1.type import univ

    kind = univ.SequenceOf(componentType=univ.OctetString())
    made = kind.clone()
    made.extend([b"x" * 500] * n)
    decoder.decode(encoder.encode(made), asn1Spec=kind)


def zipp(n):
    """Files looked for in an archive, by path."""
    import io
    import zipfile

    import zipp

    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        for i in range(n):
            file.writestr(f"package/part{i % 30}/file{i}.txt", "x")
    root = zipp.Path(zipfile.ZipFile(buffer))
    for i in range(40):
        assert (root / f"package/part{i % 30}/file{i}.txt").exists()


def base58(n):
    """Keys written and read."""
    import base58

    for i in range(n):
        base58.b58decode(base58.b58encode(i.to_bytes(32, "big")))


def tornado(n):
    """A response with many cookies, and what is read of them."""
    from tornado.httputil import HTTPHeaders

    headers = HTTPHeaders()
    for i in range(n):
        headers.add("Set-Cookie", f"name{i}=value{i}; Path=/")
    assert len(headers["Set-Cookie"]) > n


def urllib3(n):
    """An address with many escapes."""
    from urllib3.util.url import parse_url

    parse_url("http://host/" + "".join(f"%{i % 200 + 33:02x}" for i in range(n)))


def pypdf_hex(n):
    """A stream in hexadecimal digits."""
    from pypdf.filters import ASCIIHexDecode

    ASCIIHexDecode.decode(b"4f" * n + b">")


def markdown(n):
    """A text with many tags."""
    import markdown

    markdown.markdown("".join(f"<div>{i}</div>\n\ntext {i}\n\n" for i in range(n)))


def smart_open(n):
    """A buffer that is filled by chunks and then read."""
    from smart_open.bytebuffer import ByteBuffer

    buffer = ByteBuffer()
    for _ in range(n):
        buffer.fill([b"x" * 1000])
    buffer.read(1000 * n)


def petastorm(n):
    """Rows that are handed on in their order."""
    import importlib.util

    # The module alone: its package wants Spark.
    place = importlib.util.find_spec("petastorm").submodule_search_locations[0]
    spec = importlib.util.spec_from_file_location("shuffling", f"{place}/reader_impl/shuffling_buffer.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    buffer = module.NoopShufflingBuffer()
    buffer.add_many(range(n))
    while buffer.can_retrieve():
        buffer.retrieve()


def wcwidth(n):
    """Columns of a text with a few hundred different characters."""
    import wcwidth

    text = "".join(chr(0x4E00 + i % 300) + chr(0x61 + i % 26) for i in range(200))
    for _ in range(n):
        wcwidth.wcswidth(text)


def wsproto(n):
    """Messages that are masked."""
    from wsproto.frame_protocol import XorMaskerSimple

    for _ in range(n):
        XorMaskerSimple(b"abcd").process(b"x" * 2000)


def websockets(n):
    """Messages that are masked."""
    from websockets.utils import apply_mask

    for _ in range(n):
        apply_mask(b"x" * 2000, b"abcd")


def cachetools(n):
    """A cache of a thousand pages, by how often they are asked for."""
    import cachetools

    pages = cachetools.LFUCache(1000)
    for i in range(n):
        pages[i * 7919 % 5000] = i


def hpack(n):
    """Headers of requests."""
    import hpack

    encoder = hpack.Encoder()
    for i in range(n):
        encoder.encode([(":method", "GET"), (":path", f"/page/{i}"), ("user-agent", "x" * 20), (f"x-{i}", str(i))])


def xlsxwriter(n):
    """A sheet of texts."""
    import io

    import xlsxwriter

    book = xlsxwriter.Workbook(io.BytesIO())
    sheet = book.add_worksheet()
    for row in range(n):
        for column in range(10):
            sheet.write_string(row, column, f"cell {row} & {column}")
    book.close()


if __name__ == "__main__":
    globals()[sys.argv[1]](int(sys.argv[2]))
