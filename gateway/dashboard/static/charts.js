// Draws what charts/chart.py states, with uPlot, in the colours of the page.
(() => {
  const drawn = new Map(); // element -> its plot

  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
  const fade = (name, percent) => `color-mix(in srgb, ${colour(name)} ${percent}%, transparent)`;

  const seconds = (value) => {
    if (value < 120) return `${+value.toFixed(value < 10 ? 1 : 0)} s`;
    if (value < 7200) return `${+(value / 60).toFixed(1)} min`;
    return `${+(value / 3600).toFixed(1)} h`;
  };
  const write = {
    number: (value) => (value === null || value === undefined ? "–" : value.toLocaleString("en", { maximumSignificantDigits: 4 })),
    count: (value) => (Number.isInteger(value) ? value.toLocaleString("en") : ""),
    share: (value) => (value === null || value === undefined ? "–" : `${+(100 * value).toFixed(1)}%`),
    seconds: (value) => (value === null || value === undefined ? "–" : seconds(value)),
  };

  const axis = (stated, side) => ({
    label: stated.label, labelSize: 22, labelFont: "12px system-ui, sans-serif", font: "12px system-ui, sans-serif",
    stroke: colour("muted"), grid: { stroke: colour("grid"), width: 1 }, ticks: { show: false }, size: side ? 52 : 34,
    values: (_, ticks) => ticks.map((tick) => write[stated.scale](tick)),
  });

  const range = (stated, values) => () => {
    const known = values.filter((value) => value !== null && Number.isFinite(value));
    let low = stated.low ?? Math.min(...known);
    let high = stated.high ?? Math.max(...known);
    const margin = (high - low || Math.abs(high) || 1) * 0.06;
    if (stated.low === null) low = stated.scale === "share" ? Math.max(0, low - margin) : low - margin;
    if (stated.high === null) high = stated.scale === "share" ? Math.min(1, high + margin) : high + margin;
    return [low, high];
  };

  const series = (line, stacked) => {
    const stroke = colour(line.colour);
    const target = line.shape === "target";
    const points = line.shape === "points" || target;
    return {
      label: line.label, stroke, width: points ? 0 : stacked ? 1 : 2, spanGaps: true,
      dash: line.shape === "dashed" ? [6, 5] : undefined,
      fill: line.shape === "area" ? fade(line.colour, stacked ? 70 : 18) : undefined,
      paths: points ? () => null : undefined,
      points: { show: points, size: target ? 13 : 9, fill: target ? colour("paper") : stroke, stroke: target ? stroke : colour("paper"), width: target ? 3.5 : 1.5 },
    };
  };

  // Bars of the intervals, and the uprights with their names.
  const marks = (stated) => (plot) => {
    const context = plot.ctx;
    context.save();
    for (const line of stated.lines.filter((one) => one.low)) {
      context.strokeStyle = colour(line.colour);
      context.lineWidth = 1.5 * devicePixelRatio;
      line.x.forEach((x, place) => {
        const at = plot.valToPos(x, "x", true);
        context.beginPath();
        context.moveTo(at, plot.valToPos(line.low[place], "y", true));
        context.lineTo(at, plot.valToPos(line.high[place], "y", true));
        context.stroke();
      });
    }
    for (const upright of stated.uprights) {
      const at = plot.valToPos(upright.x, "x", true);
      const { top, height, left, width } = plot.bbox;
      if (at < left || at > left + width) continue;
      context.strokeStyle = context.fillStyle = colour("bad");
      context.lineWidth = 1.5 * devicePixelRatio;
      context.setLineDash([6 * devicePixelRatio, 5 * devicePixelRatio]);
      context.beginPath();
      context.moveTo(at, top);
      context.lineTo(at, top + height);
      context.stroke();
      context.font = `${12 * devicePixelRatio}px system-ui, sans-serif`;
      const right = at > left + width * 0.85;
      context.textAlign = right ? "right" : "left";
      context.fillText(upright.label, at + (right ? -5 : 5) * devicePixelRatio, top + height - 10 * devicePixelRatio);
    }
    context.restore();
  };

  // What is under the pointer, in words below the chart.
  const tell = (element, stated, lines, plot) => {
    const said = element.parentElement.querySelector(".readout");
    const place = plot.cursor.idx;
    if (place === null || place === undefined) { said.textContent = ""; return; }
    const heights = lines.map((line, index) => plot.data[index + 1][place]);
    const parts = lines.flatMap((line, index) => {
      const below = stated.stacked && index + 1 < lines.length ? heights[index + 1] : 0;
      return heights[index] === null || heights[index] === undefined ? [] : [`${line.label} ${write[stated.y.scale](heights[index] - below)}`];
    });
    said.textContent = [`${stated.x.label} ${write[stated.x.scale](plot.data[0][place])}`, ...parts].join(" · ");
  };

  const draw = (element) => {
    drawn.get(element)?.destroy();
    const stated = JSON.parse(element.querySelector("script").textContent);
    const lines = stated.stacked ? [...stated.lines].reverse() : stated.lines;
    const joined = uPlot.join(lines.map((line) => [line.x, line.y]));
    const bands = stated.stacked ? lines.slice(1).map((line, place) => ({ series: [place + 1, place + 2], fill: fade(lines[place].colour, 70) })) : [];
    const width = Math.max(240, element.clientWidth);
    const ys = lines.flatMap((line) => [...line.y, ...(line.low ?? []), ...(line.high ?? [])]);
    const xs = [...joined[0], ...stated.uprights.map((upright) => upright.x)];
    drawn.set(element, new uPlot({
      width, height: element.clientHeight, bands, padding: [8, 20, 0, 0],
      scales: { x: { time: false, range: range(stated.x, xs) }, y: { range: range(stated.y, ys) } },
      axes: [axis(stated.x, false), axis(stated.y, true)],
      series: [{ label: stated.x.label, value: (_, value) => write[stated.x.scale](value) },
        ...lines.map((line) => ({ ...series(line, stated.stacked), value: (_, value) => write[stated.y.scale](value) }))],
      cursor: { drag: { x: false, y: false }, points: { size: 7 } },
      legend: { show: false },
      hooks: { draw: [marks(stated)], setCursor: [(plot) => tell(element, stated, lines, plot)] },
    }, joined, element));
  };

  const drawAll = (within = document) => {
    for (const [element, plot] of drawn) {
      if (!element.isConnected) { plot.destroy(); drawn.delete(element); }
    }
    within.querySelectorAll(".chart").forEach(draw);
  };

  let waiting;
  addEventListener("resize", () => { clearTimeout(waiting); waiting = setTimeout(drawAll, 150); });
  document.addEventListener("apportion:theme", () => drawAll());
  document.addEventListener("DOMContentLoaded", () => drawAll());
  document.addEventListener("apportion:part", (event) => drawAll(event.target));
})();
