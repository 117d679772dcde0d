// How a step works: pictures of two states of the run, while it grows and grown.
'use strict';

nca.tile = (picture, title, text) =>
  nca.make('figure', {}, nca.make('figcaption', {}, nca.make('b', {text: title}), ` ${text}`),
    nca.picture(picture, '', `${title} ${text}`));

nca.keys = function(...entries) {
  const line = nca.make('p', {class: 'hint'});
  for (const [colour, text] of entries)
    line.append(nca.make('span', {class: `key ${colour}`}), text);
  return line;
};

nca.sees = {
  sobel: 'itself and two gradients of every channel',
  moore: 'all channels of its 3×3 neighbourhood',
  summed: 'itself and two gradients of the sum of the channels',
};
nca.lives = {
  maximum: 'only cells with a mature one (alpha above 0.1) among their 3×3 neighbours live',
  channel: 'only cells above 0.1 in one frozen channel live',
  everywhere: 'every cell lives',
};

nca.showStep = function(run) {
  const column = nca.column('step', run);
  for (const moment of run.moments) {
    const largest = nca.number(moment.sobel_largest);
    column.append(nca.make('h3', {text: `After ${moment.step} step${moment.step === 1 ? '' : 's'}`}),
      nca.make('div', {class: 'tiles'},
        nca.tile(moment.visible, 'Visible', run.target ? 'the first four channels, on white' : ''),
        ...(moment.sobel_x ? [
          nca.tile(
            moment.sobel_x, 'Sobel x', `change to the right; grey is 0, full colour ±${largest}`),
          nca.tile(moment.sobel_y, 'Sobel y', 'change downwards')
        ] : []),
        ...moment.fire.map(
          (fire) => nca.tile(fire.picture, `Fire ${fire.percent} %`,
            `${nca.count(fire.updated)} of ${nca.count(fire.living)} living cells`)),
        moment.kinds ?
          nca.tile(moment.kinds, 'Kinds',
            `${nca.count(moment.mature)} mature, ${nca.count(moment.growing)} growing, ` +
              `${nca.count(moment.empty)} empty`) :
          null));
  }
  column.append(nca.keys(['blue', 'fires and lives: updated'], ['orange', 'lives, waits'],
                  ['grey', 'fires, but nothing lives'], ['white', 'neither']),
    ...(run.moments[0].kinds ?
          [nca.keys(['blue', 'mature: alpha above 0.1'], ['orange', 'growing: a mature neighbour'],
            ['white', 'empty'])] :
          []));
};
