"""The picture of a secret, against what another program (segno 1.6, mask 0) makes of texts that fill their version."""

from __future__ import annotations

from hashlib import sha256

import pytest

from cloud.dashboard.qr import matrix, svg


@pytest.mark.parametrize(
    ("text", "digest"),
    [
        (b"otpauth:" * 13 + b"ab", "dcd6d33f82fca2c1f8bbe11f708a5f40738f677aeea8bb749fd5e52f69c9469d"),
        (b"Simferry " * 14 + b"12345678", "80d2ad360db5cdc3fd1527798729c8a46ba185dbe648e95b80275ea3c793667d"),
    ],
)
def test_it_is_what_others_make(text: bytes, digest: str) -> None:
    grid = matrix(text)
    assert grid is not None
    assert sha256("".join(str(int(bit or 0)) for row in grid for bit in row).encode()).hexdigest() == digest


def test_what_does_not_fit_is_to_be_typed() -> None:
    assert matrix(b"x" * 134) is not None
    assert svg("x" * 135) == ""
