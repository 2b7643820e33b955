// Draws the panels of the report with ECharts when they come into view.
(function () {
  "use strict";
  const data = JSON.parse(document.getElementById("figures").textContent);
  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  const drawn = new Map();
  const DAY = 86400000;

  function colours() {
    const css = getComputedStyle(document.documentElement);
    const read = (name) => css.getPropertyValue("--" + name).trim();
    return { ink: read("ink"), quiet: read("quiet"), faint: read("faint"), blue: read("blue"),
      sky: read("sky"), vermillion: read("vermillion"), band: read("band") };
  }

  function number(value) {
    if (value === null || value === undefined || Number.isNaN(value)) return "–";
    if (value === 0) return "0";
    const size = Math.abs(value);
    if (size >= 1e7 || size < 1e-4) return value.toExponential(2).replace("-", "−");
    const decimals = Math.max(0, 3 - Math.floor(Math.log10(size)));
    return value.toLocaleString("en", { maximumFractionDigits: Math.min(decimals, 8) }).replace("-", "−");
  }

  function day(days) { return new Date(days * DAY).toISOString().slice(0, 10); }

  function escape(text) {
    return String(text).replace(/[&<>"]/g, (c) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" })[c]);
  }

  // Width that a panel needs, height of its inside, room left of it.
  const SHAPE = {
    Histogram: () => ({ wide: 250, tall: 150, left: 62, head: 44 }),
    Ranges: (p) => ({ wide: 300, tall: Math.max(90, p.middle.length * 13 + 10), left: 120, head: 40 }),
    Lines: (p, g) => (g.shared ? { wide: 150, tall: 84, left: 44, head: 26 } : { wide: 340, tall: 190, left: 60, head: 30 }),
    Heat: (p) => ({ wide: 300, tall: Math.max(120, p.rows.length * 10), left: 92, head: 30, right: 46 }),
    Cloud: () => ({ wide: 280, tall: 220, left: 56, head: 44 }),
    Bars: () => ({ wide: 400, tall: 160, left: 62, head: 30 }),
  };

  function span(values) {
    const known = values.filter((v) => v !== null);
    return known.length ? [Math.min(...known), Math.max(...known)] : [0, 1];
  }

  function quantile(values, share) {
    const known = values.filter((v) => v !== null).sort((a, b) => a - b);
    return known.length ? known[Math.round((known.length - 1) * share)] : 0;
  }

  function widened(low, high, margin) {
    const size = high - low || Math.abs(high) || 1;
    return [low - margin * size, high + margin * size];
  }

  // Limits that keep every estimate, and cut the few widest intervals.
  function limits(panels) {
    const middle = span([].concat(...panels.map((p) => p.middle)));
    const ends = [].concat(...panels.map((p) => p.low.concat(p.high)));
    if (!ends.length) return widened(middle[0], middle[1], 0.05);
    return widened(Math.min(middle[0], quantile(ends, 0.01)), Math.max(middle[1], quantile(ends, 0.99)), 0.04);
  }

  // Limits of intervals, without a few giants.
  function rangeLimits(p) {
    const middle = span(p.middle.concat(p.innerLow, p.innerHigh));
    if (!p.low.length) return widened(middle[0], middle[1], 0.05);
    let low = span(p.low)[0], high = span(p.high)[1];
    const known = p.low.map((v, i) => (v === null || p.high[i] === null ? null : p.high[i] - v));
    const room = 1.5 * quantile(known, 0.5);
    if (high - low > 2 * (middle[1] - middle[0] + 2 * room)) { low = middle[0] - room; high = middle[1] + room; }
    return widened(Math.min(low, middle[0]), Math.max(high, middle[1]), 0.04);
  }

  // Round numbers within the limits, about as many as wanted.
  function ticks(low, high, most) {
    const rough = (high - low) / most, power = Math.pow(10, Math.floor(Math.log10(rough)));
    const step = [1, 2, 5, 10].map((k) => k * power).find((s) => s >= rough * 0.999);
    const found = [];
    for (let i = Math.ceil(low / step - 1e-9); i <= Math.floor(high / step + 1e-9); i++) found.push(Number((i * step).toPrecision(12)));
    return found;
  }

  // Days since 1970 on which whole years, months or days begin.
  function dates(low, high, most) {
    if (high - low < 62) return ticks(Math.ceil(low), Math.floor(high), most).filter(Number.isInteger);
    const month = (d) => { const t = new Date(d * DAY); return t.getUTCFullYear() * 12 + t.getUTCMonth(); };
    const first = month(low), last = month(high);
    const step = [1, 2, 3, 6, 12, 24, 60, 120, 240, 600, 1200].find((s) => (last - first) / s <= most + 0.5) || 1200;
    const found = [];
    for (let m = Math.ceil(first / step) * step; m <= last; m += step) {
      const d = Date.UTC(Math.floor(m / 12), m % 12, 1) / DAY;
      if (d >= low && d <= high) found.push(d);
    }
    return found;
  }

  function values(c, low, high, most, extra) {
    const places = ticks(low, high, most);
    return Object.assign({
      type: "value", min: low, max: high, axisLine: { show: false },
      axisTick: { show: false, customValues: places },
      axisLabel: { color: c.quiet, fontSize: 10, customValues: places, formatter: number },
      splitLine: { lineStyle: { color: c.faint, width: 0.6 } },
    }, extra);
  }

  function bottom(c, date, low, high, most, extra, plain) {
    const places = date ? dates(low, high, most) : ticks(low, high, most);
    const years = date && places.every((d) => day(d).slice(5) === "01-01");
    const words = (d) => (!date ? (plain ? String(d) : number(d)) : years ? day(d).slice(0, 4) : high - low < 62 ? day(d).slice(5) : day(d).slice(0, 7));
    return values(c, low, high, most, Object.assign({
      axisLine: { show: true, onZero: false, lineStyle: { color: c.quiet, width: 0.7 } }, splitLine: { show: false },
      axisTick: { show: true, length: 3, lineStyle: { color: c.quiet, width: 0.7 }, customValues: places },
      axisLabel: { color: c.quiet, fontSize: 10, customValues: places, formatter: words, hideOverlap: true },
    }, extra));
  }

  // ECharts rounds the places of marks to two decimals unless the precision is negative.
  function marks(lines, c) {
    return { silent: true, symbol: "none", animation: false, precision: -1, label: { show: false },
      data: lines.map(([key, value, colour, dash]) => ({ [key]: value, lineStyle: { color: colour, type: dash ? "dashed" : "solid", width: 1 } })) };
  }

  const KIND = {
    Histogram(p, g, c) {
      const lines = p.marks.map(([v, w]) => ["xAxis", v, c.blue, w !== "median"]);
      if (p.reference !== null) lines.push(["yAxis", p.reference, c.vermillion, true]);
      if (p.zero && p.edges[0] < 0 && p.edges[p.edges.length - 1] > 0) lines.push(["xAxis", 0, c.ink, true]);
      return {
        x: bottom(c, false, p.edges[0], p.edges[p.edges.length - 1], 5),
        y: values(c, 0, 1.06 * Math.max(1, p.reference || 0, ...p.counts), 4),
        series: [{
          type: "custom", clip: true, encode: { x: [0, 1], y: 2 },
          data: p.counts.map((n, i) => [p.edges[i], p.edges[i + 1], n]),
          renderItem(params, api) {
            const a = api.coord([api.value(0), api.value(2)]), b = api.coord([api.value(1), 0]);
            return { type: "rect", shape: { x: a[0], y: a[1], width: Math.max(1, b[0] - a[0] - 0.5), height: b[1] - a[1] }, style: { fill: c.sky } };
          },
          markLine: marks(lines, c),
          tooltip: { formatter: (e) => `${number(e.value[0])} to ${number(e.value[1])}: <b>${number(e.value[2])}</b>` },
        }],
      };
    },
    Ranges(p, g, c) {
      const [low, high] = rangeLimits(p);
      const has = p.low.length > 0, inner = p.innerLow.length > 0;
      return {
        x: bottom(c, false, low, high, 5, { splitLine: { show: true, lineStyle: { color: c.faint, width: 0.6 } } }),
        y: { type: "category", inverse: true, data: p.labels, axisLine: { show: false }, axisTick: { show: false },
          axisLabel: { color: c.ink, fontSize: 10, interval: p.every - 1, width: 108, overflow: "truncate" } },
        series: [{
          type: "custom", clip: true, encode: { x: [0, 2, 3], y: 1 },
          data: p.middle.map((v, i) => [v, i, has ? p.low[i] : null, has ? p.high[i] : null, inner ? p.innerLow[i] : null, inner ? p.innerHigh[i] : null]),
          renderItem(params, api) {
            const row = api.value(1), at = (v) => api.coord([v, row]);
            const line = (a, b, colour, width) => ({ type: "line", shape: { x1: at(a)[0], y1: at(a)[1], x2: at(b)[0], y2: at(b)[1] }, style: { stroke: colour, lineWidth: width } });
            const children = [];
            if (has) children.push(line(api.value(2), api.value(3), c.blue, 1));
            if (inner) children.push(line(api.value(4), api.value(5), c.sky, 4));
            children.push({ type: "circle", shape: { cx: at(api.value(0))[0], cy: at(api.value(0))[1], r: 3 }, style: { fill: c.blue } });
            return { type: "group", children };
          },
          markLine: marks(low < 0 && high > 0 ? [["xAxis", 0, c.ink, true]] : [], c),
          tooltip: { formatter(e) {
            const v = e.value;
            let text = `<b>${escape(p.labels[v[1]])}</b><br>${number(v[0])}`;
            if (inner) text += `<br>middle 50%: ${number(v[4])} to ${number(v[5])}`;
            if (has) text += `<br>${inner ? "middle 90%: " : "interval: "}${number(v[2])} to ${number(v[3])}`;
            return text;
          } },
        }],
      };
    },
    Lines(p, g, c, shared) {
      const [low, high] = shared || limits([p]);
      const xs = p.xs;
      const ribbon = (a, b, colour, opacity) => ({
        type: "custom", silent: true, clip: true, z: 1, data: [[xs[0], a[0]]],
        renderItem(params, api) {
          const children = [];
          let run = [];
          const close = () => {
            if (run.length > 1) children.push({ type: "polygon", silent: true,
              shape: { points: run.map((i) => api.coord([xs[i], a[i]])).concat(run.slice().reverse().map((i) => api.coord([xs[i], b[i]]))) },
              style: { fill: colour, opacity } });
            run = [];
          };
          for (let i = 0; i < xs.length; i++) { if (a[i] === null || b[i] === null) close(); else run.push(i); }
          close();
          return { type: "group", children };
        },
      });
      const series = [];
      if (p.low.length) series.push(ribbon(p.low, p.high, c.band, 1));
      if (p.innerLow.length) series.push(ribbon(p.innerLow, p.innerHigh, c.sky, 0.6));
      series.push({
        type: "line", showSymbol: false, data: xs.map((x, i) => [x, p.middle[i], i]), lineStyle: { color: c.blue, width: 1.3 }, itemStyle: { color: c.blue },
        markLine: marks(low < 0 && high > 0 ? [["yAxis", 0, c.ink, true]] : [], c), z: 3,
      });
      return {
        x: bottom(c, g.date, xs[0], xs[xs.length - 1], g.shared ? 3 : 7, {}, g.plain),
        y: values(c, low, high, g.shared ? 3 : 5),
        series, trigger: "axis",
        text(i) {
          let text = `<b>${escape(p.title)}</b> ${g.date ? day(p.xs[i]) : number(p.xs[i])}<br>${number(p.middle[i])}`;
          if (p.low.length) text += `, ${number(p.low[i])} to ${number(p.high[i])}`;
          return text;
        },
      };
    },
    Heat(p, g, c) {
      const cells = [];
      p.values.forEach((row, i) => row.forEach((v, j) => { if (v !== null) cells.push([j, i, v]); }));
      return {
        x: { type: "category", data: p.xs.map((v) => (g.date ? day(v).slice(0, 7) : g.plain ? String(v) : number(v))), axisTick: { show: false }, axisLine: { show: false },
          axisLabel: { color: c.quiet, fontSize: 10, hideOverlap: true, interval: Math.ceil(p.xs.length / 4), formatter: (v) => (g.date ? v.slice(0, 4) : v) } },
        y: { type: "category", inverse: true, data: p.rows, axisTick: { show: false }, axisLine: { show: false },
          axisLabel: { color: c.ink, fontSize: 9, width: 84, overflow: "truncate", interval: p.rows.length > 40 ? 1 : 0 } },
        series: [{ type: "heatmap", data: cells, progressive: 0, emphasis: { itemStyle: { borderColor: c.ink, borderWidth: 1 } },
          tooltip: { formatter: (e) => `<b>${escape(p.rows[e.value[1]])}</b> ${g.date ? day(p.xs[e.value[0]]) : number(p.xs[e.value[0]])}<br>${number(e.value[2])}` } }],
        scale: p.limit,
      };
    },
    Cloud(p, g, c) {
      const [low, high] = widened(Math.min(0, quantile(p.xs, 0.002)), Math.max(0, quantile(p.xs, 0.998)), 0.04);
      return {
        x: bottom(c, false, low, high, 5),
        y: values(c, 0, 1.05 * Math.max(2, ...p.ys), 5),
        series: p.kinds.map(([name, colour], k) => ({
          type: "scatter", symbolSize: p.xs.length > 1000 ? 3 : 5, itemStyle: { color: colour, opacity: 0.75 }, clip: true,
          data: p.xs.map((x, i) => [x, p.ys[i], p.classes[i]]).filter((v) => v[2] === k),
          markLine: marks(k === 0 ? [["xAxis", 0, c.ink, true]] : [], c),
          tooltip: { formatter: (e) => `estimate ${number(e.value[0])}<br>p = ${number(Math.pow(10, -e.value[1]))}<br>${escape(name)}` },
        })),
      };
    },
    Bars(p, g, c) {
      return {
        x: { type: "category", data: p.xs.map((v) => (g.date ? day(v).slice(0, 7) : g.plain ? String(v) : number(v))), axisTick: { show: false },
          axisLine: { lineStyle: { color: c.quiet } }, axisLabel: { color: c.quiet, fontSize: 10, hideOverlap: true } },
        y: values(c, 0, 1.05 * Math.max(1, ...p.xs.map((_, j) => p.values.reduce((sum, row) => sum + row[j], 0))), 4),
        series: p.series.map(([name, colour], i) => ({
          type: "bar", stack: "all", barCategoryGap: "10%", name, data: p.values[i], itemStyle: { color: colour },
          tooltip: { formatter: (e) => `${e.name}<br>${escape(name)}: <b>${number(e.value)}</b>` },
        })),
      };
    },
  };

  function option(g, width, c) {
    const shape = SHAPE[g.panels[0].kind](g.panels[0], g);
    const columns = Math.max(1, Math.min(g.columns, Math.floor(width / shape.wide)));
    const room = g.shared ? shape.left : 0;
    const left0 = g.shared ? 6 : shape.left;
    const right = shape.right || (g.shared ? 6 : 14), cell = (width - room) / columns;
    const foot = g.shared ? 6 : 30;
    const tall = Math.max(...g.panels.map((p) => SHAPE[p.kind](p, g).tall));
    const row = shape.head + tall + foot;
    const rows = Math.ceil(g.panels.length / columns);
    const height = rows * row + (g.shared ? 36 : 12);
    const face = getComputedStyle(document.body).fontFamily;
    const common = g.shared ? limits(g.panels) : null;
    const out = { animation: false, aria: { enabled: true, label: { description: g.alt } }, textStyle: { fontFamily: face },
      title: [], grid: [], xAxis: [], yAxis: [], series: [], visualMap: [],
      tooltip: { trigger: "item", confine: true, textStyle: { fontSize: 12 } } };
    const texts = [];
    g.panels.forEach((p, i) => {
      const left = room + (i % columns) * cell + left0, top = Math.floor(i / columns) * row + shape.head;
      const made = KIND[p.kind](p, g, c, common);
      const lowest = i + columns >= g.panels.length;
      if (g.shared && i % columns) made.y.axisLabel.show = false;
      if (g.shared && !lowest) made.x.axisLabel.show = false;
      out.grid.push({ left, top, width: cell - left0 - right, height: tall, containLabel: false });
      out.title.push({ text: p.title, subtext: p.note, left: left - 4, top: top - shape.head, itemGap: 2, padding: 4,
        textStyle: { fontFamily: face, fontSize: g.shared ? 11 : 13, lineHeight: g.shared ? 14 : 17, color: c.ink, fontWeight: 600, width: cell - left0 - 4, overflow: "truncate" },
        subtextStyle: { fontFamily: face, fontSize: 11, lineHeight: 14, color: c.quiet, width: cell - left0, overflow: "truncate" } });
      out.xAxis.push(Object.assign(made.x, { gridIndex: i }));
      out.yAxis.push(Object.assign(made.y, { gridIndex: i }));
      for (const s of made.series) {
        texts.push(made.text ? made.text : null);
        if (made.scale) {
          out.visualMap.push({ type: "continuous", min: -made.scale, max: made.scale, seriesIndex: out.series.length, calculable: false,
            left: left + cell - left0 - right + 4, top, padding: 0, itemWidth: 7, itemHeight: tall - 26,
            text: [number(Number(made.scale.toPrecision(2))), number(-Number(made.scale.toPrecision(2)))], textGap: 3, textStyle: { fontFamily: face, fontSize: 9, color: c.quiet },
            inRange: { color: data.style.diverging } });
        }
        out.series.push(Object.assign(s, { xAxisIndex: i, yAxisIndex: i, animation: false }));
      }
      if (made.trigger === "axis") {
        out.tooltip.trigger = "axis";
        out.tooltip.axisPointer = { type: "line", lineStyle: { color: c.quiet } };
        out.tooltip.formatter = (found) => found.filter((e) => e.seriesType === "line").map((e) => texts[e.seriesIndex](e.value[2])).join("<br>");
      }
    });
    out.graphic = [
      { type: "text", x: width / 2, y: height - 12, style: { text: g.x, fill: c.quiet, font: `11px ${face}`, align: "center" } },
      ...(g.y ? [{ type: "text", x: 2, y: height / 2, rotation: Math.PI / 2, style: { text: g.y, fill: c.quiet, font: `11px ${face}`, align: "center" } }] : []),
    ];
    if (!out.visualMap.length) delete out.visualMap;
    return { height, out };
  }

  function draw(place) {
    const g = data.grids[Number(place.dataset.chart)];
    const { height, out } = option(g, place.clientWidth, colours());
    place.style.height = height + "px";
    const old = drawn.get(place);
    if (old) old.dispose();
    const heavy = g.panels[0].kind === "Heat" || g.panels[0].kind === "Cloud";
    const chart = echarts.init(place, null, { renderer: heavy ? "canvas" : "svg" });
    chart.setOption(out);
    drawn.set(place, chart);
  }

  const places = Array.from(document.querySelectorAll(".chart"));
  places.forEach((place) => {
    place.style.height = option(data.grids[Number(place.dataset.chart)], place.clientWidth, colours()).height + "px";
  });
  const seen = new IntersectionObserver((entries) => {
    entries.forEach((entry) => {
      if (entry.isIntersecting) { seen.unobserve(entry.target); draw(entry.target); }
    });
  }, { rootMargin: "400px" });
  places.forEach((place) => seen.observe(place));

  let wait = 0;
  let width = window.innerWidth;
  function again() { Array.from(drawn.keys()).forEach(draw); }
  window.addEventListener("resize", () => {
    if (window.innerWidth === width) return;
    width = window.innerWidth;
    clearTimeout(wait);
    wait = setTimeout(again, 150);
  });
  dark.addEventListener("change", again);
  window.addEventListener("beforeprint", () => places.forEach((place) => { if (!drawn.has(place)) draw(place); }));
})();
