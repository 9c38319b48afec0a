"use strict";
// Draws the page's charts from the JSON beside them. Fetches nothing and stores nothing.
(() => {
  const MARGIN = { left: 66, right: 14, top: 8, bottom: 22 };
  const HEIGHT = 210;
  const SVG = "http://www.w3.org/2000/svg";
  const ZOOM_PIXELS_MIN = 8;
  const MARKER_REACH = 9;
  const TIME_STEPS = [
    1, 2, 5, 10, 20, 50, 100, 200, 500, 1e3, 2e3, 5e3, 10e3, 15e3, 30e3, 60e3, 120e3, 300e3, 600e3,
    900e3, 1800e3, 3600e3, 7200e3, 10800e3, 21600e3, 43200e3, 86400e3, 172800e3, 604800e3,
  ];
  const page = document.documentElement;

  const failures = [];
  const fail = (what) => {
    failures.push(String(what));
    page.dataset.errors = failures.join(" | ");
  };
  window.onerror = (message) => fail(message);
  window.addEventListener("unhandledrejection", (event) => fail(event.reason));
  document.addEventListener("securitypolicyviolation", (event) =>
    fail(`blocked by policy: ${event.violatedDirective} ${event.blockedURI}`));

  const put = (parent, name, attributes, words) => {
    const node = document.createElementNS(SVG, name);
    for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
    if (words !== undefined) node.textContent = words;
    parent.append(node);
    return node;
  };
  const create = (parent, name, className, words) => {
    const node = document.createElement(name);
    node.className = className;
    if (words !== undefined) node.textContent = words;
    parent.append(node);
    return node;
  };

  const grouped = (digits) => digits.replace(/\B(?=(\d{3})+$)/g, ",");
  const dollars = (value, digits, least = 2) => {
    const [whole, fraction = ""] = Math.abs(value).toFixed(digits).split(".");
    const kept = fraction.replace(/0+$/, "").padEnd(Math.min(least, digits), "0");
    return `${value < 0 ? "−" : ""}$${grouped(whole)}${kept ? "." + kept : ""}`;
  };
  const utc = (ms) => new Date(ms).toISOString().replace("T", " ").replace("Z", " UTC");
  const clock = (ms, step) => {
    const iso = new Date(ms).toISOString();
    if (step >= 86400e3) return iso.slice(5, 10);
    if (step >= 60e3) return iso.slice(11, 16);
    return step >= 1e3 ? iso.slice(11, 19) : iso.slice(14, 23);
  };

  const roundStep = (rough) => {
    const power = 10 ** Math.floor(Math.log10(rough));
    return [1, 2, 2.5, 5, 10].map((factor) => factor * power).find((step) => step >= rough * 0.999);
  };
  const multiples = (low, high, step) => {
    const found = [];
    for (let n = Math.ceil(low / step - 1e-9); n * step <= high + step * 1e-9; n++) found.push(n * step);
    return found;
  };
  // Whole dollars have none, anything finer has cents at least.
  const decimals = (step) => {
    const needed = [0, 1, 2, 3, 4, 5].find((digits) => Math.abs(step * 10 ** digits - Math.round(step * 10 ** digits)) < 1e-6) ?? 6;
    return needed && Math.max(needed, 2);
  };

  // The last position whose time is not after `at`, or -1.
  const before = (times, at) => {
    let low = 0;
    let high = times.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (times[middle] <= at) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  };

  // What every chart shares: the picture, the read-out, the pointer and the keyboard.
  // A chart is { draw(canvas), stops(), describe(stop), pixel(stop), zoom?(from, to), csv() }.
  const mount = (figure, chart) => {
    const plot = figure.querySelector(".plot");
    const readout = create(plot, "div", "readout");
    readout.hidden = true;
    readout.setAttribute("role", "status");
    let canvas, cursor, current, pressed, selection;

    const redraw = () => {
      canvas?.svg.remove();
      const width = Math.max(plot.clientWidth, 240);
      const svg = document.createElementNS(SVG, "svg");
      svg.setAttribute("viewBox", `0 0 ${width} ${HEIGHT}`);
      svg.setAttribute("height", HEIGHT);
      svg.setAttribute("aria-hidden", "true");
      plot.prepend(svg);
      canvas = { svg, left: MARGIN.left, right: width - MARGIN.right, top: MARGIN.top, bottom: HEIGHT - MARGIN.bottom };
      chart.draw(canvas);
      cursor = put(svg, "line", { class: "cursor", y1: canvas.top, y2: canvas.bottom, visibility: "hidden" });
      selection = put(svg, "rect", { class: "selection", y: canvas.top, height: canvas.bottom - canvas.top, width: 0 });
      hide();
    };
    const hide = () => {
      readout.hidden = true;
      current = undefined;
      cursor.setAttribute("visibility", "hidden");
    };
    const show = (stop, x, y) => {
      current = stop;
      const at = chart.pixel(stop);
      cursor.setAttribute("x1", at);
      cursor.setAttribute("x2", at);
      cursor.setAttribute("visibility", "visible");
      readout.textContent = chart.describe(stop, x, y);
      readout.hidden = false;
      const leftHalf = at < (canvas.left + canvas.right) / 2;
      readout.style.left = leftHalf ? "auto" : `${MARGIN.left + 4}px`;
      readout.style.right = leftHalf ? `${MARGIN.right}px` : "auto";
    };
    const position = (event) => {
      const box = canvas.svg.getBoundingClientRect();
      return [Math.min(Math.max(event.clientX - box.left, canvas.left), canvas.right), event.clientY - box.top];
    };

    plot.addEventListener("pointermove", (event) => {
      const [x, y] = position(event);
      show(chart.at(x), x, y);
      if (pressed === undefined) return;
      selection.setAttribute("x", Math.min(x, pressed));
      selection.setAttribute("width", Math.abs(x - pressed));
    });
    plot.addEventListener("pointerleave", hide);
    plot.addEventListener("pointerdown", (event) => {
      if (!chart.zoom || event.pointerType !== "mouse" || event.button !== 0) return;
      event.preventDefault();
      plot.focus({ preventScroll: true, focusVisible: false });
      plot.setPointerCapture(event.pointerId);
      [pressed] = position(event);
    });
    plot.addEventListener("pointerup", (event) => {
      const [x] = position(event);
      const from = pressed;
      pressed = undefined;
      selection.setAttribute("width", 0);
      if (from === undefined || Math.abs(x - from) < ZOOM_PIXELS_MIN) return;
      chart.zoom(chart.at(Math.min(x, from)), chart.at(Math.max(x, from)));
      reset.hidden = false;
      redraw();
    });
    const whole = () => {
      chart.zoom?.();
      reset.hidden = true;
      redraw();
    };
    plot.addEventListener("dblclick", whole);
    plot.addEventListener("keydown", (event) => {
      if (event.key === "Escape") whole();
      if (event.key !== "ArrowLeft" && event.key !== "ArrowRight") return;
      event.preventDefault();
      const stops = chart.stops();
      const step = event.key === "ArrowRight" ? 1 : -1;
      const here = current === undefined ? (step > 0 ? -1 : stops.length) : before(stops, current);
      // From between two stops, left goes to the one just passed.
      const back = step < 0 && stops[here] < current ? 0 : step;
      show(stops[Math.min(Math.max(here + back, 0), stops.length - 1)]);
    });
    plot.addEventListener("blur", hide);

    const tools = document.createElement("div");
    tools.className = "tools";
    plot.after(tools);
    const reset = create(tools, "button", "", "Whole span");
    reset.type = "button";
    reset.hidden = true;
    reset.addEventListener("click", whole);
    const save = create(tools, "button", "", "CSV");
    save.type = "button";
    const title = figure.querySelector(".title").textContent;
    save.setAttribute("aria-label", `Save the data of ${title} as CSV`);
    save.addEventListener("click", () => {
      const link = document.createElement("a");
      link.href = URL.createObjectURL(new Blob([chart.csv()], { type: "text/csv" }));
      link.download = `${title.replace(/[^A-Za-z0-9.-]+/g, "_")}.csv`;
      link.click();
      URL.revokeObjectURL(link.href);
    });

    redraw();
    let drawnAt = plot.clientWidth;
    new ResizeObserver(() => {
      if (plot.clientWidth === drawnAt) return;
      drawnAt = plot.clientWidth;
      redraw();
    }).observe(plot);
  };

  // A leading = + - @ would make a spreadsheet run a name as a formula.
  const quoted = (value) => `"${String(value).replace(/^(?=[=+\-@\t])/, "'").replaceAll('"', '""')}"`;
  const csv = (rows) => rows.map((row) => row.join(",")).join("\n") + "\n";

  const valueAxis = (canvas, low, high, label) => {
    const y = (value) => canvas.bottom - ((value - low) / (high - low)) * (canvas.bottom - canvas.top);
    const step = roundStep((high - low) / Math.max(2, (canvas.bottom - canvas.top) / 36));
    for (const value of multiples(low, high, step)) {
      const at = y(value).toFixed(1);
      const kind = Math.abs(value) < step / 1e6 && low < 0 ? "zero-line" : "grid-line";
      put(canvas.svg, "line", { class: kind, x1: canvas.left, x2: canvas.right, y1: at, y2: at });
      put(canvas.svg, "text", { x: canvas.left - 6, y: +at + 4, "text-anchor": "end" }, label(value, step));
    }
    return y;
  };

  const lineChart = (spec) => {
    const lines = spec.lines.map((line) => {
      let at = line.start;
      return { name: line.name, values: line.values, times: [at, ...line.steps.map((step) => (at += step))] };
    });
    const first = Math.min(...lines.map((line) => line.times[0]));
    const last = Math.max(...lines.map((line) => line.times.at(-1)), first + 1);
    let from = first;
    let to = last;
    let area, y;
    const markers = [...spec.markers].sort((a, b) => a.at - b.at);
    const x = (at) => area.left + ((at - from) / (to - from)) * (area.right - area.left);
    const money = (value) => dollars(value, spec.digits);

    const visible = () => {
      let low = Infinity;
      let high = -Infinity;
      const include = (value) => {
        low = Math.min(low, value);
        high = Math.max(high, value);
      };
      for (const line of lines) {
        for (let n = Math.max(before(line.times, from), 0); n < line.times.length && line.times[n] <= to; n++)
          if (line.values[n] !== null) include(line.values[n]);
      }
      for (const marker of markers) if (marker.at >= from && marker.at <= to) include(marker.value);
      if (low > high) [low, high] = [0, 1];
      // A strike far away would press the line flat: it is left out of the picture.
      const reach = Math.max((high - low) / 2, Math.abs(high) * 1e-4);
      const [bottom, top] = [low - reach, high + reach];
      for (const level of spec.levels)
        if (level.end >= from && level.start <= to && level.value >= bottom && level.value <= top) include(level.value);
      const room = (high - low) * 0.06 || Math.abs(high) * 0.01 || 1;
      return [low - room, high + room];
    };

    const path = (line) => {
      const commands = [];
      let drawing = false;
      let lastX;
      for (let n = Math.max(before(line.times, from), 0); n < line.times.length; n++) {
        const at = Math.max(line.times[n], from);
        if (at > to) break;
        const value = line.values[n];
        lastX = x(at).toFixed(1);
        if (drawing) commands.push(`H${lastX}`);
        if (value !== null) commands.push(drawing ? `V${y(value).toFixed(1)}` : `M${lastX} ${y(value).toFixed(1)}`);
        drawing = value !== null;
      }
      // The last value holds until the next point, which may lie beyond the picture.
      if (drawing && line.times.at(-1) > to) commands.push(`H${area.right.toFixed(1)}`);
      else if (drawing && commands.length === 1) commands.push("h2");
      return commands.join("");
    };

    const shape = (symbol, cx, cy) => {
      if ("▲△".includes(symbol)) return `M${cx} ${cy - 5}l5 9h-10z`;
      if ("▼▽".includes(symbol)) return `M${cx} ${cy + 5}l5 -9h-10z`;
      return `M${cx - 4} ${cy - 4}h8v8h-8z`;
    };

    const drawTimes = () => {
      const rough = ((to - from) * 84) / (area.right - area.left);
      const step = TIME_STEPS.find((candidate) => candidate >= rough) ?? TIME_STEPS.at(-1);
      for (const at of multiples(from, to, step)) {
        const px = x(at).toFixed(1);
        put(area.svg, "line", { class: "grid-line", x1: px, x2: px, y1: area.top, y2: area.bottom });
        const anchor = px - area.left < 24 ? "start" : area.right - px < 24 ? "end" : "middle";
        put(area.svg, "text", { x: px, y: area.bottom + 15, "text-anchor": anchor }, clock(at, step));
      }
    };
    const drawLevels = () => {
      const named = [];
      for (const level of spec.levels) {
        if (level.end < from || level.start > to) continue;
        const at = y(level.value);
        if (at < area.top || at > area.bottom) continue;
        const [x1, x2] = [x(Math.max(level.start, from)), x(Math.min(level.end, to))];
        put(area.svg, "line", { class: "level", x1, x2, y1: at, y2: at });
        const label = at < area.top + 14 ? at + 12 : at - 4;
        // Labels that would lie on top of each other are left to the read-out.
        if (x2 - x1 < 70 || named.some(([nx, ny]) => Math.abs(ny - label) < 13 && Math.abs(nx - x1) < 75)) continue;
        named.push([x1, label]);
        put(area.svg, "text", { x: x1 + 3, y: label }, dollars(level.value, 2));
      }
    };

    // One path for all decisions of a kind: there may be thousands.
    const drawMarkers = () => {
      const paths = new Map();
      for (const marker of markers) {
        if (marker.at < from || marker.at > to) continue;
        const drawn = shape(marker.shape, +x(marker.at).toFixed(1), +y(marker.value).toFixed(1));
        paths.set(marker.shape, (paths.get(marker.shape) ?? "") + drawn);
      }
      for (const [symbol, d] of paths)
        put(area.svg, "path", { class: "△▽□".includes(symbol) ? "shape hollow" : "shape", d });
    };

    const describe = (at, px, py) => {
      const rows = [utc(at)];
      for (const line of lines) {
        const n = before(line.times, at);
        const value = n < 0 ? null : line.values[n];
        rows.push(`${line.name}: ${value === null ? "unknown" : money(value)}`);
      }
      const levels = spec.levels.filter((level) => level.start <= at && at <= level.end);
      for (const level of levels.slice(0, 4)) rows.push(`strike ${dollars(level.value, 2)} (${level.label})`);
      if (levels.length > 4) rows.push(`and ${levels.length - 4} more strikes`);
      const near = markers.filter((marker) => Math.abs(x(marker.at) - x(at)) <= MARKER_REACH);
      const distance = (marker) => Math.abs(x(marker.at) - x(at)) + (py === undefined ? 0 : Math.abs(y(marker.value) - py));
      near.sort((a, b) => distance(a) - distance(b));
      for (const marker of near.slice(0, 3)) rows.push(`${utc(marker.at).slice(11, 23)} ${marker.label}`);
      if (near.length > 3) rows.push(`and ${near.length - 3} more decisions here`);
      return rows.join("\n");
    };

    return {
      draw: (canvas) => {
        area = canvas;
        const [low, high] = visible();
        y = valueAxis(area, low, high, (value, step) => dollars(value, decimals(step), decimals(step)));
        drawTimes();
        drawLevels();
        lines.forEach((line, n) => put(area.svg, "path", { class: `line-${n}`, d: path(line) }));
        drawMarkers();
      },
      at: (px) => Math.round(from + ((px - area.left) / (area.right - area.left)) * (to - from)),
      pixel: x,
      stops: () => [...new Set([...lines.flatMap((line) => line.times), ...markers.map((marker) => marker.at)])]
        .filter((at) => at >= from && at <= to).sort((a, b) => a - b),
      describe,
      zoom: (start = first, end = last) => {
        if (end > start) [from, to] = [start, end];
      },
      csv: () => csv([
        ["time_utc", "series", "value_dollars"],
        ...lines.flatMap((line) => line.times.map((at, n) => [new Date(at).toISOString(), quoted(line.name), line.values[n] ?? ""])),
        ...markers.map((marker) => [new Date(marker.at).toISOString(), quoted(marker.label), marker.value]),
      ]),
    };
  };

  const barChart = (spec) => {
    const size = spec.labels.length;
    let area;
    const width = () => (area.right - area.left) / size;
    const panel = ({ name, values }, n) => {
      const height = (area.bottom - area.top - 18 * spec.panels.length) / spec.panels.length;
      const bottom = area.top + (n + 1) * (height + 18);
      const top = bottom - height;
      const most = Math.max(...values, 1);
      put(area.svg, "text", { x: area.left, y: top - 3 }, name);
      put(area.svg, "text", { x: area.left - 6, y: top + 8, "text-anchor": "end" }, grouped(String(most)));
      put(area.svg, "text", { x: area.left - 6, y: bottom, "text-anchor": "end" }, "0");
      put(area.svg, "line", { class: "zero-line", x1: area.left, x2: area.right, y1: bottom, y2: bottom });
      values.forEach((value, bar) => {
        if (!value) return;
        // Something that happened is never drawn as nothing.
        const tall = Math.max((value / most) * height, 1.5);
        put(area.svg, "rect", { class: `bar-${n}`, x: area.left + bar * width() + 0.5, width: Math.max(width() - 1, 1), y: bottom - tall, height: tall });
      });
    };
    const drawTicks = () => {
      const every = Math.ceil(58 / width());
      spec.ticks.forEach((tick, n) => {
        if (!tick || n % every) return;
        put(area.svg, "text", { x: area.left + n * width(), y: area.bottom + 15, "text-anchor": "middle" }, tick);
      });
    };
    return {
      draw: (canvas) => {
        area = canvas;
        spec.panels.forEach(panel);
        drawTicks();
        if (spec.threshold === null) return;
        const at = area.left + spec.threshold * width();
        put(area.svg, "line", { class: "guide", x1: at, x2: at, y1: area.top, y2: area.bottom });
      },
      at: (px) => Math.min(Math.floor((px - area.left) / width()), size - 1),
      pixel: (bar) => area.left + (bar + 0.5) * width(),
      stops: () => spec.labels.map((_, bar) => bar),
      describe: (bar) => [spec.labels[bar], ...spec.panels.map(({ name, values }) => `${name}: ${grouped(String(values[bar]))}`)].join("\n"),
      csv: () => csv([
        ["bin", ...spec.panels.map(({ name }) => name)],
        ...spec.labels.map((label, bar) => [quoted(label), ...spec.panels.map(({ values }) => values[bar])]),
      ]),
    };
  };

  const calibrationChart = (spec) => {
    const dots = spec.groups
      .flatMap((group, n) => group.points.map(([said, happened, count]) => ({ name: group.name, n, said, happened, count })))
      .sort((a, b) => a.said - b.said);
    const most = Math.max(...dots.map((dot) => dot.count), 1);
    let area, y;
    const x = (share) => area.left + share * (area.right - area.left);
    const radius = (count) => 3 + 6 * Math.sqrt(count / most);
    const draw = ({ n, said, happened, count }) => {
      const [cx, cy, r] = [x(said), y(happened), radius(count)];
      if (n === 0) put(area.svg, "circle", { class: "dot-0", cx, cy, r });
      else put(area.svg, "path", { class: "dot-1", d: `M${cx} ${cy - r}l${r} ${r}l${-r} ${r}l${-r} ${-r}z` });
    };
    const percent = (share) => `${(100 * share).toFixed(1)} %`;
    return {
      draw: (canvas) => {
        area = canvas;
        y = valueAxis(area, -0.04, 1.04, (value) => `${Math.round(100 * value)} %`);
        for (const share of [0, 0.25, 0.5, 0.75, 1])
          put(area.svg, "text", { x: x(share), y: area.bottom + 15, "text-anchor": share === 1 ? "end" : "middle" }, `${100 * share} %`);
        put(area.svg, "line", { class: "guide", x1: x(0), y1: y(0), x2: x(1), y2: y(1) });
        dots.forEach(draw);
      },
      at: (px) => {
        const share = (px - area.left) / (area.right - area.left);
        return dots.reduce((best, dot) => (Math.abs(dot.said - share) < Math.abs(best - share) ? dot.said : best), Infinity);
      },
      pixel: (share) => x(Number.isFinite(share) ? share : 0),
      stops: () => [...new Set(dots.map((dot) => dot.said))],
      describe: (share) => dots.filter((dot) => dot.said === share)
        .map((dot) => `${dot.name} said ${percent(dot.said)}, happened ${percent(dot.happened)} of ${grouped(String(dot.count))}`)
        .join("\n") || "no forecast",
      csv: () => csv([
        ["forecaster", "mean_forecast", "observed", "count"],
        ...dots.map((dot) => [dot.name, dot.said, dot.happened, dot.count]),
      ]),
    };
  };

  const kinds = { lines: lineChart, bars: barChart, calibration: calibrationChart };
  let drawn = 0;
  for (const figure of document.querySelectorAll("figure.chart")) {
    const spec = JSON.parse(figure.querySelector("script").textContent);
    mount(figure, kinds[spec.kind](spec));
    drawn += 1;
  }
  page.dataset.charts = drawn;
})();
