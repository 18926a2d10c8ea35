// Draws each chart when it comes into view, and again when something that it
// shows has changed.

// unscale gives a page's samples in nanoseconds.
function unscale(samples) {
  const ns = (s) => s.v.map((x) => x * s.u);
  if (!Array.isArray(samples)) return samples; // a history
  return samples.map((s) => ({ ...s, ns: ns(s.ns), shape: Object.fromEntries(Object.entries(s.shape).map(([k, v]) => [k, ns(v)])) }));
}

const charts = [...document.querySelectorAll(".chart")].map((el) => {
  const data = JSON.parse(document.getElementById(el.id + "-data").textContent);
  return { el, data, choice: {}, drawn: null, kept: [], samples: data.samples ? unscale(read(data.samples)) : null };
});

// dress gives an option its series and the page's colours and type.
function dress(chart) {
  const o = resolve(structuredClone(chart.data.option), chart);
  o.series = o.series || [];
  const muted = variable("--muted"), rule = variable("--line"), faint = variable("--faint"), ink = variable("--ink");
  const font = { fontFamily: getComputedStyle(document.body).fontFamily, fontSize: 12 };
  const narrow = isNarrow(chart);
  o.grid = { left: 4, right: 24, top: 12, bottom: o.xAxis[0].name ? 28 : 4, containLabel: true };
  const height = chart.data.fill ? fills[chart.data.fill](o, chart) : ready(o, chart);
  o.textStyle = { ...font, color: ink };
  const ratios = chart.data.axis === "series" && o.xAxis[0].type === "value";
  if (ratios) {
    const at = ticksOfRatios(o.xAxis[0].min, o.xAxis[0].max);
    o.xAxis[0].axisLabel.customValues = at;
    o.xAxis[0].axisTick = o.xAxis[0].splitLine = { customValues: at };
    // Custom series have no lines of their own to mark.
    o.series.push({ type: "line", data: [], markLine: { symbol: "none", silent: true, label: { show: false }, lineStyle: { color: ink, type: "solid", width: 1.2 }, data: [{ xAxis: 0 }] } });
  }
  for (const axis of [...o.xAxis, ...o.yAxis]) {
    const category = axis.type === "category", below = o.xAxis.includes(axis);
    axis.axisLabel = { ...axis.axisLabel, ...font, color: category ? ink : muted };
    if (category) {
      // Every column has its name where there is room for one, cut where it is long.
      const room = (chart.el.clientWidth - 80) / axis.data.length - 6;
      Object.assign(axis.axisLabel, { lineHeight: 16 },
        !below ? { overflow: "truncate", width: narrow ? 120 : ratios ? 220 : 176 }
          : room >= 36 ? { overflow: "truncate", width: room, interval: 0 } : { hideOverlap: true });
    }
    axis.nameTextStyle = { ...font, color: muted };
    axis.axisLine = { show: category, lineStyle: { color: rule } };
    axis.axisTick = { ...axis.axisTick, show: false };
    axis.splitLine = { ...axis.splitLine, show: !category, lineStyle: { color: rule } };
    if (axis.type === "value") axis.splitNumber = axis.name ? 5 : narrow ? 2 : 4;
    if (!category && below && !axis.axisLabel.customValues) axis.axisLabel.alignMaxLabel = "right";
    if (axis.name && chart.data.fill === "order") axis.axisLabel.showMaxLabel = false;
    if (axis.type === "log") {
      axis.minorTick = { show: false, splitNumber: 9 };
      axis.minorSplitLine = { show: true, lineStyle: { color: faint } };
    }
    if (category && below && chart.data.axis === "inputs") axis.splitArea = { show: true, areaStyle: { color: ["transparent", faint] } };
  }
  o.tooltip = {
    ...o.tooltip, confine: true, backgroundColor: variable("--raised"), borderColor: rule, padding: [8, 12],
    textStyle: { ...font, color: ink },
  };
  if (!o.series.some((s) => s.data && s.data.length)) {
    o.graphic = { type: "text", left: "center", top: "middle", style: { text: "Nothing is left to show", fill: muted, ...font } };
  }
  // The figure says in words what the library would say in worse ones.
  o.aria = { enabled: true, label: { description: chart.el.getAttribute("aria-label") } };
  return [o, height];
}

function draw(chart) {
  const [option, height] = dress(chart);
  chart.el.style.height = height + "px";
  if (!chart.drawn) {
    chart.drawn = echarts.init(chart.el);
    chart.drawn.on("finished", () => { chart.el.dataset.drawn = "yes"; });
  }
  chart.drawn.setOption(option, true);
  chart.drawn.resize();
}

function redraw() {
  for (const c of charts) if (c.drawn && c.el.offsetParent) draw(c);
}

function withoutLibrary() {
  for (const c of charts) {
    c.el.classList.add("undrawn");
    c.el.textContent = "The chart library could not be loaded. The table below holds the same numbers.";
  }
  for (const d of document.querySelectorAll("details.twin")) d.open = true;
}

function watch() {
  const find = (el) => charts.find((c) => c.el === el);
  const seen = new IntersectionObserver((entries) => {
    for (const e of entries) if (e.isIntersecting && !find(e.target).drawn) draw(find(e.target));
  }, { rootMargin: "200px" });
  const resized = new ResizeObserver((entries) => {
    for (const e of entries) {
      const c = find(e.target);
      if (c.drawn && e.target.clientWidth > 0 && c.drawn.getWidth() !== e.target.clientWidth) draw(c);
    }
  });
  for (const c of charts) {
    seen.observe(c.el);
    resized.observe(c.el);
  }
  for (const select of document.querySelectorAll("select[data-chart]")) {
    const c = charts.find((c) => c.el.id === select.dataset.chart);
    if (!c) continue;
    select.closest(".panel").hidden = false;
    select.addEventListener("change", () => {
      c.choice[select.dataset.key] = select.selectedIndex;
      draw(c);
    });
  }
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
}

// On paper everything is light and nothing is folded away.
function print() {
  addEventListener("beforeprint", () => {
    root.classList.add("print");
    for (const c of charts) if (c.el.offsetParent) draw(c);
    for (const d of document.querySelectorAll("details.twin:not([open])")) {
      d.open = true;
      d.dataset.folded = "yes";
    }
  });
  addEventListener("afterprint", () => {
    root.classList.remove("print");
    redraw();
    for (const d of document.querySelectorAll("details[data-folded]")) {
      d.open = false;
      delete d.dataset.folded;
    }
  });
}
