"""How often a person is told from a machine, on answers that are made here: espeak-ng, GSM full rate, noise, beeps.

``python -m benchmarks.machine_detection [answers]`` (400 unless told). People say one of the usual short greetings,
machines one of the usual long ones, in twelve languages and several voices; the sound goes through the GSM 06.10 codec
at a level and with noise as lines have them. Synthetic voices are all that is tried: real people hesitate, breathe and
have radios on, so real figures are worse.
"""

from __future__ import annotations

import io
import random
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import soundfile

from telecore.audio.answering import AnsweringDetector
from telecore.audio.frames import FRAME_BYTES, RATE
from telecore.audio.resample import resample
from telecore.audio.tone import amplitude
from telecore.audio.wav import read_wav
from telecore.model import MachineSpec

PEOPLE = {
    "en-us": ("Hello?", "Hi, this is Mary.", "Hello, who is speaking?"),
    "en-gb": ("Yes?", "Good morning, Tom Baker here.", "Hello?"),
    "es": ("¿Diga?", "Hola, ¿quién es?", "¿Bueno?"),
    "fr-fr": ("Allô ?", "Oui, bonjour ?", "Allô, qui est à l'appareil ?"),
    "pt-br": ("Alô?", "Oi, quem fala?", "Pronto, pode falar."),
    "sw": ("Halo?", "Habari, nani anaongea?", "Ndiyo?"),
    "de": ("Hallo?", "Schmidt, guten Tag.", "Ja, bitte?"),
    "hi": ("हैलो?", "नमस्ते, कौन बोल रहा है?", "जी?"),
    "vi": ("A lô?", "Xin chào, ai đấy?", "Vâng?"),
    "id": ("Halo?", "Selamat pagi, dengan siapa?", "Ya?"),
    "ar": ("ألو؟", "السلام عليكم", "نعم؟"),
    "ru": ("Алло?", "Слушаю вас.", "Да?"),
}
MACHINES = {
    "en-us": "Hi, you have reached the voicemail of Mary. I cannot take your call right now. Please leave a message.",
    "en-gb": "The person you are calling is not available. Please leave your message after the tone.",
    "es": "El número que usted marcó no está disponible. Por favor, deje su mensaje después de la señal.",
    "fr-fr": "Bonjour, vous êtes bien sur la messagerie de Paul. Laissez un message après le signal sonore.",
    "pt-br": "A pessoa chamada não pode atender agora. Deixe o seu recado depois do sinal.",
    "sw": "Nambari unayopiga haipatikani kwa sasa. Tafadhali acha ujumbe baada ya mlio.",
    "de": "Der gewünschte Teilnehmer ist zurzeit nicht erreichbar. Bitte hinterlassen Sie eine Nachricht.",
    "hi": "जिस व्यक्ति को आप कॉल कर रहे हैं वह अभी उपलब्ध नहीं है। कृपया अपना संदेश छोड़ें।",
    "vi": "Thuê bao quý khách vừa gọi hiện không liên lạc được. Xin để lại lời nhắn sau tiếng bíp.",
    "id": "Nomor yang Anda tuju sedang tidak dapat menerima panggilan. Silakan tinggalkan pesan setelah nada.",
    "ar": "لا يمكن الرد على مكالمتكم الآن. الرجاء ترك رسالة بعد سماع الصافرة.",
    "ru": "Абонент временно недоступен. Пожалуйста, оставьте сообщение после сигнала.",
}
VARIANTS = ("", "+m3", "+f2", "+m7", "+f5")
BEEPS_HZ = (440, 620, 800, 1000, 1100, 1400, 2000)
NOISE_SPAN_HZ = (200, 3400)


@dataclass(frozen=True, slots=True)
class Answer:
    """What is heard after the answer, and what ought to be told of it with and without waiting for the end."""

    kind: str
    samples: bytes
    told: str
    told_at_end: str
    about: str


@lru_cache(maxsize=2000)
def speak(voice: str, speed: int, text: str) -> np.ndarray:
    command = ["espeak-ng", "-v", voice, "-s", str(speed), "--stdin", "--stdout"]
    done = subprocess.run(command, input=text.encode(), capture_output=True, check=True)
    wav = read_wav(done.stdout)
    sound = np.frombuffer(resample(wav.samples, wav.rate, RATE), "<i2").astype(float)
    loud = np.flatnonzero(np.abs(sound) > 200)
    return sound[loud[0] : loud[-1] + 1]


def at_level(sound: np.ndarray, dbm0: float) -> np.ndarray:
    """So loud while it sounds."""
    active = sound[np.abs(sound) > 300]
    return sound * (amplitude(dbm0) / np.sqrt(2) / np.sqrt(np.mean(active**2)))


def sine(hz: float, ms: int, dbm0: float) -> np.ndarray:
    return amplitude(dbm0) * np.sin(2 * np.pi * hz / RATE * np.arange(RATE * ms // 1000))


def quiet(ms: int) -> np.ndarray:
    return np.zeros(RATE * ms // 1000)


def noise(count: int, dbm0: float, chance: np.random.Generator) -> np.ndarray:
    """Within the band of a telephone."""
    spectrum = np.fft.rfft(chance.normal(size=count))
    hz = np.fft.rfftfreq(count, 1 / RATE)
    spectrum[(hz < NOISE_SPAN_HZ[0]) | (hz > NOISE_SPAN_HZ[1])] = 0
    sound = np.fft.irfft(spectrum, count)
    return sound * (amplitude(dbm0) / np.sqrt(2) / np.sqrt(np.mean(sound**2)))


def through_gsm(sound: np.ndarray) -> bytes:
    """Full rate, 06.10, there and back."""
    file = io.BytesIO()
    soundfile.write(file, np.clip(sound, -32768, 32767).astype("<i2"), RATE, format="WAV", subtype="GSM610")
    file.seek(0)
    return soundfile.read(file, dtype="int16")[0].astype("<i2").tobytes()


def make(seed: int) -> Answer:
    """One answer; the same for the same seed."""
    chance, waves = random.Random(seed), np.random.default_rng(seed)
    kind = chance.choices(("person", "machine with beep", "machine without", "fax", "nobody"), (9, 9, 3, 2, 1))[0]
    language, variant = chance.choice(tuple(PEOPLE)), chance.choice(VARIANTS)
    voice, speed, level = language + variant, chance.randrange(140, 200), chance.uniform(-26, -13)
    parts = [quiet(chance.randrange(100, 1500))]
    about = f"{voice} at {level:.0f} dBm0"
    told, at_end = "machine_start", "machine_end_silence"
    if kind == "person":
        told = at_end = "human"
        parts += [at_level(speak(voice, speed, chance.choice(PEOPLE[language])), level), quiet(5000)]
    elif kind == "fax":
        told = at_end = "fax"
        parts += [sine(2100, 3000, chance.uniform(-26, -12)), quiet(2000)]
    elif kind == "nobody":
        told = at_end = "unknown"
        parts = [quiet(8000)]
    else:
        parts.append(at_level(speak(voice, speed, MACHINES[language]), level))
        if kind == "machine with beep":
            at_end, hz = "machine_end_beep", chance.choice(BEEPS_HZ)
            parts += [quiet(chance.randrange(200, 1600)), sine(hz, chance.randrange(150, 1000), level)]
            about += f", beep {hz} Hz"
        parts.append(quiet(6000))
    sound = np.concatenate(parts)
    below = chance.uniform(14, 32)
    sound = sound + noise(len(sound), max(-62.0, level - below), waves)
    return Answer(kind, through_gsm(sound), told, at_end, f"{about}, noise {below:.0f} dB below")


def listen(answer: Answer, spec: MachineSpec) -> tuple[str, int, float]:
    """The verdict, when it fell, and CPU seconds."""
    detector = AnsweringDetector(spec)
    frames = [answer.samples[at : at + FRAME_BYTES] for at in range(0, len(answer.samples), FRAME_BYTES)]
    began = time.process_time()
    for frame in frames:
        if detector.feed(frame):
            break
    return detector.verdict, detector.ms, time.process_time() - began


def main() -> int:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 400
    answers = [make(seed) for seed in range(count)]
    for title, spec in (("Enable", MachineSpec()), ("DetectMessageEnd", MachineSpec(to_end=True))):
        right: Counter[str] = Counter()
        wrong: Counter[str] = Counter()
        taken, fed_ms, after = 0.0, 0, []
        for answer in answers:
            verdict, ms, cpu = listen(answer, spec)
            ought = answer.told_at_end if spec.to_end else answer.told
            taken, fed_ms = taken + cpu, fed_ms + ms
            after.append(ms)
            if verdict == ought:
                right[answer.kind] += 1
            else:
                wrong[f"{answer.kind}: {verdict or 'nothing'}"] += 1
                if "-v" in sys.argv:
                    print("   ", answer.kind, "told as", verdict or "nothing", "at", ms, "ms:", answer.about)
        of = Counter(answer.kind for answer in answers)
        print(f"{title}: {right.total()} of {count} right ({100 * right.total() / count:.1f} %)")
        print("  " + ", ".join(f"{kind} {right[kind]}/{of[kind]}" for kind in sorted(of)))
        print("  wrong: " + (", ".join(f"{what} ({n})" for what, n in wrong.most_common()) or "none"))
        median_s, frame_us = sorted(after)[count // 2] / 1000, taken / (fed_ms / 20) * 1e6
        print(f"  told after {median_s:.1f} s (median); {frame_us:.0f} µs a frame")
    return 0


if __name__ == "__main__":
    sys.exit(main())
