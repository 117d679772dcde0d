// Growth from the seed and healing after each cut: six stages that share one clock, and their
// losses.
'use strict';

// The rule itself, to wound and watch heal; where the browser cannot run it, the film below does.
nca.showLive = async function(run) {
  if (!run.live) return;
  document.querySelectorAll('#live, nav a[href="#live"]').forEach((part) => {
    part.hidden = false;
  });
  const column = nca.column('live', run), box = nca.make('div', {class: 'alive'});
  column.append(box);
  try {
    run.shown = await nca.live(box, run.live, true);
  } catch (reason) {
    box.replaceWith(
      nca.make('p', {class: 'note', text: `This browser cannot run the rule: ${reason.message}.`}));
  }
};

// Where the frame of a step lies in a sheet of frames.
nca.frameOf = function(frames, step) {
  const number =
    step >= frames.last ? frames.count - 1 : Math.floor((step - frames.first) / frames.every);
  return [
    number % frames.columns * frames.width, Math.floor(number / frames.columns) * frames.height
  ];
};

nca.drawFrame = function(context, sheet, frames, step, x, y) {
  if (!sheet.complete || !sheet.naturalWidth) return;
  const {width, height} = frames;
  context.drawImage(sheet, ...nca.frameOf(frames, step), width, height, x, y, width, height);
};

nca.loadSheet = function(frames) {
  const sheet = new Image();
  sheet.src = frames.src;
  return sheet;
};

// A canvas that shows one rollout at a step.
nca.stage = function(run, rollout, growthSheet) {
  const sheet = nca.loadSheet(rollout.frames), {width, height} = rollout.frames;
  const title = rollout.name;
  const canvas = nca.make(
    'canvas', {class: 'cells', width, height, role: 'img', 'aria-label': `the rollout, ${title}`});
  const context = canvas.getContext('2d');
  const loss = nca.make('span');
  return {
    sheet,
    rollout,
    element: nca.make(
      'figure', {}, nca.make('figcaption', {}, nca.make('b', {text: title}), ' ', loss), canvas),
    show(step) {
      const isGrowing = step < run.cut_at;
      nca.drawFrame(context, isGrowing ? growthSheet : sheet,
        isGrowing ? run.growth : rollout.frames, step, 0, 0);
      loss.textContent = nca.lossOf(run, rollout.loss[step]);
    },
  };
};

// What paper shows instead of a film: a row of moments for each rollout.
nca.strip = function(run, stages, growthSheet) {
  const {width, height} = run.growth, gap = Math.ceil(width / 12);
  const isAlone = nca.isAlone(run), heal = run.steps - run.cut_at;
  const before = (isAlone ? [0, 0.05, 0.1, 0.2, 0.35, 0.5, 0.65, 0.8] : [0, 0.2, 0.5])
                   .map((part) => Math.round(run.cut_at * part));
  const after = (isAlone ? [0] : [0, 0.05, 0.125, 0.25, 0.5, 1])
                  .map((part) => run.cut_at + Math.round(heal * part));
  const rows = stages.map((stage) => {
    const canvas =
      nca.make('canvas', {class: 'cells strip', width: 9 * (width + gap) - gap, height});
    const context = canvas.getContext('2d');
    const draw = () => {
      before.forEach(
        (step, i) => nca.drawFrame(context, growthSheet, run.growth, step, i * (width + gap), 0));
      after.forEach((step, i) => nca.drawFrame(context, stage.sheet, stage.rollout.frames, step,
                      (i + before.length) * (width + gap), 0));
    };
    [growthSheet, stage.sheet].forEach((sheet) => sheet.addEventListener('load', draw));
    draw();
    return nca.make(
      'figure', {}, nca.make('figcaption', {}, nca.make('b', {text: stage.rollout.name})), canvas);
  });
  return nca.make('div', {class: 'print'},
    nca.make('p', {text: `Steps ${[...before, ...after].join(', ')}.`}), ...rows);
};

// Whether nothing befalls the state, so that it has no copies.
nca.isAlone = (run) => run.rollouts.length === 1;

// What befalls the copies of a state, in a word.
nca.befalls = (run) => run.is_exchange ? 'exchange' : 'cut';

nca.rolloutChart = function(run, order, title, ylabel, valuesOf) {
  return nca.chart({
    title,
    ylabel,
    xlabel: 'step',
    group: title,
    marks: nca.isAlone(run) ? [] : [{x: run.cut_at, text: nca.befalls(run)}],
    series: order.map((rollout, i) => ({
      name: rollout.name,
      colour: i,
      x: valuesOf(rollout).map((_, step) => step),
      y: valuesOf(rollout),
    })),
  });
};

nca.showRollouts = function(run) {
  const column = nca.column('rollouts', run), growthSheet = nca.loadSheet(run.growth);
  const order = [run.rollouts.at(-1), ...run.rollouts.slice(0, -1)];  // the whole one first
  const stages = order.map((rollout) => nca.stage(run, rollout, growthSheet));
  const charts = [nca.rolloutChart(run, order, 'Loss over time', 'log10 loss', ({loss}) => loss)];
  const isKnown = (name) =>
    order.some(({figures}) => figures[name].some((value) => value !== null));
  for (const name of Object.keys(order[0].figures || {}).filter(isKnown))
    charts.push(
      nca.rolloutChart(run, order, `${name} over time`, name, ({figures}) => figures[name]));
  const legend =
    nca.legend(order, (visible) => charts.forEach((chart) => nca.show(chart, visible)));
  const clock = nca.clock(run, (step) => {
    stages.forEach((stage) => stage.show(step));
    charts.forEach((chart) => nca.setCursor(chart, step));
  });
  column.append(nca.make('div', {class: 'theatre'},
    nca.make('div', {}, clock.element,
      nca.make('div', {class: 'stages'}, ...stages.map((stage) => stage.element)),
      nca.strip(run, stages, growthSheet)),
    nca.make('div', {}, ...charts.map((chart) => chart.element), nca.hasCharts ? legend : null,
      nca.lossTable(run, order))));
  [growthSheet, ...stages.map((stage) => stage.sheet)].forEach(
    (sheet) => sheet.addEventListener('load', clock.redraw));
  clock.watch(column);
  clock.redraw();
};

nca.lossTable = function(run, order) {
  const moments = nca.isAlone(run) ?
    [0, 0.25, 0.5, 1].map((part) => Math.round(run.steps * part)) :
    [Math.max(run.cut_at - 1, 0), run.cut_at, Math.round((run.cut_at + run.steps) / 2), run.steps];
  const kind = (i) => i % 2 === 0 ? {class: 'minor'} : {};  // what a phone leaves out
  const table = nca.make('table', {class: 'numbers'},
    nca.make('tr', {}, nca.make('th', {text: 'log10 loss', scope: 'col'}),
      ...moments.map(
        (step, i) => nca.make('th', {text: `step ${step}`, scope: 'col', ...kind(i)}))));
  for (const rollout of order)
    table.append(nca.make('tr', {}, nca.make('th', {text: rollout.name, scope: 'row'}),
      ...moments.map(
        (step, i) => nca.make('td', {text: nca.lossOf(run, rollout.loss[step]), ...kind(i)}))));
  return table;
};

// One time for all players of the page, so that runs are compared at the same step. It goes on
// while one of them is in view, unless motion is not wanted.
nca.time = {
  step: null,
  isWanted: !matchMedia('(prefers-reduced-motion: reduce)').matches,
  wait: 0,
  players: [],
};

nca.setTime = function(step, isWanted) {
  Object.assign(nca.time, {step, isWanted});
  nca.time.players.forEach((player) => player.redraw());
};

nca.passTime = function() {
  const {time} = nca, ticksAtEnd = 25, steps = Math.max(...time.players.map((one) => one.steps));
  if (!time.isWanted || document.hidden || !time.players.some((one) => one.isSeen)) return;
  if (time.step < steps)
    time.step = Math.min(time.step + Math.max(1, Math.round(steps / 150)), steps);
  else if (++time.wait >= ticksAtEnd)
    time.step = time.wait = 0;
  nca.setTime(time.step, true);
};

// Play, pause and a slider over the steps.
nca.clock = function(run, show) {
  const {time} = nca;
  if (time.players.length === 0) {
    time.step = run.cut_at;
    setInterval(nca.passTime, 50);
  }
  const slider = nca.make('input', {
    type: 'range',
    min: 0,
    max: run.steps,
    'aria-label': 'Step',
    oninput: () => nca.setTime(Number(slider.value), false),
  });
  const label = nca.make('span', {class: 'step'});
  const play =
    nca.make('button', {type: 'button', onclick: () => nca.setTime(time.step, !time.isWanted)});
  const jump = (text, step) =>
    nca.make('button', {type: 'button', text, onclick: () => nca.setTime(step, false)});
  const player = {
    steps: run.steps,
    isSeen: false,
    redraw() {
      const step = Math.min(time.step, run.steps);
      play.textContent = time.isWanted ? 'Pause' : 'Play';
      slider.value = step;
      label.textContent = `step ${step}`;
      show(step);
    },
    watch(element) {
      new IntersectionObserver(([entry]) => {
        player.isSeen = entry.isIntersecting;
      }).observe(element);
    },
    element: nca.make('div', {class: 'bar'}, play, slider, label, jump('Start', 0),
      nca.isAlone(run) ? null : jump(run.is_exchange ? 'Exchange' : 'Cut', run.cut_at),
      jump('End', run.steps)),
  };
  time.players.push(player);
  return player;
};
