// The telephone: one socket to the cloud, one call at a time (docs/client.md).
"use strict";

const $ = (id) => document.getElementById(id);
const show = (id, shown) => { $(id).hidden = !shown; };
const FRAME = 160;
const RETRY_MS = [500, 1000, 2000, 5000, 10000];

const handset = sessionStorage.handset || (sessionStorage.handset = Array.from(
  crypto.getRandomValues(new Uint8Array(16)), (octet) => octet.toString(16).padStart(2, "0")).join(""));
const sound = new Sound();
let token = decodeURIComponent(location.hash.slice(1));
let socket = null;
let failures = 0;
let gone = false; // the cloud has sent us away: coming again would not help
let registered = null;
let call = null; // {sid, state: ringing | dialling | joined, party}

function draw() {
  const state = gone ? ["not connected", ""]
    : !registered ? ["connecting …", "waiting"]
    : !call ? ["reachable", "good"]
    : { ringing: ["rings", "waiting"], dialling: ["calling …", "waiting"], joined: ["in a call", "good"] }[call.state];
  $("state").textContent = state[0];
  $("state").dataset.kind = state[1];
  $("identity").textContent = registered ? registered.identity : "";
  show("call", call);
  show("answer", call && call.state === "ringing");
  show("mute", call && call.state !== "ringing");
  show("keypad", call && call.state === "joined");
  show("dial", registered && registered.dials && !call);
  $("mute").setAttribute("aria-pressed", String(sound.muted));
  $("mute").textContent = sound.muted ? "Muted" : "Mute";
  if (call) $("party").textContent = call.party;
}

function problem(text) {
  $("problem").textContent = text;
  show("problem", text);
}

function say(type, fields) {
  if (socket && socket.readyState === WebSocket.OPEN) socket.send(JSON.stringify({ type, ...fields }));
}

function connect() {
  const url = new URL("/client/socket", location.href);
  url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
  socket = new WebSocket(url);
  socket.binaryType = "arraybuffer";
  socket.onopen = () => say("register", { token, handset, ...(call && call.state !== "ringing" ? { call: call.sid } : {}) });
  socket.onmessage = ({ data }) => {
    if (typeof data === "string") heard(JSON.parse(data));
    else if (call && call.state === "joined") sound.play(data);
  };
  socket.onclose = ({ code, reason }) => {
    registered = null;
    if (code >= 4000 && code < 4100) {
      gone = true;
      if (!$("problem").textContent) problem(reason || "The cloud has ended the connection.");
      end();
      show("enter", true);
    } else {
      setTimeout(connect, RETRY_MS[Math.min(failures++, RETRY_MS.length - 1)]);
    }
    draw();
  };
}

const ON = {
  registered(said) {
    registered = said;
    failures = 0;
    problem("");
    if (call && call.state === "ringing") end();
  },
  ring(said) {
    if (call) return;
    call = { sid: said.call, state: "ringing", party: said.from };
    $("parameters").replaceChildren(...Object.entries(said.parameters).map(([name, value]) => {
      const item = document.createElement("li");
      item.textContent = `${name}: ${value}`;
      return item;
    }));
    sound.ring();
  },
  dialling(said) {
    if (!call || !call.sid) call = { sid: said.call, state: "dialling", party: call ? call.party : "" };
  },
  joined(said) {
    if (!call || call.sid !== said.call) return;
    sound.still();
    sound.reset();
    call.state = "joined";
  },
  ended(said) {
    if (call && call.sid === said.call) end();
  },
  error(said) {
    problem(said.message);
    if (call && call.state === "dialling" && !call.sid) end();
  },
};

function heard(said) {
  if (ON[said.type]) ON[said.type](said);
  draw();
}

function end() {
  sound.still();
  sound.reset();
  sound.muted = false;
  call = null;
  $("parameters").replaceChildren();
  draw();
}

async function begin() {
  problem("");
  try {
    await sound.open();
  } catch (error) {
    problem(error.message);
    return;
  }
  show("start", false);
  show("enter", false);
  gone = false;
  connect();
  draw();
}

sound.onframe = (frame) => {
  if (call && call.state === "joined" && socket && socket.readyState === WebSocket.OPEN && socket.bufferedAmount < 50 * FRAME) {
    socket.send(frame);
  }
};
$("ready").onclick = begin;
$("enter").onsubmit = (event) => {
  event.preventDefault();
  token = event.target.token.value.trim();
  begin();
};
$("answer").onclick = () => call && say("answer", { call: call.sid });
$("hang_up").onclick = () => {
  if (!call) return;
  if (call.sid) say(call.state === "ringing" ? "reject" : "hang_up", { call: call.sid });
  end();
};
$("mute").onclick = () => {
  sound.muted = !sound.muted;
  draw();
};
$("keypad").onclick = ({ target }) => {
  if (call && target.dataset.key) say("digit", { call: call.sid, digit: target.dataset.key });
};
$("dial").onsubmit = (event) => {
  event.preventDefault();
  if (call) return;
  problem("");
  const to = event.target.to.value.trim();
  call = { sid: null, state: "dialling", party: to };
  say("dial", { to });
  draw();
};
show("enter", !token);
show("start", token);
if (!token) gone = true;
draw();
