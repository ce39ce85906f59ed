// Tables of class "sortable": a click on a heading sorts the first body; the second one stays.
document.querySelectorAll("table.sortable").forEach((table) => {
  const headings = [...table.tHead.rows[0].cells];
  const body = table.tBodies[0];
  const key = (row, column) => {
    const cell = row.cells[column];
    const text = cell.dataset.value ?? cell.textContent.trim();
    return text !== "" && !Number.isNaN(Number(text)) ? Number(text) : text;
  };
  // Texts such as "–" in a column of numbers come last.
  const compare = (left, right, order) => {
    if (typeof left !== typeof right) return typeof left === "number" ? -1 : 1;
    return left === right ? 0 : order * (left < right ? -1 : 1);
  };
  headings.forEach((heading, column) => {
    const button = heading.querySelector("button");
    button?.addEventListener("click", () => {
      const descending = heading.getAttribute("aria-sort") !== "descending";
      headings.forEach((other) => other.removeAttribute("aria-sort"));
      heading.setAttribute("aria-sort", descending ? "descending" : "ascending");
      const order = descending ? -1 : 1;
      const rows = [...body.rows].sort((one, two) => compare(key(one, column), key(two, column), order));
      body.append(...rows);
    });
  });
});
