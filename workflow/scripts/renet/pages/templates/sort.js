// A click on a heading sorts the table, cells without a number last; a column without text, such as
// faces, has no order. A <tbody> of several keeps its rows together, and the baseline stays last.
// The heading with aria-sort in the page gives back the order of the page.
for (const table of document.querySelectorAll(".sortable table, #runs table")) {
  const headings = [...table.tHead.rows[0].cells];
  const last = table.querySelector("tbody:has(tr.baseline)");
  const bodies = [...table.tBodies].filter((body) => body !== last);
  const units = last ? bodies : [...bodies[0].rows];
  const cell = (unit, column) => unit.querySelectorAll("th, td")[column];
  const key = (unit, column) => {
    const { dataset, textContent } = cell(unit, column);
    const text = dataset.value ?? textContent.trim();
    return text !== "" && !Number.isNaN(Number(text)) ? Number(text) : text;
  };
  const ranking = headings.findIndex((heading) => heading.ariaSort);
  if (ranking >= 0) units.forEach((unit, place) => (cell(unit, ranking).dataset.value = -place));
  headings.forEach((heading, column) => {
    if (units.every((unit) => key(unit, column) === "")) return;
    const button = document.createElement("button");
    button.textContent = heading.firstChild.textContent;
    heading.firstChild.replaceWith(button);
    button.addEventListener("click", () => {
      const order = heading.ariaSort === "descending" ? 1 : -1;
      headings.forEach((other) => other.removeAttribute("aria-sort"));
      heading.ariaSort = order === 1 ? "ascending" : "descending";
      units.sort((one, two) => {
        const [left, right] = [key(one, column), key(two, column)];
        // Texts such as "–" in a column of numbers come last.
        if (typeof left !== typeof right) return typeof left === "number" ? -1 : 1;
        return left === right ? 0 : order * (left < right ? -1 : 1);
      });
      units.forEach((unit) => unit.parentNode.insertBefore(unit, last));
    });
  });
}
