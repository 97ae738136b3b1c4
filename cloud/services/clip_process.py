"""A long sound made into a clip by a process of its own: in a thread it would slow every live call down meanwhile."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys

from cloud.services.clips import clip_file
from telecore.audio.wav import Pcm
from telecore.errors import TimedOut, Transient

LONG_S = 10.0
"""From here on it is worth the tenth of a second that a process takes to begin."""
_WITHIN_S = 120.0


def is_long(sound: Pcm) -> bool:
    """Whether making a clip of it takes long enough to be felt."""
    return len(sound.samples) > 2 * sound.rate * LONG_S


async def clip_file_apart(sound: Pcm) -> bytes:
    """The clip's file. Raises TimedOut; Transient when no process could do it."""
    pipe = asyncio.subprocess.PIPE
    try:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", __name__, str(sound.rate), stdin=pipe, stdout=pipe
        )
    except OSError as error:
        raise Transient(f"no process to make a clip: {error}") from error
    try:
        async with asyncio.timeout(_WITHIN_S):
            made, _ = await process.communicate(sound.samples)
    except TimeoutError as error:
        raise TimedOut(f"a clip was not made within {_WITHIN_S:g} s") from error
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
    if process.returncode:
        raise Transient(f"the process that makes clips ended with status {process.returncode}")
    return made


def main() -> None:
    """Samples in, file out; live calls come first."""
    os.nice(10)
    data, _ = clip_file(Pcm(int(sys.argv[1]), sys.stdin.buffer.read()))
    sys.stdout.buffer.write(data)


if __name__ == "__main__":
    main()
