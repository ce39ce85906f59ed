// The table of all test faces. Only the visible rows are in the page, so that it stays fast with
// 50,000 faces. Reads window.renetSamples (the data) and window.renetPredictions (the run's).
(() => {
  const ROW_HEIGHT = 48;
  const SPARE_ROWS = 6; // drawn above and below the visible rows
  const section = document.getElementById("faces");
  const samples = window.renetSamples;
  const predictions = window.renetPredictions;
  if (!samples || !predictions || samples.row.length !== predictions.p_male.length) {
    section.querySelector(".missing").hidden = false;
    return;
  }
  const CLASSES = ["female", "male"];
  const count = samples.row.length;
  const predicted = predictions.predicted;
  const isCorrect = (n) => predicted[n] === samples.target[n];
  const personOf = (n) => samples.subjects[samples.subject[n]];
  const idOf = (n) => samples.id[n];
  // The value that a column is sorted by; `show` gives the text if that is something else.
  const COLUMNS = {
    photo: { value: (n) => n },
    // By source, then by row: the names of the sources are sorted, and a row is less than 2 ** 32.
    id: { value: (n) => samples.source[n] * 2 ** 32 + samples.row[n], show: idOf, text: true },
    person: { value: (n) => samples.subject[n], show: personOf, text: true },
    label: { value: (n) => samples.target[n], show: (n) => CLASSES[samples.target[n]] },
    predicted: { value: (n) => predicted[n], show: (n) => CLASSES[predicted[n]] },
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
  let order = fileOrder;
  let shown = order;
  let haystack = null;

  function heading(name) {
    const th = document.createElement("th");
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = name.replace("_", " ");
    th.scope = "col";
    th.dataset.column = name;
    th.className = COLUMNS[name].text ? "text" : "";
    button.addEventListener("click", () => {
      sort(name, th.getAttribute("aria-sort") === "ascending");
      filterAndKeep();
    });
    th.append(button);
    return th;
  }

  function cell(name, n) {
    const td = document.createElement("td");
    const column = COLUMNS[name];
    if (name === "photo") {
      td.append(photo(n));
    } else {
      td.textContent = (column.show ?? column.value)(n) ?? "–";
      td.title = column.text ? td.textContent : "";
      td.className = column.text ? "text" : "";
    }
    return td;
  }

  function photo(n) {
    const { folder, side, columns, per_sheet: perSheet } = samples.sheets;
    const tile = n % perSheet;
    const span = document.createElement("span");
    span.className = "photo";
    span.setAttribute("role", "img");
    span.setAttribute("aria-label", `Photo ${idOf(n)}, labelled ${CLASSES[samples.target[n]]}`);
    span.style.backgroundImage = `url("${viewport.dataset.base}${folder}${Math.floor(n / perSheet)}.webp")`;
    span.style.backgroundPosition =
      `${-side * (tile % columns)}px ${-side * Math.floor(tile / columns)}px`;
    return span;
  }

  function gap(rows) {
    const tr = document.createElement("tr");
    tr.className = "gap";
    tr.setAttribute("aria-hidden", "true");
    tr.style.height = `${rows * ROW_HEIGHT}px`;
    return tr;
  }

  function draw() {
    const first = Math.max(0, Math.floor(viewport.scrollTop / ROW_HEIGHT) - SPARE_ROWS);
    const visible = Math.ceil(viewport.clientHeight / ROW_HEIGHT) + 2 * SPARE_ROWS;
    const last = Math.min(shown.length, first + visible);
    const rows = [];
    for (let row = first; row < last; row += 1) {
      const n = shown[row];
      const tr = document.createElement("tr");
      tr.setAttribute("aria-rowindex", row + 2); // row 1 is the heading
      tr.className = isCorrect(n) ? "" : "wrong";
      tr.append(...Object.keys(COLUMNS).map((name) => cell(name, n)));
      rows.push(tr);
    }
    body.replaceChildren(gap(first), ...rows, gap(shown.length - last));
  }

  function filter() {
    const words = controls.query.value.toLowerCase().split(/\s+/).filter(Boolean);
    haystack ??= samples.path.map((path, n) =>
      `${idOf(n)} ${personOf(n)} ${path}`.toLowerCase());
    const { prediction, label } = Object.fromEntries(new FormData(controls));
    shown = order.filter((n) =>
      (prediction === "" || isCorrect(n) === (prediction === "correct")) &&
      (label === "" || samples.target[n] === Number(label)) &&
      words.every((word) => haystack[n].includes(word)));
    const number = new Intl.NumberFormat("en");
    status.textContent = `${number.format(shown.length)} of ${number.format(count)} faces`;
    viewport.querySelector("table").setAttribute("aria-rowcount", shown.length + 1);
    viewport.scrollTop = 0;
    draw();
  }

  function sort(name, descending) {
    [...headings.cells].forEach((th) => {
      th.removeAttribute("aria-sort");
      if (th.dataset.column === name) {
        th.setAttribute("aria-sort", descending ? "descending" : "ascending");
      }
    });
    if (!Object.hasOwn(COLUMNS, name)) {
      order = fileOrder;
      return;
    }
    const values = Array.from({ length: count }, (_, n) => COLUMNS[name].value(n));
    const sign = descending ? -1 : 1;
    order = fileOrder.slice().sort((one, two) => {
      const [left, other] = [values[one], values[two]];
      if (left === other) return one - two;
      if (left === null || other === null) return left === null ? 1 : -1; // unknown values come last
      return left < other ? -sign : sign;
    });
  }

  // The state in the URL: the values of the form, and `sort`, a column, after a minus if descending.
  function restore(state) {
    ["query", "prediction", "label"].forEach((name) => {
      controls[name].value = state.get(name) ?? "";
      if (controls[name].selectedIndex === -1) controls[name].value = ""; // no such choice
    });
    const column = state.get("sort") ?? "";
    sort(column.replace(/^-/, ""), column.startsWith("-"));
    filter();
  }

  function keepState() {
    const sorted = headings.querySelector("[aria-sort]");
    const minus = sorted?.getAttribute("aria-sort") === "descending" ? "-" : "";
    keep([...new FormData(controls), ["sort", sorted ? minus + sorted.dataset.column : ""]]);
  }

  function filterAndKeep() {
    filter();
    keepState();
  }

  headings.append(...Object.keys(COLUMNS).map(heading));
  viewport.addEventListener("scroll", () => requestAnimationFrame(draw));
  window.addEventListener("resize", draw);
  controls.query.addEventListener("input", filterAndKeep);
  controls.querySelectorAll("select").forEach((one) =>
    one.addEventListener("change", filterAndKeep));
  controls.addEventListener("submit", (event) => event.preventDefault());
  filter();
  const keep = urlState("faces", restore);
})();
