// Files that are too long for the page, whole: only the lines that are seen are in the document, so that
// a hundred thousand lines cost no more than fifty.
(() => {
  const LINE_HEIGHT = 20;
  const AROUND = 10; // lines above and below what is seen, for quick scrolling

  class SourceWindow {
    constructor(box, file, columns) {
      this.box = box;
      this.lines = file.text.split("\n");
      this.costs = new Map(file.costs.map((cost) => [cost[0], cost]));
      this.columns = columns;
      this.target = 0;
      this.space = box.appendChild(document.createElement("div"));
      this.space.className = "space";
      this.space.style.height = `${this.lines.length * LINE_HEIGHT}px`;
      this.pane = this.space.appendChild(document.createElement("div"));
      this.pane.className = "pane-lines";
      this.digits = String(this.lines.length).length;
      box.addEventListener("scroll", () => this.draw());
      this.draw();
    }

    draw() {
      const first = Math.max(0, Math.floor(this.box.scrollTop / LINE_HEIGHT) - AROUND);
      const count = Math.ceil(this.box.clientHeight / LINE_HEIGHT) + 2 * AROUND;
      const rows = [];
      for (let n = first + 1; n <= Math.min(first + count, this.lines.length); n++) rows.push(this.makeRow(n));
      this.pane.style.top = `${first * LINE_HEIGHT}px`;
      this.pane.replaceChildren(...rows);
    }

    makeRow(number) {
      const row = document.createElement("div");
      if (number === this.target) row.className = "aim";
      const add = (text, name) => {
        const cell = row.appendChild(document.createElement("span"));
        cell.textContent = text;
        cell.className = name;
      };
      add(String(number).padStart(this.digits), "number");
      const cost = this.costs.get(number);
      for (const column of this.columns) add(cost ? cost[column] : "", column === 2 && cost ? `figure h${cost[1]}` : "figure");
      add(this.lines[number - 1], "text");
      return row;
    }

    aim(number) {
      this.target = Math.min(Math.max(number, 1), this.lines.length);
      this.box.scrollTop = Math.max(0, (this.target - 1) * LINE_HEIGHT - this.box.clientHeight / 3);
      this.draw();
    }
  }

  const windows = new Map(); // by the anchor of the listing

  const open = async (listing) => {
    const { anchor } = listing.dataset;
    if (windows.has(anchor)) return windows.get(anchor);
    const file = await unpack(listing.querySelector("template"));
    const box = listing.querySelector(".window");
    box.hidden = false;
    const made = new SourceWindow(box, file, listing.dataset.columns.split(" ").map(Number));
    windows.set(anchor, made);
    listing.querySelector(".excerpts").hidden = true;
    listing.querySelector(".goto").hidden = false;
    listing.querySelector("button.whole").textContent = "Show excerpts";
    return made;
  };

  const close = (listing) => {
    const box = listing.querySelector(".window");
    box.replaceChildren();
    box.hidden = true;
    windows.delete(listing.dataset.anchor);
    listing.querySelector(".excerpts").hidden = false;
    listing.querySelector(".goto").hidden = true;
    listing.querySelector("button.whole").textContent = "Show the whole file";
  };

  for (const listing of document.querySelectorAll(".whole-file")) {
    if (!window.DecompressionStream) break;
    const button = listing.querySelector("button.whole");
    button.hidden = false;
    button.addEventListener("click", () => (windows.has(listing.dataset.anchor) ? close(listing) : open(listing)));
    const input = listing.querySelector(".goto input");
    input.addEventListener("change", async () => (await open(listing)).aim(Number(input.value)));
  }

  // A link to a line that the page does not show opens the whole file there.
  const follow = async () => {
    const match = /^#L-(.*)-(\d+)$/.exec(location.hash);
    if (!match || document.getElementById(location.hash.slice(1))) return;
    let slug;
    try { slug = decodeURIComponent(match[1]); } catch { return; }
    const listing = [...document.querySelectorAll(".whole-file")].find((each) => each.dataset.anchor === `F-${slug}`);
    if (!listing || !window.DecompressionStream) return;
    listing.scrollIntoView();
    (await open(listing)).aim(Number(match[2]));
  };
  addEventListener("hashchange", follow);
  follow();
})();
