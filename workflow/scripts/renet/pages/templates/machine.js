// Fills the cells of the table "Time and machine" with what runs/<run>/page/machine.js says of each run.
document.querySelectorAll("[data-machine]").forEach((cell) => {
  const facts = window.renetMachines?.[cell.closest("[data-run]").dataset.run];
  if (facts) cell.textContent = facts[cell.dataset.machine];
});
