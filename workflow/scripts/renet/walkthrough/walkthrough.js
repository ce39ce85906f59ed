// What one can move on the page: a grey square over the face, and the step of a SpatialRNN's sweeps.
// Without this script, and in print, these parts are hidden.
function moveSquare(part, { male }) {
  const face = part.querySelector("img");
  const [row, column] = part.querySelectorAll("input");
  const side = part.style.getPropertyValue("--side");
  const show = () => {
    const probability = male[row.value * (Number(row.max) + 1) + Number(column.value)];
    part.querySelector("output").textContent = `${(100 * probability).toFixed(1)}\u00a0%`;
    part.style.setProperty("--row", row.value / row.max);
    part.style.setProperty("--column", column.value / column.max);
  };
  const follow = (event) => {
    // The pointer is in the middle of the square; a slider rounds its value and keeps its limits.
    const place = (pointer) => (pointer - side / 2) / (1 - side);
    row.value = row.max * place(event.offsetY / face.height);
    column.value = column.max * place(event.offsetX / face.width);
    show();
  };
  face.addEventListener("pointerdown", follow);
  face.addEventListener("pointermove", follow);
  part.addEventListener("input", show);
  show();
  part.hidden = false;
}

function stepSweeps(part) {
  const slider = part.querySelector("input");
  const { rows, columns } = part.dataset;
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
