// What one can move on the page: a grey square over the face, and the step of a SpatialRNN's sweeps.
// Without this script, and in print, these parts are hidden.
const MOVES = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };
const percentage = (fraction) => `${(100 * fraction).toFixed(1)} %`;

function moveSquare(frame, probabilities) {
  const part = frame.closest("section");
  const last = Math.sqrt(Number(frame.getAttribute("aria-valuemax")) + 1) - 1; // row or column
  let place = [last / 2, last / 2];
  const size = () => part.querySelector("input:checked");
  const moveTo = (...given) => {
    place = given.map((one) => Math.min(Math.max(Math.round(one), 0), last));
    const [row, column] = place;
    frame.style.cssText = `--side: ${size().dataset.side}; --row: ${row / last}; --column: ${column / last}`;
    const at = row * (last + 1) + column;
    const male = probabilities[size().value][at];
    for (const cell of part.querySelectorAll("[data-class]")) {
      const probability = cell.dataset.class === "male" ? male : 1 - male;
      cell.textContent = percentage(probability);
      cell.classList.toggle("differs", probability > 0.5);
    }
    frame.setAttribute("aria-valuenow", at);
    frame.setAttribute("aria-valuetext", `row ${row}, column ${column}: male ${percentage(male)}`);
  };
  const follow = (event) => {
    const [box, side] = [frame.getBoundingClientRect(), size().dataset.side];
    const pointer = [(event.clientY - box.top) / box.height, (event.clientX - box.left) / box.width];
    // The pointer is in the middle of the square.
    moveTo(...pointer.map((position) => (last * (position - side / 2)) / (1 - side)));
  };
  frame.addEventListener("pointerdown", follow);
  frame.addEventListener("pointermove", follow);
  frame.addEventListener("keydown", (event) => {
    const move = MOVES[event.key];
    if (!move) return;
    event.preventDefault();
    moveTo(...place.map((one, axis) => one + move[axis]));
  });
  part.addEventListener("change", () => moveTo(...place));
  moveTo(...place);
  part.hidden = false;
}

function stepSweeps(part) {
  const slider = part.querySelector("input");
  const { rows, columns } = part.dataset;
  const show = () => {
    const across = slider.value - rows; // steps of the horizontal sweep
    const [sweep, line, at, of] =
      across > 0 ? ["Horizontal", "column", across, columns] : ["Vertical", "row", slider.value, rows];
    const said = `${sweep} sweep: the forward units are at ${line} ${at - 1}, the backward units at ${line} ${of - at}.`;
    part.querySelector("output").textContent = said;
    slider.setAttribute("aria-valuetext", said);
    part.style.setProperty("--step", slider.value);
  };
  slider.addEventListener("input", show);
  show();
  part.hidden = false;
}

if (window.renetOcclusion) moveSquare(document.querySelector(".square"), window.renetOcclusion);
document.querySelectorAll(".sweeping").forEach(stepSweeps);
