// What the pages of runs and studies say alike: numbers and facts as people write them.
'use strict';

nca.charts = [];
nca.runs = nca.data.runs;

// The place of a run in a section, under its name where there are several.
nca.column = function(section, run) {
  const column = nca.make('div', {}, nca.make('p', {class: 'run-name', text: run.name}));
  document.querySelector(`#${section} .runs`).append(column);
  return column;
};

nca.picture = function(picture, kind, description) {
  return nca.make('img', {
    class: `cells ${kind}`,
    src: picture.src,
    width: picture.width,
    height: picture.height,
    alt: description,
  });
};

// A list of [name, words].
nca.definitions = (facts) => nca.make('dl', {}, ...facts.flatMap(([name,
  words]) => [nca.make('dt', {text: name}), nca.make('dd', {text: words})]));

// Steps of a rollout, by a config or a setting.
nca.stepsOf = ({steps_min: least, steps_max: most}) =>
  least === most ? String(most) : `${least} to ${most}`;

nca.eventTable = (events) => nca.make('table', {class: 'events'},
  ...events.map((event) => nca.make('tr', {}, nca.make('td', {text: nca.count(event.update)}),
                  nca.make('td', {text: event.name}), nca.make('td', {text: event.text}))));

// Four digits, as people write them.
nca.number = function(value) {
  if (value === null || value === undefined || !Number.isFinite(value)) return 'none';
  const size = Math.abs(value);
  if (size !== 0 && (size < 1e-3 || size >= 1e6)) return nca.exponential(value, 2);
  return String(Number(value.toPrecision(4)));
};

// A number that is a log10 loss, with what its task calls it: "-3.41 (good)". The last grade has no
// bound.
nca.withWord = function(number, loss, grades) {
  const isIn = ({at_most: bound}) => bound === null || (loss !== null && loss <= bound);
  return grades.length > 0 ? `${number} (${grades.find(isIn).word})` : number;
};

nca.lossOf = (run, loss) => nca.withWord(nca.number(loss), loss, run.task.grades);

// 1.5e10
nca.exponential = function(value, digits) {
  const [mantissa, exponent] = value.toExponential(digits).split('e');
  return `${Number(mantissa)}e${Number(exponent)}`;
};

// A tick of an axis from `low` to `high`: as many digits as tell it from the next.
nca.tick = function(value, low, high) {
  const apart = (high - low) / 20, size = Math.max(Math.abs(low), Math.abs(high));
  const digits = (unit) => Math.max(0, Math.min(12, Math.ceil(Math.log10(unit / apart))));
  if (value !== 0 && (size < 1e-3 || size >= 1e6)) return nca.exponential(value, digits(size));
  return (Number(value.toFixed(digits(1))) + 0)  // never -0
    .toLocaleString('en', {maximumFractionDigits: 12});
};

nca.count = (value) => value.toLocaleString('en');

nca.duration = function(seconds) {
  const whole = Math.round(seconds), hours = Math.floor(whole / 3600);
  const minutes = Math.floor(whole / 60) % 60;
  if (hours > 0) return `${hours} h ${minutes} min`;
  return minutes > 0 ? `${minutes} min ${whole % 60} s` : `${nca.number(seconds)} s`;
};

nca.channelName = (run, k) => run.task.channels[k] ? `${k} ${run.task.channels[k]}` : String(k);

// The last thing a page does: it draws its charts, which are as wide as columns are once all of
// them are there, and puts the licence of what draws them into its place.
nca.finish = function() {
  nca.charts.forEach(nca.draw);
  const licence = document.getElementById('licence');
  if (licence) {
    const place = document.getElementById('licences');
    licence.hidden = false;
    place.append(licence);
    place.hidden = false;
  }
  document.documentElement.dataset.ready = 'true';
};
