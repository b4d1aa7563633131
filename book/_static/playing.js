// What a reader can touch: a cursor that follows a player, frames' weights, a measured curve, reliability.
"use strict";

(() => {
  const SVG = "http://www.w3.org/2000/svg";
  const SIDE = { left: 58, right: 18, top: 12, bottom: 52, width: 520, height: 340 };
  const DASHES = ["", "7 4", "2 3", "9 3 2 3", "12 4"];
  // The corners of marks, by the names that matplotlib has for them; all cover about as much as a circle of radius 1.
  const CORNERS = {
    s: [[-0.89, -0.89], [0.89, -0.89], [0.89, 0.89], [-0.89, 0.89]],
    D: [[0, -1.25], [1.25, 0], [0, 1.25], [-1.25, 0]],
    "^": [[0, -1.5], [1.3, 0.8], [-1.3, 0.8]],
    v: [[0, 1.5], [1.3, -0.8], [-1.3, -0.8]],
    x: [[-1.3, -0.8], [-0.8, -1.3], [0, -0.5], [0.8, -1.3], [1.3, -0.8], [0.5, 0], [1.3, 0.8], [0.8, 1.3], [0, 0.5],
      [-0.8, 1.3], [-1.3, 0.8], [-0.5, 0]],
  };

  function element(name, attributes = {}, ...children) {
    const made = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    made.append(...children);
    return made;
  }

  function drawn(name, attributes, text = "") {
    const made = document.createElementNS(SVG, name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    made.textContent = text;
    return made;
  }

  const across = (percent) => SIDE.left + (SIDE.width - SIDE.left - SIDE.right) * percent / 100;
  const up = (percent) => SIDE.height - SIDE.bottom - (SIDE.height - SIDE.top - SIDE.bottom) * percent / 100;

  // Both axes from 0 to 100 %.
  function chart(x, y, label) {
    const svg = drawn("svg", { viewBox: `0 0 ${SIDE.width} ${SIDE.height}`, role: "img", "aria-label": label });
    for (const percent of [0, 20, 40, 60, 80, 100]) {
      svg.append(drawn("line", { class: "grid", x1: across(0), x2: across(100), y1: up(percent), y2: up(percent) }));
      svg.append(drawn("text", { x: across(0) - 6, y: up(percent) + 5, "text-anchor": "end" }, `${percent}`));
      svg.append(drawn("text", { x: across(percent), y: up(0) + 19, "text-anchor": "middle" }, `${percent}`));
    }
    svg.append(drawn("text", { x: across(50), y: SIDE.height - 6, "text-anchor": "middle" }, x));
    svg.append(drawn("text", { x: 16, y: up(50), transform: `rotate(-90 16 ${up(50)})`, "text-anchor": "middle" }, y));
    return svg;
  }

  function line(points, look) {
    const places = points.map(([x, y]) => `${across(x)},${up(y)}`).join(" ");
    return drawn("polyline", { points: places, fill: "none", "stroke-width": 2, ...look });
  }

  function mark(shape, x, y, radius) {
    if (!CORNERS[shape]) return drawn("circle", { class: "mark", cx: x, cy: y, r: radius });
    const points = CORNERS[shape].map(([right, down]) => `${x + radius * right},${y + radius * down}`).join(" ");
    return drawn("polygon", { class: "mark", points });
  }

  // What belongs to one model: the style sheet makes of its colour one that is told from a dark page, too.
  function curve(colour) {
    return drawn("g", { class: "curve", style: `--colour: ${colour}` });
  }

  function key({ colour, marker }, number) {
    const svg = drawn("svg", { viewBox: "0 0 36 14", width: 36, height: 14, "aria-hidden": "true" });
    const group = curve(colour);
    group.append(drawn("line", { x1: 0, x2: 36, y1: 7, y2: 7, "stroke-width": 2, "stroke-dasharray": DASHES[number] }));
    group.append(mark(marker, 18, 7, 4.5));
    svg.append(group);
    return svg;
  }

  function choice(legend, name, options, chosen) {
    const fields = options.map(([value, title]) => {
      const radio = element("input", { type: "radio", name, value });
      radio.checked = value === chosen;
      return element("label", {}, radio, ` ${title}`);
    });
    return element("fieldset", {}, element("legend", {}, legend), ...fields);
  }

  // A spectrogram: its cursor is where the player is, and wherever it is touched the player goes.
  function follow(box) {
    const plot = box.querySelector(".plot"), player = box.querySelector("video, audio");
    if (!plot || !player) return;
    const seconds = Number(plot.dataset.seconds), cursor = element("div", { class: "cursor" });
    const attributes = { role: "slider", tabindex: 0, "aria-label": "Position in the excerpt, in seconds" };
    Object.entries(attributes).forEach(([name, value]) => plot.setAttribute(name, value));
    plot.ariaValueMin = "0";
    plot.ariaValueMax = seconds.toFixed(1);
    plot.append(cursor);

    function show() {
      const now = Math.min(seconds, player.currentTime);
      cursor.style.left = `${100 * now / seconds}%`;
      plot.ariaValueNow = now.toFixed(1);
      plot.ariaValueText = `${now.toFixed(1)} of ${seconds.toFixed(1)} seconds`;
    }
    function run() {
      show();
      if (!player.paused && !player.ended) requestAnimationFrame(run);
    }
    function seek(time) {
      player.currentTime = Math.max(0, Math.min(seconds, time));
      show();
    }
    const point = (event) => {
      const { left, width } = plot.getBoundingClientRect();
      seek(seconds * (event.clientX - left) / width);
    };
    plot.addEventListener("pointerdown", (event) => {
      plot.setPointerCapture(event.pointerId);
      point(event);
    });
    plot.addEventListener("pointermove", (event) => { if (event.buttons) point(event); });
    plot.addEventListener("keydown", (event) => {
      const to = {
        ArrowRight: player.currentTime + 0.25, ArrowUp: player.currentTime + 0.25,
        ArrowLeft: player.currentTime - 0.25, ArrowDown: player.currentTime - 0.25, Home: 0, End: seconds,
      }[event.key];
      if (to === undefined && event.key !== " ") return;
      event.preventDefault();
      if (to !== undefined) seek(to);
      else if (player.paused) player.play().catch(() => {});
      else player.pause();
    });
    player.addEventListener("play", run);
    ["seeking", "timeupdate", "pause"].forEach((name) => player.addEventListener(name, show));
    show();
  }

  // Frames as the fusion weights them, or as a mean would.
  function weigh(box, number) {
    const options = [["learned", "as the fusion has learned"], ["same", "each as much, like a mean"]];
    const switched = choice("How much the frames count", `attention-${number}`, options, "learned");
    box.querySelector("figure").before(switched);
    switched.addEventListener("change", (event) => {
      const isSame = event.target.value === "same";
      box.classList.toggle("same", isSame);
      for (const frame of box.querySelectorAll("li")) {
        const weight = isSame ? 1 / frame.parentElement.children.length : Number(frame.dataset.weight);
        frame.querySelector("b").textContent = `${Math.round(100 * weight)}\u00a0%`;
      }
    });
  }

  // The value at a share: as measured, or on the straight line between the two measured shares about it.
  function between(points, share) {
    const after = points.findIndex((point) => point.share >= share - 1e-9);
    if (after < 0) return null;
    const [before, next] = [points[after - 1], points[after]];
    if (Math.abs(next.share - share) < 1e-9) return { value: next.value, measured: next };
    if (!before) return null;
    const part = (share - before.share) / (next.share - before.share);
    return { value: before.value + part * (next.value - before.value) };
  }

  function slide(box, data) {
    const svg = chart("frames missing, in %", "Hit@1, in %", "Hit@1 of each model against the share of missing frames");
    data.lines.forEach(({ colour, marker, points }, number) => {
      const group = curve(colour);
      group.append(line(points.map(({ share, value }) => [share, value]), { "stroke-dasharray": DASHES[number] }));
      points.forEach(({ share, value }) => group.append(mark(marker, across(share), up(value), 4.5)));
      svg.append(group);
    });
    const cursor = drawn("line", { class: "cursor", y1: up(0), y2: up(100) });
    const input = element("input", { type: "range", min: 0, max: 100, step: 1, value: 50 });
    const said = element("ul"), where = element("p", { class: "where" });
    const live = element("div", { class: "said", "aria-live": "polite" }, where, said);
    svg.append(cursor);
    box.prepend(svg, element("label", { class: "range" }, "Share of a video's frames that are missing ", input), live);

    function show() {
      const share = Number(input.value);
      const found = data.lines.map(({ points }) => between(points, share));
      const isMeasured = found.some((one) => one && one.measured);
      cursor.setAttribute("x1", across(share));
      cursor.setAttribute("x2", across(share));
      input.setAttribute("aria-valuetext", `${share} %`);
      where.textContent = `${share} % missing: ${isMeasured ? "measured" : "not measured; a number is interpolated between the measured points on both sides"}`;
      said.replaceChildren(...data.lines.map((model, number) => {
        const one = found[number];
        let text = share === 100 ? "nothing left to answer from" : "not measured";
        if (one) text = `${one.measured ? "" : "about "}${one.value.toFixed(one.measured ? 1 : 0)} %`;
        if (one && one.measured) text += ` (95 % interval ${one.measured.low.toFixed(1)} to ${one.measured.high.toFixed(1)})`;
        return element("li", {}, key(model, number), ` ${model.name}: `, element("b", {}, text));
      }));
    }
    input.addEventListener("input", show);
    show();
  }

  function calibrate(box, data, number) {
    const options = [["before", "before"], ["after", "after, with a temperature fitted on the validation split"]];
    const switched = choice("Calibration", `calibration-${number}`, options, "before");
    const holder = element("div", { class: "chart" }), said = element("ul", { class: "said" });
    box.prepend(switched, holder, said);

    function show() {
      const when = switched.querySelector(":checked").value;
      const svg = chart("mean of the highest score, in %", "right answers, in %", `Reliability ${when} calibration`);
      svg.append(line([[0, 0], [100, 100]], { class: "diagonal" }));
      data.models.forEach((model, order) => {
        const { points } = model[when], group = curve(model.colour);
        group.append(line(points.map(({ confidence, right }) => [confidence, right]), { "stroke-dasharray": DASHES[order] }));
        for (const { confidence, right, number: count } of points) {
          const one = mark(model.marker, across(confidence), up(right), 2 + Math.sqrt(count));
          one.append(drawn("title", {}, `${model.name}: ${count} answers`));
          group.append(one);
        }
        svg.append(group);
      });
      holder.replaceChildren(svg);
      said.replaceChildren(...data.models.map((model, order) => element("li", {}, key(model, order),
        ` ${model.name}: calibration error `, element("b", {}, model[when].error.toFixed(3)))));
    }
    switched.addEventListener("change", show);
    show();
  }

  document.addEventListener("DOMContentLoaded", () => {
    document.querySelectorAll(".spectrogram").forEach(follow);
    document.querySelectorAll(".attention").forEach(weigh);
    document.querySelectorAll(".touch").forEach((box, number) => {
      const data = JSON.parse(box.querySelector("script").textContent);
      if (box.classList.contains("slider")) slide(box, data);
      else calibrate(box, data, number);
    });
  });
})();
