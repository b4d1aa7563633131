// The error explorer: cards of all test clips that filter and play, and a matrix of confusion that is counted from them.
"use strict";

(() => {
  const STEP = 12; // cards that are shown at once

  function element(name, attributes = {}, ...children) {
    const made = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    made.append(...children);
    return made;
  }

  // A player in the place of the poster; whatever else of the page plays is stopped.
  function play(link) {
    const picture = link.querySelector("img");
    const player = element(picture ? "video" : "audio", {
      src: link.href, controls: "", playsinline: "", "aria-label": link.textContent.trim(),
    });
    if (picture) Object.assign(player, { poster: picture.src, width: picture.width, height: picture.height });
    for (const other of document.querySelectorAll("video, audio")) other.pause();
    (picture || link.firstChild).replaceWith(player);
    link.replaceWith(...link.childNodes);
    player.focus();
    player.play().catch(() => {}); // a browser may want another click
  }

  function isRight(row, model) {
    return answer(row, model) === row.dataset.label;
  }

  function answer(row, model) {
    return row.querySelector(`[data-name="${model}"]`).dataset.answer;
  }

  // A condition such as "audio !visual": audio is right and visual is not.
  function fits(row, condition) {
    return condition.split(" ").filter(Boolean).every((word) =>
      word.startsWith("!") ? !isRight(row, word.slice(1)) : isRight(row, word));
  }

  function start(root) {
    const form = root.querySelector("form");
    const rows = [...root.querySelectorAll("tbody tr")];
    const labels = [...form.elements.label.options].map((option) => option.value).filter(Boolean);
    const matrix = element("table", { class: "matrix" });
    const more = element("button", { type: "button", class: "more" });
    const table = root.querySelector("table.clips");
    let limit = STEP;
    root.querySelector(".board").append(matrix);
    table.after(more);
    // As cards the rows are a list, whatever the style sheet makes of a table.
    table.setAttribute("role", "presentation");
    table.tBodies[0].setAttribute("role", "list");
    rows.forEach((row) => row.setAttribute("role", "listitem"));

    const value = (name) => (form.elements[name] ? form.elements[name].value : "");
    const isOfConditions = (row) => fits(row, value("who")) &&
      ["picture", "sound"].every((name) => !value(name) || row.dataset[name] === value(name));
    const isChosen = (row) => isOfConditions(row) && (!value("label") || row.dataset.label === value("label")) &&
      (!value("answer") || answer(row, value("model")) === value("answer"));

    function show() {
      const chosen = rows.filter(isChosen);
      rows.forEach((row) => { row.hidden = true; });
      chosen.slice(0, limit).forEach((row) => { row.hidden = false; });
      more.hidden = chosen.length <= limit;
      more.textContent = `Show ${Math.min(STEP, chosen.length - limit)} more`;
      form.querySelector("output").textContent = `${chosen.length} of ${rows.length} clips`;
      count();
    }

    // Rows are labels, columns answers; a cell that counts nothing is no button.
    function count() {
      const model = value("model"), counted = rows.filter(isOfConditions);
      const most = Math.max(1, ...labels.map((label) => counted.filter((row) => row.dataset.label === label).length));
      const focused = matrix.contains(document.activeElement) ? document.activeElement.dataset : {};
      const head = element("tr", {}, element("td", {}, "label ↓ answer →"), ...labels.map((label) =>
        element("th", { scope: "col" }, element("span", {}, label))));
      const lines = labels.map((label) => element("tr", {}, element("th", { scope: "row" }, label),
        ...labels.map((said) => {
          const number = counted.filter((row) => row.dataset.label === label && answer(row, model) === said).length;
          if (!number) return element("td");
          const button = element("button", {
            type: "button", "data-label": label, "data-answer": said, tabindex: -1,
            "aria-pressed": String(value("label") === label && value("answer") === said),
            "aria-label": `${label} taken for ${said}: ${number}`,
            style: `--share: ${number / most}`,
          }, String(number));
          return element("td", label === said ? { class: "right" } : {}, button);
        })));
      matrix.replaceChildren(element("caption", {}, `What ${model} takes for what, in clips`),
        element("thead", {}, head), element("tbody", {}, ...lines));
      const buttons = [...matrix.querySelectorAll("button")];
      const again = buttons.find((one) => one.dataset.label === focused.label && one.dataset.answer === focused.answer);
      const first = again || buttons.find((one) => one.ariaPressed === "true") || buttons[0];
      if (first) first.tabIndex = 0;
      if (again) again.focus();
    }

    // One stop of the tabulator; from there the arrow keys lead to the next cell that counts something.
    function move(event) {
      const steps = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowDown: [0, 1], ArrowUp: [0, -1] }[event.key];
      const from = event.target.closest("button");
      if (!steps || !from) return;
      event.preventDefault();
      const place = (one) => [labels.indexOf(one.dataset.answer), labels.indexOf(one.dataset.label)];
      const [x, y] = place(from);
      const ahead = [...matrix.querySelectorAll("button")].map((one) => {
        const [dx, dy] = [place(one)[0] - x, place(one)[1] - y];
        const along = dx * steps[0] + dy * steps[1];
        return { one, along, distance: along + 3 * Math.abs(steps[0] ? dy : dx) };
      }).filter(({ along }) => along > 0).sort((a, b) => a.distance - b.distance);
      if (!ahead.length) return;
      from.tabIndex = -1;
      ahead[0].one.tabIndex = 0;
      ahead[0].one.focus();
    }

    function refresh() {
      limit = STEP;
      show();
    }

    form.addEventListener("submit", (event) => event.preventDefault());
    form.addEventListener("change", refresh);
    form.addEventListener("reset", () => setTimeout(refresh)); // after the fields are as they were
    matrix.addEventListener("keydown", move);
    matrix.addEventListener("click", (event) => {
      const cell = event.target.closest("button");
      if (!cell) return;
      const isPressed = cell.ariaPressed === "true";
      form.elements.label.value = isPressed ? "" : cell.dataset.label;
      form.elements.answer.value = isPressed ? "" : cell.dataset.answer;
      refresh();
    });
    more.addEventListener("click", () => {
      const next = rows.filter(isChosen)[limit];
      limit += STEP;
      show();
      next.querySelector("a, video, audio, th").focus();
    });
    table.addEventListener("click", (event) => {
      const link = event.target.closest("a.play");
      if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
      event.preventDefault();
      play(link);
    });
    root.classList.add("ready");
    show();
  }

  document.addEventListener("DOMContentLoaded", () => document.querySelectorAll(".explorer").forEach(start));
})();
