// Let a video's charts follow its player, and lead to the moment that is clicked.
"use strict";

function clock(seconds) {
  return `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, "0")}`;
}

function follow(article) {
  const player = article.querySelector("video, audio");
  const charts = article.querySelector(".charts");
  const labels = [...charts.querySelectorAll("[data-there]")];
  const last = labels.at(-1).dataset.modality; // "both", unless there is one modality alone
  const seconds = Number(charts.dataset.seconds);

  function show(time) {
    charts.style.setProperty("--at", `${(100 * time) / seconds}%`);
    const step = Math.floor(time / Number(charts.dataset.step));
    for (const label of labels) label.classList.toggle("there", label.dataset.there[step] === "1");
    const there = labels.filter(label => label.dataset.modality === last && label.classList.contains("there"));
    article.querySelector(".now output").textContent = clock(time);
    article.querySelector(".now span").textContent =
      there.map(label => label.textContent).join(", ") || "no instrument passes its threshold";
  }

  function seek(time) {
    show(time);
    if (player && player.readyState) player.currentTime = time;
  }

  charts.addEventListener("click", event => {
    const track = event.target.closest(".track");
    if (!track) return;
    const { left, width } = track.getBoundingClientRect();
    seek(seconds * Math.min(0.999, Math.max(0, (event.clientX - left) / width)));
  });
  for (const button of article.querySelectorAll("[data-time]"))
    button.addEventListener("click", () => seek(Number(button.dataset.time)));
  show(0);
  if (!player) return;

  function tick() {
    show(player.currentTime);
    if (!player.paused && !player.ended) requestAnimationFrame(tick);
  }
  player.addEventListener("play", tick);
  player.addEventListener("timeupdate", () => show(player.currentTime));
  const failed = () => {
    article.querySelector(".unplayable").hidden = false;
    player.hidden = true;
  };
  player.addEventListener("error", failed);
  player.addEventListener("loadedmetadata", () => {
    if (player.tagName === "VIDEO" && !player.videoWidth) failed();
  });
  if (player.error) failed();
}
