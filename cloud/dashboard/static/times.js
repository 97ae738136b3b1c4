"use strict";

// Lets ages and durations run.

let ahead = Number(document.querySelector("main[data-now]").dataset.now) - Date.now() / 1000; // the server's clock

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

tick();
setInterval(tick, 1000);
