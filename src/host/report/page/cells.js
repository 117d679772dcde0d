// All channels over time at three cells, chosen on the grid; and their ranges by distance.
'use strict';

nca.tracesAtFirst = 4;  // the visible channels, where a rule has them; the rest by the legend

nca.channelEntries = (run) =>
  Array.from({length: run.model.channels}, (_, k) => ({name: nca.channelName(run, k)}));

// Traces of any living cell, out of the samples: fewer moments, and 256 levels between a trace's
// smallest and largest value. null where the cell never lived.
nca.sampledTraces = function(run, y, x) {
  const {lattice} = run, channels = run.model.channels;
  lattice.read = lattice.read || {
    living: new Uint32Array(nca.bytes(lattice.living).buffer),
    bounds: new Float32Array(nca.bytes(lattice.bounds).buffer),
    bytes: nca.bytes(lattice.bytes),
  };
  const {living, bounds, bytes} = lattice.read;
  const cell = Math.floor(y / lattice.stride) * lattice.width + Math.floor(x / lattice.stride);
  const row = living.indexOf(cell) * channels;
  if (row < 0) return null;
  const moments = Array.from({length: lattice.moments}, (_, i) => i * lattice.every);
  return Array.from({length: channels}, (_, k) => {
    const [low, high] = bounds.subarray((row + k) * 2, (row + k) * 2 + 2);
    return {
      x: moments,
      y: moments.map((_, i) => low + bytes[(row + k) * lattice.moments + i] / 255 * (high - low))
    };
  });
};

// Traces of a cell: at every step for those the page was made with, else sampled.
nca.tracesOf = function(run, y, x) {
  const whole = run.traces.find((trace) => trace.y === y && trace.x === x);
  if (whole)
    return {
      traces: whole.values.map((row) => ({x: row.map((_, i) => i * whole.every), y: row})),
      note: ''
    };
  const sampled = nca.sampledTraces(run, y, x);
  if (sampled) return {traces: sampled, note: `, every ${run.lattice.every} steps`};
  const empty = {x: [0, run.steps], y: [0, 0]};
  return {
    traces: Array.from({length: run.model.channels}, () => empty),
    note: ', where nothing ever lived'
  };
};

nca.traceSeries = (run, traces) =>
  traces.map((trace, k) => ({name: nca.channelName(run, k), colour: k, ...trace}));

// Sets the cell that a chart is about.
nca.followCell = function(run, chart, place, cell) {
  const {traces, note} = nca.tracesOf(run, cell.y, cell.x);
  chart.spec.series = nca.traceSeries(run, traces);
  chart.element.querySelector('figcaption b').textContent =
    `${place} Cell ${cell.y}, ${cell.x}${note}`;
  if (chart.graph) chart.graph.updateOptions({file: nca.rows(chart.spec.series)});
};

nca.markers = ['A', 'B', 'C'];

nca.drawPicker = function(run, canvas, sheet, cells, chosen) {
  const context = canvas.getContext('2d'), scale = canvas.width / run.grid[1];
  const [sx, sy] = nca.frameOf(run.growth, run.cut_at);
  context.imageSmoothingEnabled = false;
  if (sheet.complete && sheet.naturalWidth)
    context.drawImage(
      sheet, sx, sy, run.growth.width, run.growth.height, 0, 0, canvas.width, canvas.height);
  context.font = 'bold 34px system-ui, sans-serif';
  cells.forEach((cell, i) => {
    const x = (cell.x + 0.5) * scale, y = (cell.y + 0.5) * scale;
    for (const [colour, width] of [['#fff', 7], ['#000', 3]]) {
      context.strokeStyle = colour;
      context.lineWidth = width;
      context.beginPath();
      context.arc(x, y, i === chosen ? 13 : 8, 0, 7);
      context.stroke();
      context.strokeStyle = '#fff';
      context.strokeText(nca.markers[i], x - 12, y - 16);
    }
    context.fillStyle = '#000';
    context.fillText(nca.markers[i], x - 12, y - 16);
  });
};

// The grid on which cells are chosen: a click, or the arrow keys.
nca.picker = function(run, cells, moved) {
  const [height, width] = run.grid, scale = Math.max(1, Math.round(640 / width));
  const sheet = nca.loadSheet(run.growth), buttons = [];
  let chosen = 0;
  const canvas = nca.make('canvas', {
    class: 'cells',
    width: width * scale,
    height: height * scale,
    tabindex: 0,
    role: 'application',
    'aria-label': `The grid before the ${nca.befalls(run)}; arrow keys move the chosen cell`,
  });
  const draw = () => {
    buttons.forEach((button, i) => button.setAttribute('aria-pressed', String(i === chosen)));
    nca.drawPicker(run, canvas, sheet, cells, chosen);
  };
  const move = (y, x) => {
    cells[chosen] = {
      y: Math.max(0, Math.min(height - 1, y)),
      x: Math.max(0, Math.min(width - 1, x))
    };
    draw();
    moved(chosen);
  };
  canvas.addEventListener('click', (event) => {
    const box = canvas.getBoundingClientRect();
    move(Math.floor((event.clientY - box.top) / box.height * height),
      Math.floor((event.clientX - box.left) / box.width * width));
  });
  canvas.addEventListener('keydown', (event) => {
    const by = {ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0,
                  1]}[event.key];
    if (!by) return;
    event.preventDefault();
    move(cells[chosen].y + by[0], cells[chosen].x + by[1]);
  });
  nca.markers.forEach((name, i) => buttons.push(nca.make('button', {
    type: 'button',
    text: `Move ${name}`,
    onclick: () => {
      chosen = i;
      draw();
    },
  })));
  sheet.addEventListener('load', draw);
  draw();
  return nca.make('div', {class: 'picker'}, canvas, nca.make('div', {class: 'bar'}, ...buttons));
};

nca.showCells = function(run) {
  const column = nca.column('cells', run);
  const cells = run.traces.map((trace) => ({y: trace.y, x: trace.x}));
  const charts = cells.map((cell) => nca.chart({
    title: 'Cell',
    xlabel: 'step',
    ylabel: 'value',
    marks: nca.isAlone(run) ?
      [] :
      [{x: run.cut_at, text: run.is_exchange ? run.traced : `${run.traced} cut`}],
    series: nca.traceSeries(run, nca.tracesOf(run, cell.y, cell.x).traces),
  }));
  const legend = nca.legend(nca.channelEntries(run),
    (visible) => charts.forEach((chart) => nca.show(chart, visible)), nca.tracesAtFirst);
  const follow = (i) => nca.followCell(run, charts[i], nca.markers[i], cells[i]);
  if (!nca.hasCharts)
    return void column.append(
      nca.make('p', {text: 'Not drawn: there are no charts in this page.'}));
  column.append(nca.picker(run, cells, follow), legend, ...charts.map((chart) => chart.element));
  charts.forEach((_, i) => follow(i));
};

// Only a sample that starts from a place has a centre to be at a distance from.
nca.showRanges = function(run) {
  if (!run.task.has_place) return;
  document.querySelectorAll('#ranges, nav a[href="#ranges"]').forEach((part) => {
    part.hidden = false;
  });
  const column = nca.column('ranges', run), {low, high} = run.ranges;
  const distances = low[0].map((_, i) => i);
  const chart = nca.chart({
    title: 'Smallest and largest value',
    xlabel: 'distance',
    group: 'ranges',
    ylabel: 'value',
    series: low.flatMap((_, k) => {
      const name = nca.channelName(run, k), shared = {colour: k, x: distances};
      return [
        {name: `${name} least`, ...shared, y: low[k], low: low[k], high: high[k]},
        {name: `${name} most`, ...shared, y: high[k]},
      ];
    }),
  });
  const legend =
    nca.legend(nca.channelEntries(run), (visible) => nca.show(chart, visible), nca.tracesAtFirst);
  const places = [0, 0.25, 0.5, 0.75].map((part) => Math.round(part * (distances.length - 1)));
  const table = nca.make('table', {},
    nca.make('tr', {}, nca.make('th', {text: 'channel', scope: 'col'}),
      ...places.map((at) => nca.make('th', {text: `at ${at}`, scope: 'col'}))));
  low.forEach(
    (_, k) =>
      table.append(nca.make('tr', {}, nca.make('th', {text: nca.channelName(run, k), scope: 'row'}),
        ...places.map((at) => nca.make('td',
                        {text: `${nca.number(low[k][at])} to ${nca.number(high[k][at])}`})))));
  column.append(chart.element, nca.hasCharts ? legend : '',
    nca.make('details', {}, nca.make('summary', {text: 'As numbers'}), table));
};
