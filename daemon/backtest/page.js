"use strict";
const root = document.documentElement;
document.getElementById("theme").addEventListener("click", () => {
  const dark = root.dataset.theme
    ? root.dataset.theme === "dark"
    : window.matchMedia("(prefers-color-scheme: dark)").matches;
  root.dataset.theme = dark ? "light" : "dark";
});
const find = document.getElementById("find");
const alerts = [...document.querySelectorAll("#alerts details")];
find.hidden = alerts.length < 2;
find.addEventListener("input", () => {
  const words = find.value.toLowerCase().split(/\s+/).filter(Boolean);
  for (const alert of alerts) {
    const text = alert.textContent.toLowerCase();
    alert.hidden = !words.every((word) => text.includes(word));
  }
});
