// Keep the decisions on the suspects in the browser, and download them as corrections.csv.
const bar = document.querySelector("p.decide");
const choices = [...document.querySelectorAll(".decide [type=radio]")];
const decided = () => choices.filter((choice) => choice.checked && choice.dataset.gender);
const count = () => bar.querySelector("b").replaceChildren(decided().length);
const quoted = (text) => (/[",;\t]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);

// A browser can refuse its storage to a private window, and to a page opened as a file.
function inStorage(use) {
  try {
    return use(window.localStorage);
  } catch {
    bar.querySelector("span").hidden = false;
  }
}

choices.forEach((choice) => {
  const key = `renet audit ${bar.dataset.labels} ${choice.name}`;
  choice.checked = inStorage((storage) => storage.getItem(key)) === choice.value;
  choice.addEventListener("change", () => {
    inStorage((storage) => storage.setItem(key, choice.value));
    count();
  });
});
count();
bar.querySelector("button").addEventListener("click", () => {
  const lines = JSON.parse(bar.dataset.file);
  const fields = ({ dataset }) => [dataset.id, dataset.gender, dataset.photo_digest, dataset.note];
  const line = (choice) => fields(choice).map(quoted).join(",");
  const byId = new Map([...lines, ...decided().map((choice) => [choice.dataset.id, line(choice)])]);
  const href = URL.createObjectURL(new Blob([...byId.values()].map((text) => `${text}\n`)));
  Object.assign(document.createElement("a"), { href, download: "corrections.csv" }).click();
});
