# SPDX-License-Identifier: Apache-2.0
"""Certificates for servers on this machine."""

from support.processes import run


def make_certificate(folder, name):
    """A self-signed certificate for 127.0.0.1 and its key, as files in the folder."""
    certificate, key = folder / "cert.pem", folder / "key.pem"
    run(
        *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"),
        *("-nodes", "-days", "2", "-subj", f"/CN={name}", "-addext", "subjectAltName=IP:127.0.0.1"),
        *("-keyout", key, "-out", certificate),
    )
    return certificate, key
