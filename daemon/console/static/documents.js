// The pages work without this. It shows how far an upload is, says at once what is too large, and loads results again.

function say(form, text, share) {
  const place = form.querySelector(".sending");
  place.replaceChildren();
  if (share !== undefined) {
    const bar = document.createElement("progress");
    bar.value = share;
    bar.setAttribute("aria-label", "Upload");
    place.append(bar, " ");
  }
  place.append(text);
}

function problem(form) {
  const files = [...form.querySelector("input[type=file]").files];
  const bytes = (text) => `${Number(text).toLocaleString("en")} bytes`;
  const large = files.find((file) => file.size > Number(form.dataset.maxFile));
  if (large) return `Not sent: ${large.name} is larger than ${bytes(form.dataset.maxFile)}.`;
  const all = files.reduce((sum, file) => sum + file.size, 0);
  if (all > Number(form.dataset.maxUpload)) return `Not sent: an upload holds at most ${bytes(form.dataset.maxUpload)}.`;
  return "";
}

function send(form) {
  const request = new XMLHttpRequest();
  const button = form.querySelector("button");
  const end = (text) => { say(form, text); button.disabled = false; };
  request.upload.addEventListener("progress", (event) => {
    const share = event.lengthComputable ? event.loaded / event.total : 0;
    say(form, share < 1 ? `${Math.round(100 * share)}% sent` : "sent; waiting for the answer", share);
  });
  request.addEventListener("load", () => {
    if (request.status < 400) location.assign(request.responseURL);
    else end(`Not taken: ${request.responseText.slice(0, 300)}`);
  });
  request.addEventListener("error", () => end("Not sent: the connection was lost."));
  request.open("POST", form.action);
  request.send(new FormData(form));
  button.disabled = true;
}

for (const form of document.querySelectorAll("form[data-upload]")) {
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const reason = problem(form);
    if (reason) say(form, reason);
    else send(form);
  });
}

async function renew() {
  const results = document.getElementById("results");
  if (!results || !("left" in results.dataset)) return;
  try {
    const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
    if (answer.ok) {
      const page = new DOMParser().parseFromString(await answer.text(), "text/html").getElementById("results");
      if (page) results.replaceWith(document.adoptNode(page));
    }
  } catch { /* the console does not answer: the next attempt may succeed */ }
  setTimeout(renew, 700);
}

renew();
