// Painting a chart. Branches narrower than half a pixel and rows out of sight are skipped whole, so that the
// work depends on what is seen and not on how many calls there are.

const FONT = "12px ui-monospace, Menlo, Consolas, 'DejaVu Sans Mono', monospace";
const OWNERS = ["--user", "--dependency", "--stdlib", "--native"];

// The page's colours, read again when the theme changes.
const palette = {
  colours: new Map(),
  hatches: new Map(),
  forget() { this.colours.clear(); this.hatches.clear(); },
  get(name) {
    if (!this.colours.has(name)) {
      this.colours.set(name, getComputedStyle(document.documentElement).getPropertyValue(name).trim());
    }
    return this.colours.get(name);
  },
  // Slower rises to the right, faster falls: direction says what colour says.
  hatch(brush, kind) {
    if (!this.hatches.has(kind)) {
      const tile = document.createElement("canvas");
      tile.width = tile.height = 8;
      const pen = tile.getContext("2d");
      pen.strokeStyle = this.get("--hatch");
      pen.lineWidth = 1.5;
      pen.beginPath();
      const rises = kind === "rising";
      for (const shift of [-8, 0, 8]) {
        pen.moveTo(shift, rises ? 8 : 0);
        pen.lineTo(shift + 8, rises ? 0 : 8);
      }
      pen.stroke();
      this.hatches.set(kind, brush.createPattern(tile, "repeat"));
    }
    return this.hatches.get(kind);
  },
};

// Paints before the next frame, once, however much has changed until then.
Chart.prototype.paint = function paint() {
  this.asked ??= requestAnimationFrame(() => this.paintNow());
};

Chart.prototype.paintNow = function paintNow() {
  if (this.asked) cancelAnimationFrame(this.asked);
  this.asked = null;
  const { shape, brush, width, height } = this;
  if (!brush) return;
  brush.clearRect(0, 0, width, height);
  if (!shape || !shape.size || !width) return;
  brush.font = FONT;
  brush.textBaseline = "middle";
  this.letter ??= brush.measureText("M").width || 7.2;
  const { from, whole } = this.span();
  const scale = width / whole;
  const firstLine = Math.floor(this.box.scrollTop / ROW_HEIGHT);
  const lastLine = Math.floor((this.box.scrollTop + height) / ROW_HEIGHT);
  const firstDepth = this.upward ? shape.rows - 1 - lastLine : firstLine;
  const lastDepth = this.upward ? shape.rows - 1 - firstLine : lastLine;
  // What the reader has zoomed past stands above, as wide as everything.
  for (let row = this.root < 0 ? -1 : shape.parent[this.root]; row >= 0; row = shape.parent[row]) {
    if (shape.depth[row] >= firstDepth && shape.depth[row] <= lastDepth) this.paintBox(row, 0, width, true);
  }
  const end = this.root < 0 ? shape.size : shape.end[this.root];
  for (let row = Math.max(this.root, 0); row < end;) {
    const wide = shape.total[row] * scale;
    const depth = shape.depth[row];
    if (wide < SMALLEST_BOX || depth > lastDepth) { row = shape.end[row]; continue; }
    if (depth >= firstDepth) this.paintBox(row, (shape.start[row] - from) * scale, wide, false);
    row += 1;
  }
};

Chart.prototype.paintBox = function paintBox(row, x, wide, isPassed) {
  const { brush } = this;
  const y = this.top(this.shape.depth[row]);
  const tall = ROW_HEIGHT - 1;
  const inner = Math.max(wide - 1, Math.min(wide, 1)); // a gap of one pixel, where there is room for it
  const [colour, hatch] = this.colour(this.shape, row);
  const isDim = isPassed || (this.matches && !this.isMatch(row));
  brush.globalAlpha = isDim ? 0.3 : 1;
  // The edge is what stands out from the page; a box too narrow for both is all edge.
  brush.fillStyle = palette.get(isDim ? colour : `${colour}-edge`);
  brush.fillRect(x, y, inner, tall);
  if (inner > 3 && !isDim) {
    brush.fillStyle = palette.get(colour);
    brush.fillRect(x + 1, y + 1, inner - 2, tall - 2);
  }
  if (hatch && inner > 3) {
    brush.fillStyle = palette.hatch(brush, hatch);
    brush.fillRect(x + 1, y + 1, inner - 2, tall - 2);
  }
  brush.globalAlpha = 1;
  if (this.matches && !isDim) {
    brush.fillStyle = palette.get("--text");
    brush.fillRect(x, y + tall - 3, inner, 3);
  }
  if (row === this.active) {
    brush.strokeStyle = palette.get("--text");
    brush.lineWidth = 2;
    brush.strokeRect(x + 1, y + 1, Math.max(inner - 2, 1), tall - 2);
  }
  const room = Math.floor((inner - 8) / this.letter);
  if (room < 3) return;
  const label = this.on.label(this, row);
  const said = label.length <= room ? label : `${label.slice(0, room - 1)}…`;
  if (hatch && !isDim) { // letters on hatching need a ground of their own
    brush.fillStyle = palette.get(colour);
    brush.fillRect(x + 2, y + 4, Math.min(said.length * this.letter + 5, inner - 3), tall - 8);
  }
  brush.fillStyle = palette.get(isDim ? "--text" : "--on-flame");
  brush.fillText(said, x + 4, y + tall / 2 + 1);
};
