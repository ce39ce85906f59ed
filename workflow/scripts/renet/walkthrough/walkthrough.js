// What one can move on the page: a grey square over the face, and the step of a SpatialRNN's sweeps.
// Without this script, and in print, these parts are hidden.
const MOVES = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };
const percentage = (fraction) => `${(100 * fraction).toFixed(1)} %`;

function moveSquare(part, { p_male, face, sizes, corners }) {
  const frame = part.querySelector(".square");
  const square = frame.querySelector("i");
  const count = corners[0][0].length;
  const place = [(count - 1) / 2, (count - 1) / 2]; // row and column
  const size = () => Number(part.querySelector("input:checked").value);
  const moveTo = (...given) => {
    given.forEach((one, axis) => {
      place[axis] = Math.min(Math.max(Math.round(one), 0), count - 1);
      const [corner, side] = [corners[size()][axis][place[axis]], sizes[size()][axis]];
      square.style[["top", "left"][axis]] = `${(100 * corner) / face[axis]}%`;
      square.style[["height", "width"][axis]] = `${(100 * side) / face[axis]}%`;
    });
    const at = place[0] * count + place[1];
    const male = p_male[size() * count * count + at];
    for (const cell of part.querySelectorAll("[data-class]")) {
      const probability = cell.dataset.class === "male" ? male : 1 - male;
      cell.textContent = percentage(probability);
      cell.classList.toggle("differs", probability > 0.5);
    }
    frame.setAttribute("aria-valuenow", at);
    frame.setAttribute("aria-valuetext", `row ${place[0]}, column ${place[1]}: male ${percentage(male)}`);
  };
  const follow = (event) => {
    const box = frame.getBoundingClientRect();
    const pointer = [(event.clientY - box.top) / box.height, (event.clientX - box.left) / box.width];
    moveTo(...pointer.map((position, axis) => {
      const side = sizes[size()][axis] / face[axis]; // the pointer is in the middle of the square
      return ((count - 1) * (position - side / 2)) / (1 - side);
    }));
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
    const done = { vertical: Math.min(slider.value / rows, 1), horizontal: Math.max(across / columns, 0) };
    for (const figure of part.querySelectorAll("figure")) {
      figure.style.setProperty("--hidden", percentage(1 - done[figure.dataset.sweep]).replace(" ", ""));
    }
  };
  slider.addEventListener("input", show);
  show();
  part.hidden = false;
}

if (window.renetOcclusion) moveSquare(document.getElementById("cover"), window.renetOcclusion);
document.querySelectorAll(".sweeping").forEach(stepSweeps);
