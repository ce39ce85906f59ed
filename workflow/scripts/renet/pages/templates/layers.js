// Fills in the time of each layer, from layer_times.js: its numbers differ from run to run, and the
// page's bytes do not.
(() => {
  const times = window.renetLayerTimes;
  if (!times) return;
  const percent = (fraction) => `${(100 * fraction).toFixed(1)}\u00a0%`;
  const largest = times.fraction.indexOf(Math.max(...times.fraction));
  times.layer.forEach((layer, number) => {
    const cell = document.querySelector(`[data-layer="${CSS.escape(layer)}"]`);
    const bar = document.createElement("span");
    bar.className = "bar";
    bar.style.width = `${((5 * times.fraction[number]) / times.fraction[largest]).toFixed(3)}rem`;
    cell.replaceChildren(bar, percent(times.fraction[number]));
  });
  const total = times.milliseconds.reduce((sum, one) => sum + one, 0);
  const threads = times.device === "cpu" ? `, ${times.threads} threads` : "";
  document.getElementById("step-time").textContent =
    `A forward and a backward pass over ${times.batch_size} faces took ${Math.round(total)} ms ` +
    `(${times.device}${threads}), measured layer by layer without loss and optimizer; ` +
    `${times.layer[largest]} took ${percent(times.fraction[largest])} of it.`;
})();
