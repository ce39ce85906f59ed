// What one can move on the page: a grey square over the face, and the step of a SpatialRNN's sweeps.
// Without this script, and in print, these parts are hidden.
const MOVES = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };
const percentage = (fraction) => `${(100 * fraction).toFixed(1)} %`;

function moveSquare(part, table) {
  const face = part.querySelector("[role=slider]");
  const square = face.querySelector("i");
  const last = table.positions - 1;
  let row = Math.round(last / 2);
  let column = row;
  const value = (name) => {
    const size = Number(part.querySelector("input:checked").value);
    return table[name][(size * table.positions + row) * table.positions + column];
  };
  const moveTo = (...place) => {
    [row, column] = place.map((one) => Math.min(Math.max(Math.round(one), 0), last));
    for (const [side, total] of [["top", 0], ["left", 1], ["height", 0], ["width", 1]]) {
      square.style[side] = `${(100 * value(side)) / table.face[total]}%`;
    }
    const probability = { female: 1 - value("p_male"), male: value("p_male") };
    for (const cell of part.querySelectorAll("[data-class]")) {
      cell.textContent = percentage(probability[cell.dataset.class]);
      cell.classList.toggle("differs", probability[cell.dataset.class] > 0.5);
    }
    const said = `row ${row}, column ${column}: male ${percentage(probability.male)}`;
    face.setAttribute("aria-valuenow", row * table.positions + column);
    face.setAttribute("aria-valuetext", said);
  };
  const follow = (event) => {
    const box = face.getBoundingClientRect();
    // The pointer is in the middle of the square.
    const place = (position, side) => (last * (position - side / 2)) / (1 - side);
    moveTo(
      place((event.clientY - box.top) / box.height, value("height") / table.face[0]),
      place((event.clientX - box.left) / box.width, value("width") / table.face[1]),
    );
  };
  face.addEventListener("pointerdown", follow);
  face.addEventListener("pointermove", follow);
  face.addEventListener("keydown", (event) => {
    const move = MOVES[event.key];
    if (!move) return;
    event.preventDefault();
    moveTo(row + move[0], column + move[1]);
  });
  part.addEventListener("change", () => moveTo(row, column));
  moveTo(row, column);
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
