// Between the browser's sound and frames of 20 ms of 8 kHz mu-law, in the browser's audio thread.
"use strict";

const RATE = 8000;
const FRAME = 160;
const START = 3; // frames that wait before the first is played: what the network makes late
const MOST = 12; // 240 ms; beyond it the oldest goes

function encode(sample) {
  const sign = sample < 0 ? 0x80 : 0;
  const value = Math.min(32635, Math.abs(sample)) + 132;
  const exponent = 31 - Math.clz32(value) - 7;
  return ~(sign | (exponent << 4) | ((value >> (exponent + 3)) & 15)) & 255;
}

const DECODED = Float32Array.from({ length: 256 }, (_, code) => {
  const bits = ~code & 255;
  const value = ((((bits & 15) << 3) + 132) << ((bits >> 4) & 7)) - 132;
  return (bits & 128 ? -value : value) / 32768;
});

class Telephone extends AudioWorkletProcessor {
  constructor() {
    super();
    this.queue = [];
    this.playing = false;
    this.place = 0; // in the frame that is played, in samples of 8 kHz
    this.previous = 0;
    this.sum = 0;
    this.count = 0;
    this.due = 0; // when the next sample of 8 kHz is complete, in samples of the browser's rate
    this.frame = new Uint8Array(FRAME);
    this.filled = 0;
    this.peak = 0;
    this.port.onmessage = ({ data }) => {
      if (data === "reset") {
        this.queue = [];
        this.playing = false;
        return;
      }
      this.queue.push(new Uint8Array(data));
      if (this.queue.length > MOST) this.queue.shift();
    };
  }

  process([input], [output]) {
    if (input[0]) this.take(input[0]);
    for (let n = 0; n < output[0].length; n++) {
      const value = this.next();
      for (const channel of output) channel[n] = value;
    }
    return true;
  }

  // Each sample of 8 kHz is the mean of those it stands for: that is filter enough for speech.
  take(samples) {
    const step = sampleRate / RATE;
    for (const sample of samples) {
      this.sum += sample;
      this.count += 1;
      this.due += 1;
      if (this.due < step) continue;
      this.due -= step;
      const value = Math.max(-1, Math.min(1, this.sum / this.count));
      this.sum = this.count = 0;
      this.frame[this.filled++] = encode(Math.round(value * 32767));
      if (this.filled === FRAME) {
        this.port.postMessage(this.frame.slice());
        this.filled = 0;
      }
    }
  }

  next() {
    if (!this.playing) {
      if (this.queue.length < START) return 0;
      this.playing = true;
      this.place = 0;
    }
    const frame = this.queue[0];
    const at = Math.floor(this.place);
    const here = DECODED[frame[at]];
    const after = at + 1 < FRAME ? frame[at + 1] : this.queue[1] ? this.queue[1][0] : frame[at];
    const value = here + (DECODED[after] - here) * (this.place - at);
    this.place += RATE / sampleRate;
    if (this.place >= FRAME) {
      this.place -= FRAME;
      this.queue.shift();
      if (this.queue.length === 0) this.playing = false;
    }
    return value;
  }
}

registerProcessor("telephone", Telephone);
