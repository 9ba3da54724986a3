// How numbers are written: the same as everywhere else in the report.

function formatSeconds(ns) {
  if (ns === 0) return "0 s";
  if (Math.abs(ns) >= 35999.5e9) {
    const minutes = Math.round(ns / 60e9);
    return `${Math.floor(minutes / 60).toLocaleString("en")} h ${minutes % 60} min`;
  }
  if (Math.abs(ns) >= 599.5e9) {
    const seconds = Math.round(ns / 1e9);
    return `${Math.floor(seconds / 60).toLocaleString("en")} min ${seconds % 60} s`;
  }
  if (Math.abs(ns) >= 999.5e6) return `${threeDigits(ns / 1e9)} s`;
  for (const [unit, size] of [["ms", 1e6], ["µs", 1e3]]) {
    if (Math.abs(ns) >= 0.9995 * size) return `${twoDigits(ns / size)} ${unit}`;
  }
  return `${ns.toFixed(0)} ns`;
}

function formatBytes(amount) {
  if (Math.abs(amount) < 999.5) return `${amount.toFixed(0)} B`;
  for (const [unit, size] of [["kB", 1e3], ["MB", 1e6], ["GB", 1e9]]) {
    if (Math.abs(amount) < 999.5 * size) return `${threeDigits(amount / size)} ${unit}`;
  }
  return `${threeDigits(amount / 1e12)} TB`;
}

function formatShare(share, error = 0) {
  if (share > 0 && share < 0.0005) return "<0.1 %";
  const text = `${(share * 100).toFixed(1)} %`;
  return error > 0 ? `${text} ±${Math.max(error * 100, 0.1).toFixed(1)}` : text;
}

// A true minus sign: a hyphen before a number reads as a dash.
const signed = (value, write) => (value > 0 ? "+" : value < 0 ? "−" : "±") + write(Math.abs(value));
const twoDigits = (value) => (Math.abs(value) < 9.95 ? value.toFixed(1) : value.toFixed(0));
const threeDigits = (value) =>
  Math.abs(value) < 9.995 ? value.toFixed(2) : Math.abs(value) < 99.95 ? value.toFixed(1) : value.toFixed(0);
