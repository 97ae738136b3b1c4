"""Partial results of a <Gather>, told to its application one after the other; what is overtaken is not told."""

from __future__ import annotations

import asyncio

from cloud.services.debugger import Debugger
from cloud.services.hearing.recogniser import Partial
from cloud.services.webhooks import WebhookClient, WebhookFailure, WebhookRequest
from cloud.store.records import AccountRecord, CallRecord, Hook
from cloud.tunnel.call_steps import voice_fields
from telecore.twiml.control import SpeechSpec


class Partials:
    """Of one <Gather>. What the application answers is not looked at."""

    def __init__(
        self, client: WebhookClient, debugger: Debugger, record: CallRecord, account: AccountRecord, spec: SpeechSpec
    ) -> None:
        self._client = client
        self._debugger = debugger
        self._record = record
        self._account = account
        self._hook = Hook(spec.partial_callback, spec.partial_callback_method)
        self._latest: Partial | None = None
        self._news = asyncio.Event()
        self._sequence = 0

    def take(self, partial: Partial) -> None:
        """The recogniser understands this so far."""
        self._latest = partial
        self._news.set()

    async def run(self) -> None:
        """Tell them until cancelled."""
        while self._hook.url:
            await self._news.wait()
            self._news.clear()
            if self._latest is not None:
                await self._tell(self._latest)

    async def _tell(self, partial: Partial) -> None:
        params = voice_fields(self._record, None) | {
            "SequenceNumber": str(self._sequence),
            "StableSpeechResult": partial.stable,
            "UnstableSpeechResult": partial.unstable,
        }
        self._sequence += 1
        ask = WebhookRequest(
            self._hook.url,
            self._record.account,
            method=self._hook.method,
            params=params,
            secret=self._account.auth_token,
        )
        answer = await self._client.fetch(ask)
        if isinstance(answer, WebhookFailure):
            await self._debugger.note(
                self._record.account, self._record.sid, answer.code, answer.text, self._hook, once=True
            )
