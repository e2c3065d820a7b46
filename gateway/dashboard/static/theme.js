// The colours that were chosen here before, set before anything is painted; "auto" follows the system.
(() => {
  const root = document.documentElement;
  const apply = (theme) => {
    if (theme === "light" || theme === "dark") root.dataset.theme = theme;
    else delete root.dataset.theme;
  };
  const read = () => {
    try { return localStorage.getItem("apportion-theme") || "auto"; } catch { return "auto"; }
  };
  apply(read());
  document.addEventListener("DOMContentLoaded", () => {
    const choice = document.getElementById("theme");
    choice.value = read();
    choice.closest("label").hidden = false;
    choice.addEventListener("change", () => {
      try { localStorage.setItem("apportion-theme", choice.value); } catch { /* it lasts as long as the page */ }
      apply(choice.value);
      document.dispatchEvent(new Event("apportion:theme"));
    });
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => document.dispatchEvent(new Event("apportion:theme")));
})();
