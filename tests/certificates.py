"""Certificates that a test makes with `openssl`: an authority, and a certificate by it."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")


@dataclass(frozen=True)
class Pem:
    """The files. The certificate is for one name, and good for a client too; `key` is its private key."""

    authority: Path
    certificate: Path
    key: Path


def make_pem(folder: Path, name: str = "IP:127.0.0.1") -> Pem:
    """A fresh authority with one certificate, for that name; the test is skipped where there is no `openssl`."""
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
