"""Ordinary work of packages from PyPI, of a size: ``python changed_work.py NAME N``. See `known_changes.py`.

What is printed is the same in all versions.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass


def dnspython(n):
    """The addresses of one name."""
    import dns.rrset

    addresses = [f"10.{i >> 16}.{i >> 8 & 255}.{i & 255}" for i in range(n)]
    return len(dns.rrset.from_text_list("example.com.", 300, "IN", "A", addresses))


def netaddr(n):
    """Addresses that are added to a set one by one."""
    import netaddr

    addresses = netaddr.IPSet()
    for i in range(n):
        addresses.add(f"10.{i >> 8}.{i & 255}.1")
    return addresses.size


def networkx(n):
    """Small graphs joined into one."""
    import networkx

    return len(networkx.disjoint_union_all([networkx.path_graph(5) for _ in range(n)]))


def pyasn1(n):
    """A sequence of strings in DER."""
    from pyasn1.codec.der import decoder, encoder
    from pyasn1.type import univ

    kind = univ.SequenceOf(componentType=univ.OctetString())
    made = kind.clone()
    made.extend([b"x" * 500] * n)
    return len(decoder.decode(encoder.encode(made), asn1Spec=kind)[0])


def hpack(n):
    """Headers of requests, encoded and decoded."""
    import hpack

    encoder, decoder = hpack.Encoder(), hpack.Decoder()
    found = 0
    for i in range(n):
        headers = [(":path", f"/items/{i}"), ("accept", "*/*"), ("x-request-id", f"{i * 7919:032x}")]
        found += len(decoder.decode(encoder.encode(headers)))
    return found


def markdown(n):
    """A page of paragraphs and inline HTML."""
    import markdown

    text = "\n\n".join(f"Paragraph *{i}* with <b>some</b> `code` and a [link](http://example.org/{i})." for i in range(n))
    return markdown.markdown(text).count("<p>")


def cachetools(n):
    """A cache of the least frequently used that evicts."""
    import cachetools

    cache = cachetools.LFUCache(200)
    for i in range(n):
        cache[i * 31 % 1000] = i
    return len(cache)


@dataclass
class Item:
    name: str
    price: float
    tags: list[str]


@dataclass
class Order:
    number: int
    items: list[Item]


def dacite(n):
    """Dictionaries made into dataclasses."""
    import dacite

    data = {"items": [{"name": "a", "price": 1.5, "tags": ["x", "y"]}] * 3}
    return sum(len(dacite.from_dict(Order, {"number": i, **data}).items) for i in range(n))


def xlsxwriter(n):
    """A sheet of strings and numbers, in memory."""
    import io

    import xlsxwriter

    book = xlsxwriter.Workbook(io.BytesIO())
    sheet = book.add_worksheet()
    for row in range(n):
        sheet.write_row(row, 0, [f"name {row}", "some text & more", row, row / 7])
    book.close()
    return n


def idna(n):
    """Names with letters beyond ASCII."""
    import idna

    return sum(len(idna.encode(f"bücher{i}.example")) for i in range(n))


if __name__ == "__main__":
    print(globals()[sys.argv[1]](int(sys.argv[2])))
