// Tables: heads become buttons that sort, long tables get a filter.
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

  const addFilter = (table) => {
    const label = document.createElement("label");
    label.className = "filter";
    label.textContent = "Filter ";
    const input = document.createElement("input");
    input.type = "search";
    label.append(input);
    input.addEventListener("input", () => {
      const wanted = input.value.toLowerCase();
      for (const row of table.tBodies[0].rows) row.hidden = !row.cells[0].textContent.toLowerCase().includes(wanted);
    });
    table.parentElement.before(label);
  };

  for (const table of document.querySelectorAll("table.sortable")) {
    [...table.tHead.rows[0].cells].forEach((head, column) => {
      const button = document.createElement("button");
      button.type = "button";
      button.append(...head.childNodes);
      button.addEventListener("click", () => sort(table, column, head));
      head.append(button);
    });
    if (table.tBodies[0].rows.length > 12) addFilter(table);
  }
})();
