"""A certificate made for now, of nobody but ourselves."""

from __future__ import annotations

import asyncio
import ssl
from pathlib import Path


async def certificate(folder: Path) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """The cloud's context and the edge's, of a certificate made for now."""
    key, certificate = folder / "key.pem", folder / "cert.pem"
    words = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost"
    made = await asyncio.create_subprocess_exec(
        "openssl", *words.split(), "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", certificate,
        stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    assert await made.wait() == 0
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(certificate, key)
    return server, ssl.create_default_context(cafile=certificate)
