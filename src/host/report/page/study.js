// The page of a study: what was asked, the rules, the table, the curves, a row of pictures a run.
'use strict';

nca.percent = (share) => `${Math.round(100 * share)} %`;
nca.loss = (value) => nca.withWord(
  value === null ? 'not finite' : value.toFixed(2).replace('-', '−'), value, nca.data.rules.grades);

nca.settingFacts = (setting) =>
  `batch ${setting.batch}, ${setting.damaged} damaged, ${nca.stepsOf(setting)} steps`;

nca.showAsked = function() {
  const {shared, quick, judged_on: machine, command} = nca.data;
  const done = nca.runs.filter((run) => run.judged);
  const seconds = done.reduce((sum, run) => sum + run.seconds, 0);
  const facts = [
    [
      'Target', `${shared.target}, ${shared.target_size} cells, on a grid of ${nca.gridOf(done[0])}`
    ],
    [
      'Training',
      `${nca.count(shared.updates)} updates at a rate of ${shared.rate}, ${shared.schedule}`
    ],
    ['Pool', `${nca.count(shared.pool)} states`],
    [
      'Runs',
      `${nca.count(nca.runs.length)}, of which ${nca.count(done.length)} are complete, in ${
        nca.duration(seconds)} of training`
    ],
    ['Trained on', [...new Set(done.map(nca.machineOf))].join('; ')],
    ['Judged on', machine ? `${machine.device}, ${machine.variant}` : 'not known'],
    ['Command', command],
  ];
  if (quick)
    facts.unshift([
      'Warning',
      'the quick form: tiny, and far too short to learn anything. Steps are an eighth of what the ' +
        'settings say. It shows that the machinery works, and nothing about the finding.',
    ]);
  document.querySelector('#asked .facts')
    .append(...(nca.data.target ?
        [nca.picture(nca.data.target, 'target', `the target, ${shared.target}`)] :
        []),
      nca.definitions(facts));
  document.getElementById('lead').textContent =
    `${nca.data.settings.length} settings side by side, ${nca.count(done.length)} of ${
      nca.count(nca.runs.length)} runs${quick ? ' (quick form)' : ''}`;
};

nca.gridOf = (run) =>
  run.config.grid === 'auto' ? run.config.target_size + 2 * run.config.padding : run.config.grid;

nca.machineOf = (run) =>
  run.machine && run.machine.device ? `${run.machine.device}, ${run.machine.variant}` : 'not known';

nca.showRules = function() {
  const list = document.querySelector('#rules dl');
  for (const words of nca.data.rules.words) {
    const colon = words.indexOf(':');
    list.append(nca.make('dt', {text: words.slice(0, colon)}),
      nca.make('dd', {text: words.slice(colon + 2)}));
  }
};

// "2 of 3", and the interval below it.
nca.shareCell = function(share) {
  if (share.of === 0) return nca.make('td', {text: '–'});
  return nca.make('td', {class: 'count'}, `${share.count} of ${share.of}`, nca.make('br'),
    nca.make('small', {text: `${nca.percent(share.low)} to ${nca.percent(share.high)}`}));
};

nca.showFound = function() {
  const head = nca.make('tr'), body = nca.make('tbody');
  for (const name of ['Setting', 'Exploded', 'Grows', 'Holds', 'Heals all five cuts',
         'Heals circles', 'Pool distorted'])
    head.append(nca.make('th', {text: name, scope: 'col'}));
  nca.data.settings.forEach(
    (setting, i) => body.append(nca.make('tr', {},
      nca.make('th', {scope: 'row'}, nca.swatch(i), setting.name, nca.make('br'),
        nca.make('small', {text: nca.settingFacts(setting)})),
      nca.shareCell(setting.exploded), nca.shareCell(setting.grows), nca.shareCell(setting.holds),
      nca.shareCell(setting.heals_all), nca.shareCell(setting.circles),
      nca.make('td', {text: setting.distorted === null ? '–' : nca.percent(setting.distorted)}))));
  document.querySelector('#found .scroll')
    .append(nca.make('table', {class: 'found'}, nca.make('thead', {}, head), body));
};

nca.cutName = (name) => name === 'center' ? 'centre' : name;

// How often each cut healed.
nca.showCuts = function() {
  const names = Object.keys(nca.data.settings[0].cuts), body = nca.make('tbody');
  const head = nca.make('tr', {}, nca.make('th', {text: 'Heals', scope: 'col'}),
    ...names.map((name) => nca.make('th', {text: `${nca.cutName(name)} cut`, scope: 'col'})));
  nca.data.settings.forEach(
    (setting, i) => body.append(nca.make('tr', {},
      nca.make('th', {scope: 'row'}, nca.swatch(i), setting.name),
      ...names.map((name) => nca.shareCell(setting.cuts[name])))));
  document.querySelector('#found .scroll')
    .append(nca.make('table', {class: 'found'}, nca.make('thead', {}, head), body));
};

nca.showMissing = function() {
  const missing = nca.runs.filter((run) => !run.judged);
  if (missing.length > 0)
    document.querySelector('#found .missing').append(nca.make('p', {
      class: 'note',
      text: `Not complete, and so not judged: ${
        missing
          .map((run) => `${run.name} (${nca.count(run.updates)} of ${
                 nca.count(run.updates_asked)} updates)`)
          .join(', ')}.`,
    }));
};

nca.showCurves = function() {
  const body = document.querySelector('#training .body');
  const settings = nca.data.settings.map((setting) => setting.name);
  const done = nca.runs.filter((run) => run.judged);
  const chart = nca.chart({
    title: 'Loss over updates',
    ylabel: 'log10 loss',
    xlabel: 'update',
    series: done.map((run) => ({
      name: run.name,
      colour: settings.indexOf(run.setting),
      x: run.history.update,
      y: run.history.loss,
    })),
  });
  const legend =
    nca.legend(settings.map((name) => ({name})), (visible) => nca.show(chart, visible));
  if (nca.hasCharts) body.append(legend);
  body.append(chart.element);
  const most = Math.max(...done.map((run) => run.history.updates_a_point));
  if (most > 1)
    body.append(nca.make('p', {class: 'hint', text: `A point stands for up to ${most} updates.`}));
};

nca.verdicts = function(run) {
  const {verdict} = run, {rules} = nca.data, list = nca.make('ul', {class: 'verdicts'});
  const say = (is, yes, no) => list.append(nca.make('li', {text: is ? yes : no}));
  say(run.gave_up, `✗ training gave up after ${nca.count(run.updates)} updates`,
    verdict.exploded ? '✗ exploded' : '✓ did not explode');
  say(verdict.grows, '✓ grows', '✗ does not grow');
  say(verdict.holds, '✓ holds', '✗ does not hold');
  say(verdict.heals_all, '✓ heals all five cuts', `✗ heals ${verdict.cuts_healed} of five cuts`);
  list.append(
    nca.make('li', {text: `heals ${verdict.circles_healed} of ${rules.circles} circles`}));
  return list;
};

// One picture of a run under its title, and what is said of it, a line each.
nca.shot = function(run, key, title, ...lines) {
  if (!run.pictures[key]) return null;
  const caption = nca.make('figcaption', {}, nca.make('b', {text: title}));
  for (const line of lines) caption.append(nca.make('br'), line);
  return nca.make(
    'figure', {class: key}, caption, nca.picture(run.pictures[key], '', `${run.name}, ${title}`));
};

nca.shots = function(run) {
  const {rules} = nca.data, held = rules.held_at[rules.held_at.length - 1];
  const cut = (name) => nca.shot(run, name, `${nca.cutName(name)} cut`,
    nca.loss(run.cuts[name].median), run.cuts[name].healed ? 'healed' : 'not healed');
  return nca.make('div', {class: 'shots'},
    nca.shot(run, 'grown', `step ${nca.count(rules.grown_at)}`,
      nca.loss(run.loss_at[rules.grown_at].median)),
    nca.shot(run, 'held', `step ${nca.count(held)}`, nca.loss(run.loss_at[held].median)),
    nca.shot(run, 'whole', 'no cut', nca.loss(run.undamaged.median)),
    ...Object.keys(run.cuts).map(cut),
    nca.shot(run, 'pool', 'pool',
      run.pool.share === null ? 'untouched' : `${nca.percent(run.pool.share)} distorted`));
};

nca.runEvents = function(run) {
  if (run.events === 0) return nca.make('p', {class: 'hint', text: 'No event in training.'});
  const left = run.events - run.event_list.length;
  return nca.make('details', {}, nca.make('summary', {
    text: `${nca.count(run.events)} event${run.events === 1 ? '' : 's'}: ${
      nca.count(run.explosions)} explosions, ${nca.count(run.deaths)} in which cells died${
      left > 0 ? `; the first ${run.event_list.length} of them` : ''}`,
  }),
    nca.eventTable(run.event_list));
};

nca.showRun = function(run) {
  const setting = nca.data.settings.findIndex((one) => one.name === run.setting);
  document.querySelector('#runs .body')
    .append(nca.make('article', {class: 'run'},
      nca.make('h3', {}, nca.swatch(setting), ` ${run.name} `,
        nca.make('small', {text: nca.settingFacts(nca.data.settings[setting])})),
      nca.verdicts(run), nca.shots(run), nca.make('p', {
        class: 'hint',
        text: `${nca.count(run.updates)} updates in ${nca.duration(run.seconds)}; largest |state| ${
          nca.number(run.max_state_trained)} in training, ${
          nca.number(run.max_state_evaluated)} in the evaluation${
          run.not_finite > 0 ? `; ${nca.count(run.not_finite)} updates were not finite` : ''}.`,
      }),
      nca.runEvents(run)));
};

{
  nca.showAsked();
  nca.showRules();
  nca.showFound();
  nca.showCuts();
  nca.showMissing();
  nca.showCurves();
  // By setting, as in the table, and not in the order in which they were trained.
  for (const setting of nca.data.settings)
    nca.runs.filter((run) => run.judged && run.setting === setting.name).forEach(nca.showRun);
  nca.finish();
}
