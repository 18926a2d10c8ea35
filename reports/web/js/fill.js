// What goes into a chart: the series that the page holds, less what is
// hidden, or series made of samples for what the reader has chosen. Each
// puts into chart.kept which marks the series are about.

const inputOf = (chart) => {
  const all = chart.data.inputs || [];
  const at = chart.choice.input || 0;
  return shows("input", all[at]) ? all[at] : all.find((i) => shows("input", i));
};
const samplesOf = (chart) => {
  const input = inputOf(chart);
  return chart.samples.filter((s) => s.input === input && showsMark(s.mark));
};
const label = (s) => page.marks[s.mark].label;

// ready drops the series and items that are hidden, and gives the rest their
// places.
function ready(o, chart) {
  const about = chart.data.series || [];
  const keep = o.series.map((_, i) => i).filter((i) => about[i].every(showsMark));
  o.series = keep.map((i) => o.series[i]);
  chart.kept = keep.map((i) => about[i]);
  for (const s of o.series) s.data = s.data.filter((d) => shows("input", d.name));
  const inputs = [...new Set(o.series.flatMap((s) => s.data.map((d) => d.name)))];
  if (chart.data.axis === "inputs") {
    const names = o.xAxis[0].data.filter((n) => inputs.includes(n));
    o.xAxis[0].data = names;
    o.series.forEach((s, i) => {
      for (const d of s.data) {
        d.value[0] = names.indexOf(d.name);
        d.value[1] = ((i - (o.series.length - 1) / 2) / o.series.length) * 0.8;
      }
    });
    return 320;
  }
  // The first row stands on top.
  o.yAxis[0].data = o.series.map((s) => s.name).reverse();
  o.series.forEach((s, i) => {
    for (const d of s.data) {
      d.value[0] = o.series.length - 1 - i;
      d.value[1] = inputs.length < 2 ? 0 : ((inputs.indexOf(d.name) - (inputs.length - 1) / 2) / inputs.length) * 0.75;
    }
  });
  return o.series.length * Math.min(130, Math.max(isNarrow(chart) && chart.data.option.xAxis[0].type === "value" ? 78 : 38, 14 + 11 * inputs.length)) + 48;
}

// ticksOfRatios gives round ratios between two logarithms.
function ticksOfRatios(low, high) {
  const out = [];
  if (high - low > Math.log(3)) {
    const steps = high - low > Math.log(300) ? [1] : [1, 2, 5];
    for (let e = -9; e <= 9; e++) for (const s of steps) out.push(Math.log(s * 10 ** e));
  } else {
    const step = [0.01, 0.02, 0.05, 0.1, 0.2, 0.5].find((s) => (Math.exp(high) - Math.exp(low)) / s <= 7) || 0.5;
    for (let k = Math.ceil(-1 / step); k < 3 / step; k++) if (1 + k * step > 0) out.push(Math.log(1 + k * step));
  }
  return out.filter((x) => x >= low && x <= high);
}

// ticksOfTimes gives the logarithms of at most so many round times.
function ticksOfTimes(low, high, most) {
  if (high / low >= 50) {
    const out = [];
    for (let e = 0; e < 13; e++) if (10 ** e >= low && 10 ** e <= high) out.push(Math.log(10 ** e));
    if (out.length > 1) return out;
  }
  for (let e = Math.floor(Math.log10(high - low)) - 1; ; e++) {
    for (const s of [1, 2, 5]) {
      const step = s * 10 ** e;
      if (Math.floor(high / step) - Math.ceil(low / step) + 1 > most) continue;
      const out = [];
      for (let k = Math.ceil(low / step); k * step <= high; k++) if (k > 0) out.push(Math.log(k * step));
      return out;
    }
  }
}

// A number between -1 and 1 that is the same each time a page is drawn.
const jitter = (i) => ((i * 0.618034) % 1) * 2 - 1;

const fills = {
  // On axes of logarithms, so that rows with an axis of their own have labels
  // at round numbers however narrow their range is.
  strip(o, chart) {
    const rows = samplesOf(chart).reverse().filter((s) => s.box[0] > 0);
    const own = !chart.choice.axis, x = o.xAxis[0], y = o.yAxis[0];
    const axis = (low, high, most) => {
      const at = ticksOfTimes(low, high, most);
      return {
        ...x, type: "value", min: Math.log(low), max: Math.log(high),
        axisLabel: { ...x.axisLabel, customValues: at }, axisTick: { customValues: at }, splitLine: { customValues: at },
      };
    };
    const custom = (renderItem, s, i, data) => ({
      type: "custom", name: label(s), renderItem: renderers[renderItem](chart), data, clip: true,
      encode: { x: renderItem === "box" ? [1, 2, 3, 4, 5] : [1], y: 0 }, xAxisIndex: own ? i : 0, yAxisIndex: own ? i : 0,
    });
    if (own) {
      const step = 92, most = isNarrow(chart) ? 3 : 5;
      o.grid = rows.map((_, i) => ({ left: 4, right: 24, top: 8 + (rows.length - 1 - i) * step, height: step - 20, containLabel: true }));
      o.xAxis = rows.map((s, i) => {
        const room = Math.max(1.002, (s.box[4] / s.box[0]) ** 0.04);
        return { ...axis(s.box[0] / room, s.box[4] * room, most), gridIndex: i };
      });
      o.yAxis = rows.map((s, i) => ({ ...y, axisLabel: { ...y.axisLabel }, gridIndex: i, data: [label(s)] }));
    } else {
      o.xAxis = [axis(x.min, x.max, 6)];
      o.yAxis[0].data = rows.map(label);
    }
    const at = (i) => (own ? 0 : i);
    o.series = [
      ...rows.map((s, i) => custom("box", s, i, [[at(i), ...s.box.map(Math.log)]])),
      ...rows.map((s, i) => custom("speck", s, i, s.ns.map((ns, k) => [at(i), Math.log(ns), jitter(k)]).filter((d) => isFinite(d[1])))),
    ];
    chart.kept = [...rows, ...rows].map((s) => [s.mark]);
    return own ? rows.length * 92 + 12 : rows.length * 62 + 48;
  },

  ecdf(o, chart) {
    const rows = samplesOf(chart), metric = ["startup", "runtime", "total"][chart.choice.metric || 0];
    const steps = rows.map((s) => (s.shape[metric] || []).map((ns, i, all) => [ns, all.length === s.n ? (i + 1) / s.n : i / (all.length - 1)]).filter((d) => d[0] > 0));
    o.yAxis[0].interval = 0.25;
    const all = steps.flat().map((d) => d[0]);
    if (all.length) {
      o.xAxis[0].min = 10 ** Math.floor(Math.log10(Math.min(...all)));
      o.xAxis[0].max = 10 ** Math.ceil(Math.log10(Math.max(...all) * 1.0001));
    }
    o.series = [
      ...rows.map((s, i) => {
        const mark = page.marks[s.mark];
        return { type: "scatter", name: label(s), symbol: "path://" + mark.path, symbolSize: 10, z: 5, itemStyle: dot(mark), data: steps[i].filter((d) => d[1] >= 0.5).slice(0, 1) };
      }),
      ...rows.map((s, i) => {
        const mark = page.marks[s.mark];
        return { type: "line", name: label(s), step: "end", symbol: "none", lineStyle: { width: 2, color: looks(mark).stroke, type: dashes[mark.start] || "solid" }, data: steps[i] };
      }),
    ];
    chart.kept = [...rows, ...rows].map((s) => [s.mark]);
    return 320;
  },

  order(o, chart) {
    o.series = [];
    chart.kept = [];
    page.marks.forEach((mark, m) => {
      const mine = chart.samples.filter((s) => s.mark === m && shows("input", s.input));
      if (!showsMark(m) || mine.length === 0) return;
      const data = [];
      for (const s of mine) {
        let trial = 0;
        s.trials.forEach((d, i) => {
          trial += d;
          if (s.ns[i] > 0) data.push([trial, s.ns[i]]);
        });
      }
      o.series.push({ type: "scatter", name: mark.label, symbol: "path://" + mark.path, symbolSize: 7, itemStyle: dot(mark), data });
      chart.kept.push([m]);
    });
    return 320;
  },

  phases(o, chart) {
    const bars = chart.data.bars, at = chart.data.inputs.indexOf(inputOf(chart));
    const rows = bars.marks.map((_, i) => i).filter((i) => at >= 0 && showsMark(bars.marks[i]) && bars.data[at].some((p) => p[i] !== null)).reverse();
    o.yAxis[0].data = rows.map((i) => page.marks[bars.marks[i]].label);
    chart.totals = rows.map((i) => bars.data[at].reduce((sum, phase) => sum + (phase[i] || 0), 0));
    const share = chart.choice.bars === 1;
    if (share) Object.assign(o.xAxis[0], { max: 1, interval: 0.25, axisLabel: { ...o.xAxis[0].axisLabel, formatter: formatters.share() } });
    o.series.forEach((s, p) => {
      s.itemStyle = { ...s.itemStyle, borderColor: variable("--paper"), borderWidth: 1 };
      s.data = rows.map((i, k) => ({ time: bars.data[at][p][i], value: bars.data[at][p][i] === null ? null : share ? bars.data[at][p][i] / chart.totals[k] : bars.data[at][p][i] }));
    });
    chart.kept = o.series.map(() => []);
    return rows.length * (isNarrow(chart) ? 60 : 46) + 56;
  },

  // A history: a line for each start, its levels with a band of noise, and
  // the steps between them.
  trend(o, chart) {
    const all = chart.samples, subject = chart.data.subjects[chart.choice.subject || 0], metric = ["startup", "runtime"][chart.choice.metric || 0];
    const lines = all.lines.filter((l) => l.backend === chart.data.backend && l.metric === metric && l.function + " " + l.input === subject);
    const n = all.digits.length, percent = (log) => 100 * Math.expm1(log);
    const color = variable("--c" + chart.data.color), muted = variable("--muted"), bad = variable("--alert");
    const values = (l) => all.nights.map((_, i) => {
      const two = l.values.slice(2 * i, 2 * i + 2);
      return two === "  " ? null : percent((all.digits.indexOf(two[0]) * n + all.digits.indexOf(two[1]) - (n * n) / 2) / 1000);
    });
    const ends = (l, k) => (k + 1 < l.levels.length ? l.levels[k + 1][0] : all.nights.length) - 1;
    o.xAxis[0].data = all.nights;
    o.series = [
      ...lines.map((l) => ({ type: "line", name: l.start, data: values(l), symbol: "circle", symbolSize: all.nights.length > 80 ? 2.5 : 4, connectNulls: false, itemStyle: { color }, lineStyle: { color, width: 1.2, type: dashes[l.start] || "solid" }, z: 4 })),
      ...lines.map((l) => ({
        type: "custom", name: l.start, silent: true, z: 1, encode: { x: [0, 1], y: [2, 3] },
        data: l.levels.map((v, k) => [v[0], ends(l, k), percent(v[1] - 2 * l.noise), percent(v[1] + 2 * l.noise), percent(v[1])]),
        renderItem: (params, api) => {
          const a = api.coord([api.value(0), api.value(3)]), b = api.coord([api.value(1), api.value(2)]), y = api.coord([0, api.value(4)])[1];
          return { type: "group", children: [
            { type: "rect", shape: { x: a[0], y: a[1], width: b[0] - a[0], height: b[1] - a[1] }, style: { fill: color, opacity: 0.13 } },
            line(a[0], y, b[0], y, { stroke: color, lineWidth: 1 }),
          ] };
        },
      })),
      {
        type: "scatter", name: "step", symbol: "triangle", symbolSize: 11, z: 6,
        data: lines.flatMap((l) => l.levels.slice(1).map((v, k) => ({
          value: [v[0], percent(v[1])], start: l.start, change: percent(v[1] - l.levels[k][1]),
          symbolRotate: v[1] > l.levels[k][1] ? 0 : 180, itemStyle: { color: v[1] > l.levels[k][1] ? bad : muted },
        }))),
      },
      {
        type: "line", data: [],
        markLine: { symbol: "none", silent: true, label: { show: false }, lineStyle: { color: muted, type: "dotted", width: 1 }, data: all.changed.map((c) => ({ xAxis: c.at })) },
      },
    ];
    chart.kept = [];
    return 300;
  },

  // What others published in grey, and this run's cells in colour.
  published(o, chart) {
    const d = chart.data.published, muted = variable("--muted"), paper = variable("--paper");
    const ours = d.ours.filter((p) => showsMark(p[1]) && shows("input", p[6]));
    const marks = [...new Set(ours.map((p) => p[1]))];
    const up = (row) => d.rows.length - 1 - row;
    o.yAxis[0].data = [...d.rows].reverse();
    const shapes = ["diamond", "triangle", "rect", "pin", "arrow"];
    o.series = [
      ...d.machines.map((m, i) => ({
        type: "scatter", name: m, symbol: shapes[i % shapes.length], symbolSize: 13, z: 5,
        itemStyle: { color: paper, borderColor: muted, borderWidth: 2 },
        data: d.theirs.filter((p) => p[2] === i).map((p) => ({ name: d.rows[p[0]], value: [p[1], up(p[0])] })),
      })),
      ...marks.map((m) => ({
        type: "custom", name: page.marks[m].label, renderItem: renderers.dot(chart), encode: { x: 2, y: 0 },
        data: ours.filter((p) => p[1] === m).map((p, k) => ({ name: p[7], value: [up(p[0]), 0.12 + 0.2 * jitter(k) * Math.min(1, ours.length / 20), p[2], p[3], p[4], p[5]] })),
      })),
    ];
    chart.kept = [...d.machines.map(() => []), ...marks.map((m) => [m])];
    return d.rows.length * 44 + 48;
  },

  sizes(o, chart) {
    const lines = chart.data.curves.lines
      .filter((l) => showsMark(l.mark))
      .map((l) => ({ ...l, points: l.points.filter((p) => shows("input", p[5])) }))
      .filter((l) => l.points.length > 0);
    const crosses = (chart.data.curves.crosses || []).filter((c) => c.marks.every(showsMark));
    const muted = variable("--muted");
    o.series = [
      ...lines.map((l) => ({
        type: "custom", name: label(l), z: 4, renderItem: renderers.dot(chart), encode: { x: 0, y: 2 },
        data: l.points.map((p) => ({ name: p[5], value: [p[0], 0, p[1], p[2], p[3], p[4]] })),
      })),
      ...lines.map((l) => {
        const mark = page.marks[l.mark];
        return { type: "line", name: label(l), symbol: "none", silent: true, lineStyle: { width: 1.5, color: looks(mark).stroke, type: dashes[mark.start] || "solid" }, data: l.points.map((p) => [p[0], p[1]]) };
      }),
      {
        type: "line", name: "change of places", data: [], silent: true,
        markLine: { symbol: "none", silent: true, lineStyle: { color: muted, type: "dashed", width: 1 }, label: { show: crosses.length <= 3, color: muted, formatter: (p) => plain(p.value) }, data: crosses.map((c) => ({ xAxis: Number(c.at.toPrecision(3)) })) },
        markArea: { silent: true, itemStyle: { color: muted, opacity: 0.12 }, data: crosses.map((c) => [{ xAxis: c.low }, { xAxis: c.high }]) },
      },
    ];
    chart.kept = o.series.map((_, i) => [i < lines.length ? lines[i].mark : -1]);
    return 340;
  },
};

function dot(mark) {
  const look = looks(mark);
  return { color: look.fill, borderColor: look.stroke, borderWidth: 1.2 };
}
