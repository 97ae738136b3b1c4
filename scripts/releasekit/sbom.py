"""What a program is made of, as CycloneDX JSON, from requirements.lock: names, versions, hashes. Always the same bytes.

python -m scripts.releasekit.sbom [edge | cloud | gateways | …]...
"""

from __future__ import annotations

import hashlib
import re
import sys
import uuid
from datetime import UTC, datetime
from functools import cache

from cyclonedx.model import HashAlgorithm, HashType
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.output.json import JsonV1Dot6
from packageurl import PackageURL

from scripts.releasekit.distributions import locked, project
from scripts.releasekit.wheel import DATE


@cache
def sbom(extras: tuple[str, ...], name: str, version: str) -> str:
    """CycloneDX 1.6. ``hashes`` are those of the files that the lock allows, for every machine there is one for."""
    text = locked(extras)
    root = Component(name=name, version=version, type=ComponentType.APPLICATION, bom_ref=name)
    parts = [_component(pin) for pin in re.findall(r"^[\w.-]+==[^\n]*(?:\n +--hash=[^\n]*)*", text, re.MULTILINE)]
    made = Bom(components=parts)
    made.metadata.component = root
    made.metadata.timestamp = datetime(*DATE, tzinfo=UTC)
    made.serial_number = uuid.UUID(bytes=hashlib.sha256(f"{name} {version} {text}".encode()).digest()[:16], version=4)
    made.register_dependency(root, parts)
    return JsonV1Dot6(made).output_as_string(indent=1) + "\n"


def _component(pin: str) -> Component:
    name, version = re.split(r"==|\s", pin)[:2]
    hashes = re.findall(r"--hash=sha256:([0-9a-f]{64})", pin)
    return Component(
        name=name,
        version=version,
        type=ComponentType.LIBRARY,
        purl=PackageURL("pypi", None, name, version),
        bom_ref=f"{name}=={version}",
        hashes=[HashType(alg=HashAlgorithm.SHA_256, content=digest) for digest in hashes],
    )


if __name__ == "__main__":
    _extras = tuple(sys.argv[1:]) or ("edge", "cloud")
    print(sbom(_extras, "simferry", str(project()["version"])), end="")
