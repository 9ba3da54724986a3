"""Ordinary work of packages from PyPI, of a size: ``python package_work.py NAME N``. See `growing_packages.py` and `estimates.py`."""

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


if __name__ == "__main__":
    globals()[sys.argv[1]](int(sys.argv[2]))
