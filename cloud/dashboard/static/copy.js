"use strict";

// A button that copies what an element says; it is hidden where the browser does not let pages do that.

for (const button of document.querySelectorAll("button[data-copies]")) {
  if (!navigator.clipboard) continue; // only over HTTPS, and on this machine
  button.hidden = false;
  button.addEventListener("click", async () => {
    const told = document.getElementById("copied");
    try {
      await navigator.clipboard.writeText(document.getElementById(button.dataset.copies).textContent);
      told.textContent = "copied";
    } catch {
      told.textContent = "the browser did not let it: mark and copy it by hand";
    }
  });
}
