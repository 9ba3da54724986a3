// Puts the live flame graph in the place of the drawing, once its data are unpacked.
(async () => {
  const root = document.getElementById("flame");
  if (!root) return;
  const calls = await loadCalls();
  if (!calls || !calls.rows) return;
  root.hidden = false;
  root.parentElement.classList.add("live");
  const panel = new FlamePanel(root, calls);
  if (panel.follow()) root.parentElement.scrollIntoView();
  else {
    panel.view.rebuild();
    panel.refresh();
  }
  for (const link of document.querySelectorAll("a[data-flame-file]")) {
    link.addEventListener("click", (event) => {
      event.preventDefault();
      panel.showFunction(link.dataset.flameFile, Number(link.dataset.flameLine));
      root.parentElement.scrollIntoView();
    });
  }
  root.dataset.ready = "";
  performance.mark("flame-ready"); // what benchmarks/report.py reads
})();
