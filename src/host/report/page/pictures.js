// The batch before and after its rollout at some moments of training, and the pool.
'use strict';

nca.showPictures = function(run) {
  const column = nca.column('pictures', run), {batch, pool, damaged} = run.pictures;
  const figure = (picture, kind, what) => nca.make('figure', {},
    nca.make(
      'figcaption', {}, nca.make('b', {text: `Update ${nca.count(picture.update)}`}), ` ${what}`),
    nca.picture(picture, kind, `${what} at update ${picture.update}`));
  // The last batch; the earlier ones are folded away.
  const batches =
    batch.map((picture) => figure(picture, 'picture', 'batch before and after its rollout'));
  const last = batches.pop();
  if (batches.length > 0)
    column.append(nca.make('details', {}, nca.make('summary', {
      text: `${batches.length} earlier batch${batches.length === 1 ? '' : 'es'}`,
    }),
      ...batches));
  if (last) column.append(last);
  column.querySelectorAll('.picture').forEach((image) => {  // few samples are not stretched
    image.style.maxWidth = `min(52rem, ${11 * run.config.batch}rem)`;
  });
  column.append(nca.make(
    'div', {class: 'mosaics'}, ...pool.map((picture) => figure(picture, 'mosaic', 'pool'))));
  const note = (text) => column.append(nca.make('p', {class: 'note', text}));
  if (damaged.length > 0)
    note(`Left out, for ${damaged.length === 1 ? 'it is' : 'they are'} damaged: ${
      damaged.join(', ')}.`);
  else if (batch.length === 0)
    note('This run folder has no pictures of batches: training writes one every ' +
      `${nca.count(run.config.pictures_every)} updates and at its last one.`);
  else if (pool.length === 0 && run.config.pool > 0)
    note('This run folder has no pictures of the pool.');
};
