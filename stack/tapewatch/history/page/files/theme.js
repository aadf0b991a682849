// Loaded before anything is drawn, so that a dark page is never light for a moment. No module, because those run late.
(() => {
  const LOOKS = ["auto", "light", "dark"];
  const KEY = "tapewatch-look";
  const system = matchMedia("(prefers-color-scheme: dark)");
  let look = "auto";

  function show() {
    const theme = look === "auto" ? (system.matches ? "dark" : "light") : look;
    document.documentElement.dataset.theme = theme;
    document.dispatchEvent(new Event("look"));
  }

  try {
    const found = localStorage.getItem(KEY);
    if (LOOKS.includes(found)) look = found;
  } catch {
    // A browser may forbid storage; then the look lasts as long as the page.
  }
  show();
  system.addEventListener("change", show);

  document.addEventListener("DOMContentLoaded", () => {
    const select = document.getElementById("theme");
    select.value = look;
    select.addEventListener("change", () => {
      look = select.value;
      show();
      try {
        localStorage.setItem(KEY, look);
      } catch {
        // As above.
      }
    });
  });
})();
