// What a world looks like: its cells as pixels.
'use strict';

// Of classes, as the program's own pictures have them.
nca.classColours = [
  [214, 40, 57], [240, 128, 30], [232, 196, 20], [140, 198, 30], [24, 140, 66], [20, 180, 190],
  [36, 98, 220], [120, 60, 215], [222, 60, 180], [120, 78, 44]
];

// A colour of the style sheet as three numbers, such as 255 255 255.
nca.styleColour = (name) =>
  getComputedStyle(document.documentElement).getPropertyValue(name).trim().split(' ').map(Number);

// Cells [n,channels] as the first four channels show them, over the ground.
nca.paintVisible = function(values, channels, ground, pixels, isGhost) {
  for (let i = 0, at = 0; i < pixels.length; i += 4, at += channels) {
    const alpha = Math.min(Math.max(values[at + 3], 0), 1);
    for (let k = 0; k < 3; k++)
      pixels[i + k] = 255 * Math.min(Math.max(values[at + k], 0), 1) + (1 - alpha) * ground[k];
    pixels[i + 3] = isGhost && alpha === 0 ? 0 : 255;
  }
};

// A colour for each class where there is ink.
nca.paintClasses = function(world, ground, undecided, pixels) {
  for (let i = 0, at = 0; i < pixels.length; i += 4, at += world.channels) {
    const ink = world.state[at], said = ink > nca.threshold ? world.said(at) : -1;
    const own = said < 0 ? undecided : nca.classColours[said];
    const pale = ink > nca.threshold ? 0.5 * (1 - Math.min(ink, 1)) : 1;
    for (let k = 0; k < 3; k++) pixels[i + k] = own[k] + (ground[k] - own[k]) * pale;
    pixels[i + 3] = 255;
  }
};

// One channel: orange above zero, blue below, the ground at zero.
nca.paintChannel = function(world, channel, ground, pixels) {
  for (let i = 0, at = channel; i < pixels.length; i += 4, at += world.channels) {
    const value = world.state[at], share = Math.min(Math.abs(value), 1);
    const own = value > 0 ? [230, 120, 0] : [0, 114, 200];
    for (let k = 0; k < 3; k++) pixels[i + k] = ground[k] + (own[k] - ground[k]) * share;
    pixels[i + 3] = 255;
  }
};

// The target of a rule as numbers [H,W,4], from its picture: colours above, alpha below.
nca.readTarget = async function(rule) {
  if (!rule.target) return null;
  const image = new Image();
  image.src = rule.target.src;
  await image.decode();
  const {width} = rule.target, height = rule.target.height / 2, cells = height * width;
  const context =
    nca.make('canvas', {width, height: 2 * height}).getContext('2d', {willReadFrequently: true});
  context.drawImage(image, 0, 0);
  const {data} = context.getImageData(0, 0, width, 2 * height);
  const values = new Float32Array(4 * cells);
  for (let i = 0; i < 4 * cells; i++) values[i] = data[i % 4 < 3 ? i : 4 * cells + i - 3] / 255;
  return {height, width, values};
};

// The longer side of what is to be seen of a target, around its middle.
nca.extentOf = function({height, width, values}) {
  let most = 1;
  for (let y = 0, at = 3; y < height; y++)
    for (let x = 0; x < width; x++, at += 4)
      if (values[at] > nca.threshold)
        most = Math.max(most, Math.abs(2 * y + 1 - height) + 1, Math.abs(2 * x + 1 - width) + 1);
  return most;
};

// A small picture of it, on nothing.
nca.paintTarget = function(target) {
  const {height, width} = target;
  const canvas = nca.make('canvas', {width, height}), context = canvas.getContext('2d');
  const image = context.createImageData(width, height);
  nca.paintVisible(target.values, 4, nca.styleColour('--world'), image.data, true);
  context.putImageData(image, 0, 0);
  return canvas;
};
