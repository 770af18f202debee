"""Weaviate over TLS, on both ports, against WeaviateDouble (a double) and a certificate of ours."""

import datetime
import ipaddress
from collections.abc import Callable
from pathlib import Path

import pytest
from doubles.weaviate_double import Certificate, WeaviateDouble

from vecstream_cli.adapters.base import Adapter
from vecstream_cli.adapters.registry import connect
from vecstream_cli.endpoint import Endpoint
from vecstream_cli.errors import DatabaseError, UsageError
from vecstream_cli.testing.rows import RECORD, rows


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    """A certificate for 127.0.0.1 that signs itself, and its key."""
    x509 = pytest.importorskip("cryptography.x509")
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "a double")])
    now = datetime.datetime.now(datetime.UTC)
    address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([address]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    folder = tmp_path_factory.mktemp("tls")
    certificate, key_file = folder / "cert.pem", folder / "key.pem"
    certificate.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    key_file.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return str(certificate), str(key_file)


def opener(double: WeaviateDouble) -> Callable[..., Adapter]:
    def opened(**options: str) -> Adapter:
        options = {"deadline": "1", **options}
        database = Endpoint(name="weaviate", uri=double.uri, options=options)
        return connect(database, "documents", read_only=False)

    return opened


def test_a_ca_file_is_what_both_certificates_are_checked_against(files: tuple[str, str]) -> None:
    with WeaviateDouble(tls=Certificate(*files)) as double:
        opened = opener(double)
        with opened(ca_file=files[0]) as adapter:
            adapter.create(RECORD)
            adapter.append(rows("a", 3))
            assert adapter.count() == 3
        with (
            opened(deadline="99") as stranger,
            pytest.raises(DatabaseError, match="certificate cannot be verified"),
        ):
            stranger.record()


def test_a_client_shows_its_certificate_at_both(files: tuple[str, str]) -> None:
    with WeaviateDouble(tls=Certificate(*files, asked=True)) as double:
        opened = opener(double)
        with opened(ca_file=files[0], cert_file=files[0], key_file=files[1]) as adapter:
            adapter.create(RECORD)
            adapter.append(rows("a", 3))
            assert adapter.count() == 3
        with opened(ca_file=files[0]) as stranger, pytest.raises(DatabaseError):
            stranger.record()


def test_a_tls_file_that_cannot_be_read_is_named(files: tuple[str, str], tmp_path: Path) -> None:
    with WeaviateDouble(tls=Certificate(*files)) as double:
        opened = opener(double)
        for options in ({"ca_file": str(tmp_path / "none")}, {"ca_file": files[1]}):
            with opened(**options) as adapter, pytest.raises(UsageError, match="TLS"):
                adapter.record()
