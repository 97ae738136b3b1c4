"""Media that sends nothing: what SIP tells it is kept, and it plays the far end by hand."""

from __future__ import annotations

from collections.abc import Callable

from edge_agent.drivers.sip.media import MediaPlan, MediaStats
from telecore.errors import Busy


class FakeMedia:
    rate = 8000

    def __init__(self, port: int) -> None:
        self.port = port
        self.plans: list[MediaPlan] = []
        self.pressed: list[str] = []
        self.closed = False
        self.taken = 0
        self.heard: float | None = 0.0
        self.on_frame: Callable[[bytes], None] = lambda frame: None
        self.on_digit: Callable[[str], None] = lambda digit: None

    def plan(self, plan: MediaPlan) -> None:
        self.plans.append(plan)

    def send(self, frame: bytes) -> None:
        self.taken += 1

    def send_digits(self, digits: str, *, tone_ms: int = 160, gap_ms: int = 100) -> float:
        self.pressed.append(digits)
        return 0.0

    def heard_ago(self) -> float | None:
        return self.heard

    def stats(self) -> MediaStats:
        return MediaStats()

    def close(self) -> None:
        self.closed = True


class FakeMediaPorts:
    """``most``: so many at once, further ones are refused."""

    def __init__(self, most: int = 10_000) -> None:
        self.sessions: list[FakeMedia] = []
        self._most = most

    async def open(self) -> FakeMedia:
        if sum(not session.closed for session in self.sessions) >= self._most:
            raise Busy("no port is free")
        session = FakeMedia(20_000 + 2 * (len(self.sessions) % 10_000))
        self.sessions.append(session)
        return session

    def close(self) -> None:
        for session in self.sessions:
            session.close()
