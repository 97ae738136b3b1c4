"""The tunnel's sound without a tunnel: what is sent is kept, by stream; what the cloud says a test says."""

from __future__ import annotations

from collections import defaultdict


class FakeMedia:
    def __init__(self):
        self.up = True
        self.sent = defaultdict(list)
        self.handlers = {}

    def send_media(self, stream, payload):
        if self.up:
            self.sent[stream].append(payload)
        return self.up

    def on_media(self, stream, handler):
        if handler is None:
            self.handlers.pop(stream, None)
        else:
            self.handlers[stream] = handler

    def say(self, stream, *frames):
        for number, frame in enumerate(frames):
            self.handlers[stream](number & 255, frame)
