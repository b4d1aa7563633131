// A table may reach into the margin: while one is in sight, the list of the page's sections there is folded.
"use strict";

document.addEventListener("DOMContentLoaded", () => {
  const sections = document.querySelector(".bd-sidebar-secondary"), inTheWay = new Set();
  if (!sections) return;
  const observer = new IntersectionObserver((entries) => {
    for (const { target, isIntersecting, boundingClientRect } of entries) {
      const isWide = boundingClientRect.right > sections.getBoundingClientRect().left;
      if (isIntersecting && isWide) inTheWay.add(target);
      else inTheWay.delete(target);
    }
    sections.classList.toggle("hide", inTheWay.size > 0);
  }, { rootMargin: "0px 0px -33% 0px" });
  document.querySelectorAll(".table-scroll, .pst-scrollable-table-container").forEach((box) => observer.observe(box));
});
