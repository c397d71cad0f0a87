"""TLS for the two listeners: an authority that lives for one start, and the certificate that it signs.

The authority's key is never written and is gone once it has signed, so nobody can sign anything else with it; that
it may sign for this machine alone is in its certificate too. The listeners' key passes through a file, since Python
reads it from nowhere else: encrypted, for this user alone, and removed at once.
"""

from __future__ import annotations

import ipaddress
import os
import secrets
import ssl
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

FILE: Final = "authority.pem"
_ADDRESSES: Final = ("127.0.0.1", "::1")
_NAME: Final = "localhost"
_LIFE: Final = timedelta(days=365)
_SKEW: Final = timedelta(hours=1)


def secured(directory: Path) -> ssl.SSLContext:
    """Return the listeners' context; their authority's certificate is `authority.pem` in the directory."""
    authority, server = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    signed = _signed(_server(server), authority)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    _load(context, signed, server, directory)
    _replace(directory / FILE, _signed(_authority(authority), authority))
    return context


def _authority(key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
    here = [x509.IPAddress(ipaddress.ip_network(address)) for address in _ADDRESSES]
    return (
        _named("reconciler sandbox authority", key)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs=True), critical=True)
        .add_extension(
            x509.NameConstraints(permitted_subtrees=[*here, x509.DNSName(_NAME)], excluded_subtrees=None),
            critical=True,
        )
    )


def _server(key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
    here = [x509.IPAddress(ipaddress.ip_address(address)) for address in _ADDRESSES]
    return (
        _named("reconciler sandbox", key)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectAlternativeName([*here, x509.DNSName(_NAME)]), critical=False)
    )


def _named(name: str, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
    now = datetime.now(
        UTC
    )  # the machine's own clock: that of the sandbox may be turned, and clients look at this one
    return (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _SKEW)
        .not_valid_after(now + _LIFE)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


def _usage(*, signs: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs,
        key_cert_sign=signs,
        crl_sign=signs,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _signed(builder: x509.CertificateBuilder, authority: ec.EllipticCurvePrivateKey) -> bytes:
    issuer = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "reconciler sandbox authority")])
    identifier = x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.public_key())
    certificate = builder.issuer_name(issuer).add_extension(identifier, critical=False)
    return certificate.sign(authority, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


def _load(
    context: ssl.SSLContext, certificate: bytes, key: ec.EllipticCurvePrivateKey, directory: Path
) -> None:
    password = secrets.token_bytes(32).hex()
    sealed = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(password.encode()),
    )
    with tempfile.NamedTemporaryFile(dir=directory, prefix=".tls-") as file:  # made with 0600
        file.write(certificate + sealed)
        file.flush()
        context.load_cert_chain(file.name, password=password)


def _replace(path: Path, certificate: bytes) -> None:
    """Put a file in another's place at once: a client that starts meanwhile reads the one or the other."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".tls-")
    with os.fdopen(handle, "wb") as file:
        file.write(certificate)
    Path(name).replace(path)
