// Fills the cells of the table "Size, time and machine" with what runs/<run>/page/machine.js says of the
// runs of a row. What is the same for several rows stands below the table, in place of its column.
const rows = [...document.querySelectorAll("[data-run]")];
const same = document.createElement("p");
for (const fact of ["time", "speed", "hardware", "commit"]) {
  const texts = rows.map(({ dataset }) => {
    const found = dataset.run.split(" ").map((run) => window.renetMachines?.[run]?.[fact] ?? "–");
    return new Set(found).size === 1 ? found[0] : found.join(", ");
  });
  const cells = rows.map((row) => row.querySelector(`[data-machine=${fact}]`));
  cells.forEach((cell, n) => (cell.textContent = texts[n]));
  if (rows.length > 1 && new Set(texts).size === 1) {
    const heading = cells[0].closest("table").tHead.rows[0].cells[cells[0].cellIndex];
    [heading, ...cells].forEach((cell) => (cell.hidden = true));
    same.append(`${same.textContent ? "; " : "Of all runs: "}${heading.textContent} ${texts[0]}`);
  }
}
if (same.textContent) rows[0].closest(".scroll").after(same);
