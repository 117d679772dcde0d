// The heal map: the picture, and what it says. Shown only where a map was made.
'use strict';

nca.showHealMap = function(run) {
  const map = run.heal_map;
  if (!map) return;
  document.querySelectorAll('#heal-map, nav a[href="#heal-map"]').forEach((part) => {
    part.hidden = false;
  });
  const [sentence, ...lines] = map.lines, column = nca.column('heal-map', run);
  column.append(nca.make('p', {}, nca.make('b', {text: sentence})));
  if (!map.picture) return;  // nothing is there to heal
  const steps = `${nca.count(map.heal_steps)} steps after a cut at step ${nca.count(map.cut_at)}`;
  const patterns = map.patterns < map.grown ?
    ` Of ${map.grown} patterns, ${map.patterns} are there when left whole; only these are cut.` :
    '';
  column.append(nca.make('figure', {},
    nca.make('figcaption',
      {text: `Judged ${steps}, ${map.trials} trials of each damage.${patterns}`}),
    nca.picture(map.picture, 'heal-map', `heal map: ${map.lines.join('; ')}`)),
  nca.make('ul', {}, ...lines.map((line) => nca.make('li', {text: line}))));
};
