// Shapes: a tree of calls with values, laid out for drawing. Rows stand in preorder, heaviest first;
// `start` and `total` are its place and width in the metric's unit, `own` what is its own.

// Adds up the chosen columns to one own value a row, and tells how many samples that is. `isMean` gives what one
// execution takes in the mean: only so can runs of one and of several executions be compared.
function sumColumns(rows, columns, isChosen, isMean = false) {
  const own = new Float64Array(rows);
  const executions = new Set();
  let count = 0;
  let whole = 0;
  for (const column of columns) {
    if (!isChosen(column)) continue;
    count += column.count;
    executions.add(column.execution);
    for (let i = 0; i < column.row.length; i++) {
      own[column.row[i]] += column.value[i];
      whole += column.value[i];
    }
  }
  if (isMean && executions.size > 1) {
    for (let row = 0; row < rows; row++) own[row] /= executions.size;
    whole /= executions.size;
  }
  return { own, count, whole };
}

function sumBranches(parent, own) {
  const total = Float64Array.from(own);
  for (let row = total.length - 1; row >= 0; row--) if (parent[row] >= 0) total[parent[row]] += total[row];
  return total;
}

// `forest` has columns parent, frame, more, own and before (own values of the run compared with), parents first.
// `byName` orders siblings by name; `width` says which total is drawn: "after" or "before".
function makeShape(calls, forest, { byName = false, width = "after" } = {}) {
  const { parent } = forest;
  const rows = parent.length;
  const after = sumBranches(parent, forest.own);
  const before = forest.before ? sumBranches(parent, forest.before) : null;
  const wide = width === "before" && before ? before : after;

  // The children of each row in one slice of `below`; row -1, the forest itself, is kept at index `rows`.
  const first = new Int32Array(rows + 2);
  for (let row = 0; row < rows; row++) if (wide[row] > 0) first[above(row) + 1]++;
  for (let i = 1; i < first.length; i++) first[i] += first[i - 1];
  const below = new Int32Array(first[rows + 1]);
  const free = first.slice();
  for (let row = 0; row < rows; row++) if (wide[row] > 0) below[free[above(row)]++] = row;
  function above(row) { return parent[row] < 0 ? rows : parent[row]; }

  const { frame } = forest;
  const compare = byName
    ? (a, b) => (frame[a] < 0) - (frame[b] < 0) || calls.name[frame[a]].localeCompare(calls.name[frame[b]]) || a - b
    : (a, b) => (frame[a] < 0) - (frame[b] < 0) || wide[b] - wide[a] || a - b;
  for (let i = 0; i <= rows; i++) if (first[i + 1] - first[i] > 1) below.subarray(first[i], first[i + 1]).sort(compare);

  const size = below.length;
  const shape = {
    size, width, rows: 0,
    depth: new Int32Array(size), parent: new Int32Array(size), end: null,
    frame: new Int32Array(size), more: new Int32Array(size), from: new Int32Array(size),
    start: new Float64Array(size), total: new Float64Array(size), own: new Float64Array(size),
    after: new Float64Array(size), before: before ? new Float64Array(size) : null,
    whole: 0,
  };
  const todo = [];
  const todoParent = [];
  const cursor = new Float64Array(size + 1); // where a row's next child begins; the last entry is the forest's
  const push = (row, at) => {
    for (let i = first[row + 1] - 1; i >= first[row]; i--) { todo.push(below[i]); todoParent.push(at); }
  };
  push(rows, -1);
  for (let at = 0; todo.length; at++) {
    const row = todo.pop();
    const up = todoParent.pop();
    const place = up < 0 ? size : up;
    shape.parent[at] = up;
    shape.depth[at] = up < 0 ? 0 : shape.depth[up] + 1;
    shape.frame[at] = frame[row];
    shape.more[at] = forest.more ? forest.more[row] : 0;
    shape.from[at] = row;
    shape.start[at] = cursor[at] = cursor[place];
    cursor[place] += wide[row];
    shape.total[at] = wide[row];
    shape.own[at] = width === "before" && before ? forest.before[row] : forest.own[row];
    shape.after[at] = after[row];
    if (before) shape.before[at] = before[row];
    if (shape.depth[at] >= shape.rows) shape.rows = shape.depth[at] + 1;
    push(row, at);
  }
  shape.whole = cursor[size];
  shape.end = findEnds(shape.depth);
  return shape;
}
