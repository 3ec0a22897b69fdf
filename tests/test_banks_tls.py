"""A failed TLS handshake is no connection, and TLS 1.2 is a failed handshake."""

import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import requests
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.x509.oid import NameOID

from banks.snap_wire import NotSent, bank_session, exchange
from tests.test_banks_loopback import (
    PAYMENT_PATH,
    LoopbackBank,
)

pytest_plugins = ["tests.test_banks_loopback"]

# --- TLS ---------------------------------------------------------------------------------------------------------


def certificate(key: RSAPrivateKey, folder: Path) -> Path:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "bank")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    path = folder / "bank.crt"
    path.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    return path


@pytest.mark.parametrize(
    ("version", "trusted", "spoken"),
    [
        (ssl.TLSVersion.TLSv1_3, True, True),
        (ssl.TLSVersion.TLSv1_3, False, False),
        (ssl.TLSVersion.TLSv1_2, True, False),
    ],
)
def test_a_failed_handshake_sends_nothing_and_tls_1_2_is_one(
    version: ssl.TLSVersion, trusted: bool, spoken: bool, key: RSAPrivateKey, tmp_path: Path
) -> None:
    (tmp_path / "client.pem").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.maximum_version = version
    cert = certificate(key, tmp_path)
    context.load_cert_chain(cert, tmp_path / "client.pem")
    bank = LoopbackBank(context)
    try:
        session = bank_session()
        if trusted:
            session.verify = str(cert)
        request = session.prepare_request(
            requests.Request("POST", f"https://localhost:{bank.port}{PAYMENT_PATH}", data=b"{}")
        )
        if spoken:
            assert exchange(session, request, (1, 1)).status == 200
        else:
            with pytest.raises(NotSent):
                exchange(session, request, (1, 1))
        assert len(bank.seen) == spoken
    finally:
        bank.close()
