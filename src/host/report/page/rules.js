// The page of rules: one of them lives, the others wait to be chosen.
'use strict';

{
  const {rules} = nca.data, box = document.getElementById('world');
  const menu = document.getElementById('rules'), lives = new Map();

  // Each rule has a box of its own, so that what it was doing waits for whoever comes back.
  const choose = async function(rule) {
    for (const [other, one] of lives) one.box.hidden = other !== rule;
    if (!lives.has(rule)) {
      const own = nca.make('div', {class: 'fill'});
      box.append(own);
      lives.set(rule, {box: own});
      Object.assign(lives.get(rule), await nca.live(own, rule, false));
    }
    nca.shown = lives.get(rule);
    for (const button of menu.children)
      button.setAttribute('aria-pressed', button.dataset.name === rule.name);
  };

  const button = async function(rule) {
    const target = await nca.readTarget(rule);
    return nca.make('button', {
      type: 'button',
      title: rule.name,
      'aria-label': rule.name,
      'data-name': rule.name,
      onclick: () => choose(rule),
    },
      target ? nca.paintTarget(target) : nca.make('span', {text: rule.name}));
  };

  // The keys work without a click into the world first.
  document.addEventListener('keydown', (event) => {
    if (event.target === document.body && nca.shown && nca.shown.hand) nca.shown.hand.key(event);
  });

  const start = async function() {
    if (rules.length > 1) menu.append(...await Promise.all(rules.map(button)));
    await choose(rules[0]);
    document.documentElement.dataset.ready = 'true';
  };
  start().catch((reason) => {
    document.getElementById('trouble').hidden = false;
    document.getElementById('trouble').textContent =
      `This browser cannot run the rule: ${reason.message}. A current one can.`;
    document.documentElement.dataset.ready = 'true';
  });
}
