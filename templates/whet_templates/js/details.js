// Printing shows what is folded, and is always light.
(() => {
  const opened = [];
  const root = document.documentElement;
  let theme;
  addEventListener("beforeprint", () => {
    theme = root.dataset.theme;
    if (theme) root.dataset.theme = "light";
    for (const details of document.querySelectorAll("details:not([open])")) {
      details.open = true;
      opened.push(details);
    }
  });
  addEventListener("afterprint", () => {
    if (theme) root.dataset.theme = theme;
    for (const details of opened.splice(0)) details.open = false;
  });
})();
