// The calls of the run, unpacked. They stand in the page as columns over a tree in preorder, so that every walk is a loop and no depth of calls overflows a stack.

async function loadCalls() {
  const packed = await unpack(document.getElementById("flame-data"));
  return packed && expandCalls(packed);
}

function expandCalls(packed) {
  const text = (indices) => indices.map((index) => packed.strings[index]);
  const depth = Int32Array.from(packed.depth);
  const calls = {
    rows: depth.length,
    depth,
    parent: findParents(depth),
    end: findEnds(depth),
    frame: Int32Array.from(packed.frame), // -1: several siblings, too small to stand alone
    more: new Int32Array(depth.length), // how many siblings such a row stands for
    name: text(packed.frames.name),
    file: text(packed.frames.file),
    line: packed.frames.line,
    owner: packed.frames.owner,
    anchor: text(packed.frames.anchor),
    threads: packed.threads.map(([pid, tid, ...texts]) => {
      const [name, process, label, task] = text(texts);
      return { pid, tid, name, process, label, task };
    }),
    executions: packed.executions,
    columns: packed.columns.map(expandColumn),
    before: packed.before.map(expandColumn),
  };
  let row = 0;
  packed.more.row.forEach((step, i) => { calls.more[row += step] = packed.more.count[i]; });
  return calls;
}

// Rows are written as steps from one to the next, values as multiples of a unit.
function expandColumn(packed) {
  const row = new Int32Array(packed.row.length);
  const value = new Float64Array(packed.row.length);
  for (let i = 0, at = 0; i < row.length; i++) {
    row[i] = at += packed.row[i];
    value[i] = packed.value[i] * packed.unit;
  }
  return { metric: packed.metric, execution: packed.execution, thread: packed.thread, count: packed.count, row, value };
}

function findParents(depth) {
  const parent = new Int32Array(depth.length);
  const open = [];
  for (let row = 0; row < depth.length; row++) {
    parent[row] = depth[row] ? open[depth[row] - 1] : -1;
    open[depth[row]] = row;
  }
  return parent;
}

// Where the rows below each row end: a whole branch is skipped by one assignment.
function findEnds(depth) {
  const end = new Int32Array(depth.length);
  const open = [];
  for (let row = 0; row < depth.length; row++) {
    while (open.length > depth[row]) end[open.pop()] = row;
    open.push(row);
  }
  while (open.length) end[open.pop()] = depth.length;
  return end;
}
