// The page works without this. It adds two things: news of changed incidents, and keys.
//
// One event stream for a browser, not one for a tab: over HTTP/1.1 a browser opens at most six connections to a host.
// The tab that holds the lock "strayline" reads the stream and passes everything on to the others.

const page = document.body;
const news = document.getElementById("news");
const changed = new Set();
let stale = false;

function show(text, again) {
  news.replaceChildren();
  if (!text) return;
  news.append(text);
  if (again) {
    const link = document.createElement("a");
    link.href = location.href;
    link.textContent = "show";
    link.addEventListener("click", (event) => { event.preventDefault(); location.reload(); });
    news.append(" — ", link);
  }
}

function tell() {
  if (stale) show("Incidents have changed", true);
  else if (changed.size) show(`${changed.size} ${changed.size === 1 ? "incident" : "incidents"} new or changed`, true);
  else show("");
}

function take(message) {
  if (message.kind === "change") {
    stale ||= message.reload;
    for (const id of message.ids) {
      changed.add(id);
      for (const row of document.querySelectorAll("[data-incident]")) {
        if (row.dataset.incident === id) row.classList.add("changed");
      }
    }
    tell();
  } else if (message.kind === "refused") show("No news come: your session may have ended", true);
  else if (message.kind === "lost") show("The connection is lost; trying again.");
  else if (message.kind === "back") tell();
}

function connect(pass) {
  const source = new EventSource(`${page.dataset.events}?since=${encodeURIComponent(page.dataset.number)}`);
  source.addEventListener("change", (event) => pass({ kind: "change", ...JSON.parse(event.data) }));
  source.addEventListener("open", () => pass({ kind: "back" }));
  source.addEventListener("error", () => {
    if (source.readyState !== EventSource.CLOSED) return pass({ kind: "lost" }); // the browser tries again by itself
    pass({ kind: "refused" });
    setTimeout(connect, 5_000, pass);
  });
}

function listen(pass) {
  return new Promise(() => connect(pass)); // never ends, so that the lock stays
}

if ("live" in page.dataset) {
  if (navigator.locks && window.BroadcastChannel) {
    const channel = new BroadcastChannel("strayline");
    channel.addEventListener("message", (event) => take(event.data));
    navigator.locks.request("strayline", () => listen((message) => { take(message); channel.postMessage(message); }));
  } else listen(take);
}

function move(step) {
  const links = [...document.querySelectorAll(".incident .summary, tbody a")];
  if (!links.length) return;
  const at = links.indexOf(document.activeElement);
  links[Math.min(Math.max(at + step, 0), links.length - 1)].focus();
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, select, textarea")) return;
  if (event.key === "j") move(1);
  else if (event.key === "k") move(-1);
  else if (event.key === "r") location.reload();
  else if (event.key === "u") document.querySelector("[data-up]")?.click();
  else return;
  event.preventDefault();
});
