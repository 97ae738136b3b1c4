"""A pipecat bot as its authors' Twilio examples are built: FastAPI, its own serializer and transport, all unmodified.

Run by the Python of ``.peers/pipecat``: ``pipecat_bot.py PORT BASE_URL AUTH_TOKEN``. It says back what it hears; at
``5`` it says a long tone, at ``9`` it is interrupted, at ``#`` it ends, and pipecat hangs up the call by REST.
"""

import math
import struct
import sys

import uvicorn
from fastapi import FastAPI, WebSocket
from pipecat.audio.dtmf.types import KeypadEntry
from pipecat.frames.frames import (
    EndFrame,
    InputAudioRawFrame,
    InputDTMFFrame,
    InterruptionFrame,
    OutputAudioRawFrame,
)
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.runner import PipelineRunner
from pipecat.pipeline.worker import PipelineParams, PipelineWorker
from pipecat.processors.frame_processor import FrameProcessor
from pipecat.runner.utils import parse_telephony_websocket
from pipecat.serializers.twilio import TwilioFrameSerializer
from pipecat.transports.websocket.fastapi import FastAPIWebsocketParams, FastAPIWebsocketTransport

PORT, BASE_URL, TOKEN = int(sys.argv[1]), sys.argv[2], sys.argv[3]
RATE = 16000
app = FastAPI()


def tone(hz, seconds):
    return b"".join(
        struct.pack("<h", int(9000 * math.sin(2 * math.pi * hz * at / RATE))) for at in range(int(RATE * seconds))
    )


class Parrot(FrameProcessor):
    """Says back what it hears, and obeys keys."""

    task = None

    async def process_frame(self, frame, direction):
        await super().process_frame(frame, direction)
        if isinstance(frame, InputAudioRawFrame):
            await self.say(frame.audio, frame.sample_rate)
        elif isinstance(frame, InputDTMFFrame):
            print("key", frame.button.value, flush=True)
            if frame.button is KeypadEntry.FIVE:
                await self.say(tone(800, 20), RATE)
            elif frame.button is KeypadEntry.NINE:
                await self.push_frame(InterruptionFrame())
            elif frame.button is KeypadEntry.POUND:
                await self.task.queue_frame(EndFrame())
        else:
            await self.push_frame(frame, direction)

    async def say(self, audio, rate):
        await self.push_frame(OutputAudioRawFrame(audio=audio, sample_rate=rate, num_channels=1))


@app.websocket("/media")
async def media(websocket: WebSocket):
    await websocket.accept()
    kind, call = await parse_telephony_websocket(websocket)
    print("call", kind, call["stream_id"], call["call_id"], call["body"], flush=True)
    serializer = TwilioFrameSerializer(
        stream_sid=call["stream_id"],
        call_sid=call["call_id"],
        account_sid=call["body"]["account"],
        auth_token=TOKEN,
        base_url=BASE_URL,
    )
    transport = FastAPIWebsocketTransport(
        websocket, FastAPIWebsocketParams(audio_in_enabled=True, audio_out_enabled=True, serializer=serializer)
    )
    parrot = Parrot()
    task = parrot.task = PipelineWorker(
        Pipeline([transport.input(), parrot, transport.output()]),
        params=PipelineParams(audio_in_sample_rate=RATE, audio_out_sample_rate=RATE),
    )

    @transport.event_handler("on_client_disconnected")
    async def gone(transport, client):
        print("gone", flush=True)
        await task.cancel()

    await PipelineRunner(handle_sigint=False).run(task)


uvicorn.run(app, host="127.0.0.1", port=PORT, log_level="warning")
