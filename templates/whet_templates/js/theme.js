// The theme: as the system has it, until the reader asks for one. The choice is kept where storage is allowed.
(() => {
  const button = document.getElementById("theme");
  const themes = ["auto", "light", "dark"];
  const load = () => { try { return localStorage.getItem("whet-theme"); } catch { return null; } };
  const save = (theme) => { try { localStorage.setItem("whet-theme", theme); } catch { /* files may have no storage */ } };
  const use = (theme) => {
    if (theme === "auto") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = theme;
    button.textContent = "Theme: " + theme;
  };
  let theme = themes.includes(load()) ? load() : "auto";
  use(theme);
  button.hidden = false;
  button.addEventListener("click", () => {
    theme = themes[(themes.indexOf(theme) + 1) % themes.length];
    save(theme);
    use(theme);
  });
})();
