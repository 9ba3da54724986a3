"""Secrets in command lines, replaced by ``***`` before anything is saved or shown.

A command line ends up in saved runs, reports and pull requests. Three things give a secret away: the name next to it
(``--token=…``, ``password: …``, ``os.environ['API_KEY'] = '…'``), its form (keys of known services, JSON web tokens,
webhooks), and its randomness. Names that merely resemble those of secrets (``--max-tokens 100``, ``--tokenizer bert``,
``--password-file f``) stay, and so do paths: those that exist, and others whose parts look like names.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Sequence
from itertools import pairwise

MASK = "***"


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_SECRET_PARTS = _words(
    "token password passwords passwd passphrase passwort passcode pwd pass secret secrets apikey authorization auth "
    "bearer credential credentials cookie cookies pat accesskey secretkey privatekey signature sig otp dsn jwt psk "
    "mnemonic webhook"
)
_SECRET_ENDS = ("pass", "pwd", "passwd", "password", "passphrase", "secret", "token", "apikey", "cookie")
"""How parts end that are written as one word, as in ``dbpass``."""
_HARMLESS_PARTS = _words(
    "bypass compass encompass trespass surpass lowpass highpass bandpass allpass multipass overpass"
)
_KEY_KINDS = _words("api access secret private encryption signing auth master account storage service license shared")
_HARMLESS_FIRST = _words(
    "no ask use prompt show require without max min num n list count skip first second one two "
    "single multi low high band"
)
_HARMLESS_LAST = _words(
    "file path dir limit name type kind length len count url uri endpoint ttl id env var mode method size budget "
    "prompt policy provider backend header timeout expiry field format stdin hash"
)
_HARMLESS_VALUES = _words(
    "basic digest none token bearer oauth oauth2 ntlm kerberos negotiate true false yes no on off 0 1 null"
)
_HASH_PARTS = _words("commit sha sha1 sha256 sha512 md5 hash checksum digest rev revision ref uuid id etag")
"""Names of values that are random and public."""
_USER_OPTIONS = _words("-u --user --proxy-user -x --proxy")

_OPTION = re.compile(r"--?[A-Za-z][\w.-]*([=:]|$)")
_NAME_VALUE = re.compile(r"(-{0,2}[A-Za-z][\w.-]*)=(.*)", re.DOTALL)
_NAME_COLON = re.compile(r"((?:--?|/)[A-Za-z][\w.-]*):(.*)", re.DOTALL)
_HEADER = re.compile(r"([A-Za-z][\w-]*)(\s*:\s*)(\S.*)", re.DOTALL)
_GLUED_HEADER = re.compile(r"(-H)(.+)", re.DOTALL)
_PARAMETER = re.compile(r"([?&;#])([\w.-]{1,80})=([^&#;\s'\"]+)")
_STRING = r"""[rbfuRBFU]{0,2}(['"])((?:\\.|(?!\4).)*)\4"""
_QUOTED = re.compile(
    r"""(['"]?)(?<![\w-])([A-Za-z_][\w-]{0,80})\1(\s{0,9}\]?\s{0,9}(?::|=|,)\s{0,9})(?=[rbfuRBFU]{0,2}['"])"""
    + _STRING,
    re.DOTALL,
)
_PAIR = re.compile(
    r"""((?:\bauth\s{0,9}=\s{0,9}|(?:Basic|Digest)\w{0,40})\(\s{0,9}(['"])(?:(?!\2).)*\2\s{0,9},\s{0,9})(['"])((?:\\.|(?!\3).)*)\3"""
)
_UNQUOTED = re.compile(r"(?<![\w?&;#-])([A-Za-z_][\w-]{0,80})=([^\s'\"()\[\]{},;]+)(?=[\s;]|$)")
_USER_PASSWORD = re.compile(r"((?<![A-Za-z0-9+.-])[A-Za-z][A-Za-z0-9+.-]{0,30}://[^\s/:@]*):([^\s/]{1,500})@")
_USER_PASSWORD_WITH_SLASH = re.compile(
    r"((?<![A-Za-z0-9+.-])[A-Za-z][A-Za-z0-9+.-]{0,30}://[^\s/:@]*):(?!\d+(?:/|$))(\S{1,200})@"
)
_USER_ONLY = re.compile(r"((?<![A-Za-z0-9+.-])[A-Za-z][A-Za-z0-9+.-]{0,30}://)([^\s/:@]+)@")
_USER_PASSWORD_HOST = re.compile(r"(?<![\w.-])([\w.-]{1,80}):(?!/)([^\s/:@]{1,200})@(?=[\w.-]{1,200}(?::\d+)?(?:/|$))")
_WEBHOOK = re.compile(
    r"(?P<before>https?://(?:[^\s/'\"]{0,80}\bhooks?\b[^\s/'\"]{0,80}/|[^\s'\"]{0,200}/(?:[\w-]{0,40}webhooks?\w{0,40})/))(?P<secret>[^\s'\"?#]+)"
)
_TELEGRAM = re.compile(r"(?<=/bot)\d{6,}:[\w-]{20,}")
_SCHEME = re.compile(r"\b(Bearer|Basic|Token|ApiKey)(\s+)([A-Za-z0-9+/_.~=-]{8,}|\*\*\*)", re.IGNORECASE)

_KNOWN = re.compile(
    r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*"
    r"|\beyJ[\w-]{6,}\.[\w-]{4,}(?:\.[\w-]*)?"
    r"|\b(?:AKIA|ASIA|AGPA|AIDA|AROA|ANPA)[A-Z0-9]{16}\b"
    r"|\bgh[pousr]_[A-Za-z0-9]{16,}|\bgithub_pat_\w{16,}|\bgl(?:pat|rt|dt|ptt)-[\w-]{16,}"
    r"|\bsk-(?=[\w-]*\d)[A-Za-z0-9_-]{16,}|\b[srp]k_(?:live|test)_[A-Za-z0-9]{8,}|\bwhsec_[A-Za-z0-9+/=]{16,}"
    r"|\bxox[a-z]-[A-Za-z0-9-]{8,}|\bxapp-[A-Za-z0-9-]{8,}"
    r"|\bAIza[\w-]{30,}|\bya29\.[\w-]{16,}|\bpypi-[\w-]{16,}|\bnpm_[A-Za-z0-9]{24,}|\bhf_[A-Za-z0-9]{16,}"
    r"|\bSG\.[\w-]{16,}\.[\w-]{16,}|\bdop_v1_[0-9a-f]{32,}|\bAGE-SECRET-KEY-[A-Z0-9]+|\bhv[sb]\.[\w-]{20,}"
    r"|\bshp(?:at|ca|pa|ss)_[0-9a-fA-F]{24,}|\bdapi[0-9a-f]{32}|\bgsk_[A-Za-z0-9]{20,}|\bATATT3[\w=-]{20,}"
    r"|\bkey-[0-9a-f]{32}\b|\bxkeysib-[0-9a-f-]{32,}|\blin_api_[A-Za-z0-9]{20,}|\bnvapi-[\w-]{20,}"
    r"|\bSK[0-9a-f]{32}\b",
    re.DOTALL,
)
_RUN = re.compile(r"[A-Za-z0-9_+/.~\\-]{20,}={0,2}")
"""Characters of paths, names, hex and base64."""
_NAME_LIKE = re.compile(r"[A-Z]?[a-z]+\d*|[A-Z]+\d*|\d+|(?:[A-Z][a-z]+)+\d*|[a-z]+(?:[A-Z][a-z]+)+\d*")
_MOST_EXTENSION = 8

IsPath = Callable[[str], bool]


def mask_argv(words: Sequence[str], *, is_path: IsPath | None = None, program: str = "") -> tuple[str, ...]:
    """Return ``words`` with every secret replaced by ``***``; as many words as came in.

    ``is_path`` tells of a word whether it names something that exists: such words stay, and so does ``program``, the
    program's own name.
    """
    masked: list[str] = []
    after = ""
    for word in words:
        exists = is_path is not None and _could_be_path(word) and is_path(word)
        if after and not _OPTION.match(word):
            is_file = exists and ("/" in word or "\\" in word)
            masked.append(word if is_file else _mask_value(after, word))
            after = ""
            continue
        after = word if _takes_value(word) else ""
        masked.append(word if exists or (program and word == program) else _mask_word(word, is_path))
    return tuple(masked)


def mask_text(text: str) -> str:
    """Return one word, or a longer text such as a piece of code, without its secrets."""
    return _mask_word(text, None)


def _mask_word(text: str, is_path: IsPath | None) -> str:
    glued = _GLUED_HEADER.fullmatch(text)
    if glued and _HEADER.fullmatch(glued[2]):
        return f"{glued[1]}{_mask_word(glued[2], None)}"
    for shape, mark in ((_NAME_VALUE, "="), (_NAME_COLON, ":")):
        whole = shape.fullmatch(text)
        if whole is None:
            continue
        name, value = whole[1], whole[2]
        exists = is_path is not None and ("/" in value or "\\" in value) and _could_be_path(value) and is_path(value)
        if exists or _is_hash_name(name):
            return text
        if _is_secret_name(name) and (name.startswith(("-", "/")) or not re.search(r"\s", value)):
            return f"{name}{mark}{_mask_value(name, value)}"
        if name.startswith("-"):
            return f"{name}{mark}{_mask_value(name, value) if name in _USER_OPTIONS else _mask_word(value, is_path)}"
    header = _HEADER.fullmatch(text)
    if header and _is_secret_name(header[1]) and not header[3].startswith("//"):
        scheme = _SCHEME.match(header[3])
        return f"{header[1]}{header[2]}{scheme[1] + scheme[2] if scheme else ''}{MASK}"
    return _mask_parts(text)


def _mask_parts(text: str) -> str:
    text = _KNOWN.sub(MASK, text)
    text = _TELEGRAM.sub(MASK, text)
    text = _WEBHOOK.sub(rf"\g<before>{MASK}", text)
    text = _USER_PASSWORD.sub(rf"\1:{MASK}@", text)
    text = _USER_PASSWORD_WITH_SLASH.sub(rf"\1:{MASK}@", text)
    text = _USER_ONLY.sub(lambda m: f"{m[1]}{MASK}@" if is_random(m[2]) else m[0], text)
    text = _USER_PASSWORD_HOST.sub(rf"\1:{MASK}@", text)
    text = _SCHEME.sub(lambda m: f"{m[1]}{m[2]}{MASK}" if _has_digit(m[3]) or m[3].endswith("=") else m[0], text)
    text = _PARAMETER.sub(lambda m: f"{m[1]}{m[2]}={_mask_value(m[2], m[3])}" if _is_secret_name(m[2]) else m[0], text)
    text = _QUOTED.sub(_mask_quoted, text)
    text = _PAIR.sub(lambda m: f"{m[1]}{m[3]}{MASK}{m[3]}" if m[4] else m[0], text)
    text = _UNQUOTED.sub(lambda m: f"{m[1]}={_mask_value(m[1], m[2])}" if _is_secret_name(m[1]) else m[0], text)
    return _RUN.sub(lambda m: _mask_run(m[0]), text)


def _mask_run(text: str) -> str:
    """Mask what is random in a run of characters of paths, names and base64: parts of a path one by one."""
    parts = re.split(r"([/\\])", text)
    if len(parts) == 1:
        return MASK if _is_random_name(text) else text
    names = parts[::2]
    if not any(len(name) > 1 and _NAME_LIKE.fullmatch(name) for name in names) and is_random(text):
        return MASK
    return "".join(MASK if not _is_hex(part) and _is_random_name(part) else part for part in parts)


def _is_random_name(text: str) -> bool:
    """Tell a random string from a name that may have an extension."""
    pieces = text.strip(".").split(".")
    if len(pieces) == 1:
        return is_random(text.strip("."))
    return len(pieces[-1]) > _MOST_EXTENSION and any(is_random(piece) for piece in pieces)


def is_random(text: str) -> bool:
    """Tell a random hex or base64 string from a word, a path, a number or a UUID.

    Random characters differ from their neighbours in kind (small, capital, digit) in two of five places, those of
    names in every sixth, where the capital that begins a word does not count, nor do the characters between words.
    """
    body = text.rstrip("=")
    if len(body) < 20 or body.isdigit() or (body.isalpha() and (body.islower() or body.isupper())):
        return False
    if _is_hex(body):
        return len(body) >= 32 and _entropy(body) >= 3.0
    if not re.fullmatch(r"[A-Za-z0-9_+/-]+", body):
        return False
    pieces = [piece for piece in re.split(r"[_+/-]+", body) if piece]
    named = sum(len(piece) for piece in pieces if len(piece) > 1 and _NAME_LIKE.fullmatch(piece))
    if max(map(len, pieces), default=0) < 7 or named > len(body) / 3:
        return False
    kinds = [[_kind(c) for c in piece] for piece in pieces]
    if not {"a", "A", "0"} <= {kind for each in kinds for kind in each}:
        return False
    changes = sum(a != b and (a, b) != ("A", "a") for each in kinds for a, b in pairwise(each))
    places = sum(len(each) - 1 for each in kinds)
    return changes / places >= 0.22 and _entropy(body) >= 3.5


def _could_be_path(word: str) -> bool:
    """Whether a word is short enough, and on one line, to name a file."""
    return 0 < len(word) < 4096 and not word.startswith("-") and not re.search(r"[\0\n]", word)


def _takes_value(word: str) -> bool:
    """Tell an option whose value is the next word and may be a secret, or is random and no secret."""
    if not word.startswith("-") or "=" in word or _NAME_COLON.fullmatch(word):
        return False
    return word in _USER_OPTIONS or _is_secret_name(word) or _is_hash_name(word)


def _split_name(name: str) -> list[str]:
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", name.strip("-_/"))
    return [part for part in re.split(r"[^a-z0-9]+", spaced.lower()) if part]


def _is_hash_name(name: str) -> bool:
    parts = _split_name(name)
    return bool(parts) and name.startswith("-") and parts[-1] in _HASH_PARTS


def _is_secret_name(name: str) -> bool:
    parts = _split_name(name)
    if not parts or parts[0] in _HARMLESS_FIRST or parts[-1] in _HARMLESS_LAST or _HARMLESS_PARTS & set(parts):
        return False
    if _SECRET_PARTS & set(parts) or any(part.endswith(_SECRET_ENDS) for part in parts):
        return True
    return any(kind in _KEY_KINDS and key in {"key", "keys"} for kind, key in pairwise(parts))


def _mask_value(name: str, value: str) -> str:
    if name in _USER_OPTIONS:
        if "://" in value or "@" in value:
            return mask_text(value)
        user, colon, rest = value.partition(":")
        return f"{user}:{MASK}" if colon and not rest.isdigit() else mask_text(value)
    if not value or value.lower() in _HARMLESS_VALUES or _is_hash_name(name):
        return value
    if "credential" in name.lower() and re.search(r"\.(json|ya?ml|toml|ini|cfg|txt|pem)$", value):
        return value
    return MASK


def _mask_quoted(match: re.Match[str]) -> str:
    name, value = match[2], match[5]
    if not value or not _is_secret_name(name):
        return match[0]
    # A comma separates a name from its value only where the name is quoted: ``setdefault('API_KEY', '…')``.
    if "," in match[3] and not match[1]:
        return match[0]
    start = match.start(5) - match.start(0)
    return f"{match[0][:start]}{_mask_value(name, value)}{match[4]}"


def _is_hex(text: str) -> bool:
    return bool(re.fullmatch(r"[0-9a-fA-F]+", text))


def _kind(character: str) -> str:
    if character.isdigit():
        return "0"
    return "A" if character.isupper() else "a"


def _has_digit(text: str) -> bool:
    return any(c.isdigit() for c in text)


def _entropy(text: str) -> float:
    """Shannon's entropy in bits a character."""
    return -sum(n / len(text) * math.log2(n / len(text)) for n in Counter(text).values())
