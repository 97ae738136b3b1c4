"""Files of sound that strangers' servers gave, decoded by a process with bounds of memory and time."""

from __future__ import annotations

import asyncio
import contextlib
import os
import resource
import sys

from cloud.services.sound_files import RATE, read
from telecore.audio.wav import AudioFormatError, Pcm
from telecore.errors import TimedOut, Transient

_WITHIN_S = 60.0
_MEMORY = 1 << 30
_REFUSED = 3
"""The process's status for a file that is none, with a sentence on its standard error."""


async def decode(data: bytes, kind: str) -> Pcm:
    """Mono sound at 8 kHz. ``kind`` is the media type; only a bare ``audio/gsm`` needs it.

    Raises AudioFormatError; TimedOut, or Transient when no process could do it.
    """
    pipe = asyncio.subprocess.PIPE
    try:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", __name__, kind, stdin=pipe, stdout=pipe, stderr=pipe
        )
    except OSError as error:
        raise Transient(f"no process to read a file of sound: {error}") from error
    try:
        async with asyncio.timeout(_WITHIN_S):
            samples, said = await process.communicate(data)
    except TimeoutError as error:
        raise TimedOut(f"a file of sound was not read within {_WITHIN_S:g} s") from error
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
    if process.returncode == _REFUSED:
        raise AudioFormatError(said.decode("utf-8", "replace").strip())
    if process.returncode:
        raise AudioFormatError(f"a file of {kind or 'no type'} that cannot be read")
    return Pcm(RATE, samples)


def main() -> None:
    """File in, samples out; live calls come first."""
    os.nice(10)
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    try:
        samples = read(sys.stdin.buffer.read(), sys.argv[1])
    except (AudioFormatError, MemoryError) as error:
        sys.stderr.write(str(error) or "it is larger than memory allows")
        sys.exit(_REFUSED)
    sys.stdout.buffer.write(samples)


if __name__ == "__main__":
    main()
