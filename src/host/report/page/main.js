// The page, section by section.
'use strict';

{
  const names = nca.runs.map((run) => run.name).join(', ');
  document.title = `${names} · nca report`;
  document.getElementById('lead').textContent =
    nca.runs.length === 1 ? `The run ${names}` : `${nca.runs.length} runs side by side: ${names}`;
  document.body.classList.toggle('several', nca.runs.length > 1);
  nca.runs.forEach(nca.showSettings);
  nca.showTraining();
  for (const show
         of [nca.showPictures, nca.showRollouts, nca.showCells, nca.showRanges, nca.showStep])
    nca.runs.forEach((run) => show(run));
  nca.finish();
}
