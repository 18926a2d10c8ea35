// Draws the charts of a report. Everything that varies comes as JSON from
// the page: this file is the same on every page, and the page's security
// policy lets no other script of ours run. Where an option needs a function
// or a colour, the JSON names one here with "nebula:…".
(function () {
  "use strict";

  const root = document.documentElement;
  const variable = (name) => getComputedStyle(root).getPropertyValue(name).trim();

  // The same units and digits as in format.go.
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

  const encode = (text) => echarts.format.encodeHTML(String(text));
  const tip = (title, ...lines) =>
    '<div class="tip"><b><bdi>' + encode(title) + "</bdi></b>" + lines.map((l) => "<div>" + l + "</div>").join("") + "</div>";
  const name = (text) => "<bdi>" + encode(text) + "</bdi>";

  // mix gives a solid colour between two, so that a light filling still
  // hides the lines behind it.
  function mix(a, b, share) {
    const part = (hex, i) => parseInt(hex.slice(1 + 2 * i, 3 + 2 * i), 16);
    return "rgb(" + [0, 1, 2].map((i) => Math.round(part(a, i) * (1 - share) + part(b, i) * share)).join(",") + ")";
  }

  const looks = (mark) => {
    const color = variable("--c" + mark.color);
    return { stroke: color, fill: mix(variable("--paper"), color, mark.fill), lineWidth: 1.5 };
  };

  // The functions and colours that an option can name. Each gets the chart.
  const formatters = {
    duration: () => tick,
    dot: () => (p) =>
      tip(p.seriesName, name(p.name), "median " + duration(p.value[2]),
        p.value[3] === null ? "too few trials for an interval" : "95 % interval " + duration(p.value[3]) + " to " + duration(p.value[4]),
        "n = " + p.value[5]),
    phase: () => (p) => tip(p.name, encode(p.seriesName) + ": median " + duration(p.value)),
    sample: () => (p) => tip(p.seriesName, "trial " + p.value[0], "startup " + duration(p.value[1])),
    // The last word of a row's label is the start, one of ours.
    row: () => (label) => label.replace(/ (\w+)$/, "\n$1"),
    total: (chart) => (label, row) =>
      label.replace(/ (\w+)$/, "\n$1 · ") + duration(chart.data.panels[chart.panel].data.reduce((sum, phase) => sum + (phase[row] || 0), 0)),
  };
  const renderers = {
    // A median as a symbol, its interval as a line with ends.
    dot: (chart) => {
      const columns = chart.data.option.xAxis[0].type === "category";
      const axis = (columns ? chart.data.option.yAxis : chart.data.option.xAxis)[0];
      const ink = variable("--line-strong");
      return (params, api) => {
        const band = columns ? api.size([1, 0])[0] : api.size([0, 1])[1];
        const at = (v) => {
          const p = columns ? api.coord([api.value(0), v]) : api.coord([v, api.value(0)]);
          p[columns ? 0 : 1] += api.value(1) * band;
          return p;
        };
        const mark = chart.data.marks[params.seriesIndex];
        const style = looks(mark);
        const center = at(api.value(2));
        const children = [];
        const low = api.value(3), high = api.value(4);
        if (isFinite(low) && isFinite(high)) {
          const a = at(Math.max(low, axis.min)), b = at(high);
          const line = (x1, y1, x2, y2) =>
            children.push({ type: "line", shape: { x1, y1, x2, y2 }, style: { stroke: style.stroke, lineWidth: 1.5 } });
          line(a[0], a[1], b[0], b[1]);
          for (const e of [a, b]) columns ? line(e[0] - 3, e[1], e[0] + 3, e[1]) : line(e[0], e[1] - 3, e[0], e[1] + 3);
        }
        const size = Math.min(11, Math.max(6, columns ? band / chart.data.marks.length : 11));
        children.push({
          type: "path",
          shape: { pathData: mark.path, x: -size / 2, y: -size / 2, width: size, height: size },
          x: center[0], y: center[1], style,
        });
        return { type: "group", children };
      };
    },
  };

  // resolve puts functions and colours where an option names them. Names
  // that come from an experiment stand in name and data, and stay text.
  function resolve(o, chart) {
    for (const key of Object.keys(o)) {
      const v = o[key];
      if (key === "data" || key === "name") continue;
      if (v && typeof v === "object") resolve(v, chart);
      if (typeof v !== "string" || !v.startsWith("nebula:")) continue;
      const known = v.slice("nebula:".length);
      if (key === "formatter") o[key] = formatters[known](chart);
      if (key === "renderItem") o[key] = renderers[known](chart);
      if (key === "color") o[key] = variable("--" + known);
    }
    return o;
  }

  // dress gives an option the page's colours and type.
  function dress(chart) {
    const o = resolve(structuredClone(chart.data.option), chart);
    const muted = variable("--muted"), line = variable("--line"), faint = variable("--faint");
    const font = { fontFamily: getComputedStyle(document.body).fontFamily, fontSize: 12 };
    const narrow = chart.el.clientWidth < 480;
    o.textStyle = { ...font, color: variable("--ink") };
    o.grid = { left: 4, right: 20, top: 12, bottom: o.xAxis[0].name ? 28 : 4, containLabel: true };
    for (const axis of [...o.xAxis, ...o.yAxis]) {
      const category = axis.type === "category";
      axis.axisLabel = { ...axis.axisLabel, ...font, color: category ? variable("--ink") : muted };
      if (category) {
        const rows = o.yAxis.includes(axis);
        Object.assign(axis.axisLabel, { overflow: "truncate", lineHeight: 16, hideOverlap: true },
          rows ? { width: narrow ? 116 : 160 } : { width: Math.max(40, chart.el.clientWidth / axis.data.length - 28) });
      }
      axis.nameTextStyle = { ...font, color: muted };
      axis.axisLine = { show: category, lineStyle: { color: line } };
      axis.axisTick = { show: false };
      axis.splitLine = { show: !category, lineStyle: { color: line } };
      if (axis.type === "value") axis.splitNumber = axis.name ? 5 : narrow ? 2 : 3;
      if (!category && o.xAxis.includes(axis)) axis.axisLabel.alignMaxLabel = "right";
      if (axis.name) axis.axisLabel.showMaxLabel = false;
      if (axis.type === "log") {
        axis.minorTick = { show: false, splitNumber: 9 };
        axis.minorSplitLine = { show: true, lineStyle: { color: faint } };
      }
      if (category && o.xAxis.includes(axis)) axis.splitArea = { show: true, areaStyle: { color: ["transparent", faint] } };
    }
    Object.assign(o.tooltip, {
      confine: true, backgroundColor: variable("--raised"), borderColor: line, padding: [8, 12],
      textStyle: { ...font, color: variable("--ink") },
    });
    o.series.forEach((s, i) => {
      if (s.type === "scatter") s.itemStyle = { color: looks(chart.data.marks[i]).fill, borderColor: looks(chart.data.marks[i]).stroke, borderWidth: 1.2 };
      if (s.type === "bar") {
        s.itemStyle = { ...s.itemStyle, borderColor: variable("--paper"), borderWidth: 1 };
        s.data = chart.data.panels[chart.panel].data[i];
      }
    });
    return o;
  }

  const charts = [...document.querySelectorAll(".chart")].map((el) => ({
    el, panel: 0, drawn: null, data: JSON.parse(document.getElementById(el.id + "-data").textContent),
  }));

  function draw(chart) {
    if (!chart.drawn) {
      chart.drawn = echarts.init(chart.el);
      chart.drawn.on("finished", () => { chart.el.dataset.drawn = "yes"; });
    }
    chart.drawn.setOption(dress(chart), true);
  }

  function redraw() {
    for (const c of charts) if (c.drawn) draw(c);
  }

  if (charts.length === 0) return;
  if (typeof echarts === "undefined") {
    for (const c of charts) {
      c.el.classList.add("undrawn");
      c.el.textContent = "The chart library could not be loaded. The table below holds the same numbers.";
    }
    for (const d of document.querySelectorAll("details.twin")) d.open = true;
    return;
  }

  for (const c of charts) {
    const bars = c.data.panels !== undefined;
    c.el.style.height = (c.data.rows ? c.data.rows * (bars ? 46 : 34) + 56 : 320) + "px";
  }
  const seen = new IntersectionObserver((entries) => {
    for (const e of entries) {
      const c = charts.find((c) => c.el === e.target);
      if (e.isIntersecting && !c.drawn) draw(c);
    }
  }, { rootMargin: "200px" });
  const resized = new ResizeObserver((entries) => {
    for (const e of entries) {
      const c = charts.find((c) => c.el === e.target);
      if (c.drawn && c.drawn.getWidth() !== e.target.clientWidth) {
        c.drawn.resize();
        draw(c);
      }
    }
  });
  for (const c of charts) {
    seen.observe(c.el);
    resized.observe(c.el);
  }

  for (const select of document.querySelectorAll("select[data-chart]")) {
    select.closest(".panel").hidden = false;
    select.addEventListener("change", () => {
      const c = charts.find((c) => c.el.id === select.dataset.chart);
      c.panel = select.selectedIndex;
      draw(c);
    });
  }

  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
  // On paper everything is light and nothing is folded away.
  addEventListener("beforeprint", () => {
    root.classList.add("print");
    charts.forEach(draw);
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
})();
