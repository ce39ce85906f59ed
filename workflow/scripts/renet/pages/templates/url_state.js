// The state of a part of the page in the URL's fragment, such as `#faces?query=anna&label=1`, so that
// a link, a bookmark and the back button restore it. Pages from a disk may change their fragment.
function urlState(part, restore) {
  const read = () => {
    const [name, query] = window.location.hash.slice(1).split("?");
    if (name === part && query !== undefined) {
      restore(new URLSearchParams(query));
      document.getElementById(part).focus(); // as a browser does with a plain fragment
    }
  };
  window.addEventListener("hashchange", read);
  read();
  // Keeps the state without a step in the browser's history; empty values are left out.
  return (entries) => {
    const query = new URLSearchParams(entries.filter(([, value]) => value !== "")).toString();
    window.history.replaceState(null, "", query ? `#${part}?${query}` : `#${part}`);
  };
}
