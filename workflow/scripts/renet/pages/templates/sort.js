// Tables of class "sortable" sort by the column whose heading is pressed; the body "summary" stays.
document.querySelectorAll("table.sortable").forEach((table) => {
  const headings = [...table.tHead.rows[0].cells];
  const body = table.tBodies[0];
  const key = (row, column) => {
    const cell = row.cells[column];
    const text = cell.dataset.value ?? cell.textContent.trim();
    return text !== "" && !Number.isNaN(Number(text)) ? Number(text) : text;
  };
  headings.forEach((heading, column) => {
    const button = heading.querySelector("button");
    button?.addEventListener("click", () => {
      const falling = heading.getAttribute("aria-sort") !== "descending";
      headings.forEach((other) => other.removeAttribute("aria-sort"));
      heading.setAttribute("aria-sort", falling ? "descending" : "ascending");
      const order = falling ? -1 : 1;
      const rows = [...body.rows].sort((one, two) => {
        const [left, right] = [key(one, column), key(two, column)];
        return left === right ? 0 : order * (left < right ? -1 : 1);
      });
      body.append(...rows);
    });
  });
});
