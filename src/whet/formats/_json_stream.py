"""Reads one big JSON object piece by piece, so that a capture larger than memory can be read."""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Iterator
from typing import BinaryIO

from whet.errors import FormatError

_CHUNK = 1024 * 1024
MAX_PIECE = 64 * 1024 * 1024
"""Characters of one member or element; more is refused before it is held in memory."""
_SPACE = " \t\r\n"
_AFTER = frozenset(",:]}" + _SPACE)
_NEAR = 32
_END_OF_ROWS = re.compile(r"\][ \t\r\n]*\]")
_SPACES = re.compile(r"[ \t\r\n]+")
_SPLIT_NUMBER = re.compile(r"\w[ \t\r\n]+\w")
_NEXT_OBJECT = re.compile(r"\}[ \t\r\n]*,(?=[ \t\r\n]*\{)")
_LAST_OBJECTS = 64 * 1024
"""Characters at the end of what is read in which the last of several objects is looked for."""


class BrokenOff(Exception):  # noqa: N818  not an error by itself: a capture that was cut off is still of use
    """The text ended inside a value."""


class JsonStream:
    """Pulls members of an object, and elements of an array in it, from a file.

    Raises ``FormatError`` with the character's position for what is not JSON, ``BrokenOff`` where the file
    ends too early.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._decode = codecs.getincrementaldecoder("utf-8")("surrogateescape").decode
        self._decoder = json.JSONDecoder()
        self._text = ""
        self._at = 0
        self._before = 0
        self._ended = False
        self._tried = -1
        """Up to where objects were last taken at once: not to be tried again for each that is left."""

    @property
    def position(self) -> str:
        """Where reading stands, in words."""
        return f"character {self._before + self._at + 1}"

    def is_array(self) -> bool:
        """Return whether an array comes next."""
        return self._peek() == "["

    def members(self) -> Iterator[str]:
        """Yield the names of the object's members; after each, call :meth:`value` or exhaust :meth:`elements`."""
        self._expect("{")
        if self._peek() == "}":
            return
        while True:
            name = self.value()
            if not isinstance(name, str):
                raise FormatError("a member without a name", where=self.position)
            self._expect(":")
            yield name
            if self._expect(",}") == "}":
                return

    def elements(self) -> Iterator[object]:
        """Yield the elements of the array that comes next."""
        self._expect("[")
        if self._peek() == "]":
            self._at += 1
            return
        while True:
            yield from self._take_objects()
            yield self.value()
            if self._expect(",]") == "]":
                return

    def _take_objects(self) -> list[object]:
        """Return the objects that are whole in what is read, but for the last, if all come next; else none.

        A piece that was cut inside an element is no JSON, and then they are read one after the other.
        """
        read = self._before + len(self._text)
        if self._tried == read or self._text[self._at : self._at + 1] != "{":
            return []
        self._tried = read
        last = -1
        for found in _NEXT_OBJECT.finditer(self._text, max(self._at, len(self._text) - _LAST_OBJECTS)):
            last = found.start()
        if last < 0:
            return []
        try:
            objects: list[object] = json.loads(f"[{self._text[self._at : last + 1]}]")
        except (ValueError, RecursionError):
            return []
        self._at = self._text.index("{", last)
        return objects

    def entries(self) -> Iterator[None]:
        """Stand at each element of the array that comes next; take it with :meth:`value`, :meth:`members`, …."""
        self._expect("[")
        if self._peek() == "]":
            self._at += 1
            return
        while True:
            yield
            if self._expect(",]") == "]":
                return

    def rows(self) -> Iterator[list[str]]:
        """Yield the elements of an array of arrays, many at once, as text such as ``1,2,3``, which is to be checked."""
        self._expect("[")
        if self._peek() == "]":
            self._at += 1
            return
        while True:
            end, after = self._find_end_of_rows()
            # Without the end in sight the last bracket may be half of it.
            last = end + 1 if end >= 0 else self._text.rfind("]", self._at, self._text.rfind("]")) + 1
            if last > self._at:
                piece = self._without_spaces(self._text[self._at : last]).removeprefix(",")
                if not (piece.startswith("[") and piece.endswith("]")):
                    raise FormatError("not an array of arrays of numbers", where=self.position)
                yield piece[1:-1].split("],[")
                self._at = after if end >= 0 else last
            if end >= 0:
                return
            self._fill_or_break()

    def _find_end_of_rows(self) -> tuple[int, int]:
        """Return where the last row's bracket stands and the array ends; -1 where that is not read yet."""
        end = self._text.find("]]", self._at)
        if _has_spaces(self._text, self._at, end if end >= 0 else len(self._text)):
            found = _END_OF_ROWS.search(self._text, self._at)
            return (found.start(), found.end()) if found is not None else (-1, -1)
        return end, end + 2

    def _without_spaces(self, piece: str) -> str:
        """Return arrays of numbers without the spaces between them."""
        piece = piece.replace(", ", ",")  # as Python writes it
        if not _has_spaces(piece, 0, len(piece)):
            return piece
        if _SPLIT_NUMBER.search(piece) is not None:
            raise FormatError("not an array of arrays of numbers", where=self.position)
        return _SPACES.sub("", piece)

    def numbers(self) -> Iterator[list[object]]:
        """Yield the elements of an array of scalars, many at once."""
        self._expect("[")
        while True:
            end = self._text.find("]", self._at)
            last = end if end >= 0 else self._text.rfind(",", self._at)
            if last >= 0:
                try:
                    yield json.loads(f"[{self._text[self._at : last]}]")
                except (ValueError, RecursionError) as error:
                    raise FormatError("not an array of numbers", where=self.position) from error
                self._at = last + 1
            if end >= 0:
                return
            self._fill_or_break()

    def _fill_or_break(self) -> None:
        if self._ended:
            raise BrokenOff
        if len(self._text) - self._at > MAX_PIECE:
            raise FormatError("one value is too large", where=self.position)
        self._fill(_CHUNK)

    def value(self) -> object:
        """Return the value that comes next, whole."""
        self._peek()
        size = _CHUNK
        while True:
            try:
                value, end = self._decoder.raw_decode(self._text, self._at)
                # Near the end of the buffer a number may go on: ``0`` of ``0.25`` is a value.
                if self._ended or self._text[end : end + 1] in _AFTER or len(self._text) - end > _NEAR:
                    self._at = end
                    return value
            except RecursionError as error:
                raise FormatError("JSON nested too deeply", where=self.position) from error
            except ValueError as error:
                if self._ended:
                    raise self._explain(error) from error
                # Wrong far from the end of the buffer stays wrong whatever follows.
                if isinstance(error, json.JSONDecodeError) and self._is_wrong(error):
                    raise FormatError("not JSON", where=f"character {self._before + error.pos + 1}") from error
            if len(self._text) - self._at > MAX_PIECE:
                raise FormatError("one value is too large", where=self.position)
            self._fill(size)
            size *= 2

    def _is_wrong(self, error: json.JSONDecodeError) -> bool:
        unfinished = error.msg.startswith("Unterminated string") or error.pos >= len(self._text) - _NEAR
        return not unfinished

    def _explain(self, error: ValueError) -> Exception:
        if isinstance(error, json.JSONDecodeError) and not self._is_wrong(error):
            return BrokenOff()
        return FormatError("not JSON", where=self.position)

    def _expect(self, characters: str) -> str:
        found = self._peek()
        if found not in characters:
            raise FormatError(f"{' or '.join(characters)} expected", where=self.position)
        self._at += 1
        return found

    def _peek(self) -> str:
        """Return the next character that is no space, and stand on it."""
        while True:
            while self._at < len(self._text) and self._text[self._at] in _SPACE:
                self._at += 1
            if self._at < len(self._text):
                return self._text[self._at]
            if self._ended:
                raise BrokenOff
            self._fill(_CHUNK)

    def _fill(self, size: int) -> None:
        raw = self._file.read(size)
        self._ended = not raw
        self._before += self._at
        self._text = self._text[self._at :] + self._decode(raw, final=self._ended)
        self._at = 0


def _has_spaces(text: str, start: int, end: int) -> bool:
    return any(text.find(space, start, end) >= 0 for space in _SPACE)
