// Tables: heads become buttons that sort; long tables get a filter by name, owner and file.
(() => {
  const valueOf = (row, column) => {
    const cell = row.cells[column];
    if (!cell.classList.contains("n")) return cell.textContent.trim();
    return cell.dataset.v === undefined ? -Infinity : Number(cell.dataset.v);
  };
  const compare = (a, b) => (typeof a === "string" ? a.localeCompare(b) : a === b ? 0 : a < b ? -1 : 1);

  const sort = (table, column, head) => {
    const isText = head.classList.contains("t");
    const was = head.getAttribute("aria-sort");
    const down = was ? was === "ascending" : !isText;
    for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", down ? "descending" : "ascending");
    const body = table.tBodies[0];
    const keyed = [...body.rows].map((row) => ({ row, key: valueOf(row, column) }));
    keyed.sort((a, b) => (down ? compare(b.key, a.key) : compare(a.key, b.key)));
    body.append(...keyed.map((item) => item.row));
  };

  const makeField = (name, field) => {
    const label = document.createElement("label");
    label.append(name, " ", field);
    return label;
  };

  // A list of the values that rows have of one kind; none where all have the same.
  const makeChoice = (rows, key) => {
    const values = [...new Set(rows.map((row) => row.dataset[key]).filter(Boolean))].sort();
    if (values.length < 2) return null;
    const select = document.createElement("select");
    select.append(new Option("all", ""), ...values.map((value) => new Option(value, value)));
    return select;
  };

  const addFilter = (table) => {
    const rows = [...table.tBodies[0].rows];
    const text = document.createElement("input");
    text.type = "search";
    const owner = makeChoice(rows, "owner");
    const file = makeChoice(rows, "file");
    const count = document.createElement("span");
    count.className = "found";
    count.setAttribute("role", "status");
    const apply = () => {
      const wanted = text.value.toLowerCase();
      let shown = 0;
      for (const row of rows) {
        row.hidden = !row.cells[0].textContent.toLowerCase().includes(wanted)
          || Boolean(owner && owner.value && row.dataset.owner !== owner.value)
          || Boolean(file && file.value && row.dataset.file !== file.value);
        shown += row.hidden ? 0 : 1;
      }
      count.textContent = shown < rows.length ? `${shown} of ${rows.length}` : "";
    };
    const bar = document.createElement("div");
    bar.className = "tools filter";
    bar.append(makeField("Filter", text));
    if (owner) bar.append(makeField("Owner", owner));
    if (file) bar.append(makeField("File", file));
    bar.append(count);
    for (const field of [text, owner, file]) field?.addEventListener("input", apply);
    table.parentElement.before(bar);
  };

  for (const table of document.querySelectorAll("table.sortable")) {
    [...table.tHead.rows[0].cells].forEach((head, column) => {
      const button = document.createElement("button");
      button.type = "button";
      button.append(...head.childNodes);
      button.addEventListener("click", () => sort(table, column, head));
      head.append(button);
    });
    if (table.tBodies[0].rows.length > 5) addFilter(table);
  }
})();
