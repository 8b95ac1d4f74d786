"""Certificates made with `openssl`: an authority, and a certificate that it has signed."""

from __future__ import annotations

import ssl
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")


@dataclass(frozen=True)
class Pem:
    """Paths of an authority's certificate, and of one for servers and clients that it has signed, with its key."""

    authority: Path
    certificate: Path
    key: Path

    def server_context(self, *, requires_client: bool = False) -> ssl.SSLContext:
        """Return the context of a server with this certificate."""
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(self.certificate, self.key)
        if requires_client:
            context.load_verify_locations(self.authority)
            context.verify_mode = ssl.CERT_REQUIRED
        return context


def make_pem(folder: Path, name: str = "IP:127.0.0.1") -> Pem:
    """Make an authority and a certificate for this name; without `openssl` the test is skipped."""
    authority, authority_key = folder / "ca.pem", folder / "ca.key"
    certificate, key, request = folder / "server.pem", folder / "server.key", folder / "server.csr"
    purposes = folder / "purposes.cnf"
    purposes.write_text(
        f"subjectAltName={name}\nbasicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature\n"
        "extendedKeyUsage=serverAuth,clientAuth\nsubjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\n"
    )
    _openssl(
        *("req", "-x509", *_KEY, "-subj", "/CN=mooring test authority", "-days", "1"),
        *("-addext", "keyUsage=critical,keyCertSign"),
        *("-keyout", str(authority_key), "-out", str(authority)),
    )
    _openssl("req", *_KEY, "-subj", "/CN=mooring test", "-keyout", str(key), "-out", str(request))
    _openssl(
        *("x509", "-req", "-in", str(request), "-CA", str(authority), "-CAkey", str(authority_key)),
        *("-set_serial", "2", "-days", "1", "-extfile", str(purposes), "-out", str(certificate)),
    )
    return Pem(authority, certificate, key)


def _openssl(*words: str) -> None:
    try:
        subprocess.run(["openssl", *words], check=True, capture_output=True)
    except FileNotFoundError:
        pytest.skip("openssl makes the certificates")
