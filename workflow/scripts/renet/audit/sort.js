// A click on a heading sorts the table; faces have no order.
const table = document.querySelector(".sortable table");
const headings = [...(table?.tHead.rows[0].cells ?? [])];
const key = (row, column) => {
  const { dataset, textContent } = row.cells[column];
  const text = dataset.value ?? textContent.trim();
  return text !== "" && !Number.isNaN(Number(text)) ? Number(text) : text;
};
headings.slice(1).forEach((heading, place) => {
  const button = document.createElement("button");
  button.textContent = heading.textContent;
  heading.replaceChildren(button);
  button.addEventListener("click", () => {
    const order = heading.getAttribute("aria-sort") === "descending" ? 1 : -1;
    headings.forEach((other) => other.removeAttribute("aria-sort"));
    heading.setAttribute("aria-sort", order === 1 ? "ascending" : "descending");
    const rows = [...table.tBodies[0].rows].sort((one, two) => {
      const [left, right] = [key(one, place + 1), key(two, place + 1)];
      // Texts such as "–" in a column of numbers come last.
      if (typeof left !== typeof right) return typeof left === "number" ? -1 : 1;
      return left === right ? 0 : order * (left < right ? -1 : 1);
    });
    table.tBodies[0].append(...rows);
  });
});
