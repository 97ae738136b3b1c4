// The microphone and the loudspeaker of the telephone.
"use strict";

class Sound {
  constructor() {
    this.context = null;
    this.node = null;
    this.muted = false;
    this.onframe = () => {};
  }

  // Must be called when the user has pressed something: browsers let nothing sound before.
  async open() {
    if (this.node) {
      await this.context.resume();
      return;
    }
    if (!navigator.mediaDevices || !window.AudioWorkletNode) {
      throw new Error("This browser gives no microphone here: open the page by https, in a current browser.");
    }
    let microphone;
    try {
      microphone = await navigator.mediaDevices.getUserMedia({
        audio: { echoCancellation: true, noiseSuppression: true, autoGainControl: true },
      });
    } catch (error) {
      const why = { NotAllowedError: "its use was refused", NotFoundError: "there is none" }[error.name] || error.message;
      throw new Error(`The microphone cannot be used: ${why}.`);
    }
    this.context = new AudioContext({ latencyHint: "interactive" });
    await this.context.audioWorklet.addModule("/client/static/client-worklet.js");
    this.node = new AudioWorkletNode(this.context, "telephone", { outputChannelCount: [1] });
    this.node.port.onmessage = ({ data }) => {
      if (!this.muted) this.onframe(data);
    };
    this.context.createMediaStreamSource(microphone).connect(this.node).connect(this.context.destination);
    await this.context.resume();
  }

  play(frame) {
    if (this.node) this.node.port.postMessage(frame, [frame]);
  }

  reset() {
    if (this.node) this.node.port.postMessage("reset");
  }

  // A soft double tone every three seconds, until stopped.
  ring() {
    this.still();
    const once = () => {
      if (!this.context) return;
      for (const frequency of [400, 450]) {
        const tone = this.context.createOscillator();
        const level = this.context.createGain();
        level.gain.value = 0.08;
        tone.frequency.value = frequency;
        tone.connect(level).connect(this.context.destination);
        tone.start();
        tone.stop(this.context.currentTime + 1);
      }
    };
    once();
    this.ringing = setInterval(once, 3000);
  }

  still() {
    clearInterval(this.ringing);
  }
}
