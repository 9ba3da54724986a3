// Callers: the tree upside down. Each seed is a function with the rows at which it stands; level by level
// the rows step to their callers and part by function. That multiplies, so there is a limit to the work:
// what is beyond it stays with the callee that it was seen in.

const CALLER_STEPS = 3_000_000;
const CALLER_NODES = 50_000;

// `seeds` maps a frame to { rows, own, before }: parallel lists of rows of `calls` and their values.
function growCallers(calls, seeds, whole) {
  const forest = { parent: [], frame: [], own: [], before: [], cut: 0 };
  const smallest = whole * 1e-5;
  let level = [];
  for (const [frame, seed] of seeds) level.push({ frame, up: -1, ...seed });
  let steps = 0;
  while (level.length) {
    const next = [];
    for (const group of level) {
      const at = forest.frame.length;
      forest.parent.push(group.up);
      forest.frame.push(group.frame);
      let own = 0;
      let before = 0;
      let weight = 0;
      for (let i = 0; i < group.rows.length; i++) weight += Math.max(group.own[i], group.before[i]);
      const full = steps > CALLER_STEPS || at + next.length > CALLER_NODES;
      const parted = new Map();
      for (let i = 0; i < group.rows.length; i++) {
        const caller = calls.parent[group.rows[i]];
        if (caller < 0 || full || weight < smallest) {
          own += group.own[i];
          before += group.before[i];
          if (caller >= 0) forest.cut += group.own[i];
          continue;
        }
        const frame = calls.frame[caller];
        let part = parted.get(frame);
        if (!part) parted.set(frame, part = { frame, up: at, rows: [], own: [], before: [] });
        part.rows.push(caller);
        part.own.push(group.own[i]);
        part.before.push(group.before[i]);
      }
      steps += group.rows.length;
      forest.own.push(own);
      forest.before.push(before);
      for (const part of parted.values()) next.push(mergeRows(part));
    }
    level = next;
  }
  return forest;
}

// Several callees of one row are one from here on: without this, siblings would be walked one by one.
function mergeRows(group) {
  const at = new Map();
  const merged = { frame: group.frame, up: group.up, rows: [], own: [], before: [] };
  for (let i = 0; i < group.rows.length; i++) {
    const row = group.rows[i];
    let place = at.get(row);
    if (place === undefined) {
      at.set(row, place = merged.rows.length);
      merged.rows.push(row);
      merged.own.push(0);
      merged.before.push(0);
    }
    merged.own[place] += group.own[i];
    merged.before[place] += group.before[i];
  }
  return merged;
}

// The functions in which time is spent, at the top; their callers hang below.
function invertCalls(calls, own, before, whole) {
  const seeds = new Map();
  for (let row = 0; row < calls.rows; row++) {
    const was = before ? before[row] : 0;
    if (!(own[row] > 0 || was > 0)) continue;
    let seed = seeds.get(calls.frame[row]);
    if (!seed) seeds.set(calls.frame[row], seed = { rows: [], own: [], before: [] });
    seed.rows.push(row);
    seed.own.push(own[row]);
    seed.before.push(was);
  }
  return growCallers(calls, seeds, whole);
}

// The outermost rows of a function: inside a recursion its time would count twice.
function findOutermost(calls, frame) {
  const found = [];
  for (let row = 0; row < calls.rows; row++) {
    if (calls.frame[row] !== frame) continue;
    found.push(row);
    row = calls.end[row] - 1;
  }
  return found;
}

function findCallers(calls, frame, total, totalBefore, whole) {
  const rows = findOutermost(calls, frame);
  const own = rows.map((row) => total[row]);
  const before = rows.map((row) => (totalBefore ? totalBefore[row] : 0));
  return growCallers(calls, new Map([[frame, { rows, own, before }]]), whole);
}

// All that a function calls, from wherever it was called itself, as one tree.
function findCallees(calls, frame, own, before) {
  const forest = { parent: [], frame: [], more: [], own: [], before: [] };
  const known = new Map();
  const place = new Int32Array(calls.rows);
  for (const top of findOutermost(calls, frame)) {
    for (let row = top; row < calls.end[top]; row++) {
      const up = row === top ? -1 : place[calls.parent[row]];
      const key = (up + 1) * (calls.name.length + 1) + calls.frame[row] + 1;
      let at = known.get(key);
      if (at === undefined) {
        known.set(key, at = forest.frame.length);
        forest.parent.push(up);
        forest.frame.push(calls.frame[row]);
        forest.more.push(0);
        forest.own.push(0);
        forest.before.push(0);
      }
      place[row] = at;
      forest.more[at] += calls.more[row];
      forest.own[at] += own[row];
      if (before) forest.before[at] += before[row];
    }
  }
  return forest;
}
