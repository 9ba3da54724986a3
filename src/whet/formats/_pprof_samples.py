"""The samples of a pprof file, which are nearly all of it: equal ones are counted first and taken apart once.

Stacks are rows of the locations' numbers, in the order in which samples name them. Labels that have too many values to
be a thread's, such as the moment of a sample (Datadog), are left out, and samples that differ in nothing else are one.
"""

from __future__ import annotations

from array import array
from typing import NamedTuple

from whet.errors import FormatError
from whet.formats._builder import ProfileBuilder
from whet.formats._protobuf import Truncated, read_message, read_number, read_numbers, to_signed, write_number

MOST_SAMPLES = 2_000_000
"""Different pairs of stack and labels: about 350 MB."""
MOST_THREADS = 10_000
"""Values of one label, above which it is no thread's."""
_MOST_COUNTED = 100_000
"""Different messages that are held before they are taken apart."""
_MOST_CACHED = 200_000
_COUNT = 2**32


class Sums(NamedTuple):
    """What the samples of one stack with one set of labels add up to; the last value is how many they were."""

    label: int
    row: int
    values: list[int]


class SampleReader:
    """Counts samples (:meth:`count`), and adds up their values (:meth:`settle`)."""

    def __init__(self, builder: ProfileBuilder) -> None:
        self.builder = builder
        self.locations: dict[int, int] = {}
        """The builder's number of each location, from 1 on."""
        self.labels: dict[tuple[bytes, ...], int] = {}
        """Sets of labels that may tell threads apart."""
        self.values_of: dict[int, set[bytes]] = {}
        """Labels by the number of their key."""
        self._counts: dict[bytes, int] = {}
        """By message: where its first one stands, times ``_COUNT``, plus how many."""
        self._rows: dict[bytes, int] = {}
        self._values: dict[bytes, list[tuple[int, int]]] = {}
        self._known_labels: dict[bytes, int] = {}
        self._moment = b""
        self._moment_size = 0
        """How a label that is left out begins where it ends a sample, and its size."""
        self._varied: set[int] = set()
        self._places: dict[int, int] = {}
        self._keys = array("Q")
        self._columns: list[array[int]] = [array("q")]

    def count(self, data: bytes, at: int, before: int) -> int:
        """Count the samples that follow one another in ``data`` from ``at`` on, each a field of the profile.

        Return where they end: at a field of another kind, at one that is not whole, or at one that is no short one.
        ``before`` bytes of the file stand before ``data``.
        """
        counts, size = self._counts, len(data)
        moment, moment_size = self._moment, self._moment_size
        while at + 3 < size and data[at] == 0x12:
            length, start = data[at + 1], at + 2
            if length >= 0x80:
                if data[start] >= 0x80:
                    break
                length = length & 0x7F | data[start] << 7
                start += 1
            end = start + length
            if end > size:
                break
            if moment_size and length > moment_size and data.startswith(moment, end - moment_size):
                message = data[start : end - moment_size]
            else:
                message = data[start:end]
            seen = counts.get(message)
            counts[message] = (before + at) * _COUNT + 1 if seen is None else seen + 1
            at = end
        # The first time soon: then it shows which labels are moments.
        if len(counts) > (_MOST_COUNTED if len(self._keys) else MOST_THREADS * 3 // 2):
            self.settle()
        return at

    def settle(self) -> None:
        """Add up what was counted. Raises ``FormatError`` for what is no sample."""
        counts, self._counts = self._counts, {}
        for message, seen in counts.items():
            self.take(message, seen // _COUNT, seen % _COUNT)

    def take(self, data: bytes, at: int, count: int = 1) -> None:
        """Add ``count`` equal samples, the first at byte ``at``."""
        places, values, labels = self._split(data, at)
        row = self._rows.get(places)
        if row is None:
            row = self._find_row(places, at)
        numbers = self._values.get(values)
        if numbers is None:
            numbers = self._find_values(values, at)
        label = self._known_labels.get(labels)
        if label is None:
            label = self._find_label(labels, at)
        key = label * _COUNT + row
        place = self._places.setdefault(key, len(self._keys))
        if place == len(self._keys):
            if place >= MOST_SAMPLES:
                raise FormatError(f"more than {MOST_SAMPLES:,} different samples", where=f"byte {at}")
            self._keys.append(key)
            for column in self._columns:
                column.append(0)
        try:
            for index, value in numbers:
                self._columns[index][place] += value * count
        except OverflowError:
            raise FormatError("values that add up to more than 64 bits", where=f"the sample at byte {at}") from None

    def sums(self, width: int) -> list[Sums]:
        """Return the sums of all samples, of ``width`` values each; what was added up is given up."""
        self.settle()
        self._places, self._rows, self._values, self._known_labels = {}, {}, {}, {}
        if len(self._keys) and len(self._columns) != width + 1:
            raise FormatError(f"{len(self._columns) - 1} values for {width} types of samples", where="a sample")
        found = []
        columns = [*self._columns[1:], self._columns[0]]
        for place, key in enumerate(self._keys):
            found.append(Sums(key // _COUNT, key % _COUNT, [column[place] for column in columns]))
        return found

    def _split(self, data: bytes, at: int) -> tuple[bytes, bytes, bytes]:
        """Return a sample's locations and values as packed fields, and its labels as they stand."""
        try:
            # As nearly all are written: locations packed, values packed, labels.
            start, size = 2, data[1]
            if size >= 0x80:
                start, size = 3, size & 0x7F | data[2] << 7
            end = start + size
            second = end + 2 + data[end + 1]
            is_usual = data[0] == 0x0A and data[end] == 0x12 and data[end + 1] < 0x80 and size < 0x4000
        except IndexError:
            is_usual = False
        if is_usual and (second == len(data) or data[second : second + 1] == b"\x1a"):
            return data[start:end], data[end + 2 : second], data[second:]
        places, values, labels = bytearray(), bytearray(), bytearray()
        for number, value in read_message(data, f"byte {at}"):
            if number in {1, 2}:
                part = write_number(value) if isinstance(value, int) else value
                (places if number == 1 else values).extend(part)
            elif number == 3 and isinstance(value, bytes):
                labels += b"\x1a" + write_number(len(value)) + value
        return bytes(places), bytes(values), bytes(labels)

    def _find_row(self, places: bytes, at: int) -> int:
        index = self.locations
        keys = read_packed(places, at)
        row = self.builder.stack([index.setdefault(key, len(index) + 1) for key in reversed(keys)] or [0], f"byte {at}")
        if len(self._rows) > _MOST_CACHED:
            self._rows.clear()
        self._rows[places] = row
        return row

    def _find_values(self, values: bytes, at: int) -> list[tuple[int, int]]:
        """Return the values that are not 0, each with its column; the first column counts samples."""
        numbers = read_packed(values, at)
        if not len(self._keys):
            self._columns = [array("q") for _ in range(len(numbers) + 1)]
        elif len(numbers) != len(self._columns) - 1:
            expected = len(self._columns) - 1
            raise FormatError(f"{len(numbers)} values where others have {expected}", where=f"the sample at byte {at}")
        found = [(0, 1)]
        found += [(index, value) for index, each in enumerate(numbers, start=1) if (value := to_signed(each)) > 0]
        if len(self._values) > _MOST_CACHED:
            self._values.clear()
        self._values[values] = found
        return found

    def _find_label(self, labels: bytes, at: int) -> int:
        """Return the number of a set of labels, without those that have too many values to be a thread's: moments."""
        kept = []
        for _, label in read_message(labels, f"the sample at byte {at}"):
            if not isinstance(label, bytes) or label[:1] != b"\x08":
                continue
            try:
                key, rest = read_number(label, 1)
            except (Truncated, ValueError):
                raise FormatError("a label breaks off", where=f"the sample at byte {at}") from None
            if key in self._varied:
                if labels.endswith(label) and len(label) < 0x80:
                    self._moment_size = len(label) + 2
                    self._moment = bytes((0x1A, len(label))) + label[: rest + 1]
                continue
            values = self.values_of.setdefault(key, set())
            if len(values) <= MOST_THREADS:
                values.add(label)
                kept.append(label)
            else:
                self._varied.add(key)
        if len(self.values_of) > MOST_THREADS:
            raise FormatError(f"more than {MOST_THREADS:,} keys of labels", where=f"byte {at}")
        number = self.labels.setdefault(tuple(kept), len(self.labels))
        if len(self._known_labels) > _MOST_CACHED:
            self._known_labels.clear()
        self._known_labels[labels] = number
        return number


def read_packed(data: bytes, at: int) -> list[int]:
    """Return the numbers of a packed field of the sample at byte ``at``. Raises ``FormatError``."""
    try:
        return read_numbers(data)
    except (Truncated, ValueError):
        raise FormatError("a list of numbers breaks off", where=f"the sample at byte {at}") from None
