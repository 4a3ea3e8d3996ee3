"""Text of a file whose encoding nobody wrote down."""

from __future__ import annotations

import codecs

from nlp_service.errors import BadInput

_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)


def decode(data: bytes) -> str:
    """Decode UTF-8, UTF-16 or GB18030 (and so GBK and GB 2312), with or without a byte-order mark.

    UTF-8 that is damaged in places stays UTF-8: the bytes in question become lone surrogates, which the check of an
    entry refuses by row. To take such a file for GBK would turn all of it into other characters.

    Raises:
        BadInput: It is none of these.
    """
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return _decode_marked(data[len(mark) :], encoding)
    # In UTF-16 commas and line ends have a zero byte. Fewer than one in a hundred are a flaw of another encoding.
    zeros = data[::2].count(0), data[1::2].count(0)
    if sum(zeros) > len(data) // 100:
        return _decode_marked(data, "utf-16-le" if zeros[1] > zeros[0] else "utf-16-be")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        pass
    damaged = data.decode("utf-8", "surrogateescape")
    n_bad = sum("\udc80" <= char <= "\udcff" for char in damaged)
    n_good = sum(char > "\x7f" for char in damaged) - n_bad
    if n_good > n_bad:
        return damaged
    try:
        return data.decode("gb18030")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        message = f"the file is neither UTF-8 nor UTF-16 nor GB18030 (line {line})"
    raise BadInput(message, param="file")


def _decode_marked(data: bytes, encoding: str) -> str:
    if encoding == "utf-8":
        return data.decode(encoding, "surrogateescape")
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        message = f"the file is damaged: at byte {error.start} it is not UTF-16"
    raise BadInput(message, param="file")
