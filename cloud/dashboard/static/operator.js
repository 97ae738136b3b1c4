"use strict";

// Keeps the page true: replaces the sections the server sends, and lets ages and durations run in between.

const link = document.getElementById("link");
const fleet = document.getElementById("fleet");
let ahead = Number(fleet.dataset.now) - Date.now() / 1000; // how far the server's clock is ahead of ours

function pad(number) {
  return String(number).padStart(2, "0");
}

function duration(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  const minutes = pad(Math.floor(whole / 60) % 60) + ":" + pad(whole % 60);
  return whole < 3600 ? minutes : Math.floor(whole / 3600) + ":" + minutes;
}

function age(seconds) {
  if (seconds < 5) return "now";
  if (seconds < 60) return Math.floor(seconds) + " s ago";
  if (seconds < 3600) return Math.floor(seconds / 60) + " min ago";
  if (seconds < 86400) return Math.floor(seconds / 3600) + " h ago";
  return Math.floor(seconds / 86400) + " d ago";
}

function tick() {
  const now = Date.now() / 1000 + ahead;
  for (const time of document.querySelectorAll("time[data-since]")) {
    time.textContent = duration(now - Number(time.dataset.since));
  }
  for (const time of document.querySelectorAll("time[data-ago]")) {
    time.textContent = age(now - Number(time.dataset.ago));
    time.title = new Date(Number(time.dataset.ago) * 1000).toLocaleString();
  }
}

function show(state, tone) {
  link.textContent = state;
  link.className = "pill " + tone;
}

const events = new EventSource("/operator/events");

events.addEventListener("open", () => show("live", "good"));

events.addEventListener("fleet", (event) => {
  const news = JSON.parse(event.data);
  ahead = news.now - Date.now() / 1000;
  for (const [name, html] of Object.entries(news.sections)) {
    document.getElementById(name).innerHTML = html; // made by the server, which escapes everything in it
  }
  tick();
});

events.addEventListener("error", () => {
  if (events.readyState === EventSource.CLOSED) {
    show("logged out", "bad");
    setTimeout(() => location.reload(), 3000);
  } else {
    show("reconnecting", "waiting");
  }
});

tick();
setInterval(tick, 1000);
