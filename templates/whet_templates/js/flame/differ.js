// The comparison with another run: what is slower, what is faster, and what may be chance.

const CERTAIN = 2.58; // standard errors on either side: an interval that holds the truth 99 times in 100
const LEAST = 0.01; // counted bytes have no sampling error; below this part of a call's own size they are alike

// Returns for a row by how much it changed, and whether the interval of that leaves out zero.
function compareRow(shape, row, error) {
  const after = shape.after[row];
  const before = shape.before[row];
  const change = after - before;
  // A sampled value of v, each sample standing for q, has the variance v·q.
  const doubt = CERTAIN * Math.sqrt(after * error.after + before * error.before);
  const isCertain = error.after || error.before
    ? Math.abs(change) > doubt
    : Math.abs(change) > LEAST * Math.max(after, before);
  return { after, before, change, doubt, isCertain };
}

// Colour, and the hatching that says the same without it.
function colourChange(shape, row, error) {
  const { change, isCertain } = compareRow(shape, row, error);
  if (!isCertain) return ["--same", ""];
  const large = Math.abs(change) > 0.05 * Math.max(shape.whole, 1);
  if (change > 0) return [large ? "--slower" : "--bit-slower", "rising"];
  return [large ? "--faster" : "--bit-faster", "falling"];
}
