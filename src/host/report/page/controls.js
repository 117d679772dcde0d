// What stands around a stage: tools, a sheet with the rest, the verdict, and the channels.
'use strict';

// Paths on 24 by 24.
nca.icons = {
  erase: 'M4 16l9-9 6 6-7 7H8zM12 20h8',
  seed: 'M12 21v-9M12 12c0-4 3-6 8-6 0 5-3 7-8 6zM12 15c0-3-2-5-7-5 0 4 3 6 7 5z',
  copy: 'M9 9h11v11H9zM5 15H4V4h11v1',
  draw: 'M4 20l1-4L16 5l3 3L8 19zM14 7l3 3',
  play: 'M8 5l11 7-11 7z',
  pause: 'M8 5v14M16 5v14',
  step: 'M6 5l9 7-9 7zM19 5v14',
  restart: 'M5 12a7 7 0 1 0 3-6M8 2v4h4',
  more: 'M4 7h9M17 7h3M4 17h3M11 17h9M15 5v4M9 15v4',
  left: 'M4 5h8v14H4zM15 5h5v14h-5',
  right: 'M12 5h8v14h-8zM4 5h5v14H4',
  upper: 'M5 4h14v8H5zM5 15h14v5H5',
  lower: 'M5 12h14v8H5zM5 4h14v5H5',
  channels: 'M4 4h7v7H4zM13 4h7v7h-7zM4 13h7v7H4zM13 13h7v7h-7z',
  picture: 'M4 5h16v14H4zM4 16l5-5 4 4 3-3 4 4',
  film: 'M4 6h11v12H4zM15 10l5-3v10l-5-3',
};

nca.icon = function(name) {
  const space = 'http://www.w3.org/2000/svg';
  const picture = document.createElementNS(space, 'svg');
  const path = document.createElementNS(space, 'path');
  picture.setAttribute('viewBox', '0 0 24 24');
  picture.setAttribute('aria-hidden', 'true');
  path.setAttribute('d', nca.icons[name]);
  picture.append(path);
  return picture;
};

nca.iconButton = function(name, words, onclick) {
  return nca.make(
    'button', {type: 'button', title: words, 'aria-label': words, onclick}, nca.icon(name));
};

// A slider with its name and value; `scale` makes of the slider's place the number it sets.
nca.slider = function(words, {min, max, step = 1, read, write, show = String}) {
  const output = nca.make('output');
  const input = nca.make('input', {
    type: 'range',
    min,
    max,
    step,
    'aria-label': words,
    oninput: () => {
      write(Number(input.value));
      output.textContent = show(Number(input.value));
    },
  });
  return {
    element: nca.make('label', {}, nca.make('span', {text: words}), input, output),
    update() {
      if (document.activeElement !== input) input.value = read();
      output.textContent = show(Number(input.value));
    },
  };
};

nca.sliders = function(stage, hand) {
  const {world} = stage, canTurn = world.rule.spec.perception !== 1;
  const grids = world.isDrawn ? [20, 64] : [32, 160];
  return [
    nca.slider('Speed', {
      min: 0,
      max: 8,
      step: 0.5,
      read: () => Math.log2(stage.speed / 3.75),
      write: (value) => stage.speed = 3.75 * 2 ** value,
      show: (value) => `${Math.round(3.75 * 2 ** value)}/s`,
    }),
    nca.slider('Fire rate', {
      min: 0.05,
      max: 1,
      step: 0.05,
      read: () => world.fireRate,
      write: (value) => world.fireRate = value,
      show: (value) => `${Math.round(100 * value)} %`,
    }),
    canTurn ? nca.slider('Angle', {
      min: -180,
      max: 180,
      step: 5,
      read: () => world.angle,
      write: (value) => world.angle = value,
      show: (value) => `${value}°`,
    }) :
              null,
    nca.slider('Grid', {
      min: grids[0],
      max: grids[1],
      step: 4,
      read: () => stage.short,
      write: (value) => {
        stage.short = value;
        stage.fit();
      },
      show: () => `${world.height}×${world.width}`,
    }),
    nca.slider('Zoom', {
      min: 1,
      max: 12,
      step: 0.25,
      read: () => stage.zoom,
      write: (value) => hand.zoomBy(value / stage.zoom),
      show: (value) => `${value}×`,
    }),
  ].filter(Boolean);
};

// Every channel as a small picture; one that is chosen is shown on the stage.
nca.channelPictures = function(stage) {
  const {world} = stage, element = nca.make('div', {class: 'channels', hidden: ''});
  const pictures = Array.from({length: world.channels}, (_, k) => {
    const canvas = nca.make('canvas');
    const name = world.rule.channel_names[k] || String(k);
    const button = nca.make('button', {
      type: 'button',
      title: `Channel ${name}`,
      'aria-label': `Channel ${name}`,
      onclick: () => {
        stage.channel = stage.channel === k ? -1 : k;
        stage.tell();
      },
    },
      canvas);
    element.append(button);
    return {canvas, button};
  });
  return {
    element,
    toggle() {
      element.hidden = !element.hidden;
      if (element.hidden) stage.channel = -1;
      stage.tell();
    },
    update() {
      pictures.forEach(({canvas, button}, k) => {
        button.setAttribute('aria-pressed', stage.channel === k);
        if (element.hidden) return;
        // The middle of the world, where the creature is.
        const side = Math.min(world.width, world.height);
        if (canvas.width !== side) canvas.width = canvas.height = side;
        const context = canvas.getContext('2d');
        const image = context.createImageData(world.width, world.height);
        nca.paintChannel(world, k, stage.ground, image.data);
        context.putImageData(image, (side - world.width) >> 1, (side - world.height) >> 1);
      });
    },
  };
};

// How the cells of a drawing vote.
nca.voteBars = function(stage) {
  const {classes} = stage.world.rule;
  const bars = classes.map((name, i) => {
    const bar = nca.make('i');
    bar.style.setProperty('--own', `rgb(${nca.classColours[i].join(' ')})`);
    return nca.make('span', {text: name}, bar);
  });
  return {
    element: nca.make('div', {class: 'votes', role: 'img'}, ...bars),
    update() {
      const {counts, living} = stage.world.votes();
      const most = Math.max(...counts), winner = counts.indexOf(most);
      this.element.setAttribute('aria-label',
        living === 0 ? 'nothing is drawn' :
                       `${Math.round(100 * most / living)} % of the cells say ${classes[winner]}`);
      bars.forEach((span, i) => {
        span.classList.toggle('winner', living > 0 && most > 0 && i === winner);
        span.lastChild.style.setProperty('--share', living > 0 ? counts[i] / living : 0);
      });
    },
  };
};

nca.verdictLine = function(stage) {
  const word = nca.make('b'), number = nca.make('span');
  const element = nca.make('p', {class: 'verdict', role: 'status'}, word);
  return {
    element: nca.make('div', {}, element, number),
    update() {
      const verdict = stage.verdict(), {moved} = stage;
      if (word.textContent !== verdict) word.textContent = verdict;
      element.dataset.word = verdict;
      number.textContent = stage.loss === null || !Number.isFinite(stage.loss) ?
        '' :
        `log loss ${stage.loss.toFixed(1)}`.replace('-', '−') +
          (moved === 0 ? '' : `, ${moved} ${moved === 1 ? 'cell' : 'cells'} aside`);
    },
  };
};

nca.toolButtons = function(stage, hand) {
  const tools = stage.world.isDrawn ?
    [['draw', 'Draw (D)'], ['erase', 'Erase (E)']] :
    [['erase', 'Erase (E)'], ['seed', 'Plant a seed (S)'], ['copy', 'Drag out a copy (C)']];
  const buttons =
    tools.map(([tool, words]) => nca.iconButton(tool, words, () => hand.choose(tool)));
  const size = nca.make('input', {
    type: 'range',
    class: 'size',
    min: 1,
    max: stage.world.isDrawn ? 5 : 20,
    step: 0.2,
    title: 'Brush ([ and ])',
    'aria-label': 'Brush size',
    oninput: () => hand.radius = Number(size.value),
  });
  return {
    elements: [...buttons, size],
    update() {
      buttons.forEach(
        (button, i) => button.setAttribute('aria-pressed', hand.tool === tools[i][0]));
      if (document.activeElement !== size) size.value = hand.radius;
    },
  };
};

nca.timeButtons = function(stage) {
  const play = nca.iconButton('pause', '', () => {
    stage.isPlaying = !stage.isPlaying;
    stage.tell();
  });
  const step = nca.iconButton('step', 'One step (.)', () => {
    stage.isPlaying = false;
    stage.advance(1);
    stage.look();
  });
  const restart = nca.iconButton(
    'restart', stage.world.isDrawn ? 'Clear (R)' : 'Begin again (R)', () => stage.restart());
  let shown;
  return {
    elements: [play, step, restart],
    update() {
      if (shown === stage.isPlaying) return;
      shown = stage.isPlaying;
      play.replaceChildren(nca.icon(shown ? 'pause' : 'play'));
      play.title = `${shown ? 'Pause' : 'Play'} (space)`;
      play.setAttribute('aria-label', shown ? 'Pause' : 'Play');
    },
  };
};

// What a visitor is invited to do, once there is something to do it to.
nca.invitation = function(stage) {
  const {isDrawn} = stage.world;
  const element =
    nca.make('p', {class: 'invitation', text: isDrawn ? 'Draw a digit' : 'Wound it'});
  return {
    element,
    update() {
      element.classList.toggle('early', !isDrawn && !stage.hasCreature());
    },
  };
};

// The sheet with everything that is not needed at once.
nca.sheet = function(stage, hand, channels) {
  const sliders = nca.sliders(stage, hand);
  const cuts = ['left', 'right', 'upper', 'lower'].map(
    (half) =>
      nca.iconButton(half, `Cut the ${half} half (Shift and an arrow)`, () => hand.cut(half)));
  const film = nca.iconButton('film', 'Save a film, ten seconds at most', () => {
    if (!stage.saveFilm()) film.disabled = true;
  });
  const element =
    nca.make('div', {class: 'sheet', hidden: ''}, ...sliders.map((one) => one.element),
      nca.make('div', {class: 'row'}, ...(stage.world.isDrawn ? [] : cuts),
        nca.iconButton('channels', 'Every channel', () => channels.toggle()),
        nca.iconButton('picture', 'Save a picture', () => stage.savePicture()), film));
  return {
    element,
    update() {
      if (element.hidden) return;
      sliders.forEach((one) => one.update());
      film.setAttribute('aria-pressed', Boolean(stage.recorder));
    },
  };
};

// Everything around a stage, in the element that it fills.
nca.controls = function(stage, hand) {
  const tools = nca.toolButtons(stage, hand), time = nca.timeButtons(stage);
  const channels = nca.channelPictures(stage), sheet = nca.sheet(stage, hand, channels);
  const invitation = nca.invitation(stage);
  const verdict = stage.world.isDrawn ? nca.voteBars(stage) : nca.verdictLine(stage);
  const more = nca.iconButton('more', 'More', () => {
    sheet.element.hidden = !sheet.element.hidden;
    more.setAttribute('aria-expanded', !sheet.element.hidden);
    stage.box.classList.add('touched');
    stage.tell();
  });
  const gap = () => nca.make('span', {class: 'gap'});
  more.setAttribute('aria-expanded', false);
  const parts = [
    nca.make('div', {class: 'corner'}, verdict.element),
    channels.element,
    invitation.element,
    nca.make('div', {class: 'dock', role: 'toolbar', 'aria-label': 'Tools'}, sheet.element,
      ...tools.elements, gap(), ...time.elements, more),
  ];
  stage.box.append(...parts);
  stage.listeners.push(...[tools, time, channels, sheet, invitation, verdict].map(
    (one) => () => one.update()));
  stage.tell();
  return () => parts.forEach((part) => part.remove());
};

// A rule that lives in a box.
nca.live = async function(box, rule, isEmbedded) {
  const [module, target] = await Promise.all([nca.module(), nca.readTarget(rule)]);
  const grid = rule.grid.map((side) => side || 72);
  const world = new nca.World(module.exports, rule, ...grid);
  box.classList.add('live');
  box.classList.toggle('drawn', world.isDrawn);
  const stage = new nca.Stage(box, world, target), hand = new nca.Hand(stage);
  stage.isEmbedded = isEmbedded;
  stage.canvas.setAttribute('aria-label',
    `${rule.name}: a world of cells. Arrow keys move, Enter ` +
      `${world.isDrawn ? 'draws' : 'erases'}, space pauses`);
  const remove = nca.controls(stage, hand);
  new IntersectionObserver(([entry]) => {
    stage.isAway = !entry.isIntersecting;
  }).observe(box);
  return {stage, hand, world, remove};
};
