// The page, section by section.
'use strict';

{
  const names = nca.runs.map((run) => run.name).join(', ');
  document.title = `${names} · nca report`;
  document.getElementById('lead').textContent =
    nca.runs.length === 1 ? `The run ${names}` : `${nca.runs.length} runs side by side: ${names}`;
  // What a sentence says of every run; where runs differ, of the one or the other.
  const tell = (place, words) => document.querySelectorAll(`span.${place}`).forEach((span) => {
    span.textContent = [...new Set(nca.runs.map(words))].filter(Boolean).join(' or ');
  });
  tell('starts',
    (run) => run.task.has_others ? 'The adversary and its victim start' : 'The finished rule starts');
  tell('beginning', (run) => run.task.beginning);
  tell('loss', (run) => run.task.loss ? `The loss is ${run.task.loss}, as log10.` : '');
  tell('rollouts-title', (run) => run.is_exchange        ? 'Before and after an exchange' :
                                  run.rollouts.length > 1 ? 'Growth and healing' :
                                                            'From the start');
  tell('befallen', ({config}) => config.exchanged > 0 ? 'some exchanged for another' :
                                 config.damaged > 0   ? 'some damaged' :
                                                        'the others unchanged');
  tell('torn', (run) => run.task.has_place ?
    ': tiles that are empty or torn are states it cannot leave' : '');
  tell('befalls', (run) => nca.isAlone(run) ? '' : `At the dashed moment ${
    run.is_exchange ? `a copy of the same state goes on with ${run.task.beginning} under it` :
                      'each of the five cuts is made in a copy of the same state'
  }; one copy stays as it is.`);
  tell('befalls-cells', (run) => nca.isAlone(run) ? '' : `; at the dashed moment ${
    run.is_exchange ? `${run.task.beginning} is put under them` : 'the left half is cut away'}`);
  tell('samples', (run) => run.judged && `${nca.count(run.verdict.seeds)} ${run.task.samples}`);
  tell('sees', (run) => nca.sees[run.model.perception]);
  tell('lives', (run) => nca.lives[run.model.alive]);
  for (const run of nca.runs)
    document.getElementById('verdicts')
      .append(nca.make('p', {class: 'run-name', text: run.name}), nca.make('pre', {
        text: [
          `Verdict, by medians of ${run.verdict.seeds} ${run.task.samples}`, ...run.verdict.lines
        ].join('\n'),
      }));
  document.body.classList.toggle('several', nca.runs.length > 1);
  const lives = nca.runs.map(nca.showLive);
  nca.runs.forEach((run) => nca.showRollouts(run));
  nca.runs.forEach(nca.showSettings);
  nca.showTraining();
  for (const show
         of [nca.showHealMap, nca.showJudged, nca.showPictures, nca.showCells, nca.showRanges,
           nca.showStep])
    nca.runs.forEach((run) => show(run));
  Promise.all(lives).then(nca.finish);
}
