"""RSA keys from PEM files: ours to sign with, a bank's to believe it by; a file that holds none is None, no error."""

from pathlib import Path
from typing import Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key

# NIST SP 800-131A rev. 2 (2019): RSA signatures under 2048 bits are disallowed.
RSA_BITS_MIN: Final = 2048


def private_key(path: Path) -> RSAPrivateKey | None:
    try:
        key = load_pem_private_key(path.read_bytes(), password=None)
    except (OSError, ValueError, TypeError, UnsupportedAlgorithm):
        return None
    return key if isinstance(key, RSAPrivateKey) and key.key_size >= RSA_BITS_MIN else None


def public_key(path: Path) -> RSAPublicKey | None:
    try:
        key = load_pem_public_key(path.read_bytes())
    except (OSError, ValueError, TypeError, UnsupportedAlgorithm):
        return None
    return key if isinstance(key, RSAPublicKey) and key.key_size >= RSA_BITS_MIN else None
