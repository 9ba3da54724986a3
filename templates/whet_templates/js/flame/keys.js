// The keyboard, while a chart has the focus. Keys with Ctrl, Alt or Meta are the browser's.

const STEPS = new Set(["ArrowUp", "ArrowDown", "ArrowLeft", "ArrowRight", "Home", "End"]);

function pressKey(panel, chart, event) {
  if (event.ctrlKey || event.altKey || event.metaKey) return;
  const { key } = event;
  if (STEPS.has(key)) {
    const row = chart.step(key);
    if (row >= 0) {
      chart.activate(row);
      panel.speak(chart, row);
    }
  } else if (key === "Enter") panel.zoom(chart, chart.active);
  else if (key === "Escape") {
    if (chart.root >= 0) panel.zoom(chart, -1);
    else if (panel.view.chosen.q) panel.clearSearch();
    else return;
  } else if (key === "/") panel.part("search").focus();
  else if (key === "n") panel.nextMatch(1);
  else if (key === "N") panel.nextMatch(-1);
  else if (key === "c") panel.showSandwich();
  else return;
  event.preventDefault();
}
