// How things look: the functions and colours that an option can name with
// "nebula:…". Each gets its chart.

const root = document.documentElement;
const variable = (v) => getComputedStyle(root).getPropertyValue(v).trim();

// mix gives a solid colour between two, so that a light filling still hides
// the lines behind it.
function mix(a, b, share) {
  const part = (hex, i) => parseInt(hex.slice(1 + 2 * i, 3 + 2 * i), 16);
  return "rgb(" + [0, 1, 2].map((i) => Math.round(part(a, i) * (1 - share) + part(b, i) * share)).join(",") + ")";
}

const looks = (mark) => {
  const color = variable("--c" + mark.color);
  return { stroke: color, fill: mix(variable("--paper"), color, mark.fill), lineWidth: 1.5 };
};
const dashes = { cold: "solid", cached: [7, 3], prepared: [2, 3], warm: [9, 3, 2, 3] };

const isNarrow = (chart) => chart.el.clientWidth < 480;

const formatters = {
  duration: () => tick,
  joules: () => joules,
  plain: () => plain,
  logged: () => (x) => tick(Math.exp(x)),
  times: () => (x) => plain(Math.exp(x)),
  share: () => (x) => Math.round(100 * x) + "\u00a0%",
  percent: () => (x) => (x > 0 ? "+" : "") + plain(x) + "\u00a0%",
  // The last word of a row's label is the start, one of ours.
  row: (chart) => (label) => {
    const split = (l) => l.replace(/ (\w+)$/, "\n$1");
    if (!label.includes("\n")) return split(label);
    const [a, b] = label.split("\n");
    return isNarrow(chart) ? split(a) + " against\n" + split(b) : a + "\nagainst " + b;
  },
  total: (chart) => (label, row) => label.replace(/ (\w+)$/, "\n$1") + (isNarrow(chart) ? "\n" : " · ") + duration(chart.totals[row]),
};

const within = (low, high) => "between " + joules(low) + " and " + joules(high);
const tips = {
  dot: () => (p) =>
    tip(p.seriesName, name(p.name), "median " + duration(p.value[2]), interval(p.value[3], p.value[4], duration), "n = " + p.value[5]),
  ratio: () => (p) => {
    const [a, b] = p.seriesName.split("\n");
    const times = (x) => ratio(Math.exp(x));
    return tip(a, "against " + name(b), name(p.name), "ratio " + times(p.value[2]), interval(p.value[3], p.value[4], times), "n ≥ " + p.value[5]);
  },
  size: (chart) => (p) =>
    tip(p.seriesName, name(chart.data.curves.name) + ": " + plain(p.value[0]), "median " + duration(p.value[2]),
      interval(p.value[3], p.value[4], duration), "n = " + p.value[5]),
  energy: () => (p) =>
    tip(p.seriesName, name(p.name), joules(p.value[2]), within(p.value[3], p.value[4]), p.value[5] + " invocations"),
  energysize: (chart) => (p) =>
    tip(p.seriesName, name(chart.data.curves.name) + ": " + plain(p.value[0]), joules(p.value[2]), within(p.value[3], p.value[4]), p.value[5] + " invocations"),
  phase: () => (p) => tip(p.name, encode(p.seriesName) + ": median " + duration(p.data.time)),
  sample: () => (p) => tip(p.seriesName, "trial " + p.value[0], "startup " + duration(p.value[1])),
  strip: () => (p) => {
    const at = (i) => duration(Math.exp(p.value[i]));
    return p.value.length === 3
      ? tip(p.seriesName, "startup " + at(1))
      : tip(p.seriesName, "median " + at(3), "middle half " + at(2) + " to " + at(4), "all " + at(1) + " to " + at(5));
  },
  night: (chart) => (p) => {
    const at = p.seriesType === "line" ? p.dataIndex : p.value[0], all = chart.samples;
    const changed = all.changed.find((c) => c.at === at);
    const lines = [encode(all.nights[at])];
    if (p.seriesType === "line") lines.push(name(chart.data.backend) + " " + encode(p.seriesName) + ": " + formatters.percent()(p.value));
    else lines.push("step of " + encode(p.data.start) + " by " + formatters.percent()(p.data.change));
    if (changed) lines.push("changed: " + name(changed.what));
    return tip(all.runs[at], ...lines);
  },
  published: () => (p) =>
    p.seriesType === "scatter"
      ? tip(p.seriesName, "published: " + name(p.name), duration(p.value[0]))
      : tip(p.seriesName, "here: " + name(p.name), "median " + duration(p.value[2]), interval(p.value[3], p.value[4], duration), "n = " + p.value[5]),
  ecdf: () => (p) => tip(p.seriesName, Math.round(100 * p.value[1]) + " % within " + duration(p.value[0])),
};

const line = (x1, y1, x2, y2, style) => ({ type: "line", shape: { x1, y1, x2, y2 }, style });
const symbol = (mark, x, y, size, style) => ({
  type: "path", x, y, style,
  shape: { pathData: mark.path, x: -size / 2, y: -size / 2, width: size, height: size },
});

const renderers = {
  // A median as a symbol, its interval as a line with ends.
  dot: (chart) => {
    const category = chart.data.option.xAxis[0].type === "category";
    const columns = category || chart.data.fill === "sizes";
    const axis = (columns ? chart.data.option.yAxis : chart.data.option.xAxis)[0];
    const muted = variable("--muted"), paper = variable("--paper");
    return (params, api) => {
      const band = chart.data.fill === "sizes" ? 0 : columns ? api.size([1, 0])[0] : api.size([0, 1])[1];
      const at = (v) => {
        const p = columns ? api.coord([api.value(0), v]) : api.coord([v, api.value(0)]);
        p[columns ? 0 : 1] += api.value(1) * band;
        return p;
      };
      const about = chart.kept[params.seriesIndex];
      const side = api.value(6); // who is ahead, where that is asked
      const mark = page.marks[about[side === 1 ? 1 : 0]];
      const style = side === -1 ? { stroke: muted, fill: paper, lineWidth: 1.5 } : looks(mark);
      const center = at(api.value(2)), low = api.value(3), high = api.value(4);
      const children = [];
      if (isFinite(low) && isFinite(high)) {
        const a = at(Math.max(low, axis.min)), b = at(Math.min(high, axis.max));
        const ink = { stroke: style.stroke, lineWidth: 1.5 };
        children.push(line(a[0], a[1], b[0], b[1], ink));
        for (const e of [a, b]) children.push(columns ? line(e[0] - 3, e[1], e[0] + 3, e[1], ink) : line(e[0], e[1] - 3, e[0], e[1] + 3, ink));
      }
      const size = category ? Math.min(11, Math.max(6, band / chart.kept.length)) : 10;
      children.push(symbol(mark, center[0], center[1], size, style));
      return { type: "group", children };
    };
  },
  // A trial as a point below the middle of its row.
  speck: (chart) => (params, api) => {
    const p = api.coord([api.value(1), api.value(0)]), band = api.size([0, 1])[1];
    const style = looks(page.marks[chart.kept[params.seriesIndex][0]]);
    return { type: "circle", shape: { cx: p[0], cy: p[1] + band * (0.2 + 0.16 * api.value(2)), r: 2 }, style: { fill: style.stroke, opacity: 0.55 } };
  },
  // The middle half as a box above it, with the median and the ends.
  box: (chart) => (params, api) => {
    const x = [1, 2, 3, 4, 5].map((i) => api.coord([api.value(i), api.value(0)]));
    const band = api.size([0, 1])[1], y = x[0][1] - band * 0.2, h = Math.min(16, band * 0.3);
    const mark = page.marks[chart.kept[params.seriesIndex][0]];
    const style = looks(mark), ink = { stroke: style.stroke, lineWidth: 1.5 };
    return {
      type: "group",
      children: [
        line(x[0][0], y, x[1][0], y, ink), line(x[3][0], y, x[4][0], y, ink),
        { type: "rect", shape: { x: x[1][0], y: y - h / 2, width: Math.max(1, x[3][0] - x[1][0]), height: h }, style: { ...style, fill: mix(variable("--paper"), style.stroke, 0.18) } },
        line(x[2][0], y - h / 2, x[2][0], y + h / 2, { stroke: style.stroke, lineWidth: 3 }),
      ],
    };
  },
};

// resolve puts functions and colours where an option names them. Names that
// come from an experiment stand in name and data, and stay text.
function resolve(o, chart) {
  for (const key of Object.keys(o)) {
    const v = o[key];
    if (key === "data" || key === "name") continue;
    if (v && typeof v === "object") resolve(v, chart);
    if (typeof v !== "string" || !v.startsWith("nebula:")) continue;
    const known = v.slice("nebula:".length);
    if (key === "formatter") o[key] = (formatters[known] || tips[known])(chart);
    if (key === "renderItem") o[key] = renderers[known](chart);
    if (key === "color") o[key] = variable("--" + known);
  }
  return o;
}
