"""TLS towards the cloud: whom to believe, and the pins of this site."""

from __future__ import annotations

import hashlib
import ssl
from collections.abc import Collection
from datetime import datetime

from edge_agent.config.cloud import CloudConfig, pin_of
from telecore.errors import InvalidRequest, NotAllowed, RemoteProtocolError
from telecore.x509 import not_after, public_key


class WrongCertificate(NotAllowed):
    """What was shown is not what this site has pinned."""


def make_context(cloud: CloudConfig) -> ssl.SSLContext:
    """TLS 1.2 or later, the system's authorities or those of ``ca_file``. Reads files. Raises InvalidRequest."""
    try:
        context = ssl.create_default_context(cafile=cloud.ca_file)
    except OSError as error:  # ssl.SSLError is one
        raise InvalidRequest(f"cloud.ca_file {cloud.ca_file} cannot be used: {error}") from error
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def pins_of(cloud: CloudConfig) -> frozenset[bytes]:
    return frozenset(pin for text in cloud.pin_sha256 if (pin := pin_of(text)) is not None)


def check_pin(certificate: bytes, pins: Collection[bytes]) -> None:
    """Raises WrongCertificate when there are pins and this certificate's key is none of them."""
    if not pins:
        return
    try:
        key = public_key(certificate)
    except RemoteProtocolError as error:
        raise WrongCertificate(f"the cloud shows no certificate that could be compared: {error}") from error
    if hashlib.sha256(key).digest() not in pins:
        raise WrongCertificate("the cloud's certificate is not one that this site has pinned (cloud.pin_sha256)")


def ends_at(certificate: bytes) -> datetime | None:
    """When a certificate in DER ends; None for none, and for one that cannot be read."""
    try:
        return not_after(certificate) if certificate else None
    except RemoteProtocolError:
        return None
