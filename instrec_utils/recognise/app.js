// Send a video to the recogniser on this machine and show what it says; the player shows the browser's own file.
const said = document.querySelector("#said");
const bar = document.querySelector("progress");
const answer = document.querySelector("#answer");
const drop = document.querySelector(".drop");
const input = drop.querySelector("input");
let under_way = null;
let shown = null;

function say(text, is_wrong = false) {
  said.textContent = text;
  said.classList.toggle("wrong", is_wrong);
}

async function lines(response, told) {
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (let part = await reader.read(); !part.done; part = await reader.read()) {
    const whole = (rest + part.value).split("\n");
    rest = whole.pop();
    whole.forEach(line => told(JSON.parse(line)));
  }
}

function show(file, article) {
  answer.innerHTML = article;
  if (shown) URL.revokeObjectURL(shown);
  shown = URL.createObjectURL(file);
  follow(answer.querySelector("article"));
  answer.querySelector("video, audio").src = shown;
}

async function recognise(file) {
  under_way?.abort(); // one video at a time
  const own = (under_way = new AbortController());
  answer.replaceChildren();
  bar.hidden = false;
  bar.removeAttribute("value");
  say(`${file.name}: under way …`);
  try {
    const headers = { "X-Name": encodeURIComponent(file.name), "Content-Type": "application/octet-stream" };
    const response = await fetch("recognise", { method: "POST", headers, body: file, signal: own.signal });
    await lines(response, told => {
      if ("share" in told) bar.value = told.share;
      if ("error" in told) say(told.error, true);
      if ("article" in told) {
        say("");
        show(file, told.article);
      }
    });
  } catch (error) {
    if (own.signal.aborted) return;
    say(`${file.name}: no answer; is the command still running? (${error.message})`, true);
  }
  bar.hidden = true;
}

input.addEventListener("change", () => input.files.length && recognise(input.files[0]));
document.addEventListener("dragover", event => {
  event.preventDefault();
  drop.classList.add("over");
});
document.addEventListener("dragleave", () => drop.classList.remove("over"));
document.addEventListener("drop", event => {
  event.preventDefault();
  drop.classList.remove("over");
  if (event.dataTransfer.files.length) recognise(event.dataTransfer.files[0]);
});
