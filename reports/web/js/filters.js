// The filters, and the rows of tables.

const form = document.querySelector(".filters");

const called = (box) => page.names[axes.indexOf(box.name)][box.value];

// apply shows what the state says.
function apply() {
  for (const el of document.querySelectorAll("[data-function]")) el.hidden = page.names.length > 0 && !shows("function", page.names[0][el.dataset.function]);
  for (const tr of document.querySelectorAll("tr[data-cell]")) tr.hidden = !showsCell(Number(tr.dataset.cell));
  if (form) {
    for (const box of form.elements) if (box.type === "checkbox") box.checked = shows(box.name, called(box));
    for (const d of form.querySelectorAll("details")) {
      const boxes = [...d.querySelectorAll("input")], on = boxes.filter((b) => b.checked);
      d.querySelector(".chosen").textContent = on.length === boxes.length ? "all " + boxes.length : on.length === 1 ? called(on[0]) : on.length + " of " + boxes.length;
    }
    form.querySelector("[type=reset]").disabled = axes.every((a) => hidden[a].size === 0);
  }
  for (const select of document.querySelectorAll("select[data-key=input]")) {
    for (const o of select.options) o.disabled = !shows("input", o.text);
  }
  for (const t of document.querySelectorAll(".sortable table")) sort(t);
}

function filtering() {
  if (!form) return;
  form.hidden = false;
  form.addEventListener("change", (e) => {
    const set = hidden[e.target.name];
    e.target.checked ? set.delete(called(e.target)) : set.add(called(e.target));
    changed();
  });
  form.addEventListener("reset", (e) => {
    e.preventDefault();
    for (const a of axes) hidden[a].clear();
    changed();
  });
  // One list at a time is open, and Escape closes it.
  form.addEventListener("toggle", (e) => {
    if (e.target.open) for (const d of form.querySelectorAll("details[open]")) if (d !== e.target) d.open = false;
  }, true);
  form.addEventListener("keydown", (e) => {
    const d = e.target.closest("details[open]");
    if (e.key === "Escape" && d) {
      d.open = false;
      d.querySelector("summary").focus();
    }
  });
}

function changed() {
  toAddress();
  apply();
  redraw();
}

// sort puts a table's rows into the order of the state; without one, into
// the order in which they came.
function sort(t) {
  const body = t.tBodies[0], heads = [...t.tHead.rows[0].cells];
  const rows = [...body.rows];
  rows.forEach((r, i) => { r.dataset.place = r.dataset.place || i; });
  heads.forEach((h, i) => {
    i === order.column ? h.setAttribute("aria-sort", order.down ? "descending" : "ascending") : h.removeAttribute("aria-sort");
  });
  const key = (r) => {
    const c = r.cells[order.column];
    return c.dataset.sort === undefined ? c.textContent.trim() : c.dataset.sort;
  };
  const place = (a, b) => a.dataset.place - b.dataset.place;
  rows.sort((a, b) => {
    if (order.column < 0 || order.column >= heads.length) return place(a, b);
    const x = key(a), y = key(b);
    // What was not measured stands last, whichever way.
    if ((x === "–") !== (y === "–")) return x === "–" ? 1 : -1;
    const numeric = x !== "" && y !== "" && !isNaN(x) && !isNaN(y);
    const d = numeric ? x - y : x.localeCompare(y, "en", { numeric: true });
    return (order.down ? -d : d) || place(a, b);
  });
  body.append(...rows);
}

function sorting() {
  for (const t of document.querySelectorAll(".sortable table")) {
    [...t.tHead.rows[0].cells].forEach((h, i) => {
      const b = document.createElement("button");
      b.type = "button";
      b.textContent = h.textContent;
      h.replaceChildren(b);
      b.addEventListener("click", () => {
        // Up, down, and as it was.
        if (order.column !== i) Object.assign(order, { column: i, down: false });
        else if (!order.down) order.down = true;
        else order.column = -1;
        toAddress();
        sort(t);
      });
    });
  }
}
