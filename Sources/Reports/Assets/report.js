"use strict";
// Draws the curves of the page's own data. All charts of runs share axis, zoom and crosshair.
(() => {
  let data = JSON.parse(document.getElementById("report-data").textContent);
  const state = { axis: "step", logX: false, logY: false, smooth: 0, zoom: null, hidden: new Set(), cross: null };
  const names = { step: "steps", tokens: "tokens", hours: "hours" };
  const SVG = "http://www.w3.org/2000/svg";

  const element = (name, attributes, parent, text) => {
    const made = document.createElementNS(SVG, name);
    for (const key in attributes) made.setAttribute(key, attributes[key]);
    if (text !== undefined) made.textContent = text;
    if (parent) parent.appendChild(made);
    return made;
  };

  // MARK: Numbers
  const format = (value) => {
    if (value === null || !isFinite(value)) return "–";
    const size = Math.abs(value);
    if (size === 0) return "0";
    const sign = value < 0 ? "−" : "";
    if (size >= 1e9) return sign + +(size / 1e9).toPrecision(3) + " G";
    if (size >= 1e6) return sign + +(size / 1e6).toPrecision(3) + " M";
    if (size >= 1e4) return sign + +(size / 1e3).toPrecision(3) + " k";
    if (size < 1e-3) return sign + size.toExponential(2).replace(/\.?0*e/, "e").replace("-", "−");
    return sign + +size.toPrecision(4);
  };
  const exact = (value) => (state.axis === "hours" ? +value.toPrecision(4) : Math.round(value)).toLocaleString("en-US");

  const ticks = (low, high, count, isLogarithmic) => {
    if (isLogarithmic) {
      const first = Math.floor(Math.log10(low)), last = Math.ceil(Math.log10(high)), all = [];
      const factors = last - first <= 3 ? [1, 2, 5] : [1], stride = Math.max(1, Math.ceil((last - first) / 6));
      for (let power = first; power <= last; power += stride) for (const factor of factors) all.push(factor * 10 ** power);
      const shown = all.filter((tick) => tick >= low * 0.999 && tick <= high * 1.001);
      if (shown.length >= 2) return shown;
    }
    const raw = (high - low) / count, unit = 10 ** Math.floor(Math.log10(raw));
    const step = unit * ([1, 2, 5, 10].find((factor) => raw <= factor * unit * 1.0001) || 10), result = [];
    for (let index = Math.ceil(low / step - 1e-9); index * step <= high + step * 1e-9 && result.length < 50; index++)
      result.push(index * step);
    return result;
  };

  // MARK: Curves
  const positions = (curves) => (state.axis === "hours" ? curves.seconds.map((second) => second / 3600) : curves[state.axis]);

  // A mean that forgets, as TensorBoard's: corrected for its beginning.
  const smoothed = (values) => {
    let sum = 0, weight = 0;
    return values.map((value) => {
      if (value === null) return null;
      sum = sum * state.smooth + (1 - state.smooth) * value;
      weight = weight * state.smooth + (1 - state.smooth);
      return sum / weight;
    });
  };

  const linesOf = (chart) => {
    const lines = [];
    data.runs.forEach((run, index) => {
      if (state.hidden.has(index)) return;
      chart.metrics.forEach((metric, place) => {
        const isAlone = data.runs.length === 1 && chart.metrics.length === 1;
        const dashed = data.runs.length > 1 ? index >= 8 || place % 2 === 1 : false;
        const label = [data.runs.length > 1 ? run.name : "", chart.metrics.length > 1 ? metric.replace(/_/g, " ") : ""].filter(Boolean).join(", ");
        for (const kind of ["training", "heldOut"]) {
          const curves = run.curves[kind], found = curves.metrics[metric];
          const colour = data.runs.length > 1 ? index : isAlone && kind === "heldOut" ? 1 : place;
          if (found && found.mean.some((value) => value !== null))
            lines.push({ label, kind, colour: colour % 8, dashed, x: positions(curves), y: found.mean, low: found.low, high: found.high, step: curves.step });
        }
      });
    });
    return lines;
  };

  const referenceOf = (chart) => {
    if (!chart.reference) return null;
    for (const run of data.runs) {
      const values = (run.curves.heldOut.metrics[chart.reference] || { mean: [] }).mean.filter((value) => value !== null);
      if (values.length) return values[values.length - 1];
    }
    return null;
  };

  const wholeRange = () => {
    let low = Infinity, high = -Infinity;
    for (const run of data.runs) for (const kind of ["training", "heldOut"]) for (const x of positions(run.curves[kind])) {
      if (state.logX && x <= 0) continue;
      low = Math.min(low, x); high = Math.max(high, x);
    }
    if (low > high) [low, high] = [0, 1];
    if (!state.logX) low = Math.min(low, 0);
    return low < high ? [low, high] : [low, low + 1];
  };

  // MARK: Drawing
  let serial = 0;
  const draw = (plot, lines, options) => {
    const width = plot.clientWidth || 340, height = plot.clientHeight || 220;
    const isLogX = options.logX, isLogY = options.logY;
    const [x0, x1] = options.range;
    const shows = (x) => x !== null && x >= x0 && x <= x1 && (!isLogX || x > 0);
    let low = Infinity, high = -Infinity, lateLow = Infinity, lateHigh = -Infinity;
    const include = (x, y) => {
      if (y === null || (isLogY && y <= 0)) return;
      low = Math.min(low, y); high = Math.max(high, y);
      if (x > x0 + 0.03 * (x1 - x0)) { lateLow = Math.min(lateLow, y); lateHigh = Math.max(lateHigh, y); }
    };
    for (const line of lines) line.x.forEach((x, index) => {
      if (!shows(x)) return;
      include(x, line.y[index]);
      if (line.low.length) { include(x, line.low[index]); include(x, line.high[index]); }
    });
    if (low > high) [low, high] = [isLogY ? 1 : 0, isLogY ? 10 : 1];
    // What the first steps alone would do to the scale is left outside, and said.
    let above = null;
    if (!isLogY && !isLogX && lateHigh > lateLow && high - low > 2.5 * (lateHigh - lateLow) && high > lateHigh) {
      above = high;
      [low, high] = [Math.min(low, lateLow), lateHigh + 0.15 * (lateHigh - lateLow)];
    }
    if (options.reference !== null && options.reference !== undefined) {
      const reference = options.reference;
      if (reference > low - 0.5 * (high - low) && reference < high + 0.5 * (high - low)) { low = Math.min(low, reference); high = Math.max(high, reference); }
    }
    if (isLogY) { const room = Math.max(1.08, (high / low) ** 0.05); low /= room; high *= room; }
    else { const room = high > low ? 0.06 * (high - low) : Math.abs(high) * 0.1 || 1; const floor = low >= 0 ? 0 : -Infinity; low = Math.max(floor, low - room); high += room; }

    const yTicks = ticks(low, high, Math.max(3, height / 45), isLogY);
    const left = 12 + 6.4 * Math.max(3, ...yTicks.map((tick) => format(tick).length)), right = width - 12, top = 8, bottom = height - 34;
    const plane = (value, isLog) => (isLog ? Math.log10(value) : value);
    const X = (x) => left + ((plane(x, isLogX) - plane(x0, isLogX)) / (plane(x1, isLogX) - plane(x0, isLogX))) * (right - left);
    const Y = (y) => bottom - ((plane(y, isLogY) - plane(low, isLogY)) / (plane(high, isLogY) - plane(low, isLogY))) * (bottom - top);

    const svg = element("svg", { viewBox: `0 0 ${width} ${height}`, "aria-hidden": "true" });
    const clip = `clip-${serial++}`;
    element("rect", { x: left, y: top - 4, width: Math.max(1, right - left), height: bottom - top + 4 }, element("clipPath", { id: clip }, element("defs", {}, svg)));
    for (const tick of yTicks) {
      element("line", { class: "grid", x1: left, x2: right, y1: Y(tick), y2: Y(tick) }, svg);
      element("text", { x: left - 6, y: Y(tick) + 4, "text-anchor": "end" }, svg, format(tick));
    }
    let end = -Infinity;
    for (const tick of ticks(x0, x1, Math.max(2, (right - left) / 75), isLogX)) {
      const label = format(tick), half = label.length * 3.4, x = X(tick);
      element("line", { class: "grid", x1: x, x2: x, y1: top, y2: bottom }, svg);
      const place = Math.min(x, width - half - 1);
      if (place - half < end + 6) continue;
      end = place + half;
      element("text", { x: place, y: bottom + 15, "text-anchor": "middle" }, svg, label);
    }
    element("line", { class: "axis", x1: left, x2: right, y1: bottom, y2: bottom }, svg);
    element("text", { class: "x-label", x: right, y: height - 4, "text-anchor": "end" }, svg, options.label);
    if (above !== null) element("text", { x: left + 6, y: top + 10 }, svg, `↑ the first steps reach ${format(above)}`);

    const inside = element("g", { "clip-path": `url(#${clip})` }, svg);
    if (options.reference !== null && options.reference !== undefined && options.reference >= low && options.reference <= high) {
      element("line", { class: "reference", x1: left, x2: right, y1: Y(options.reference), y2: Y(options.reference) }, inside);
      element("text", { x: right - 4, y: Y(options.reference) - 4, "text-anchor": "end" }, inside, options.referenceLabel);
    }
    const path = (line, values) => {
      let result = "", isDrawing = false;
      line.x.forEach((x, index) => {
        const y = values[index];
        if (y === null || (isLogY && y <= 0) || (isLogX && x <= 0)) { isDrawing = false; return; }
        result += `${isDrawing ? "L" : "M"}${X(x).toFixed(1)} ${Math.max(-1e4, Math.min(1e4, Y(y))).toFixed(1)}`;
        isDrawing = true;
      });
      return result;
    };
    for (const line of lines) {
      const colours = `s${line.colour}${line.dashed ? " dashed" : ""}`;
      if (line.low.length && line.kind === "training") {
        const there = [], back = [];
        line.x.forEach((x, index) => {
          const [a, b] = [line.low[index], line.high[index]];
          if (a === null || (isLogY && a <= 0) || (isLogX && x <= 0)) return;
          const clamp = (y) => Math.max(-1e4, Math.min(1e4, Y(y))).toFixed(1);
          there.push(`${X(x).toFixed(1)} ${clamp(b)}`); back.unshift(`${X(x).toFixed(1)} ${clamp(a)}`);
        });
        if (there.length > 1) element("path", { class: `band s${line.colour}`, d: `M${there.join("L")}L${back.join("L")}Z` }, inside);
      }
      if (line.kind === "training" && state.smooth > 0 && options.smooths) {
        element("path", { class: `raw ${colours}`, d: path(line, line.y) }, inside);
        element("path", { class: `training ${colours}`, d: path(line, smoothed(line.y)) }, inside);
      } else element("path", { class: `${line.kind === "training" ? "training" : "held"} ${colours}`, d: path(line, line.y) }, inside);
      const visible = line.x.filter(shows).length;
      if (line.kind !== "training" && visible <= 60 || visible < 2) line.x.forEach((x, index) => {
        const y = line.y[index];
        if (y === null || !shows(x) || (isLogY && y <= 0)) return;
        element("circle", { class: colours, cx: X(x).toFixed(1), cy: Y(y).toFixed(1), r: 2.8 }, inside);
      });
    }
    const cross = element("line", { class: "cross", y1: top, y2: bottom, visibility: "hidden" }, svg);
    const brush = element("rect", { class: "brush", y: top, height: bottom - top, width: 0, x: left }, svg);
    plot.replaceChildren(svg);
    const back = (pixel) => {
      const share = Math.max(0, Math.min(1, (pixel - left) / (right - left)));
      const value = plane(x0, isLogX) + share * (plane(x1, isLogX) - plane(x0, isLogX));
      return isLogX ? 10 ** value : value;
    };
    plot.scene = { lines, X, back, cross, brush, left, right, shows, width, options };
  };

  const drawAll = () => {
    const whole = wholeRange();
    const range = state.zoom && state.zoom[1] > whole[0] && state.zoom[0] < whole[1] ? state.zoom : whole;
    document.querySelectorAll("[data-chart]").forEach((figure) => {
      const chart = data.charts.find((chart) => chart.id === figure.dataset.chart);
      if (!chart) return;
      draw(figure.querySelector(".plot"), linesOf(chart), {
        range, logX: state.logX, logY: state.logY || chart.isLogarithmic, label: names[state.axis], smooths: chart.smooths, shared: true,
        reference: referenceOf(chart), referenceLabel: "word frequencies alone",
      });
    });
    document.querySelectorAll("[data-layers]").forEach((figure) => {
      const curves = (data.layers[figure.dataset.result] || {})[figure.dataset.layers] || [];
      const count = Math.max(2, ...curves.map((curve) => curve.values.length));
      draw(figure.querySelector(".plot"), curves.map((curve, index) => ({
        label: curve.label, kind: "layer", colour: index % 8, dashed: index >= 8, x: curve.values.map((_, place) => place + 1), y: curve.values, low: [], high: [], step: [],
      })), { range: [0.5, count + 0.5], logX: false, logY: false, label: "layer", smooths: false, shared: false, reference: null });
    });
    document.querySelectorAll("[data-axis]").forEach((button) => button.setAttribute("aria-pressed", button.dataset.axis === state.axis));
    document.querySelectorAll("[data-run]").forEach((button) => button.setAttribute("aria-pressed", !state.hidden.has(+button.dataset.run)));
    document.querySelectorAll("[data-reset]").forEach((button) => { button.hidden = state.zoom === null; });
    document.querySelectorAll("[data-log]").forEach((box) => { box.checked = box.dataset.log === "x" ? state.logX : state.logY; });
    document.querySelectorAll("[data-smooth]").forEach((slider) => { slider.value = state.smooth; });
  };

  // MARK: Pointing
  const nearest = (line, x) => {
    let best = -1;
    line.x.forEach((place, index) => {
      if (line.y[index] !== null && (best < 0 || Math.abs(place - x) < Math.abs(line.x[best] - x))) best = index;
    });
    return best;
  };

  const hideTips = () => {
    document.querySelectorAll(".tip").forEach((tip) => tip.remove());
    document.querySelectorAll(".plot").forEach((plot) => plot.scene && plot.scene.cross.setAttribute("visibility", "hidden"));
  };

  const point = (plot, pixel) => {
    hideTips();
    const scene = plot.scene, x = scene.back(pixel);
    if (!scene.lines.length) return;
    const first = scene.lines[0], snapped = first.x[nearest(first, x)];
    document.querySelectorAll(".plot").forEach((other) => {
      if (!other.scene || (other !== plot && !(other.scene.options.shared && scene.options.shared))) return;
      other.scene.cross.setAttribute("x1", other.scene.X(snapped));
      other.scene.cross.setAttribute("x2", other.scene.X(snapped));
      other.scene.cross.setAttribute("visibility", scene.shows(snapped) ? "visible" : "hidden");
    });
    const tip = document.createElement("div");
    tip.className = "tip";
    const title = document.createElement("b");
    title.textContent = scene.options.shared ? `${exact(snapped)} ${names[state.axis]}` : `layer ${snapped}`;
    tip.append(title);
    for (const line of scene.lines) {
      const index = nearest(line, snapped);
      if (index < 0) continue;
      const row = document.createElement("div"), swatch = document.createElement("i");
      swatch.className = `swatch s${line.colour}`;
      const kind = line.kind === "heldOut" ? "held out" : line.kind === "training" ? "training" : "";
      const band = line.low.length && line.low[index] !== line.high[index] ? ` (${format(line.low[index])} … ${format(line.high[index])})` : "";
      const elsewhere = line.kind === "heldOut" && line.x[index] !== snapped ? ` at ${exact(line.x[index])}` : "";
      row.append(swatch, `${[line.label, kind].filter(Boolean).join(", ")}: ${format(line.y[index])}${band}${elsewhere}`);
      tip.append(row);
    }
    plot.append(tip);
    const place = scene.X(snapped);
    if (place > scene.width / 2) tip.style.right = `${scene.width - place + 10}px`; else tip.style.left = `${place + 10}px`;
    tip.style.top = "10px";
  };

  let start = null;
  const offset = (event, plot) => event.clientX - plot.getBoundingClientRect().left;
  document.addEventListener("pointerdown", (event) => {
    const plot = event.target.closest && event.target.closest(".plot");
    if (!plot || !plot.scene) { hideTips(); return; }
    start = { plot, x: offset(event, plot) };
    if (event.pointerType !== "touch") event.preventDefault();
  });
  document.addEventListener("pointermove", (event) => {
    if (start && start.plot.scene.options.shared) {
      const scene = start.plot.scene, x = Math.max(scene.left, Math.min(scene.right, offset(event, start.plot)));
      scene.brush.setAttribute("x", Math.min(start.x, x));
      scene.brush.setAttribute("width", Math.abs(x - start.x));
    }
    const plot = event.target.closest && event.target.closest(".plot");
    if (plot && plot.scene) point(plot, offset(event, plot)); else if (event.pointerType !== "touch") hideTips();
  });
  const release = (event) => {
    if (!start) return;
    const { plot, x } = start, scene = plot.scene;
    start = null;
    scene.brush.setAttribute("width", 0);
    if (event.type === "pointercancel") return;
    const now = offset(event, plot);
    if (scene.options.shared && Math.abs(now - x) > 12) {
      state.zoom = [scene.back(x), scene.back(now)].sort((a, b) => a - b);
      hideTips();
      drawAll();
    } else point(plot, now);
  };
  document.addEventListener("pointerup", release);
  document.addEventListener("pointercancel", release);
  document.addEventListener("dblclick", (event) => {
    if (event.target.closest(".plot")) { state.zoom = null; drawAll(); }
  });

  // MARK: Controls
  const remember = () => {
    const parts = [], token = asked.get("token");
    if (token) parts.push(`token=${encodeURIComponent(token)}`);
    if (state.axis !== "step") parts.push(`axis=${state.axis}`);
    if (state.logX) parts.push("x=log");
    if (state.logY) parts.push("y=log");
    try { history.replaceState(null, "", parts.length ? `?${parts.join("&")}${location.hash}` : location.pathname + location.hash); } catch { /* A page that may not is none the worse. */ }
  };
  const asked = new URLSearchParams(location.search);
  if (names[asked.get("axis")]) state.axis = asked.get("axis");
  state.logX = asked.get("x") === "log";
  state.logY = asked.get("y") === "log";

  document.addEventListener("click", (event) => {
    const button = event.target.closest && event.target.closest("button");
    if (!button) return;
    if (button.dataset.axis) { state.axis = button.dataset.axis; state.zoom = null; remember(); drawAll(); }
    if (button.dataset.run !== undefined) { const run = +button.dataset.run; if (!state.hidden.delete(run)) state.hidden.add(run); drawAll(); }
    if (button.dataset.reset !== undefined) { state.zoom = null; drawAll(); }
    if (button.dataset.theme !== undefined) {
      const order = ["", "light", "dark"], root = document.documentElement;
      const theme = order[(order.indexOf(root.dataset.theme || "") + 1) % order.length];
      if (theme) root.dataset.theme = theme; else delete root.dataset.theme;
      button.textContent = { "": "◐", light: "○", dark: "●" }[theme];
      button.setAttribute("aria-label", `Colours: ${theme || "as the system has them"}`);
    }
  });
  document.addEventListener("input", (event) => {
    const input = event.target;
    if (input.dataset.log === "x") { state.logX = input.checked; state.zoom = null; }
    else if (input.dataset.log === "y") state.logY = input.checked;
    else if (input.dataset.smooth !== undefined) state.smooth = +input.value;
    else return;
    remember();
    drawAll();
  });
  let pending = 0;
  addEventListener("resize", () => { cancelAnimationFrame(pending); pending = requestAnimationFrame(drawAll); });
  addEventListener("beforeprint", () => { document.querySelectorAll("details").forEach((part) => { part.open = true; }); drawAll(); });
  drawAll();

  // MARK: Live
  const live = document.body.dataset.live;
  if (!live) return;
  let version = "";
  const refresh = async () => {
    try {
      const token = asked.get("token");
      const response = await fetch(live + (token ? `?token=${encodeURIComponent(token)}` : ""), { headers: version ? { "If-None-Match": version } : {}, cache: "no-store" });
      document.body.classList.toggle("lost", !(response.ok || response.status === 304));
      if (response.status === 200) {
        version = response.headers.get("ETag") || "";
        const update = await response.json();
        const isNew = JSON.stringify(update.data.charts) !== JSON.stringify(data.charts) || update.data.runs.length !== data.runs.length;
        data = update.data;
        document.title = update.title;
        const navigation = document.querySelector("nav");
        if (navigation.innerHTML !== update.navigation) navigation.innerHTML = update.navigation;
        // A section that has come or gone is placed by the page's own making.
        const shown = [...document.querySelectorAll("main > section")].map((section) => section.id);
        if (shown.length !== Object.keys(update.sections).length || shown.some((id) => !(id in update.sections))) { location.reload(); return; }
        for (const id in update.sections) {
          const section = document.getElementById(id);
          // The curves' own section keeps its controls while its charts are the same; what it says is replaced.
          if (id === "curves" && !isNew) {
            const made = document.createElement("template");
            made.innerHTML = update.sections[id];
            const text = made.content.querySelector("#curves-note"), place = document.getElementById("curves-note");
            if (text && place) place.innerHTML = text.innerHTML;
            made.content.querySelectorAll("[data-chart] .plot").forEach((plot) => {
              const own = section.querySelector(`[data-chart="${CSS.escape(plot.closest("[data-chart]").dataset.chart)}"] .plot`);
              if (own) own.setAttribute("aria-label", plot.getAttribute("aria-label"));
            });
            continue;
          }
          const open = [...section.querySelectorAll("details")].map((part) => part.open);
          const heading = section.querySelector("h2");
          section.innerHTML = update.sections[id];
          section.prepend(heading);
          section.querySelectorAll("details").forEach((part, index) => { part.open = open[index] || false; });
        }
        document.getElementById("made").innerHTML = update.made;
        const badge = document.getElementById("state");
        if (badge) badge.innerHTML = update.state;
        drawAll();
      }
    } catch { document.body.classList.add("lost"); }
    setTimeout(refresh, document.hidden ? 10000 : 2000);
  };
  setTimeout(refresh, 1000);
})();
