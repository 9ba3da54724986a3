// A chart: one shape on one canvas, in a box that scrolls where calls go deep. For the keyboard and for screen
// readers it is a tree: the box has the focus and names the active call by aria-activedescendant.

const ROW_HEIGHT = 24; // a target of 24 px
const SMALLEST_BOX = 0.5;

class Chart {
  // `upward` draws callers above what they call, as from the ground up. `on` is told: hover(row), pick(row), zoom(row).
  constructor(calls, box, { upward = false, on }) {
    this.calls = calls;
    this.box = box;
    this.upward = upward;
    this.on = on;
    this.shape = null;
    this.root = -1; // the row that is zoomed to; -1 is all
    this.active = -1;
    this.asked = null; // the frame that is to be painted
    this.matches = null; // by frame: 1 where the search found it
    this.colour = () => ["--native", ""];
    this.space = box.appendChild(document.createElement("div"));
    this.space.className = "space";
    this.canvas = this.space.appendChild(document.createElement("canvas"));
    this.canvas.setAttribute("aria-hidden", "true");
    this.brush = this.canvas.getContext("2d");
    // Two items take turns: a changed id is what makes a screen reader speak.
    this.items = [0, 1].map((n) => {
      const item = box.appendChild(document.createElement("div"));
      item.id = `${box.id}-item-${n}`;
      item.className = "unseen";
      item.setAttribute("role", "treeitem");
      return item;
    });
    box.addEventListener("scroll", () => this.paint());
    new ResizeObserver(() => this.fit()).observe(box);
    this.canvas.addEventListener("mousemove", (event) => on.hover(this, this.find(event.offsetX, event.offsetY)));
    this.canvas.addEventListener("mouseleave", () => on.hover(this, -1));
    this.canvas.addEventListener("click", (event) => {
      const row = this.find(event.offsetX, event.offsetY);
      if (row >= 0) on.pick(this, row);
    });
  }

  show(shape, colour) {
    this.shape = shape;
    this.colour = colour;
    this.root = -1;
    this.active = -1;
    this.box.style.setProperty("--rows", shape.rows);
    this.space.style.height = `${Math.max(shape.rows, 1) * ROW_HEIGHT}px`;
    this.box.scrollTop = this.upward ? this.box.scrollHeight : 0;
    this.tellActive();
    this.fit();
  }

  fit() {
    const scale = window.devicePixelRatio || 1;
    this.width = this.box.clientWidth;
    this.height = Math.min(this.box.clientHeight, Math.max(this.shape ? this.shape.rows : 0, 1) * ROW_HEIGHT);
    this.canvas.width = Math.round(this.width * scale);
    this.canvas.height = Math.round(this.height * scale);
    this.canvas.style.width = `${this.width}px`;
    this.canvas.style.height = `${this.height}px`;
    this.brush.setTransform(scale, 0, 0, scale, 0, 0);
    this.paintNow(); // a new size has wiped the canvas
  }

  // The part of the metric that fills the width.
  span() {
    const { shape, root } = this;
    return root < 0 ? { from: 0, whole: shape.whole } : { from: shape.start[root], whole: shape.total[root] };
  }

  top(depth) {
    const line = this.upward ? this.shape.rows - 1 - depth : depth;
    return line * ROW_HEIGHT - this.box.scrollTop;
  }

  // The row at a point, by walking down from the outermost calls; -1 where there is none.
  find(x, y) {
    const { shape } = this;
    if (!shape || !shape.size) return -1;
    const line = Math.floor((y + this.box.scrollTop) / ROW_HEIGHT);
    const depth = this.upward ? shape.rows - 1 - line : line;
    const { from, whole } = this.span();
    const at = from + (x / this.width) * whole;
    let row = 0;
    let end = shape.size;
    while (row < end) {
      if (at >= shape.start[row] + shape.total[row]) { row = shape.end[row]; continue; }
      if (shape.depth[row] === depth) return at >= shape.start[row] ? row : -1;
      end = shape.end[row];
      row += 1;
    }
    return -1;
  }

  zoom(row) {
    this.root = row;
    if (row >= 0) this.reveal(row);
    this.paint();
  }

  // Scrolls so that a row is seen, with some of its callers.
  reveal(row) {
    const line = this.upward ? this.shape.rows - 1 - this.shape.depth[row] : this.shape.depth[row];
    const top = line * ROW_HEIGHT;
    const { scrollTop, clientHeight } = this.box;
    if (top < scrollTop || top + ROW_HEIGHT > scrollTop + clientHeight) {
      this.box.scrollTop = Math.max(0, top - Math.floor(clientHeight / 3));
    }
  }

  // Makes a row the active one; zooms out as far as it takes to see it.
  activate(row) {
    const { shape } = this;
    this.active = row;
    if (row >= 0) {
      while (this.root >= 0 && !(row >= this.root && row < shape.end[this.root]) && !this.isAbove(row, this.root)) {
        this.root = shape.parent[this.root];
      }
      this.reveal(row);
    }
    this.tellActive();
    this.paint();
  }

  isAbove(row, below) {
    return row <= below && below < this.shape.end[row];
  }

  tellActive() {
    const { shape, active } = this;
    if (active < 0) {
      this.box.removeAttribute("aria-activedescendant");
      for (const each of this.items) { each.textContent = ""; each.hidden = true; }
      return;
    }
    this.items.reverse();
    const [item, old] = this.items;
    old.hidden = true;
    item.hidden = false;
    const siblings = this.listSiblings(active);
    item.setAttribute("aria-level", shape.depth[active] + 1);
    item.setAttribute("aria-setsize", siblings.length);
    item.setAttribute("aria-posinset", siblings.indexOf(active) + 1);
    item.setAttribute("aria-selected", "true");
    if (shape.end[active] > active + 1) item.setAttribute("aria-expanded", "true");
    else item.removeAttribute("aria-expanded");
    item.textContent = this.on.describe(this, active);
    this.box.setAttribute("aria-activedescendant", item.id);
  }

  listSiblings(row) {
    const { shape } = this;
    const up = shape.parent[row];
    const found = [];
    for (let at = up < 0 ? 0 : up + 1; at < (up < 0 ? shape.size : shape.end[up]); at = shape.end[at]) found.push(at);
    return found;
  }

  // The row that a key leads to from the active one. Down is always further from the root of the tree.
  step(key) {
    const { shape, active } = this;
    if (!shape.size) return -1;
    const first = Math.max(this.root, 0);
    if (active < 0) return first;
    const siblings = this.listSiblings(active);
    const place = siblings.indexOf(active);
    const inward = this.upward ? "ArrowUp" : "ArrowDown";
    const outward = this.upward ? "ArrowDown" : "ArrowUp";
    if (key === inward) return shape.end[active] > active + 1 ? active + 1 : active;
    if (key === outward) return shape.parent[active] < 0 ? active : shape.parent[active];
    if (key === "ArrowRight") return siblings[Math.min(place + 1, siblings.length - 1)];
    if (key === "ArrowLeft") return siblings[Math.max(place - 1, 0)];
    if (key === "Home") return first;
    if (key === "End") {
      let row = active;
      while (shape.end[row] > row + 1) row += 1;
      return row;
    }
    return active;
  }

  isMatch(row) {
    const frame = this.shape.frame[row];
    return Boolean(this.matches && frame >= 0 && this.matches[frame]);
  }

  // The next match in reading order, round and round.
  stepToMatch(step) {
    const { shape } = this;
    if (!this.matches || !shape.size) return -1;
    let row = this.active < 0 ? (step > 0 ? -1 : 0) : this.active;
    for (let tried = 0; tried < shape.size; tried++) {
      row = (row + step + shape.size) % shape.size;
      if (this.isMatch(row)) return row;
    }
    return -1;
  }

  label(row) {
    const frame = this.shape.frame[row];
    if (frame >= 0) return this.calls.name[frame];
    return this.shape.more[row] ? `(${this.shape.more[row].toLocaleString("en")} more)` : "(small calls)";
  }
}
