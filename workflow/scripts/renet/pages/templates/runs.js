// Hides runs in the tables and the figure of the index: those that are not ticked or that the filter does not match.
(() => {
  const controls = document.getElementById("runs-controls");
  if (!controls) return; // one run alone
  const boxes = [...controls.querySelectorAll('input[type="checkbox"]')];
  const status = controls.querySelector("output");
  const headings = document.querySelector("table.sortable thead tr");

  function apply() {
    const words = controls.filter.value.toLowerCase().split(/\s+/).filter(Boolean);
    const isShown = (box) =>
      box.checked && words.every((word) => box.dataset.words.toLowerCase().includes(word));
    const shown = new Set(boxes.filter(isShown).map((box) => box.value));
    document.querySelectorAll("[data-run]").forEach((element) => {
      element.hidden = !shown.has(element.dataset.run);
    });
    boxes.forEach((box) => {
      document.querySelectorAll(`[id^="${box.dataset.curve}"]`).forEach((element) => {
        element.style.display = shown.has(box.value) ? "" : "none";
      });
    });
    status.textContent = `${shown.size} of ${boxes.length} runs`;
  }

  // The state in the URL: the filter, each hidden run, and the heading that the table is sorted by,
  // after a minus if descending.
  function restore(state) {
    controls.filter.value = state.get("filter") ?? "";
    const hidden = new Set(state.getAll("hide"));
    boxes.forEach((box) => { box.checked = !hidden.has(box.value); });
    apply();
    const sorted = state.get("sort") ?? "";
    const heading = [...headings.cells].find((th) => th.textContent.trim() === sorted.replace(/^-/, ""));
    if (heading) {
      // A click turns the direction around.
      heading.setAttribute("aria-sort", sorted.startsWith("-") ? "ascending" : "descending");
      heading.querySelector("button").dispatchEvent(new MouseEvent("click"));
    }
  }

  function keepState() {
    const hidden = boxes.filter((box) => !box.checked).map((box) => ["hide", box.value]);
    const sorted = headings.querySelector("[aria-sort]");
    const minus = sorted?.getAttribute("aria-sort") === "descending" ? "-" : "";
    const sort = sorted ? minus + sorted.textContent.trim() : "";
    keep([["filter", controls.filter.value.trim()], ...hidden, ["sort", sort]]);
  }

  const keep = urlState("runs", restore);
  controls.addEventListener("input", () => {
    apply();
    keepState();
  });
  headings.addEventListener("click", keepState); // after the click of the button has sorted
  controls.addEventListener("submit", (event) => event.preventDefault());
  controls.hidden = false;
  apply();
})();
