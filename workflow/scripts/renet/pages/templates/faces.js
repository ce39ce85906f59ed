// The table of all test faces. Only the visible rows are in the page, so that it stays fast with
// 50,000 faces. Reads window.renetSamples (the data), window.renetPredictions and
// window.renetGroups (the run's): the place of each face's value of a slice among its `values`.
(() => {
  const ROW_HEIGHT = 48;
  const SPARE_ROWS = 6; // drawn above and below the visible rows
  const CLASSES = ["female", "male"];
  const section = document.getElementById("faces");
  const { renetSamples: samples, renetPredictions: predictions, renetGroups: slices } = window;
  if (!samples || !predictions || !slices || samples.row.length !== predictions.p_male.length) {
    section.querySelector(".missing").hidden = false;
    return;
  }
  const count = samples.row.length;
  const isCorrect = (n) => predictions.predicted[n] === samples.target[n];
  const personOf = (n) => samples.subjects[samples.subject[n]];
  // The value that a column is sorted by; `show` gives the text if that is something else.
  const COLUMNS = {
    photo: { value: (n) => n },
    // By source, then by row: the names of the sources are sorted, and a row is less than 2 ** 32.
    id: {
      value: (n) => samples.source[n] * 2 ** 32 + samples.row[n],
      show: (n) => samples.id[n],
      text: true,
    },
    person: { value: (n) => samples.subject[n], show: personOf, text: true },
    label: { value: (n) => samples.target[n], show: (n) => CLASSES[samples.target[n]] },
    predicted: {
      value: (n) => predictions.predicted[n],
      show: (n) => CLASSES[predictions.predicted[n]],
    },
    correct: { value: (n) => Number(isCorrect(n)), show: (n) => (isCorrect(n) ? "yes" : "no") },
    confidence: {
      value: (n) => Math.max(predictions.p_male[n], 1 - predictions.p_male[n]),
      show: (n) => `${(100 * COLUMNS.confidence.value(n)).toFixed(1)} %`,
    },
    age: { value: (n) => samples.age[n] },
    year: { value: (n) => samples.year[n] },
    face_score: {
      value: (n) => samples.face_score[n],
      show: (n) => samples.face_score[n]?.toFixed(2),
    },
    crop: {
      value: (n) => samples.width[n] * samples.height[n],
      show: (n) => `${samples.width[n]} × ${samples.height[n]}`,
    },
    path: { value: (n) => samples.path[n], text: true },
  };
  const viewport = section.querySelector(".viewport");
  const body = viewport.querySelector("tbody");
  const controls = section.querySelector("form");
  const status = section.querySelector("output");
  const headings = viewport.querySelector("thead tr");
  const fileOrder = Uint32Array.from({ length: count }, (_, n) => n);
  const haystack = samples.path.map((path, n) => `${samples.id[n]} ${personOf(n) ?? ""} ${path}`.toLowerCase());
  const groups = new Map(Object.entries(slices.values).flatMap(([slice, values]) =>
    values.map((value, place) => [`${slice}:${value}`, { codes: slices[slice], place }])));
  let order = fileOrder;
  let shown = order;

  // An element with these properties and attributes.
  function element(name, properties, attributes = {}) {
    const made = Object.assign(document.createElement(name), properties);
    Object.entries(attributes).forEach((attribute) => made.setAttribute(...attribute));
    return made;
  }

  function heading(name) {
    const className = COLUMNS[name].text ? "text" : "";
    const th = element("th", { scope: "col", className }, { "data-column": name });
    const button = element("button", { type: "button", textContent: name.replace("_", " ") });
    button.addEventListener("click", () => {
      sort(name, th.getAttribute("aria-sort") === "ascending");
      filterAndKeep();
    });
    th.append(button);
    return th;
  }

  function cell(name, n) {
    const td = document.createElement("td");
    if (name === "photo") {
      td.append(photo(n));
      return td;
    }
    const { value, show = value, text } = COLUMNS[name];
    td.textContent = show(n) ?? "–";
    return text ? Object.assign(td, { title: td.textContent, className: "text" }) : td;
  }

  function photo(n) {
    const { folder, side, columns, per_sheet: perSheet } = samples.sheets;
    const tile = n % perSheet;
    const label = `Photo ${samples.id[n]}, labelled ${CLASSES[samples.target[n]]}`;
    const span = element("span", { className: "photo" }, { role: "img", "aria-label": label });
    span.style.backgroundImage = `url("${viewport.dataset.base}${folder}${Math.floor(n / perSheet)}.webp")`;
    span.style.backgroundPosition =
      `${-side * (tile % columns)}px ${-side * Math.floor(tile / columns)}px`;
    return span;
  }

  function gap(rows) {
    const style = `height: ${rows * ROW_HEIGHT}px`;
    return element("tr", { className: "gap" }, { "aria-hidden": "true", style });
  }

  function draw() {
    const first = Math.max(0, Math.floor(viewport.scrollTop / ROW_HEIGHT) - SPARE_ROWS);
    const visible = Math.ceil(viewport.clientHeight / ROW_HEIGHT) + 2 * SPARE_ROWS;
    const rows = Array.from(shown.slice(first, first + visible), (n, place) => {
      const number = first + place + 2; // row 1 is the heading
      const tr = element("tr", { className: isCorrect(n) ? "" : "wrong" }, { "aria-rowindex": number });
      tr.append(...Object.keys(COLUMNS).map((name) => cell(name, n)));
      return tr;
    });
    body.replaceChildren(gap(first), ...rows, gap(shown.length - first - rows.length));
  }

  function filter() {
    const words = controls.query.value.toLowerCase().split(/\s+/).filter(Boolean);
    const { prediction, label, group } = Object.fromEntries(new FormData(controls));
    const { codes, place } = groups.get(group) ?? {};
    shown = order.filter((n) =>
      (!codes || codes[n] === place) &&
      (prediction === "" || isCorrect(n) === (prediction === "correct")) &&
      (label === "" || samples.target[n] === Number(label)) &&
      words.every((word) => haystack[n].includes(word)));
    status.textContent = `${shown.length.toLocaleString("en")} of ${count.toLocaleString("en")} faces`;
    viewport.querySelector("table").setAttribute("aria-rowcount", shown.length + 1);
    viewport.scrollTop = 0;
    draw();
  }

  function sort(name, descending) {
    for (const th of headings.cells) {
      th.removeAttribute("aria-sort");
      const direction = descending ? "descending" : "ascending";
      if (th.dataset.column === name) th.setAttribute("aria-sort", direction);
    }
    order = fileOrder;
    if (!Object.hasOwn(COLUMNS, name)) return;
    const values = Array.from(fileOrder, COLUMNS[name].value);
    const sign = descending ? -1 : 1;
    order = fileOrder.slice().sort((one, two) => {
      const [left, other] = [values[one], values[two]];
      if (left === other) return one - two;
      if (left === null || other === null) return left === null ? 1 : -1; // unknown values come last
      return left < other ? -sign : sign;
    });
  }

  // The state is in the URL's fragment, `#faces?query=anna&group=source:own&sort=-age`, so that a link,
  // a bookmark and the back button restore it: the form, and a column, after a minus if it is descending.
  function restore() {
    const [name, query] = window.location.hash.slice(1).split("?");
    if (name !== "faces" || query === undefined) return;
    const state = new URLSearchParams(query);
    ["query", "prediction", "label", "group"].forEach((field) => {
      controls[field].value = state.get(field) ?? "";
      if (controls[field].selectedIndex === -1) controls[field].value = ""; // no such choice
    });
    const column = state.get("sort") ?? "";
    sort(column.replace(/^-/, ""), column.startsWith("-"));
    filter();
    section.focus(); // as a browser does with a plain fragment
  }

  // Without a step in the browser's history; empty values are left out.
  function filterAndKeep() {
    filter();
    const sorted = headings.querySelector("[aria-sort]");
    const minus = sorted?.getAttribute("aria-sort") === "descending" ? "-" : "";
    const entries = [...new FormData(controls), ["sort", sorted ? minus + sorted.dataset.column : ""]];
    const query = new URLSearchParams(entries.filter(([, value]) => value !== "")).toString();
    window.history.replaceState(null, "", query ? `#faces?${query}` : "#faces");
  }

  headings.append(...Object.keys(COLUMNS).map(heading));
  viewport.addEventListener("scroll", () => requestAnimationFrame(draw));
  window.addEventListener("resize", draw);
  controls.query.addEventListener("input", filterAndKeep);
  controls.querySelectorAll("select").forEach((one) =>
    one.addEventListener("change", filterAndKeep));
  controls.addEventListener("submit", (event) => event.preventDefault());
  window.addEventListener("hashchange", restore);
  filter();
  restore();
})();
