"use strict";
// Without this script every row of the page is visible and the forms stay hidden.
{
  const AT_ONCE = 200;
  const element = (name, style, text) => {
    const made = document.createElement(name);
    if (style) made.className = style;
    if (text !== undefined) made.textContent = text;
    return made;
  };

  // A table whose rows stand in the page.
  const tableOfPage = (body) => ({
    rows: [...body.rows].map((row) => ({
      tone: row.dataset.tone,
      options: (row.dataset.options || "").split(" "),
      text: [...row.cells].map((cell) => cell.textContent).join("\n").toLowerCase(),
      node: () => row,
    })),
    finder: (words) => (row) => words.every((word) => row.text.includes(word)),
  });

  // A table whose rows the page carries as data: equal cells stand once, rows name them by place.
  const tableOfData = ({ styles, cells, rows }) => {
    const textOf = (cell) => (typeof cell === "string" ? cell : cell.p.map((part) => part[1]).join(""));
    const texts = cells.map((cell) => textOf(cell).toLowerCase());
    const draw = (cell, style) => {
      const made = element("td", style);
      if (typeof cell === "string") {
        made.textContent = cell;
        return made;
      }
      if (cell.b) {
        made.append(element("span", `badge ${cell.b}`, textOf(cell)));
        return made;
      }
      if (cell.s !== undefined) {
        const bar = element("i", "share");
        bar.style.width = `${cell.s * 100}%`;
        made.append(bar);
      }
      const target = cell.h ? element("a") : made;
      if (cell.h) {
        target.href = cell.h;
        target.rel = "noopener noreferrer";
        made.append(target);
      }
      for (const [kind, text] of cell.p) {
        target.append(kind === "same" ? text : kind === "different" ? element("mark", "", text) : element("i", kind, text));
      }
      if (cell.s !== undefined) made.append(" ", element("span", "part", `${Math.round(cell.s * 100)} %`));
      return made;
    };
    return {
      rows: rows.map((row) => {
        const places = row.slice(row.length - styles.length);
        return {
          tone: row[0],
          options: row.slice(1, row.length - styles.length).map(String),
          places,
          node: () => {
            const made = element("tr");
            made.append(...places.map((place, i) => draw(cells[place], styles[i])));
            return made;
          },
        };
      }),
      // Each word is looked for once in every cell, not once in every row.
      finder: (words) => {
        const hits = words.map((word) => texts.map((text) => text.includes(word)));
        return (row) => hits.every((hit) => row.places.some((place) => hit[place]));
      },
    };
  };

  for (const section of document.querySelectorAll("[data-filter]")) {
    const form = section.querySelector("form");
    if (!form) continue;
    const body = section.querySelector("tbody");
    const data = section.querySelector("script");
    const { rows, finder } = data ? tableOfData(JSON.parse(data.textContent)) : tableOfPage(body);
    const find = form.querySelector("input");
    const tones = form.querySelector("[data-tones]");
    const choices = [...form.querySelectorAll("[data-choice]")];
    const output = form.querySelector("output");
    const more = section.querySelector(".more");
    let fitting = rows;
    let shown = 0;
    const extend = (until) => {
      body.append(...fitting.slice(shown, until).map((row) => row.node()));
      shown = Math.min(until, fitting.length);
      const count = (number) => number.toLocaleString("en");
      output.textContent = `showing ${count(shown)} of ${count(rows.length)}`
        + (shown < fitting.length ? `; ${count(fitting.length)} fit` : "");
      if (more) {
        more.hidden = shown === fitting.length;
        more.firstElementChild.textContent = `Show ${count(Math.min(AT_ONCE, fitting.length - shown))} more`;
      }
    };
    const apply = () => {
      const words = find.value.toLowerCase().split(/\s+/).filter(Boolean);
      const tone = tones ? tones.value : "";
      const chosen = choices.filter((choice) => choice.value).map((choice) => [choice.dataset.choice, choice.value]);
      const found = finder(words);
      fitting = rows.filter((row) => (!tone || row.tone === tone)
        && chosen.every(([place, value]) => row.options[place] === value) && found(row));
      shown = 0;
      body.replaceChildren();
      extend(data ? AT_ONCE : fitting.length);
    };
    form.addEventListener("input", apply);
    form.addEventListener("submit", (event) => event.preventDefault());
    if (more) more.addEventListener("click", () => extend(shown + AT_ONCE));
    for (const note of section.querySelectorAll("[data-without-script]")) note.hidden = true;
    form.hidden = false;
    apply();
  }
}
