// Charts: dygraphs, with a legend of buttons, a tool bar, marks, and keys. dygraphs' own legend is
// left out: it writes styles into attributes, which the page's policy forbids.
'use strict';

nca.hasCharts = typeof Dygraph !== 'undefined';
if (nca.hasCharts)
  Dygraph.PLUGINS = Dygraph.PLUGINS.filter((plugin) => plugin !== Dygraph.Plugins.Legend);
else
  document.getElementById('no-charts').hidden = false;

// Okabe and Ito's colours, which everyone can tell apart (no two come nearer than their own yellow
// and orange, also without red or green cones); yellow and black are shaded for their ground.
// Beyond eight the dashes tell.
nca.palettes = {
  light: ['#0072B2', '#D55E00', '#009E73', '#CC79A7', '#E69F00', '#56B4E9', '#111111', '#5E5000'],
  dark: ['#4AA3DF', '#F0603F', '#10B981', '#E39BC2', '#E69F00', '#9AD8FF', '#F2F2F2', '#F0E442'],
};
nca.dashes = [null, [7, 3], [2, 2], [9, 3, 2, 3]];

nca.darkQuery = matchMedia('(prefers-color-scheme: dark)');
nca.isPrinting = false;
nca.theme = function() {
  const isDark = nca.darkQuery.matches && !nca.isPrinting;
  return {
    palette: isDark ? nca.palettes.dark : nca.palettes.light,
    grid: isDark ? '#333c48' : '#dde1e7',
    axis: isDark ? '#78838f' : '#8a93a0',
    ink: isDark ? '#e6e9ee' : '#1c2430',
  };
};
nca.colour = (index) => nca.theme().palette[index % 8];
nca.dash = (index) => nca.dashes[Math.floor(index / 8) % nca.dashes.length];

// A legend of buttons for entries [{name}], of which the first few are on; `changed(visible)` gets
// an array of booleans.
nca.legend = function(entries, changed, atFirst = entries.length) {
  const visible = entries.map((_, i) => i < atFirst), buttons = [];
  const list = nca.make('ul', {class: 'legend', 'aria-label': 'Traces'});
  const apply = () => {
    buttons.forEach((button, i) => button.setAttribute('aria-pressed', String(visible[i])));
    changed(visible);
  };
  const isolate = (chosen) => {
    const isAlone = visible.every((shown, i) => shown === (i === chosen));
    visible.forEach((_, i) => {
      visible[i] = isAlone || i === chosen;
    });
    apply();
  };
  entries.forEach((entry, i) => {
    const button = nca.make('button', {
      type: 'button',
      'aria-pressed': String(visible[i]),
      title: 'hide or show; double click: only this one',
      onclick: (event) => {
        if (event.shiftKey) return isolate(i);
        visible[i] = !visible[i];
        return apply();
      },
      ondblclick: () => isolate(i),
    },
      nca.swatch(i), nca.make('span', {text: entry.name}));
    buttons.push(button);
    list.append(nca.make('li', {}, button));
  });
  changed(visible);
  return list;
};

// A short piece of a trace, with its colour and dash.
nca.swatch = function(index) {
  const space = 'http://www.w3.org/2000/svg', dash = nca.dash(index);
  const svg = document.createElementNS(space, 'svg'),
        line = document.createElementNS(space, 'line');
  svg.setAttribute('width', 26);
  svg.setAttribute('height', 10);
  svg.setAttribute('aria-hidden', 'true');
  const set = {x1: 0, y1: 5, x2: 26, y2: 5, 'stroke-width': 3, 'data-colour': index};
  if (dash) set['stroke-dasharray'] = dash.join(' ');
  for (const [name, value] of Object.entries(set)) line.setAttribute(name, value);
  line.setAttribute('stroke', nca.colour(index));
  svg.append(line);
  return svg;
};

// Rows [x, value...] of the series, whose x may differ: dygraphs wants one column of them.
nca.rows = function(series) {
  const rows = new Map();
  series.forEach((one, i) => one.x.forEach((x, j) => {
    if (!rows.has(x)) rows.set(x, [x, ...series.map(() => null)]);
    rows.get(x)[i + 1] = one.y[j];
  }));
  return [...rows.values()].sort((a, b) => a[0] - b[0]);
};

// A chart of series [{name, colour, x, y, low, high}], where low and high, if there, make a band;
// `colour` numbers the legend's entry. spec: {title, xlabel, ylabel, series, marks, logscale}, with
// marks [{x, text, colour}]. Returns the chart, whose `element` the caller places.
nca.chart = function(spec) {
  const plot = nca.make('div', {
    class: 'plot',
    tabindex: 0,
    role: 'group',
    'aria-label': `${spec.title}: chart; arrow keys move, plus and minus zoom, 0 shows all`,
  });
  const readout = nca.make('div', {class: 'readout'});
  const tools = nca.make('div', {class: 'bar'});
  const chart =
    {spec, plot, readout, graph: null, cursor: nca.make('div', {class: 'cursor'}), at: null};
  const tool = (text, label, act) => tools.append(
    nca.make('button', {type: 'button', 'aria-label': label, title: label, text, onclick: act}));
  tool('+', 'Zoom in', () => nca.zoom(chart, 0.5, 0));
  tool('−', 'Zoom out', () => nca.zoom(chart, 2, 0));
  tool('◀', 'Earlier', () => nca.zoom(chart, 1, -0.5));
  tool('▶', 'Later', () => nca.zoom(chart, 1, 0.5));
  tool('All', 'Whole range', () => nca.zoom(chart, 0, 0));
  chart.element = nca.make('figure', {class: 'chart'},
    nca.make(
      'div', {class: 'head'}, nca.make('figcaption', {}, nca.make('b', {text: spec.title})), tools),
    plot, readout);
  plot.addEventListener('keydown', (event) => {
    const act = {
      ArrowLeft: [1, -0.25],
      ArrowRight: [1, 0.25],
      '+': [0.5, 0],
      '=': [0.5, 0],
      '-': [2, 0],
      0: [0, 0],
    }[event.key];
    if (!act) return;
    event.preventDefault();
    nca.zoom(chart, ...act);
  });
  nca.charts.push(chart);
  return chart;
};

// Draws a chart whose element stands in the page.
nca.draw = function(chart) {
  if (!nca.hasCharts) {
    chart.element.hidden = true;
    return;
  }
  const {spec} = chart, labels = ['x', ...spec.series.map((_, i) => String(i))];
  const own = Dygraph.defaultInteractionModel, twoFingers = {};
  for (const name of ['touchstart', 'touchmove', 'touchend'])  // one finger scrolls the page
    twoFingers[name] = (event, graph, context) => {
      if (event.touches.length > 1 || context.isZoomingByTouch) own[name](event, graph, context);
      context.isZoomingByTouch = event.touches.length > 1;
    };
  chart.graph = new Dygraph(chart.plot, nca.rows(spec.series), {
    labels,
    xlabel: spec.xlabel,
    ylabel: spec.ylabel,
    logscale: Boolean(spec.logscale),
    visibility: nca.visibility(chart),
    valueRange: nca.sharedRange(chart),
    legend: 'never',
    connectSeparatedPoints: true,
    strokeWidth: 1.6,
    axisLabelFontSize: 13,
    xLabelHeight: 18,
    highlightCircleSize: 3,
    pointSize: 2.5,
    drawPoints: spec.series.every((one) => one.x.length < 30),
    interactionModel: {...own, ...twoFingers},
    axes: {
      y: {
        axisLabelFormatter: (value, granularity, options, graph) =>
          spec.logscale ? nca.number(value) : nca.tick(value, ...graph.yAxisRange(0)),
        axisLabelWidth: 64,
      },
      x: {
        axisLabelFormatter: (value, granularity, options, graph) =>
          nca.tick(value, ...graph.xAxisRange()),
        pixelsPerLabel: 50,
      },
    },
    series: Object.fromEntries(
      spec.series.map((one, i) => [String(i), {strokePattern: nca.dash(one.colour)}])),
    underlayCallback: (context, area, graph) => nca.drawBelow(chart, context, area, graph),
    highlightCallback: (event, x, points) => nca.readOut(chart, x, points),
    unhighlightCallback: () => {
      chart.readout.textContent = '';
    },
    drawCallback: () => nca.placeCursor(chart),
    ...nca.chartColours(spec),
  });
  chart.plot.append(chart.cursor);
  nca.placeCursor(chart);
};

nca.chartColours = function(spec) {
  const theme = nca.theme();
  return {
    colors: spec.series.map((one) => nca.colour(one.colour)),
    gridLineColor: theme.grid,
    axisLineColor: theme.axis,
  };
};

// Bands and marks, under the traces.
nca.drawBelow = function(chart, context, area, graph) {
  const {spec} = chart, visible = graph.visibility();
  const isCrowded = visible.filter((shown, i) => shown && spec.series[i].low).length > 3;
  context.save();
  context.beginPath();
  context.rect(area.x, area.y, area.w, area.h);
  context.clip();
  spec.series.forEach((one, i) => {
    if (!one.low || !visible[i]) return;
    context.globalAlpha = isCrowded ? 0.06 : 0.18;
    context.fillStyle = nca.colour(one.colour);
    context.beginPath();
    const edge = (x, value) => context.lineTo(...graph.toDomCoords(x, value));
    const known = one.x.map((_, j) => j).filter((j) => one.low[j] !== null && one.high[j] !== null);
    known.forEach((j) => edge(one.x[j], one.high[j]));
    known.reverse().forEach((j) => edge(one.x[j], one.low[j]));
    context.fill();
  });
  context.globalAlpha = 1;
  nca.drawMarks(
    (spec.marks || []).filter((mark) => mark.series === undefined || visible[mark.series]), context,
    area, graph);
  context.restore();
};

// Dashed lines, and their words as far as there is room: the rarest first, which tell the most.
nca.drawMarks = function(marks, context, area, graph) {
  const often = new Map(), taken = [];
  marks.forEach(({text}) => often.set(text, (often.get(text) || 0) + 1));
  context.font = '12px system-ui, sans-serif';
  for (const mark of [...marks].sort((a, b) => often.get(a.text) - often.get(b.text))) {
    const x = graph.toDomXCoord(mark.x), width = context.measureText(mark.text).width;
    const from = x + 4 + width > area.x + area.w ? x - 4 - width : x + 4;
    context.strokeStyle = context.fillStyle =
      mark.colour === undefined ? nca.theme().ink : nca.colour(mark.colour);
    context.setLineDash([5, 4]);
    context.beginPath();
    context.moveTo(x, area.y);
    context.lineTo(x, area.y + area.h);
    context.stroke();
    context.setLineDash([]);
    if (taken.some(([first, last]) => from < last + 4 && from + width + 4 > first)) continue;
    taken.push([from, from + width]);
    context.fillText(mark.text, from, area.y + 12);
  }
};

nca.readOut = function(chart, x, points) {
  const shown =
    points.filter((point) => point.yval !== null && !Number.isNaN(point.yval)).slice(0, 20);
  chart.readout.textContent = `${chart.spec.xlabel} ${nca.count(x)}: ` +
    shown.map((point) => `${chart.spec.series[point.name].name} ${nca.number(point.yval)}`)
      .join(', ');
};

// Shows a part of the range: `factor` of it, moved by `shift` of it; factor 0 is the whole.
nca.zoom = function(chart, factor, shift) {
  if (!chart.graph) return;
  if (factor === 0) {
    chart.graph.resetZoom();
    if (chart.spec.group) chart.graph.updateOptions({valueRange: nca.sharedRange(chart)});
    return;
  }
  const [first, last] = chart.graph.xAxisRange(), [low, high] = chart.graph.xAxisExtremes();
  const width = Math.min((last - first) * factor, high - low);
  let from = (first + last - width) / 2 + shift * (last - first);
  from = Math.max(low, Math.min(from, high - width));
  chart.graph.updateOptions({dateWindow: [from, from + width], valueRange: nca.sharedRange(chart)});
};

// A line at a moment, which is moved far more often than the chart is drawn.
nca.setCursor = function(chart, x) {
  chart.at = x;
  nca.placeCursor(chart);
};
nca.placeCursor = function(chart) {
  if (!chart.graph) return;
  const [first, last] = chart.graph.xAxisRange();
  chart.cursor.hidden = chart.at === null || chart.at < first || chart.at > last;
  if (!chart.cursor.hidden) chart.cursor.style.left = `${chart.graph.toDomXCoord(chart.at)}px`;
};

// Shows only the series whose legend entry is visible.
nca.show = function(chart, visible) {
  chart.visible = visible;
  if (chart.graph) chart.graph.updateOptions({visibility: nca.visibility(chart)});
};
nca.visibility = ({spec, visible}) => spec.series.map((one) => !visible || visible[one.colour]);

// The range of values that charts of the same group share, so that runs side by side are compared
// by one axis; null where a chart stands alone.
nca.sharedRange = function({spec}) {
  const alike = nca.charts.filter((chart) => spec.group && chart.spec.group === spec.group);
  if (alike.length < 2) return null;
  let least = Infinity, most = -Infinity;
  for (const chart of alike)
    for (const {y} of chart.spec.series)
      for (const value of y.filter((one) => one !== null)) {
        least = Math.min(least, value);
        most = Math.max(most, value);
      }
  const room = 0.05 * (most - least);
  return most > least ? [least - room, most + room] : null;
};

nca.recolour = function() {
  document.querySelectorAll('[data-colour]')
    .forEach((line) => line.setAttribute('stroke', nca.colour(Number(line.dataset.colour))));
  nca.charts.forEach(
    (chart) => chart.graph && chart.graph.updateOptions(nca.chartColours(chart.spec)));
};
nca.darkQuery.addEventListener('change', nca.recolour);

// On paper a chart is as wide as the page, drawn for a white ground. It is scaled, not drawn at
// another size: what a canvas of a new size shows would not reach the paper in time. Nothing is
// folded away there but the licence.
addEventListener('beforeprint', () => {
  nca.isPrinting = true;
  nca.unfolded = [...document.querySelectorAll('main details:not([open])')];
  nca.unfolded.forEach((details) => details.setAttribute('open', ''));
  nca.recolour();
  nca.charts.forEach(({plot}) => {
    plot.style.zoom = String(Math.min(1, 660 / plot.clientWidth));
  });
});
addEventListener('afterprint', () => {
  nca.isPrinting = false;
  nca.unfolded.forEach((details) => details.removeAttribute('open'));
  nca.charts.forEach(({plot}) => {
    plot.style.zoom = '';
  });
  nca.recolour();
});
