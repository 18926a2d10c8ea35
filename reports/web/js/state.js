// What the page is about, and what of it the reader wants to see. The state
// stands in the page's address.

const read = (id) => {
  const el = document.getElementById(id);
  return el ? JSON.parse(el.textContent) : null;
};
const page = read("page-data") || { marks: [], names: [], cells: [] };
const axes = ["function", "input", "backend", "start"];
const hidden = Object.fromEntries(axes.map((a) => [a, new Set()]));

const shows = (axis, text) => !hidden[axis].has(text);
const showsMark = (i) => i < 0 || (shows("backend", page.marks[i].backend) && shows("start", page.marks[i].start));
const showsCell = (i) => axes.every((a, k) => shows(a, page.names[k][page.cells[i][k]]));

// The order of the summary table: a column's place, and which way.
const order = { column: -1, down: false };

function toAddress() {
  const p = new URLSearchParams();
  axes.forEach((a, k) => {
    if (hidden[a].size > 0) for (const n of page.names[k]) if (shows(a, n)) p.append(a, n);
  });
  if (order.column >= 0) p.set("sort", order.column + (order.down ? "-" : "+"));
  const text = p.toString();
  if (text !== location.hash.slice(1)) history.replaceState(null, "", text ? "#" + text : location.pathname);
}

function fromAddress() {
  const p = new URLSearchParams(location.hash.slice(1));
  axes.forEach((a, k) => {
    const known = p.getAll(a).filter((n) => (page.names[k] || []).includes(n));
    hidden[a] = new Set(known.length ? page.names[k].filter((n) => !known.includes(n)) : []);
  });
  const sort = /^(\d+)([+ -])$/.exec(p.get("sort") || "");
  order.column = sort ? Number(sort[1]) : -1;
  order.down = sort !== null && sort[2] === "-";
}
