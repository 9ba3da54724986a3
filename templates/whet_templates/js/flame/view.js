// What the reader has chosen, and the charts that show it.

const METRICS = {
  time: { title: "Time, computing and waiting", of: ["cpu", "waiting"], write: formatSeconds },
  cpu: { title: "CPU time", of: ["cpu"], write: formatSeconds },
  waiting: { title: "Waiting", of: ["waiting"], write: formatSeconds },
  allocated: { title: "Memory allocated", of: ["allocated"], write: formatBytes },
  peak: { title: "Memory live at the peak", of: ["peak"], write: formatBytes },
};

const NOTES = {
  icicle: "Callers above, what they call below; as wide as its part of the whole, its own part included.",
  inverted: "At the top the functions by what is their own; below each those that called it.",
  sandwich: "Above the function those that called it, below it what it calls, from all places together.",
  diff: "Orange and rising: slower than before. Blue and falling: faster. Grey: may be chance (99 % interval from the samples; what else the machine did is not in it).",
};

class FlameView {
  constructor(calls, charts) {
    this.calls = calls;
    this.charts = charts; // main and callers
    this.metrics = Object.keys(METRICS).filter((name) => this.isPresent(name));
    this.hasBefore = calls.before.length > 0;
    this.words = null; // what a search looks through, by frame
    this.defaults = {
      m: this.hasBefore ? "diff" : "icicle", v: this.metrics[0], l: "", k: "", p: "", t: "", x: "", o: "", w: "", q: "", s: "",
    };
    this.chosen = { ...this.defaults };
  }

  isPresent(name) {
    const { columns, before } = this.calls;
    const wanted = METRICS[name].of;
    const has = (metric) => [...columns, ...before].some((column) => column.metric === metric && column.row.length);
    return wanted.length > 1 ? wanted.every(has) : has(wanted[0]);
  }

  get metric() { return METRICS[this.chosen.v]; }

  // The columns of the chosen metric, whatever thread: what processes and threads can be chosen from.
  listColumns() {
    return this.calls.columns.filter((column) => this.metric.of.includes(column.metric) && column.row.length);
  }

  isChosen(column) {
    const { m, l, k, p, t, x } = this.chosen;
    const thread = this.calls.threads[column.thread];
    // Threads and executions of another run are others: two runs are compared as wholes.
    if (m === "diff") return this.isOfMetric(column);
    return this.isOfMetric(column)
      && (x === "" || column.execution === Number(x))
      && (l === "" || thread.label === l)
      && (k === "" || thread.task === k)
      && (p === "" || thread.pid === Number(p))
      && (t === "" || column.thread === Number(t));
  }

  isOfMetric(column) { return this.metric.of.includes(column.metric); }

  // Lays out what is chosen. Everything is derived anew: that takes some tens of milliseconds at most.
  rebuild() {
    const { calls, chosen } = this;
    const isDiff = chosen.m === "diff";
    const now = sumColumns(calls.rows, calls.columns, (column) => this.isChosen(column), isDiff);
    const was = this.hasBefore ? sumColumns(calls.rows, calls.before, (column) => this.isOfMetric(column), isDiff) : null;
    const before = was ? was.own : null;
    const isBefore = chosen.m === "diff" && chosen.w === "before";
    this.whole = isBefore ? was.whole : now.whole;
    this.count = isBefore ? was.count : now.count;
    this.error = {
      after: now.count ? now.whole / now.count : 0,
      before: was && was.count ? was.whole / was.count : 0,
    };
    this.total = sumBranches(calls.parent, now.own);
    this.cut = 0;
    const options = { byName: chosen.o === "name", width: isBefore ? "before" : "after" };
    const shapes = { main: null, callers: null };
    if (chosen.m === "inverted") {
      const forest = invertCalls(calls, now.own, before, now.whole);
      this.cut = forest.cut;
      shapes.main = makeShape(calls, forest, options);
    } else if (chosen.m === "sandwich") {
      const frame = this.pickFunction();
      const totalBefore = before ? sumBranches(calls.parent, before) : null;
      const forest = findCallers(calls, frame, this.total, totalBefore, now.whole);
      this.cut = forest.cut;
      shapes.callers = makeShape(calls, forest, options);
      shapes.main = makeShape(calls, findCallees(calls, frame, now.own, before), options);
    } else {
      const own = { parent: calls.parent, frame: calls.frame, more: calls.more, own: now.own, before };
      shapes.main = makeShape(calls, own, options);
    }
    const colour = chosen.m === "diff"
      ? (shape, row) => colourChange(shape, row, this.error)
      : (shape, row) => [shape.frame[row] < 0 ? "--native" : OWNERS[calls.owner[shape.frame[row]]], ""];
    this.charts.callers.box.hidden = !shapes.callers;
    if (shapes.callers) this.charts.callers.show(shapes.callers, colour);
    this.charts.main.show(shapes.main, colour);
    this.search(chosen.q);
  }

  place(frame) {
    const line = this.calls.line[frame];
    return line ? `${this.calls.file[frame]}:${line}` : this.calls.file[frame];
  }

  // Functions with what they cost altogether, largest first; inside a recursion nothing counts twice.
  rankFunctions() {
    const { calls, total } = this;
    const sums = new Float64Array(calls.name.length);
    const until = new Int32Array(calls.name.length);
    for (let row = 0; row < calls.rows; row++) {
      const frame = calls.frame[row];
      if (frame < 0 || row < until[frame]) continue;
      until[frame] = calls.end[row];
      sums[frame] += total[row];
    }
    return [...sums.keys()].filter((frame) => sums[frame] > 0).sort((a, b) => sums[b] - sums[a])
      .map((frame) => ({ frame, total: sums[frame] }));
  }

  nameFunction(frame) { return `${this.calls.name[frame]} ${this.place(frame)}`; }

  // The function of a sandwich: the one that is asked for, else the user's that costs most but is not the outermost.
  pickFunction() {
    const wanted = this.chosen.s;
    for (let frame = 0; frame < this.calls.name.length; frame++) {
      if (wanted && this.nameFunction(frame) === wanted) return frame;
    }
    const ranked = this.rankFunctions();
    const own = ranked.find(({ frame, total }) => this.calls.owner[frame] === 0 && total < 0.95 * this.whole);
    const { frame } = own || ranked[0] || { frame: 0 };
    this.chosen.s = this.calls.name.length ? this.nameFunction(frame) : "";
    return frame;
  }

  // Finds functions by name or place, and tells how much of the whole they take, what they call included.
  search(query) {
    this.chosen.q = query;
    const wanted = query.trim().toLowerCase();
    let matches = null;
    this.found = { functions: 0, share: 0 };
    if (wanted) {
      this.words ??= this.calls.name.map((_, frame) => this.nameFunction(frame).toLowerCase());
      matches = Uint8Array.from(this.words, (words) => (words.includes(wanted) ? 1 : 0));
      const { shape } = this.charts.main;
      const seen = new Uint8Array(matches.length);
      let sum = 0;
      for (let row = 0, until = 0; row < shape.size; row++) {
        const frame = shape.frame[row];
        if (frame < 0 || !matches[frame]) continue;
        seen[frame] = 1;
        if (row >= until) { sum += shape.total[row]; until = shape.end[row]; }
      }
      this.found = { functions: seen.reduce((count, one) => count + one, 0), share: this.whole ? sum / this.whole : 0 };
    }
    for (const chart of Object.values(this.charts)) { chart.matches = matches; chart.paint(); }
  }

  // How much of the drawing is in nodes that stand for several small ones.
  foldedShare() {
    const { shape } = this.charts.main;
    let folded = 0;
    for (let row = 0; row < shape.size; row++) if (shape.frame[row] < 0) folded += shape.own[row];
    return shape.whole ? folded / shape.whole : 0;
  }

  share(value) {
    const share = this.whole ? value / this.whole : 0;
    const error = this.count ? Math.sqrt(Math.max(share * (1 - share), 0) / this.count) : 0;
    return formatShare(share, error);
  }

  // The figures of a row, as one line of text.
  tell(chart, row) {
    const { shape } = chart;
    const { write } = this.metric;
    if (this.chosen.m === "diff") {
      const change = compareRow(shape, row, this.error);
      const part = change.before ? ` (${signed(Math.round((change.change / change.before) * 100), String)} %)` : " (new)";
      const doubt = change.doubt ? ` ± ${write(change.doubt)}` : "";
      const verdict = change.isCertain ? "" : ": no significant change";
      return `${write(change.before)} before, ${write(change.after)} after, ${signed(change.change, write)}${doubt}`
        + `${change.after ? part : " (gone)"}${verdict}`;
    }
    const own = this.chosen.m === "icicle" || (chart === this.charts.main && this.chosen.m === "sandwich")
      ? ` · self ${write(shape.own[row])}` : "";
    return `${write(shape.total[row])} · ${this.share(shape.total[row])}${own}`;
  }

  // Names that every file may have are followed by the file's.
  widen(name, frame) {
    return frame >= 0 && /^<|^__\w+__$/.test(name) ? `${name} ${this.calls.file[frame].split(/[\\/]/).pop()}` : name;
  }

  label(chart, row) {
    const name = this.widen(chart.label(row), chart.shape.frame[row]);
    if (this.chosen.m !== "diff") return name;
    const change = compareRow(chart.shape, row, this.error);
    return change.isCertain ? `${signed(change.change, this.metric.write)} ${name}` : name;
  }
}
