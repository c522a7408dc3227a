"use strict";
// Without this script every row is visible and the form stays hidden.
for (const section of document.querySelectorAll("[data-filter]")) {
  const form = section.querySelector("form");
  if (!form) continue;
  const find = form.querySelector("input");
  const show = form.querySelector("select");
  const output = form.querySelector("output");
  const rows = [...section.querySelectorAll("tbody tr")].map((row) => ({
    row,
    tone: row.dataset.tone,
    text: [...row.cells].map((cell) => cell.textContent).join("\n").toLowerCase(),
  }));
  const apply = () => {
    const words = find.value.toLowerCase().split(/\s+/).filter(Boolean);
    const tone = show ? show.value : "";
    let shown = 0;
    for (const entry of rows) {
      const fits = (!tone || entry.tone === tone) && words.every((word) => entry.text.includes(word));
      entry.row.hidden = !fits;
      if (fits) shown += 1;
    }
    output.textContent = `showing ${shown.toLocaleString("en")} of ${rows.length.toLocaleString("en")}`;
  };
  form.addEventListener("input", apply);
  form.addEventListener("submit", (event) => event.preventDefault());
  form.hidden = false;
  apply();
}
