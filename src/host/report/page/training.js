// What was trained, with what, how long and on what; the curves of training and what went wrong.
'use strict';

nca.facts = function(run) {
  const {config, model} = run, threads = run.machine ? run.machine.threads : 0;
  const machine = run.machine && run.machine.device ?
    `${run.machine.device}, ${run.machine.variant}` +
      (threads > 0 ? `, ${threads} thread${threads === 1 ? '' : 's'}` : '') :
    'the run folder does not say';
  return [
    run.task.data ?
      [
        'Data',
        `${config.data}, the last ${nca.count(config.held_out)} held out, on a grid of ${
          run.grid.join('×')}`,
      ] :
      [
        'Target',
        `${config.target}${run.target ? `, ${config.target_size} cells` : ''}, on a grid of ${
          run.grid.join('×')}`,
      ],
    ...(config.victim ? [['Victim', nca.victimOf(run)]] : []),
    ['Preset', config.preset],
    [
      'Training',
      `${nca.count(run.updates)} of ${nca.count(config.updates)} updates in ${
        nca.duration(run.seconds)}${run.gave_up ? '; then it gave up' : ''}`
    ],
    ['On', machine],
    [
      'Batch, pool',
      config.pool === 0 ?
        `${config.batch}, no pool: each starts from ${run.task.beginning}` :
        `${config.batch} out of ${nca.count(config.pool)}; ` +
          (run.task.data ?
             `the first ${config.reseeded} replaced by ${run.task.beginning}` +
               (config.exchanged > 0 ? `, the last ${config.exchanged} exchanged` : '') :
             `the worst ${config.reseeded} replaced by ${run.task.beginning}` +
               (config.damaged > 0 ? `, the best ${config.damaged} damaged` : ''))
    ],
    ['Steps', `${nca.stepsOf(config)} an update`],
    ['Rate', `${config.rate}, ${config.schedule}; gradient: ${config.gradient}`],
    [
      'Rule',
      `${model.channels} channels, ${model.hidden}${
        model.hidden2 > 0 ? ` and ${model.hidden2}` : ''} hidden units, ${
        nca.count(model.parameters)} parameters; ` +
        `fire rate ${nca.number(model.fire_rate)}`
    ],
    [
      'Last training loss',
      `log10 ${nca.lossOf(run, nca.lastLoss(run))}, ${
        run.history.updates_a_point > 1 ? `median of ${run.history.updates_a_point} updates` :
                                          'of one update'}`
    ],
  ];
};

// Whom an adversary turns, and how.
nca.victimOf = function({config, task}) {
  if (!task.has_others) return config.victim;
  const what = task.data ? `, to make the others say ${config.say}` : '';
  const share = nca.number(100 * config.share);
  return `${config.victim}; the adversary moves ${share} % of the cells${what}`;
};

// That of the last update in which nothing went wrong.
nca.lastLoss = function(run) {
  const wrong = new Set(run.events.map((event) => event.update)), {update, loss} = run.history;
  return loss.filter((value, i) => value !== null && !wrong.has(update[i])).pop();
};

nca.showSettings = function(run) {
  const column = nca.column('settings', run);
  const all = nca.make('table');
  for (const [name, value] of Object.entries(run.config))
    all.append(nca.make(
      'tr', {}, nca.make('th', {text: name, scope: 'row'}), nca.make('td', {text: String(value)})));
  column.append(nca.make('div', {class: 'facts'},
                  run.target ?
                    nca.picture(run.target, 'target', `the target, ${run.config.target}`) :
                    null,
                  nca.definitions(nca.facts(run))),
    nca.make('details', {class: 'screen'}, nca.make('summary', {text: 'Every setting'}), all));
};

// The runs' own names, or numbers before them where two are alike.
nca.runNames = function() {
  const names = nca.runs.map((run) => run.name);
  return new Set(names).size === names.length ? names : names.map((name, i) => `${i + 1} ${name}`);
};

nca.trainingChart = function(title, ylabel, key, more) {
  const names = nca.runNames();
  return nca.chart({
    title,
    ylabel,
    xlabel: 'update',
    ...more,
    series: nca.runs.map((run, i) => ({
      name: names[i],
      colour: i,
      x: run.history.update,
      y: run.history[key],
      ...(key === 'loss' ? {low: run.history.low, high: run.history.high} : {}),
    })),
  });
};

nca.eventMarks = function() {
  const isOne = nca.runs.length === 1;
  return nca.runs
    .flatMap((run, i) => run.events.map((event) => ({
      x: event.update,
      colour: isOne ? 1 : i,
      text: event.name,
      series: isOne ? undefined : i,
    })))
    .sort((a, b) => a.x - b.x);
};

nca.eventsOf = function(run) {
  const left = run.events_in_all - run.events.length;
  return nca.make('details', {}, nca.make('summary', {
    text: `${nca.runs.length > 1 ? `${run.name}: ` : ''}${nca.count(run.events_in_all)} event` +
      `${run.events_in_all === 1 ? '' : 's'}${
        left > 0 ? `, the first ${run.events.length} of them` : ''}`,
  }),
    nca.eventTable(run.events));
};

nca.showTraining = function() {
  const body = document.querySelector('#training .body'), marks = nca.eventMarks();
  const charts = [
    nca.trainingChart('Loss', 'log10 loss', 'loss', {marks}),
    nca.trainingChart('Gradient norm', 'L2 norm', 'gradient', {marks, logscale: true}),
    nca.trainingChart('Active fraction', 'share of cell-steps', 'active', {marks}),
  ];
  const legend = nca.legend(nca.runNames().map((name) => ({name})),
    (visible) => charts.forEach((chart) => nca.show(chart, visible)));
  const most = Math.max(...nca.runs.map((run) => run.history.updates_a_point));
  if (nca.runs.length > 1 && nca.hasCharts) body.append(legend);
  body.append(...charts.map((chart) => chart.element));
  if (most > 1)
    body.append(nca.make('p', {
      class: 'hint',
      text: `A point is the median of up to ${most} updates; the pale band of ` +
        'the loss reaches from the smallest to the largest of them.'
    }));
  const troubled = nca.runs.filter((run) => run.events_in_all > 0);
  body.append(...troubled.map(nca.eventsOf));
  if (troubled.length === 0)
    body.append(nca.make('p', {text: 'No update was skipped and nothing went wrong.'}));
};
