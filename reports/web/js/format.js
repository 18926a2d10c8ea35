// Numbers and names as text. The same units and digits as in format.go.

function duration(ns) {
  const units = [["ns", 1], ["µs", 1e3], ["ms", 1e6], ["s", 1e9]];
  const unit = units.find((u) => Math.abs(ns) < 999.95 * u[1]) || units[3];
  const v = ns / unit[1];
  let decimals = 3;
  for (let x = Math.abs(v); decimals > 0 && x >= 9.9995; x /= 10) decimals--;
  return v.toFixed(unit[1] === 1 ? 0 : decimals) + "\u00a0" + unit[0];
}

// On an axis, 1.5 s says as much as 1.500 s.
function tick(ns) {
  const [digits, unit] = duration(ns).split("\u00a0");
  return ns === 0 ? "0" : Number(digits) + "\u00a0" + unit;
}

function joules(j) {
  const units = [["nJ", 1e-9], ["µJ", 1e-6], ["mJ", 1e-3], ["J", 1], ["kJ", 1e3]];
  const unit = units.find((u) => j < 999.95 * u[1]) || units[4];
  return Number((j / unit[1]).toPrecision(4)) + "\u00a0" + unit[0];
}

function ratio(r) {
  const decimals = r >= 99.95 ? 0 : r >= 9.995 ? 1 : r >= 1.0995 ? 2 : 3;
  return r.toFixed(decimals);
}

const plain = (x) => String(Number(x.toPrecision(4)));

// Names are encoded wherever they become markup.
const encode = (text) => echarts.format.encodeHTML(String(text));
const name = (text) => "<bdi>" + encode(text) + "</bdi>";
const tip = (title, ...lines) =>
  '<div class="tip"><b>' + name(title) + "</b>" + lines.map((l) => "<div>" + l + "</div>").join("") + "</div>";
const interval = (low, high, show) =>
  low === null || high === null ? "too few trials for an interval" : level + " interval " + show(low) + " to " + show(high);
