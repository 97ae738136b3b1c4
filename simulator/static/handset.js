"use strict";
const RATE = 8000;
const $ = (id) => document.getElementById(id);
let socket = null;
let sound = null;

async function fillNumbers() {
  const subscribers = await (await fetch("/subscribers")).json();
  for (const one of subscribers) {
    const option = document.createElement("option");
    option.value = option.textContent = one.number;
    if (one.kind === "handset" && !one.in_browser) $("number").append(option);
    if (one.kind === "sim" && !$("to").value) $("to").value = $("smsto").value = one.number;
  }
  const wanted = new URLSearchParams(location.search).get("number");
  $("number").value = wanted || "+85512000010";
}

function take() {
  const number = $("number").value;
  const scheme = location.protocol === "https:" ? "wss:" : "ws:";
  socket = new WebSocket(`${scheme}//${location.host}/subscribers/${encodeURIComponent(number)}/live`);
  socket.binaryType = "arraybuffer";
  socket.onmessage = (event) => (typeof event.data === "string" ? told(JSON.parse(event.data)) : sound?.play(event.data));
  socket.onclose = () => { show("Not connected."); $("phone").hidden = true; $("choose").hidden = false; };
}

function told(event) {
  if (event.event === "ready") {
    $("choose").hidden = true;
    $("phone").hidden = false;
    $("messages").replaceChildren();
    event.messages.forEach(addMessage);
    show(`You are ${event.number}.`);
  } else if (event.event === "message") {
    addMessage(event.message);
  } else if (event.event === "call") {
    showCall(event);
  } else if (event.event === "error") {
    show(event.text);
  }
}

function showCall(call) {
  const ended = call.state === "ended";
  const ringsHere = call.incoming && call.state === "ringing";
  $("answer").hidden = !ringsHere;
  $("hangup").hidden = ended;
  $("call").hidden = !ended;
  const direction = call.incoming ? "from" : "to";
  show(`Call ${direction} ${call.other}: ${call.state}${ended ? ` (cause ${call.cause})` : ""}`);
}

function addMessage(message) {
  const item = document.createElement("li");
  const head = document.createElement("small");
  head.textContent = `${message.from}, ${new Date(message.received_at).toLocaleTimeString()}`;
  item.append(head, document.createTextNode(message.body));
  $("messages").prepend(item);
}

const show = (text) => { $("status").textContent = text; };
const wish = (what, to, text) => socket?.send(JSON.stringify({ do: what, to, text }));

class Sound {
  // The browser's own rate on one side, 8 kHz on the line: nearest sample is good enough for a telephone.
  async start() {
    this.context = new AudioContext();
    this.at = 0;
    this.carry = [];
    this.position = 0;
    this.microphone = await navigator.mediaDevices.getUserMedia({ audio: { echoCancellation: true } });
    const source = this.context.createMediaStreamSource(this.microphone);
    this.tap = this.context.createScriptProcessor(1024, 1, 1);
    this.tap.onaudioprocess = (event) => this.speak(event.inputBuffer.getChannelData(0));
    source.connect(this.tap);
    this.tap.connect(this.context.destination);
  }

  speak(samples) {
    const step = this.context.sampleRate / RATE;
    const out = [];
    for (; this.position < samples.length; this.position += step) {
      const value = samples[Math.floor(this.position)];
      out.push(Math.max(-32768, Math.min(32767, Math.round(value * 32767))));
    }
    this.position -= samples.length;
    if (socket?.readyState === WebSocket.OPEN) socket.send(new Int16Array(out).buffer);
  }

  play(data) {
    const samples = new Int16Array(data);
    const buffer = this.context.createBuffer(1, samples.length, RATE);
    const channel = buffer.getChannelData(0);
    for (let index = 0; index < samples.length; index++) channel[index] = samples[index] / 32768;
    const source = this.context.createBufferSource();
    source.buffer = buffer;
    source.connect(this.context.destination);
    const now = this.context.currentTime;
    if (this.at < now + 0.02 || this.at > now + 1) this.at = now + 0.1;
    source.start(this.at);
    this.at += buffer.duration;
  }

  stop() {
    this.tap?.disconnect();
    this.microphone?.getTracks().forEach((track) => track.stop());
    this.context?.close();
  }
}

async function toggleSound() {
  sound?.stop();
  sound = null;
  if (!$("sound").checked) return;
  const fresh = new Sound();
  try {
    await fresh.start();
    sound = fresh;
  } catch (error) {
    $("sound").checked = false;
    show(`No sound: ${error.message}`);
  }
}

for (const key of "123456789*0#") {
  const button = document.createElement("button");
  button.textContent = key;
  button.onclick = () => wish("digits", "", key);
  $("keypad").append(button);
}
$("take").onclick = take;
$("dial").onsubmit = (event) => { event.preventDefault(); wish("dial", $("to").value.trim()); };
$("send").onsubmit = (event) => {
  event.preventDefault();
  wish("send", $("smsto").value.trim(), $("text").value);
  $("text").value = "";
};
$("answer").onclick = () => wish("answer");
$("hangup").onclick = () => wish("hangup");
$("sound").onchange = toggleSound;
fillNumbers();
