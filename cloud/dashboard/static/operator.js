"use strict";

// Keeps the page true: replaces the sections the server sends. What is opened in them stays open.

const link = document.getElementById("link");
function replace(section, html) {
  const open = [...section.querySelectorAll("details")].map((found) => found.open);
  section.innerHTML = html; // made by the server, which escapes everything in it
  [...section.querySelectorAll("details")].forEach((found, place) => (found.open = open[place] === true));
}

function show(state, tone) {
  link.textContent = state;
  link.className = "pill " + tone;
}

const events = new EventSource("/operator/events" + location.search);

events.addEventListener("open", () => show("live", "good"));

events.addEventListener("fleet", (event) => {
  const news = JSON.parse(event.data);
  ahead = news.now - Date.now() / 1000;
  for (const [name, html] of Object.entries(news.sections)) {
    replace(document.getElementById(name), html);
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
