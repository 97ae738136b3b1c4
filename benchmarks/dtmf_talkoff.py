"""How often speech is taken for a key, and what listening costs.

``python -m benchmarks.dtmf_talkoff [minutes]`` (60 unless told) lets espeak-ng speak in many languages and voices,
brings the sound to 8 kHz and through µ-law, and feeds it to the detector. The goal is no digit at all, and at most
40 µs per 20 ms frame.
"""

from __future__ import annotations

import itertools
import subprocess
import sys
import time
from collections.abc import Iterator

from telecore.audio import g711
from telecore.audio.dtmf import DtmfDetector
from telecore.audio.frames import FRAME_BYTES, RATE, SILENCE_L16
from telecore.audio.mixing import gain
from telecore.audio.resample import resample
from telecore.audio.wav import read_wav

GOAL_US = 40.0

TEXTS = {
    "en-us": "Thank you for calling the clinic. For opening hours press one, to speak with a nurse press two. "
    "The river has risen by half a metre since noon; please move your animals to higher ground before dark.",
    "en-gb": "Your parcel left the harbour this morning and should reach the village shop by Tuesday evening. "
    "Nobody answered at the door, so the driver will come again between nine and eleven.",
    "fr-fr": "Bonjour, vous êtes bien chez le boulanger du village. Nous ouvrons demain à six heures et demie. "
    "Si vous souhaitez commander un gâteau, laissez votre nom et votre numéro après le signal.",
    "de": "Guten Tag, hier spricht die Werkstatt. Ihr Fahrrad ist fertig und kann bis achtzehn Uhr abgeholt werden. "
    "Die Rechnung beträgt siebenundvierzig Euro; bitte bringen Sie den Abholschein mit.",
    "es": "Buenas tardes, le llamamos de la biblioteca. El libro que pidió ya está aquí y puede recogerlo mañana. "
    "Recuerde que los viernes cerramos a las dos y que el ascensor no funciona.",
    "it": "Pronto, parlo con la signora del secondo piano? L'acqua sarà sospesa domani dalle nove a mezzogiorno. "
    "Le conviene riempire qualche bottiglia questa sera.",
    "pt-br": "Olá, aqui é da cooperativa. O caminhão do leite vai passar uma hora mais cedo por causa da chuva. "
    "Deixe os latões perto da porteira e feche bem as tampas.",
    "ru": "Добрый день, это почта. Ваша посылка пришла вчера вечером и будет ждать вас до пятницы. "
    "Возьмите с собой паспорт и номер извещения.",
    "pl": "Dzień dobry, dzwonię ze szkoły. Jutro lekcje zaczynają się o dziewiątej, bo rano nie ma prądu. "
    "Proszę przekazać to rodzicom z sąsiedztwa.",
    "tr": "Merhaba, eczaneden arıyorum. İlacınız geldi, bu akşam yediye kadar alabilirsiniz. "
    "Kimliğinizi yanınızda getirmeyi unutmayın.",
    "hi": "नमस्ते, आपकी बस आज एक घंटे की देरी से चलेगी। कृपया स्टेशन पर समय से पहुँचें और टिकट साथ रखें।",
    "id": "Selamat pagi, ini kantor desa. Pasar akan dibuka lebih awal besok karena ada perayaan di lapangan.",
    "vi": "Xin chào, đây là trạm y tế. Ngày mai bác sĩ sẽ đến khám cho trẻ em từ tám giờ sáng.",
    "sw": "Habari za asubuhi, mvua kubwa inatarajiwa leo jioni. Tafadhali funga madirisha na uweke mifugo ndani.",
    "cmn": "您好，这里是水务公司。明天上午九点到十二点停水，请提前储水。谢谢您的理解。",
    "nl": "Goedemiddag, u spreekt met de garage. Uw auto is klaar, de sleutels liggen bij de balie.",
}
NUMBERS = "; 1 207 941; 697 770; 18:45; 3,1416; 2 500 000; 90 17 66 41; 10 100 1000"
VARIANTS = ("", "+m3", "+f2", "+m7", "+f5", "+croak", "+whisper", "+klatt3", "+Andy", "+anika")
MANNERS = ((160, 50, 1.0), (120, 20, 0.5), (220, 80, 0.25), (90, 99, 0.9))
"""Words a minute, pitch, gain."""


def speak(voice: str, speed: int, pitch: int, text: str) -> bytes:
    """One clip at 8 kHz through µ-law, as it would come from a gateway."""
    command = ["espeak-ng", "-v", voice, "-s", str(speed), "-p", str(pitch), "--stdin", "--stdout"]
    done = subprocess.run(command, input=text.encode(), capture_output=True, check=True)
    wav = read_wav(done.stdout)
    return g711.ulaw_to_l16(g711.l16_to_ulaw(resample(wav.samples, wav.rate, RATE)))


def clips() -> Iterator[tuple[str, bytes]]:
    """Every language in every voice; the manner changes with each clip and differs in the next round."""
    for turn in range(len(MANNERS)):
        for place, (variant, (language, text)) in enumerate(itertools.product(VARIANTS, TEXTS.items())):
            speed, pitch, loudness = MANNERS[(place + place // len(TEXTS) + turn) % len(MANNERS)]
            spoken = speak(f"{language}{variant}", speed, pitch, text + NUMBERS)
            yield f"{language}{variant} {speed}/{pitch}", gain(spoken, loudness)


def listen(samples: bytes, detector: DtmfDetector) -> tuple[str, float]:
    """The digits heard, and the CPU seconds it took."""
    frames = [samples[at : at + FRAME_BYTES] for at in range(0, len(samples), FRAME_BYTES)]
    started = time.process_time()
    digits = "".join([detector.feed(frame) for frame in frames])
    return digits, time.process_time() - started


def main() -> int:
    wanted = float(sys.argv[1]) if len(sys.argv) > 1 else 60.0
    detector, heard, cpu, seconds = DtmfDetector(), 0, 0.0, 0.0
    for name, samples in itertools.cycle(clips()):
        digits, took = listen(samples, detector)
        if digits:
            print(f"false digits {digits} in {name}")
        heard, cpu, seconds = heard + len(digits), cpu + took, seconds + len(samples) / 2 / RATE
        if seconds >= 60 * wanted:
            break
    _, quiet = listen(SILENCE_L16.data * 3000, detector)
    speech_us, silence_us = cpu / seconds * 20_000, quiet / 3000 * 1e6
    print(f"{heard} false digits in {seconds / 60:.1f} minutes of speech")
    print(f"per 20 ms frame: speech {speech_us:.1f} µs, silence {silence_us:.1f} µs (goal {GOAL_US:.0f})")
    return 1 if heard or speech_us > GOAL_US or silence_us > GOAL_US else 0


if __name__ == "__main__":
    raise SystemExit(main())
