// Links into the flame graph: #f=<path>&m=inverted says what is zoomed to, and how it is shown.
// A path is the names of the calls from the outside in; where that is too long, "~" and the row.

const LONGEST_PATH = 1200;

function readLink() {
  const hash = location.hash.slice(1);
  if (!/^[a-z]+=/.test(hash)) return null;
  const found = {};
  for (const part of hash.split("&")) {
    const [key, value = ""] = part.split("=", 2);
    found[key] = value;
  }
  return found;
}

function writeLink(state) {
  return "#" + Object.entries(state).filter(([, value]) => value !== "").map(([key, value]) => `${key}=${value}`).join("&");
}

const decode = (text) => { try { return decodeURIComponent(text); } catch { return ""; } };
// Browsers leave these as they are, and the parts of a link are told apart by them.
const encode = (text) => encodeURIComponent(text).replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16)}`);

function writePath(chart, row) {
  const names = [];
  let length = 0;
  for (let at = row; at >= 0; at = chart.shape.parent[at]) {
    const name = encode(chart.label(at));
    length += name.length + 1;
    if (length > LONGEST_PATH) return `~${row}`;
    names.push(name);
  }
  return names.reverse().join(";");
}

// Returns the row that a path leads to, or the last call on the way that is there; -1 for none.
function followPath(chart, path) {
  const { shape } = chart;
  if (!path) return -1;
  if (path.startsWith("~")) {
    const row = Number(path.slice(1));
    return Number.isInteger(row) && row >= 0 && row < shape.size ? row : -1;
  }
  let row = -1;
  for (const part of path.split(";")) {
    const name = decode(part);
    let at = row + 1;
    const end = row < 0 ? shape.size : shape.end[row];
    while (at < end && chart.label(at) !== name) at = shape.end[at];
    if (at >= end) break;
    row = at;
  }
  return row;
}
