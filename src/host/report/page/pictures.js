// The batch before and after its rollout at some moments of training, and the pool.
'use strict';

nca.showPictures = function(run) {
  const column = nca.column('pictures', run), {batch, pool} = run.pictures;
  const figure = (picture, kind, what) => nca.make('figure', {},
    nca.make(
      'figcaption', {}, nca.make('b', {text: `Update ${nca.count(picture.update)}`}), ` ${what}`),
    nca.picture(picture, kind, `${what} at update ${picture.update}`));
  column.append(
    ...batch.map((picture) => figure(picture, 'picture', 'batch before and after its rollout')));
  column.append(nca.make(
    'div', {class: 'mosaics'}, ...pool.map((picture) => figure(picture, 'mosaic', 'pool'))));
  if (batch.length === 0)
    column.append(nca.make('p', {
      class: 'note',
      text: 'This run folder has no pictures of batches yet: training writes ' +
        'them every pictures_every updates and at its end.'
    }));
  if (pool.length === 0 && run.config.pool > 0)
    column.append(
      nca.make('p', {class: 'note', text: 'This run folder has no pictures of the pool yet.'}));
};
