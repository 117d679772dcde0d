// What a task's own figures say of the rule: over the steps, after an exchange, and by classes.
'use strict';

nca.percent = (share) => share === null ? 'none' : `${(100 * share).toFixed(1)} %`;

nca.figureTable = function(run) {
  const {steps, figures, exchange} = run.judged;
  const columns = [[`step ${steps.at(-1)}`, (name) => figures[name].at(-1)]];
  if (exchange)
    columns.push([`step ${exchange.until}, another since ${exchange.at}`,
      (name) => exchange.after[name]]);
  const table = nca.make('table', {class: 'figures'}, nca.make('tr', {}, nca.make('th'),
    ...columns.map(([title]) => nca.make('th', {text: title, scope: 'col'}))));
  for (const name of Object.keys(figures))
    table.append(nca.make('tr', {}, nca.make('th', {text: name, scope: 'row'}),
      ...columns.map(([, valueOf]) => nca.make('td', {text: nca.percent(valueOf(name))}))));
  return table;
};

// The name of a class, over the colour that pictures show it in.
nca.className = function(name, colour) {
  const cell = nca.make('th', {text: name, scope: 'col'});
  if (colour) cell.style.borderBottom = `.25rem solid ${colour}`;
  return cell;
};

// A row for each class, of what its cells say, in percent; the darker the more.
nca.confusionTable = function({step, classes, cells, colours}) {
  const table = nca.make('table', {class: 'confusion'}, nca.make('tr', {}, nca.make('th'),
    ...[...classes, 'none'].map((name, i) => nca.className(name, colours[i]))));
  cells.forEach((row, i) => {
    const sum = row.reduce((a, b) => a + b, 0), line = nca.make('tr', {}, nca.make('th', {
      text: classes[i],
      scope: 'row',
    }));
    row.forEach((count, k) => {
      const share = sum > 0 ? count / sum : 0;
      const cell = nca.make('td', {
        class: k === i ? 'right' : 'wrong',
        text: share >= 5e-4 ? (100 * share).toFixed(1) : '\u00b7',
        title: `${nca.count(count)} cells`,
      });
      cell.style.setProperty('--share', Math.min(1, k === i ? share : 12 * share).toFixed(3));
      line.append(cell);
    });
    table.append(line);
  });
  const what = `What the cells of each class say at step ${step}, in percent of its cells` +
    `${colours.length > 0 ? '; pictures show what a cell says in the colour below its name' : ''}.`;
  return nca.make('figure', {}, nca.make('figcaption', {text: what}),
    nca.make('div', {class: 'wide'}, table));
};

nca.showJudged = function(run) {
  if (!run.judged) return;
  document.querySelectorAll('#judged, nav a[href="#judged"]').forEach((part) => {
    part.hidden = false;
  });
  const {steps, figures, confusion} = run.judged, column = nca.column('judged', run);
  const chart = nca.chart({
    title: `Over the steps, of ${nca.count(run.verdict.seeds)} ${run.task.samples}`,
    xlabel: 'step',
    ylabel: 'share',
    series: Object.entries(figures).map(([name, y], i) => ({name, colour: i, x: steps, y})),
  });
  const legend = nca.legend(
    Object.keys(figures).map((name) => ({name})), (visible) => nca.show(chart, visible));
  column.append(nca.figureTable(run), chart.element, nca.hasCharts ? legend : '');
  if (confusion) column.append(nca.confusionTable(confusion));
};
