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
  const isCorrect = (n) => predictions.predicted[n] === samples.target[n];
  const personOf = (n) => samples.subjects[samples.subject[n]];
  const confidence = (n) => Math.max(predictions.p_male[n], 1 - predictions.p_male[n]);
  // The value that a column is sorted by; `show` gives its text or element, if that is something else.
  const COLUMNS = {
    __proto__: null, // a column of the URL may have any name
    photo: { value: (n) => n, show: photo },
    // By source, then by row: the names of the sources are sorted, and a row is less than 2 ** 32.
    id: {
      value: (n) => samples.source[n] * 2 ** 32 + samples.row[n],
      show: (n) => samples.id[n],
    },
    person: { value: (n) => samples.subject[n], show: personOf },
    label: { value: (n) => CLASSES[samples.target[n]] },
    predicted: { value: (n) => CLASSES[predictions.predicted[n]] },
    correct: { value: (n) => (isCorrect(n) ? "yes" : "no") },
    confidence: { value: confidence, show: (n) => `${(100 * confidence(n)).toFixed(1)} %` },
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
    path: { value: (n) => samples.path[n] },
  };
  const viewport = section.querySelector(".viewport");
  const table = viewport.querySelector("table");
  const [headings, body] = [table.createTHead().insertRow(), table.createTBody()];
  const form = section.querySelector("form");
  const all = Array.from(samples.row, (_, n) => n);
  const haystack = all.map((n) => `${samples.id[n]} ${personOf(n) ?? ""} ${samples.path[n]}`.toLowerCase());
  const groups = new Map(Object.entries(slices.values).flatMap(([slice, values]) =>
    values.map((value, place) => [`${slice}:${value}`, (n) => slices[slice][n] === place])));
  let shown = all;

  function element(name, properties) {
    return Object.assign(document.createElement(name), properties);
  }

  function photo(n) {
    const { folder, side, columns, per_sheet: perSheet } = samples.sheets;
    const tile = n % perSheet;
    const ariaLabel = `Photo ${samples.id[n]}, labelled ${CLASSES[samples.target[n]]}`;
    const span = element("span", { className: "photo", role: "img", ariaLabel });
    span.style.backgroundImage = `url("${viewport.dataset.base}${folder}${Math.floor(n / perSheet)}.webp")`;
    span.style.backgroundPosition =
      `${-side * (tile % columns)}px ${-side * Math.floor(tile / columns)}px`;
    return span;
  }

  function cell({ value, show = value }, n) {
    const td = document.createElement("td");
    td.append(show(n) ?? "–");
    td.title = td.textContent; // a long one is cut off
    return td;
  }

  function gap(rows) {
    const style = `height: ${rows * ROW_HEIGHT}px`;
    return element("tr", { ariaHidden: "true", className: "gap", style });
  }

  function draw() {
    const first = Math.max(0, Math.floor(viewport.scrollTop / ROW_HEIGHT) - SPARE_ROWS);
    const visible = Math.ceil(viewport.clientHeight / ROW_HEIGHT) + 2 * SPARE_ROWS;
    const rows = shown.slice(first, first + visible).map((n, place) => {
      const ariaRowIndex = first + place + 2; // row 1 is the heading
      const tr = element("tr", { ariaRowIndex, className: isCorrect(n) ? "" : "wrong" });
      tr.append(...Object.values(COLUMNS).map((column) => cell(column, n)));
      return tr;
    });
    body.replaceChildren(gap(first), ...rows, gap(shown.length - first - rows.length));
  }

  // Filters and sorts as the form says; its `sort` is a column, after a minus if it is descending.
  function update() {
    const { query, prediction, label, group, sort } = Object.fromEntries(new FormData(form));
    const words = query.toLowerCase().split(/\s+/).filter(Boolean);
    const inGroup = groups.get(group);
    const exact = samples.id.indexOf(query); // an id is part of others, as wiki:12 of wiki:123
    shown = all.filter((n) =>
      (exact === -1 || n === exact) &&
      (!inGroup || inGroup(n)) &&
      (prediction === "" || isCorrect(n) === (prediction === "correct")) &&
      (label === "" || samples.target[n] === Number(label)) &&
      words.every((word) => haystack[n].includes(word)));
    const { value } = COLUMNS[sort.replace(/^-/, "")] ?? {};
    const sign = sort.startsWith("-") ? -1 : 1;
    if (value) shown.sort((one, two) => {
      const [left, right] = [value(one), value(two)];
      if (left === right) return 0;
      if (left === null || right === null) return left === null ? 1 : -1; // unknown values come last
      return left < right ? -sign : sign;
    });
    for (const th of headings.cells) {
      const directions = { [th.dataset.column]: "ascending", [`-${th.dataset.column}`]: "descending" };
      th.ariaSort = directions[sort] ?? null;
    }
    const counts = [shown.length, all.length].map((count) => count.toLocaleString("en"));
    section.querySelector("output").textContent = `${counts.join(" of ")} faces`;
    table.ariaRowCount = shown.length + 1;
    viewport.scrollTop = 0;
    draw();
  }

  // The form is in the URL's fragment, `#faces?query=anna&group=source:own&sort=-age`, so that a link,
  // a bookmark and the back button restore it; empty values are left out.
  function restore() {
    const [name, query] = window.location.hash.slice(1).split("?");
    if (name !== "faces" || query === undefined) return;
    const state = new URLSearchParams(query);
    form.querySelectorAll("[name]").forEach((field) => {
      field.value = state.get(field.name) ?? "";
      if (field.selectedIndex === -1) field.value = ""; // no such choice
    });
    update();
    section.focus(); // as a browser does with a plain fragment
  }

  // Without a step in the browser's history.
  function updateAndKeep() {
    update();
    const query = new URLSearchParams([...new FormData(form)].filter(([, value]) => value !== ""));
    window.history.replaceState(null, "", `#faces?${query}`);
  }

  for (const column of Object.keys(COLUMNS)) {
    const button = element("button", { type: "button", textContent: column.replace("_", " ") });
    button.addEventListener("click", () => {
      form.sort.value = form.sort.value === column ? `-${column}` : column;
      updateAndKeep();
    });
    const heading = element("th", { scope: "col" });
    heading.dataset.column = column;
    heading.append(button);
    headings.append(heading);
  }
  form.append(element("input", { type: "hidden", name: "sort" }));
  form.query.addEventListener("input", updateAndKeep);
  form.querySelectorAll("select").forEach((one) => one.addEventListener("change", updateAndKeep));
  form.addEventListener("submit", (event) => event.preventDefault());
  viewport.addEventListener("scroll", () => requestAnimationFrame(draw));
  window.addEventListener("resize", draw);
  window.addEventListener("hashchange", restore);
  update();
  restore();
})();
