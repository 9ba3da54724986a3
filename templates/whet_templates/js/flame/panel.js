// The panel around the charts: buttons, choices, what is told of a call, and the link in the address.

class FlamePanel {
  constructor(root, calls) {
    this.root = root;
    this.part = (name) => root.querySelector(`[data-part="${name}"]`);
    const on = {
      hover: (chart, row) => this.tell(chart, row >= 0 ? row : chart.active),
      pick: (chart, row) => { chart.activate(row); this.zoom(chart, row === chart.root ? chart.shape.parent[row] : row); },
      describe: (chart, row) => this.describe(chart, row),
      label: (chart, row) => this.view.label(chart, row),
    };
    this.view = new FlameView(calls, {
      main: new Chart(calls, this.part("main"), { on }),
      callers: new Chart(calls, this.part("callers"), { upward: true, on }),
    });
    this.chart = this.view.charts.main; // the one that was used last
    this.listen();
  }

  listen() {
    for (const button of this.root.querySelectorAll("[data-mode]")) {
      button.addEventListener("click", () => this.choose({ m: button.dataset.mode }, true));
    }
    for (const select of this.root.querySelectorAll("select[data-choice]")) {
      select.addEventListener("change", () => {
        const key = select.dataset.choice;
        // A thread belongs to a process, and both to a part of the job and an execution of one metric.
        const reset = {
          v: { l: "", k: "", p: "", t: "", x: "" }, x: { l: "", k: "", p: "", t: "" },
          l: { k: "", p: "", t: "" }, k: { p: "", t: "" }, p: { t: "" },
        }[key] || {};
        this.choose({ ...reset, [key]: select.value }, true);
      });
    }
    const search = this.part("search");
    search.addEventListener("input", () => { this.view.search(search.value); this.tellFound(); this.address(false); });
    search.addEventListener("keydown", (event) => {
      if (event.key === "Enter") { event.preventDefault(); this.chart.box.focus(); this.nextMatch(1); }
      if (event.key === "Escape") { event.preventDefault(); this.clearSearch(); this.chart.box.focus(); }
    });
    this.part("reset").addEventListener("click", () => this.zoom(this.chart, -1));
    this.part("zoom").addEventListener("click", () => this.zoom(this.chart, this.chart.active));
    this.part("sandwich").addEventListener("click", () => this.showSandwich());
    for (const chart of Object.values(this.view.charts)) {
      chart.box.addEventListener("focus", () => { this.chart = chart; });
      chart.box.addEventListener("pointerdown", () => { this.chart = chart; });
      chart.box.addEventListener("keydown", (event) => pressKey(this, chart, event));
    }
    addEventListener("popstate", () => this.follow());
    const repaint = () => { palette.forget(); for (const chart of Object.values(this.view.charts)) chart.paint(); };
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", repaint);
    new MutationObserver(repaint).observe(document.documentElement, { attributeFilter: ["data-theme"] });
  }

  // Takes choices over, lays out anew and says so in the address.
  choose(choices, isStep) {
    Object.assign(this.view.chosen, choices);
    this.view.rebuild();
    this.chart = this.view.charts.main;
    this.refresh();
    this.address(isStep);
  }

  // Brings buttons, lists and notes in line with what is chosen.
  refresh() {
    const { view } = this;
    const { chosen, calls } = view;
    for (const button of this.root.querySelectorAll("[data-mode]")) {
      button.setAttribute("aria-pressed", String(button.dataset.mode === chosen.m));
      button.hidden = button.dataset.mode === "diff" && !view.hasBefore;
    }
    this.fill("v", view.metrics.map((name) => [name, METRICS[name].title]));
    const columns = view.listColumns();
    const executions = [...new Set(columns.map((column) => column.execution))];
    this.fill("x", [["", "all"], ...executions.map((n) => [String(n), `${n + 1}: ${calls.executions[n] || "time"}`])],
      chosen.m !== "diff" && executions.length > 1);
    const inAnyPart = columns.filter((column) => chosen.x === "" || column.execution === Number(chosen.x));
    this.fillNames("l", inAnyPart, (thread) => thread.label);
    const ofAnyTask = inAnyPart.filter((column) => chosen.l === "" || calls.threads[column.thread].label === chosen.l);
    this.fillNames("k", ofAnyTask, (thread) => thread.task);
    const inExecution = ofAnyTask.filter((column) => chosen.k === "" || calls.threads[column.thread].task === chosen.k);
    const pids = new Map(inExecution.map((column) => {
      const { pid, process } = calls.threads[column.thread];
      return [String(pid), `${pid} ${process}`.trim()];
    }));
    this.fill("p", [["", "all"], ...pids], chosen.m !== "diff" && pids.size > 1);
    const threads = new Map(inExecution
      .filter((column) => chosen.p === "" || calls.threads[column.thread].pid === Number(chosen.p))
      .map((column) => {
        const { pid, tid, name } = calls.threads[column.thread];
        return [String(column.thread), `${name || `thread ${tid}`}${chosen.p === "" && pids.size > 1 ? `, ${pid}` : ""}`];
      }));
    this.fill("t", [["", "all"], ...threads], chosen.m !== "diff" && threads.size > 1);
    this.fill("o", [["", "heaviest first"], ["name", "by name"]]);
    this.fill("w", [["", "after"], ["before", "before"]], chosen.m === "diff");
    if (chosen.m === "sandwich") {
      const ranked = view.rankFunctions().slice(0, 200).map(({ frame, total }) => (
        [view.nameFunction(frame), `${calls.name[frame]} · ${view.metric.write(total)}`]));
      if (!ranked.some(([name]) => name === chosen.s)) ranked.unshift([chosen.s, chosen.s]);
      this.fill("s", ranked, true);
    } else this.fill("s", [], false);
    this.part("search").value = chosen.q;
    this.tellFound();
    this.tellNote();
    this.tell(this.chart, this.chart.active);
    for (const element of this.root.querySelectorAll("[data-in]")) {
      element.hidden = !element.dataset.in.split(" ").includes(chosen.m);
    }
  }

  // Offers the names that threads have, those with most time first.
  fillNames(key, columns, name) {
    const sums = new Map();
    for (const column of columns) {
      const found = name(this.view.calls.threads[column.thread]);
      if (found) sums.set(found, (sums.get(found) || 0) + column.value.reduce((sum, value) => sum + value, 0));
    }
    const names = [...sums.keys()].sort((a, b) => sums.get(b) - sums.get(a));
    this.fill(key, [["", "all"], ...names.map((each) => [each, each])], this.view.chosen.m !== "diff" && names.length > 0);
  }

  fill(key, options, isShown = options.length > 1) {
    const select = this.root.querySelector(`select[data-choice="${key}"]`);
    select.replaceChildren(...options.map(([value, text]) => new Option(text.slice(0, 90), value)));
    select.value = this.view.chosen[key];
    select.closest("label").hidden = !isShown;
  }

  zoom(chart, row) {
    const at = row >= 0 && chart.shape.frame[row] < 0 ? chart.shape.parent[row] : row;
    chart.zoom(at);
    if (at < 0) chart.box.scrollTop = chart.upward ? chart.box.scrollHeight : 0;
    this.tell(chart, chart.active);
    this.address(true);
  }

  showSandwich() {
    const frame = this.chart.active >= 0 ? this.chart.shape.frame[this.chart.active] : -1;
    if (frame >= 0) this.choose({ m: "sandwich", s: this.view.nameFunction(frame) }, true);
  }

  nextMatch(step) {
    const row = this.chart.stepToMatch(step);
    if (row < 0) return;
    this.chart.activate(row);
    this.speak(this.chart, row);
  }

  clearSearch() {
    this.view.search("");
    this.part("search").value = "";
    this.tellFound();
    this.address(false);
  }

  // Shows where a function stands: all of its calls lit, the widest one chosen.
  showFunction(file, line) {
    const { calls } = this.view;
    const frame = calls.file.findIndex((name, at) => name === file && calls.line[at] === line);
    const place = `${file}:${line}`;
    const mode = this.view.hasBefore ? "diff" : "icicle";
    this.choose({ ...this.view.defaults, m: mode, q: place }, true);
    const { shape } = this.chart;
    let widest = -1;
    for (let row = 0; row < shape.size; row++) {
      if (shape.frame[row] === frame && (widest < 0 || shape.total[row] > shape.total[widest])) widest = row;
    }
    if (widest >= 0) {
      this.chart.activate(widest);
      this.speak(this.chart, widest);
    }
    this.chart.box.focus({ preventScroll: true });
  }

  describe(chart, row) {
    const frame = chart.shape.frame[row];
    const place = frame >= 0 ? `, ${this.view.place(frame)}` : "";
    return `${chart.label(row)}${place}: ${this.view.tell(chart, row)}`;
  }

  // What is seen of a call; the pointer changes it all the time, so that nothing of it is read out.
  tell(chart, row) {
    const { shape } = chart;
    const frame = row >= 0 ? shape.frame[row] : -1;
    this.part("name").textContent = row >= 0 ? chart.label(row) : this.view.metric.title;
    this.part("place").textContent = frame >= 0 ? this.view.place(frame) : "";
    this.part("figures").textContent = row >= 0 ? this.view.tell(chart, row) : this.view.metric.write(this.view.whole);
    const active = chart.active >= 0 ? shape.frame[chart.active] : -1;
    const anchor = active >= 0 ? this.view.calls.anchor[active] : "";
    const source = this.part("source");
    source.hidden = !anchor;
    if (anchor) source.href = `#${anchor}`;
    this.part("zoom").disabled = this.part("sandwich").disabled = active < 0;
    this.part("reset").disabled = chart.root < 0;
  }

  speak(chart, row) {
    this.tell(chart, row);
    this.part("spoken").textContent = this.describe(chart, row);
  }

  tellFound() {
    const { found, chosen } = this.view;
    const one = found.functions === 1;
    const text = chosen.q.trim()
      ? found.functions
        ? `${found.functions.toLocaleString("en")} function${one ? "" : "s"}, ${formatShare(found.share)}` : "nothing found"
      : "";
    this.part("found").textContent = text;
  }

  tellNote() {
    const { view } = this;
    const folded = view.foldedShare();
    const said = [NOTES[view.chosen.m]];
    if (folded > 0) said.push(`${formatShare(folded)} is in "(n more)": calls too small to keep apart.`);
    if (view.cut > 0.0005 * view.whole) {
      said.push(`The outermost callers of ${formatShare(view.cut / view.whole)} are left out: too many or too small.`);
    }
    if (!view.charts.main.shape.size) said.push("Nothing was measured here.");
    this.part("note").textContent = said.join(" ");
  }

  // Puts what is shown into the address; a step is one that the browser's back button undoes.
  address(isStep) {
    const { chosen, defaults } = this.view;
    const state = { f: this.chart.root >= 0 && this.chart === this.view.charts.main ? writePath(this.chart, this.chart.root) : "" };
    for (const key of Object.keys(defaults)) {
      state[key] = chosen[key] === defaults[key] || (key === "s" && chosen.m !== "sandwich") ? "" : encode(chosen[key]);
    }
    const link = writeLink(state);
    try {
      history[isStep ? "pushState" : "replaceState"](null, "", link === "#" ? "#flamegraph" : link);
    } catch { /* framed pages may have no history */ }
  }

  // Shows what the address says; false where it says nothing about the flame graph.
  follow() {
    const link = readLink();
    if (!link) return false;
    const { view } = this;
    const chosen = { ...view.defaults };
    for (const key of Object.keys(chosen)) if (link[key] !== undefined) chosen[key] = decode(link[key]);
    if (!view.metrics.includes(chosen.v)) chosen.v = view.metrics[0];
    if (!(chosen.m in NOTES) || (chosen.m === "diff" && !view.hasBefore)) chosen.m = view.defaults.m;
    view.chosen = chosen;
    view.rebuild();
    this.chart = view.charts.main;
    const row = followPath(this.chart, link.f || "");
    if (row >= 0) { this.chart.activate(row); this.chart.zoom(row); }
    this.refresh();
    return true;
  }
}
