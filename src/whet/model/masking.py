"""Secrets in command lines, made unreadable before anything is saved or shown.

A command line ends up in saved runs, reports and pull requests, so whatever
looks like a secret is replaced by ``***``. Three things give one away: the name
beside it (``--token=…``, ``password: …``), its form (keys of known services,
JSON web tokens), and its randomness. Names that merely resemble secrets
(``--max-tokens 100``, ``--tokenizer bert``, ``--password-file f``) stay.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise

MASK = "***"


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_SECRET_PARTS = _words(
    "token password passwd passphrase passwort pwd pass secret apikey authorization auth bearer credential credentials "
    "cookie pat accesskey secretkey privatekey signature sig otp dsn"
)
_KEY_KINDS = _words("api access secret private encryption signing auth master account storage service license")
_HARMLESS_FIRST = _words("no ask use prompt show require without max min num n list count skip")
_HARMLESS_LAST = _words(
    "file path dir limit name type kind length len count url uri endpoint ttl id env var mode method size budget "
    "prompt policy provider backend header timeout expiry field format stdin"
)
_HARMLESS_VALUES = _words(
    "basic digest none token bearer oauth oauth2 ntlm kerberos negotiate true false yes no on off 0 1 null"
)

_OPTION = re.compile(r"--?[A-Za-z][\w.-]*(=|$)")
_NAME_VALUE = re.compile(r"(-{0,2}[A-Za-z][\w.-]*)=(.*)", re.DOTALL)
_HEADER = re.compile(r"([A-Za-z][\w-]*)(\s*:\s*)(\S.*)", re.DOTALL)
_PARAMETER = re.compile(r"([?&;])([\w.-]+)=([^&#;\s]+)")
_QUOTED = re.compile(r"""(['"]?)\b([A-Za-z_][\w-]*)\1(\s*(?::|=)\s*)(['"])((?:\\.|(?!\4).)*)\4""", re.DOTALL)
_UNQUOTED = re.compile(r"(?<![\w?&;-])([A-Za-z_][\w-]*)=([^\s'\"()\[\]{},;]+)(?=[\s;]|$)")
_USER_PASSWORD = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*://[^\s/:@]*):([^\s/]+)@")
_USER_PASSWORD_WITH_SLASH = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*://[^\s/:@]+):(?!\d+(?:/|$))(\S+)@")
_USER_ONLY = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*://)([^\s/:@]+)@")
_SCHEME = re.compile(r"\b(Bearer|Basic|Token|ApiKey)(\s+)([A-Za-z0-9+/_.~=-]{8,}|\*\*\*)", re.IGNORECASE)

_KNOWN = re.compile(
    r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*"
    r"|\beyJ[\w-]{6,}\.[\w-]{4,}(?:\.[\w-]*)?"
    r"|\b(?:AKIA|ASIA|AGPA|AIDA|AROA|ANPA)[A-Z0-9]{16}\b"
    r"|\bgh[pousr]_[A-Za-z0-9]{16,}|\bgithub_pat_\w{16,}|\bglpat-[\w-]{16,}"
    r"|\bsk-[A-Za-z0-9_-]{16,}|\b[srp]k_(?:live|test)_[A-Za-z0-9]{8,}"
    r"|\bxox[a-z]-[A-Za-z0-9-]{8,}|\bxapp-[A-Za-z0-9-]{8,}|(?<=hooks\.slack\.com/services/)[\w/]+"
    r"|\bAIza[\w-]{30,}|\bya29\.[\w-]{16,}|\bpypi-[\w-]{16,}|\bnpm_[A-Za-z0-9]{24,}|\bhf_[A-Za-z0-9]{16,}"
    r"|\bSG\.[\w-]{16,}\.[\w-]{16,}|\bdop_v1_[0-9a-f]{32,}|\bAGE-SECRET-KEY-[A-Z0-9]+",
    re.DOTALL,
)
_HEX = re.compile(r"(?<![\w-])[0-9a-fA-F]{32,}(?![\w-])")
_BLOB = re.compile(r"(?<![\w./+-])[A-Za-z0-9_+/-]{20,}={0,2}(?![\w./+-])")


def mask_argv(words: Sequence[str]) -> tuple[str, ...]:
    """Return ``words`` with every secret replaced by ``***``; as many words as came in."""
    masked: list[str] = []
    after = ""
    for word in words:
        if after and not _OPTION.match(word):
            masked.append(_mask_value(after, word))
            after = ""
            continue
        after = word if _takes_secret(word) else ""
        masked.append(mask_text(word))
    return tuple(masked)


def mask_text(text: str) -> str:
    """Return one word, or a longer text such as a piece of code, without its secrets."""
    whole = _NAME_VALUE.fullmatch(text)
    if whole and _is_secret_name(whole[1]) and not re.search(r"\s", whole[2]):
        return f"{whole[1]}={_mask_value(whole[1], whole[2])}"
    header = _HEADER.fullmatch(text)
    if header and _is_secret_name(header[1]) and not header[3].startswith("//"):
        scheme = _SCHEME.match(header[3])
        return f"{header[1]}{header[2]}{scheme[1] + scheme[2] if scheme else ''}{MASK}"
    text = _KNOWN.sub(MASK, text)
    text = _USER_PASSWORD.sub(rf"\1:{MASK}@", text)
    text = _USER_PASSWORD_WITH_SLASH.sub(rf"\1:{MASK}@", text)
    text = _USER_ONLY.sub(lambda m: f"{m[1]}{MASK}@" if is_random(m[2]) else m[0], text)
    text = _SCHEME.sub(lambda m: f"{m[1]}{m[2]}{MASK}" if _has_digit(m[3]) or m[3].endswith("=") else m[0], text)
    text = _PARAMETER.sub(lambda m: f"{m[1]}{m[2]}={_mask_value(m[2], m[3])}" if _is_secret_name(m[2]) else m[0], text)
    text = _QUOTED.sub(_mask_quoted, text)
    text = _UNQUOTED.sub(lambda m: f"{m[1]}={_mask_value(m[1], m[2])}" if _is_secret_name(m[1]) else m[0], text)
    text = _HEX.sub(lambda m: MASK if is_random(m[0]) else m[0], text)
    return _BLOB.sub(lambda m: MASK if is_random(m[0]) else m[0], text)


def is_random(text: str) -> bool:
    """Tell a random hex or base64 string from a word, a path, a number or a UUID.

    Random characters differ from their neighbours in kind (small, capital,
    digit) in every second place, those of names in every sixth, where the
    capital that begins a word is not held against it.
    """
    body = text.rstrip("=")
    if len(body) < 20 or body.isdigit() or (body.isalpha() and (body.islower() or body.isupper())):
        return False
    if re.fullmatch(r"[0-9a-fA-F]+", body):
        return len(body) >= 32 and _entropy(body) >= 3.0
    kinds = [_kind(c) for c in body]
    if not {"a", "A", "0"} <= set(kinds):
        return False
    changes = sum(a != b and (a, b) != ("A", "a") for a, b in pairwise(kinds)) / (len(kinds) - 1)
    return changes >= 0.28 and _entropy(body) >= 3.5


def _takes_secret(word: str) -> bool:
    """Tell an option whose value is the next word and a secret."""
    return word.startswith("-") and "=" not in word and (word in {"-u", "--user"} or _is_secret_name(word))


def _is_secret_name(name: str) -> bool:
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", name.strip("-_"))
    parts = [part for part in re.split(r"[^a-z0-9]+", spaced.lower()) if part]
    if not parts or parts[0] in _HARMLESS_FIRST or parts[-1] in _HARMLESS_LAST:
        return False
    if _SECRET_PARTS & set(parts):
        return True
    return any(kind in _KEY_KINDS and key == "key" for kind, key in pairwise(parts))


def _mask_value(name: str, value: str) -> str:
    if name in {"-u", "--user"}:
        user, colon, _ = value.partition(":")
        return f"{user}:{MASK}" if colon else mask_text(value)
    if not value or value.lower() in _HARMLESS_VALUES:
        return value
    if "credential" in name.lower() and re.search(r"\.(json|ya?ml|toml|ini|cfg|txt|pem)$", value):
        return value
    return MASK


def _mask_quoted(match: re.Match[str]) -> str:
    mark, name, between, quote, value = match.groups()
    if not _is_secret_name(name) or not value:
        return match[0]
    return f"{mark}{name}{mark}{between}{quote}{_mask_value(name, value)}{quote}"


def _kind(character: str) -> str:
    if character.isdigit():
        return "0"
    if character.isalpha():
        return "A" if character.isupper() else "a"
    return "-"


def _has_digit(text: str) -> bool:
    return any(c.isdigit() for c in text)


def _entropy(text: str) -> float:
    """Shannon's entropy in bits a character."""
    return -sum(n / len(text) * math.log2(n / len(text)) for n in Counter(text).values())
