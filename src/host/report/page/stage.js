// A stage: the canvas on which a world lives, its view, its clock, and the film of it.
'use strict';

nca.frameBudgetMs = 11;  // of a frame's sixteen, for steps
nca.movesMost = 3;  // cells by which a creature may stand beside its old place, healed

nca.Stage = class {
  // `box` is the element that the stage fills.
  constructor(box, world, target) {
    Object.assign(this, {
      box,
      world,
      target,
      canvas: nca.make('canvas', {class: 'world', tabindex: 0, role: 'application'}),
      short: Math.max(56, ...world.rule.grid),  // cells of the grid's shorter side
      zoom: 1,
      centre: [0.5, 0.5],  // the place of the world, as shares, in the middle of the view
      speed: 60,
      owed: 0,
      frames: 0,
      isPlaying: !matchMedia('(prefers-reduced-motion: reduce)').matches,
      channel: -1,  // shown alone; -1: what the cells look like
      wasHurt: false,
      isCrowded: false,  // more than one creature: no loss says how they are
      best: Infinity,
      loss: null,
      moved: 0,  // cells by which it healed beside its old place
      listeners: [],
    });
    if (world.isDrawn) this.short = Math.max(28, ...world.rule.grid);
    if (target) this.zoom = Math.min(Math.max(this.short / (1.3 * nca.extentOf(target)), 1), 2);
    this.small = nca.make('canvas');
    this.context = this.canvas.getContext('2d');
    box.append(this.canvas);
    this.readColours();
    this.fit();
    this.restart();
    new ResizeObserver(() => this.fit()).observe(box);
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => this.readColours());
    requestAnimationFrame((time) => this.tick(time));
  }

  readColours() {
    this.ground = nca.styleColour('--world');
    this.undecided = nca.styleColour('--undecided');
    this.ring = getComputedStyle(document.documentElement).getPropertyValue('--ring');
    this.isStale = true;
  }

  // The grid fills the box: `short` cells on its shorter side, as many as there is room for on the
  // longer one.
  fit() {
    const {width, height} = this.box.getBoundingClientRect();
    if (width === 0 || height === 0) return;
    const scale = Math.min(width, height) / this.short, dots = Math.min(devicePixelRatio || 1, 2);
    // An even number more than the shorter side, so that the middle stays where it is.
    const cells = (length) => this.short + 2 * Math.ceil((length / scale - this.short) / 2 - 0.01);
    this.canvas.width = Math.round(width * dots);
    this.canvas.height = Math.round(height * dots);
    this.dots = dots;
    this.base = scale * dots;  // dots of a cell without zoom
    this.world.resize(
      Math.min(cells(height), 4 * this.short), Math.min(cells(width), 4 * this.short));
    this.small.width = this.world.width;
    this.small.height = this.world.height;
    this.image = this.small.getContext('2d').createImageData(this.world.width, this.world.height);
    this.isStale = true;
  }

  // Where the world's corner lies on the canvas, and dots of a cell.
  view() {
    const scale = this.base * this.zoom, {width, height} = this.canvas;
    return {
      scale,
      left: width / 2 - this.centre[0] * this.world.width * scale,
      top: height / 2 - this.centre[1] * this.world.height * scale,
    };
  }

  // The cell [y, x] under a point of the window; not rounded, a cell's middle being whole.
  cellAt(clientX, clientY) {
    const box = this.canvas.getBoundingClientRect(), {scale, left, top} = this.view();
    return [
      ((clientY - box.top) * this.dots - top) / scale - 0.5,
      ((clientX - box.left) * this.dots - left) / scale - 0.5
    ];
  }

  // Zooms so that what is under a point of the window stays there.
  zoomTo(zoom, clientX, clientY) {
    const [y, x] = this.cellAt(clientX, clientY);
    this.zoom = Math.min(Math.max(zoom, 1), 12);
    const [newY, newX] = this.cellAt(clientX, clientY);
    this.move((x - newX) / this.world.width, (y - newY) / this.world.height);
  }

  // Moves the view by shares of the world, never beyond its edge.
  move(right, down) {
    const {width, height} = this.canvas, scale = this.base * this.zoom;
    const half = [width / scale / this.world.width / 2, height / scale / this.world.height / 2];
    this.centre = [this.centre[0] + right, this.centre[1] + down].map(
      (place, i) => half[i] >= 0.5 ? 0.5 : Math.min(Math.max(place, half[i]), 1 - half[i]));
    this.tell();
  }

  // -- Time ---------------------------------------------------------------------------------------

  // Begins anew; where nothing may move by itself, with what has grown.
  restart() {
    this.world.begin();
    this.wasHurt = this.isCrowded = false;
    this.best = Infinity;
    if (!this.isPlaying && !this.world.isDrawn) this.world.run(200);
    this.look();
  }

  advance(steps) {
    this.world.run(steps);
    this.isStale = true;
  }

  // As many steps as the speed asks for and the frame has time for.
  tick(time) {
    requestAnimationFrame((next) => this.tick(next));
    const seconds = Math.min((time - (this.last || time)) / 1000, 0.1);
    this.last = time;
    this.frames++;
    const isSeen = !this.isAway && !document.hidden;
    if (this.isPlaying && isSeen) this.owed += seconds * this.speed;
    const start = performance.now();
    while (this.owed >= 1) {
      this.advance(1);
      this.owed--;
      if (performance.now() - start > nca.frameBudgetMs) this.owed = 0;
    }
    if (this.isStale && this.frames % 6 === 0) this.look();
    if (this.isStale || this.wasMarked) this.draw();
  }

  // Looks how the world is doing, and tells whoever listens.
  look() {
    this.loss = this.isCrowded ? null : this.world.loss(this.target);
    this.moved = 0;
    if (this.loss !== null && !this.wasHurt) this.best = Math.min(this.best, this.loss);
    // Pieces that grow together may make a creature that is whole, but not where it was.
    if (this.verdict() === 'healing')
      Object.assign(
        this, this.world.lossAside(this.target, nca.movesMost, this.healedLimit()));
    this.isStale = true;
    this.tell();
  }

  tell() {
    this.isStale = true;
    this.listeners.forEach((listener) => listener());
  }

  // What the visitor did changes the cells. `hurts`: something is to heal now.
  touch(hurts) {
    this.wasHurt ||= hurts;
    this.isStale = true;
  }

  // Whether there is something to wound: the grown picture, or some cells after a while.
  hasCreature() {
    const {world} = this;
    return this.verdict() === 'grown' || (world.step >= 96 && world.living(30) === 30);
  }

  // The loss up to which a wounded creature is healed.
  healedLimit() {
    const {good_loss, healed_within} = this.world.rule;
    return this.best <= good_loss ? this.best + healed_within : good_loss;
  }

  // In a word.
  verdict() {
    const {rule} = this.world;
    if (!this.world.isDrawn && this.world.living(1) === 0) return 'gone';
    if (this.loss === null) return '';
    if (this.wasHurt) return this.loss <= this.healedLimit() ? 'healed' : 'healing';
    return this.loss <= rule.good_loss ? 'grown' : 'growing';
  }

  // -- Pictures -----------------------------------------------------------------------------------

  paint() {
    const {data} = this.image, {world} = this;
    if (this.channel >= 0)
      nca.paintChannel(world, this.channel, this.ground, data);
    else if (world.isDrawn)
      nca.paintClasses(world, this.ground, this.undecided, data);
    else
      nca.paintVisible(world.state, world.channels, this.ground, data, false);
    this.small.getContext('2d').putImageData(this.image, 0, 0);
  }

  draw() {
    const {context, canvas} = this, {scale, left, top} = this.view();
    if (this.isStale) this.paint();
    this.isStale = false;
    context.imageSmoothingEnabled = false;
    context.fillStyle = `rgb(${this.ground.join(' ')})`;
    context.fillRect(0, 0, canvas.width, canvas.height);
    context.drawImage(this.small, left, top, this.world.width * scale, this.world.height * scale);
    this.wasMarked = this.mark !== undefined;
    if (this.mark) this.drawMark(scale, left, top);
  }

  // What the hand is about to do: a ring, or a copy that hangs on it.
  drawMark(scale, left, top) {
    const {context, mark} = this, x = left + (mark.x + 0.5) * scale,
                    y = top + (mark.y + 0.5) * scale;
    if (mark.copy) {
      context.globalAlpha = 0.65;
      context.drawImage(mark.copy.picture, left + mark.copy.left * scale,
        top + mark.copy.top * scale, mark.copy.picture.width * scale,
        mark.copy.picture.height * scale);
      context.globalAlpha = 1;
      return;
    }
    context.beginPath();
    context.arc(x, y, Math.max(mark.radius * scale, 3), 0, 2 * Math.PI);
    context.lineWidth = 1.5 * this.dots;
    context.strokeStyle = this.ring;
    context.stroke();
  }

  save(blob, extension) {
    const url = URL.createObjectURL(blob);
    nca.make('a', {href: url, download: `${this.world.rule.name}.${extension}`}).click();
    setTimeout(() => URL.revokeObjectURL(url), 1000);
  }

  savePicture() {
    this.mark = undefined;
    this.draw();
    this.canvas.toBlob((blob) => this.save(blob, 'png'));
  }

  // Films until it is called again, ten seconds at most; false where the browser cannot.
  saveFilm() {
    if (this.recorder) {
      this.recorder.stop();
      return true;
    }
    const kinds = ['video/mp4;codecs=avc1.42E01E', 'video/webm', 'video/mp4'];
    const type = self.MediaRecorder && kinds.find((one) => MediaRecorder.isTypeSupported(one));
    if (!type || !this.canvas.captureStream) return false;
    const parts = [],
          recorder = new MediaRecorder(
            this.canvas.captureStream(30), {mimeType: type, videoBitsPerSecond: 6e6});
    recorder.ondataavailable = ({data}) => parts.push(data);
    recorder.onstop = () => {
      this.recorder = null;
      this.save(new Blob(parts, {type}), type.split(/[/;]/)[1]);
      this.tell();
    };
    recorder.start();
    this.recorder = recorder;
    setTimeout(() => recorder.state === 'recording' && recorder.stop(), 10000);
    this.tell();
    return true;
  }
};
