"""Hashes of passwords: scrypt, which `strayline console --hash-password` makes, and bcrypt, which `htpasswd -B` makes.

Both are slow on purpose: call `verify_password` on a thread, and not too often at once.
"""

from __future__ import annotations

import re
import secrets
from base64 import b64decode, b64encode
from hashlib import scrypt
from hmac import compare_digest

import bcrypt

COST, BLOCK, PARALLEL = 1 << 14, 8, 1
DEAREST = 14
"""The highest cost of a bcrypt hash that is verified: about 1.2 s of CPU time. Each step above it doubles that."""
_MAX_MEMORY = 64 << 20
_READ = 72
"""Bytes of a password that bcrypt reads. The rest does not count, as in every program that uses it."""
_SCRYPT = re.compile(r"scrypt:\d{1,8}:\d{1,3}:\d{1,3}:[A-Za-z0-9+/=]+:[A-Za-z0-9+/=]+")
_BCRYPT = re.compile(r"\$2[aby]\$(\d\d)\$[./A-Za-z0-9]{53}")
_OTHER_KINDS = (
    ("$apr1$", "Apache's MD5"),
    ("$1$", "MD5"),
    ("{SHA}", "SHA-1"),
    ("$5$", "SHA-256 of crypt"),
    ("$6$", "SHA-512 of crypt"),
    ("$y$", "yescrypt"),
    ("$argon2", "Argon2"),
    ("$2", "bcrypt, cut off or of an unknown version"),
    ("scrypt:", "scrypt, but cut off"),
)


def hash_password(password: str) -> str:
    """Return a password's hash as the users file holds it."""
    salt = secrets.token_bytes(16)
    return f"scrypt:{COST}:{BLOCK}:{PARALLEL}:{b64encode(salt).decode()}:{b64encode(_hash(password, salt)).decode()}"


def check_hash(stored: str) -> str:
    """Return `stored` if it is a hash that can be verified.

    Raises ValueError with the kind of hash that it is instead; the text of the hash is not in the message.
    """
    if _SCRYPT.fullmatch(stored):
        return stored
    if (parts := _BCRYPT.fullmatch(stored)) is not None:
        if not 4 <= int(parts[1]) <= DEAREST:
            raise ValueError(f"a bcrypt hash of cost {int(parts[1])} is not verified: its cost must be 4 to {DEAREST}")
        return stored
    kind = next((kind for start, kind in _OTHER_KINDS if stored.startswith(start)), "not a hash that is known here")
    raise ValueError(
        f"this is {kind}; make a hash with `strayline console --hash-password`, or with `htpasswd -nB NAME`"
    )


def verify_password(password: str, stored: str) -> bool:
    """Return whether `stored`, which `check_hash` has passed, is a hash of `password`.

    Takes about 50 ms of CPU time for scrypt, and for bcrypt what its cost says.
    """
    try:
        if stored.startswith("$"):
            return bcrypt.checkpw(password.encode()[:_READ], stored.encode())
        _, cost, block, parallel, salt, expected = stored.split(":")
        actual = _hash(password, b64decode(salt), int(cost), int(block), int(parallel))
        return compare_digest(actual, b64decode(expected))
    except ValueError:  # costs that scrypt refuses, or a salt that is not base64
        return False


def _hash(password: str, salt: bytes, cost: int = COST, block: int = BLOCK, parallel: int = PARALLEL) -> bytes:
    return scrypt(password.encode(), salt=salt, n=cost, r=block, p=parallel, maxmem=_MAX_MEMORY, dklen=32)
