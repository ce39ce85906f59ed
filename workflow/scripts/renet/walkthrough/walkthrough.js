// What one can move on the page: a grey square over the face, and the step of a SpatialRNN's sweeps.
// Without this script, and in print, these parts are hidden.
const percentage = (fraction) => `${(100 * fraction).toFixed(1)}\u00a0%`;
function moveSquare(part, { male }) {
  const [row, column] = part.querySelectorAll("input");
  const show = () => {
    const probability = male[row.value * (Number(row.max) + 1) + Number(column.value)];
    part.querySelector("output").textContent = percentage(part.querySelector("meter").value = probability);
    part.style.setProperty("--row", row.value / row.max);
    part.style.setProperty("--column", column.value / column.max);
  };
  const follow = ({ target, offsetX, offsetY }) => {
    // The pointer is in the middle of the square; a slider rounds its value and keeps its limits.
    const side = getComputedStyle(target).getPropertyValue("--side");
    row.value = (row.max * (offsetY / target.height - side / 2)) / (1 - side);
    column.value = (column.max * (offsetX / target.width - side / 2)) / (1 - side);
    show();
  };
  part.querySelectorAll("img").forEach((one) => (one.onpointerdown = one.onpointermove = follow));
  part.querySelector("figcaption").append(["min", "max"].map((end) => percentage(Math[end](...male))).join(" to "), ".");
  part.addEventListener("input", show);
  show();
  part.hidden = false;
}

function stepSweeps(part) {
  const [slider, { rows, columns }] = [part.querySelector("input"), part.dataset];
  const show = () => {
    const across = slider.value - rows; // steps of the horizontal sweep
    const [sweep, line, at, of] =
      across > 0 ? ["Horizontal", "column", across, columns] : ["Vertical", "row", slider.value, rows];
    part.querySelector("output").textContent =
      `${sweep} sweep: the forward units are at ${line} ${at - 1}, the backward units at ${line} ${of - at}.`;
    part.style.setProperty("--step", slider.value);
  };
  part.addEventListener("input", show);
  show();
  part.hidden = false;
}

if (window.renetOcclusion) moveSquare(document.querySelector("section"), window.renetOcclusion);
document.querySelectorAll(".sweeping").forEach(stepSweeps);
