// The visitor's hand: mouse, fingers and keys on a stage.
'use strict';

nca.fingerOf = ({clientX: x, clientY: y}, button) => ({x, y, button});

nca.Hand = class {
  constructor(stage) {
    Object.assign(this, {
      stage,
      tool: stage.world.isDrawn ? 'draw' : 'erase',
      radius: stage.world.isDrawn ? 1.6 : 4,
      fingers: new Map(),
      cursor: null,  // of the keys
    });
    const {canvas} = stage;
    for (const name of ['pointerdown', 'pointermove', 'pointerup', 'pointercancel', 'pointerleave'])
      canvas.addEventListener(name, (event) => this[name](event));
    canvas.addEventListener('wheel', (event) => this.wheel(event), {passive: false});
    canvas.addEventListener('keydown', (event) => this.key(event));
    canvas.addEventListener('contextmenu', (event) => event.preventDefault());
    canvas.addEventListener('blur', () => {
      this.cursor = null;
      this.point(undefined);
    });
  }

  choose(tool) {
    this.tool = tool;
    this.held = null;
    this.point(undefined);
    this.stage.tell();
  }

  // Shows what the hand is about to do at a cell, or nothing.
  point(cell) {
    const mark = cell && {
      y: cell[0],
      x: cell[1],
      radius: this.tool === 'erase' || this.tool === 'draw' ? this.radius : 0.7
    };
    if (mark && this.held)
      mark.copy = {
        picture: this.held.picture,
        top: Math.round(this.held.patch.top + cell[0] - this.held.from[0]),
        left: Math.round(this.held.patch.left + cell[1] - this.held.from[1]),
      };
    this.stage.mark = mark;
    this.stage.wasMarked = true;
  }

  // -- What a tool does ---------------------------------------------------------------------------

  // At a cell, coming from another one where the pointer was dragged.
  apply([y, x], [fromY, fromX]) {
    const {world} = this.stage, length = Math.hypot(y - fromY, x - fromX);
    const pieces = Math.max(1, Math.ceil(2 * length / this.radius));
    for (let i = 1; i <= pieces; i++) {
      const place = [fromY + (y - fromY) * i / pieces, fromX + (x - fromX) * i / pieces];
      if (this.tool === 'erase') world.erase(...place, this.radius);
      if (this.tool === 'draw') world.draw(...place, this.radius);
    }
    if (this.tool === 'seed') {
      world.plant(Math.round(y), Math.round(x));
      this.stage.isCrowded = true;
    }
    this.stage.touch(this.tool === 'erase');
  }

  begin(cell) {
    const {wasHurt, isCrowded} = this.stage;
    this.before = {
      state: this.stage.world.state.slice(),
      stage: {wasHurt, isCrowded},
      at: performance.now(),
    };
    this.stage.box.classList.add('touched');
    if (this.tool === 'copy')
      this.lift(cell);
    else
      this.apply(cell, cell);
    this.point(cell);
  }

  // Takes a copy of the creature at a cell into the hand; the creature stays.
  lift(cell) {
    const {world, ground} = this.stage, patch = world.lift(...cell.map(Math.round));
    if (!patch) return;
    const picture = nca.make('canvas', {width: patch.width, height: patch.height});
    const context = picture.getContext('2d');
    const image = context.createImageData(patch.width, patch.height);
    nca.paintVisible(patch.values, world.channels, ground, image.data, true);
    context.putImageData(image, 0, 0);
    this.held = {patch, picture, from: cell};
  }

  drop() {
    const copy = this.stage.mark && this.stage.mark.copy;
    if (copy) {
      this.stage.world.copyIn(this.held.patch, copy.top, copy.left);
      this.stage.isCrowded = true;
    }
    this.held = null;
    this.stage.touch(false);
  }

  cut(half) {
    this.stage.box.classList.add('touched');
    this.stage.world.cut(half);
    this.stage.touch(true);
    this.stage.look();
  }

  // -- Mouse and fingers --------------------------------------------------------------------------

  pointerdown(event) {
    event.preventDefault();
    this.stage.canvas.focus({preventScroll: true});
    this.stage.canvas.setPointerCapture(event.pointerId);
    this.cursor = null;
    this.fingers.set(event.pointerId, nca.fingerOf(event, event.button));
    if (this.fingers.size > 1) return this.takeBack();  // two fingers move the view
    if (event.button > 0) return;
    this.last = this.stage.cellAt(event.clientX, event.clientY);
    this.begin(this.last);
  }

  // What the first of two fingers did before the second came, where that was a moment ago.
  takeBack() {
    const {stage, before} = this;
    this.held = null;
    this.point(undefined);
    if (before.state.length !== stage.world.state.length || performance.now() - before.at > 300)
      return;
    stage.world.state.set(before.state);
    Object.assign(stage, before.stage);
    stage.look();
  }

  pointermove(event) {
    const finger = this.fingers.get(event.pointerId);
    const cell = this.stage.cellAt(event.clientX, event.clientY);
    if (!finger) {
      if (event.pointerType !== 'touch') this.point(cell);
      return;
    }
    if (this.fingers.size > 1 || finger.button > 0) {
      this.moveView(event.pointerId, finger, nca.fingerOf(event, finger.button));
      return;
    }
    if (this.tool === 'erase' || this.tool === 'draw') this.apply(cell, this.last);
    this.last = cell;
    this.point(cell);
  }

  pointerup(event) {
    this.fingers.delete(event.pointerId);
    if (this.fingers.size > 0) return;
    if (this.held) this.drop();
    const isTouch = event.pointerType === 'touch';
    this.point(isTouch ? undefined : this.stage.cellAt(event.clientX, event.clientY));
    this.stage.look();
  }

  pointercancel(event) {
    this.held = null;
    this.pointerup(event);
  }

  pointerleave() {
    if (this.fingers.size === 0) this.point(undefined);
  }

  // One finger of two, or the mouse with another than its first button, went from a place to
  // another.
  moveView(id, from, to) {
    const {stage} = this, {scale} = stage.view(), {width, height} = stage.world;
    const share = stage.dots / scale / this.fingers.size;
    const other = [...this.fingers].filter(([one]) => one !== id).map(([, finger]) => finger)[0];
    this.fingers.set(id, to);
    stage.move((from.x - to.x) * share / width, (from.y - to.y) * share / height);
    if (!other) return;
    const apart = ({x, y}) => Math.max(Math.hypot(x - other.x, y - other.y), 1);
    stage.zoomTo(stage.zoom * apart(to) / apart(from), (to.x + other.x) / 2, (to.y + other.y) / 2);
  }

  wheel(event) {
    // In a report the page scrolls, unless it is zoomed as a page would be.
    if (this.stage.isEmbedded && !event.ctrlKey) return;
    event.preventDefault();
    this.stage.zoomTo(
      this.stage.zoom * Math.exp(-event.deltaY * 0.0015), event.clientX, event.clientY);
  }

  // -- Keys ---------------------------------------------------------------------------------------

  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const act = this.keys(event)[event.key.length === 1 ? event.key.toLowerCase() : event.key];
    if (!act) return;
    event.preventDefault();
    act();
    this.stage.tell();
  }

  keys(event) {
    const {stage} = this, half = {up: 'upper', down: 'lower'};
    const arrow = (word, y, x) => () =>
      event.shiftKey ? this.cut(half[word] || word) : this.walk(y, x);
    const grow = (factor) => () => {
      this.radius = Math.min(Math.max(this.radius * factor, 1), 40);
      if (this.cursor) this.point(this.cursor);
    };
    return {
      ' ': () => stage.isPlaying = !stage.isPlaying,
      '.': () => {
        stage.isPlaying = false;
        stage.advance(1);
        stage.look();
      },
      r: () => stage.restart(),
      e: () => this.choose('erase'),
      ...(stage.world.isDrawn ? {d: () => this.choose('draw')} : {
        s: () => this.choose('seed'),
        c: () => this.choose('copy'),
      }),
      '[': grow(1 / 1.25),
      ']': grow(1.25),
      '+': () => this.zoomBy(1.25),
      '-': () => this.zoomBy(1 / 1.25),
      ArrowLeft: arrow('left', 0, -1),
      ArrowRight: arrow('right', 0, 1),
      ArrowUp: arrow('up', -1, 0),
      ArrowDown: arrow('down', 1, 0),
      Enter: () => this.press(),
      Escape: () => this.choose(this.tool),
    };
  }

  zoomBy(factor) {
    const box = this.stage.canvas.getBoundingClientRect();
    this.stage.zoomTo(this.stage.zoom * factor, box.left + box.width / 2, box.top + box.height / 2);
  }

  // The cursor of the keys, which begins in the middle.
  walk(down, right) {
    const {height, width} = this.stage.world;
    const [y, x] = this.cursor || [height >> 1, width >> 1];
    this.cursor =
      [Math.min(Math.max(y + down, 0), height - 1), Math.min(Math.max(x + right, 0), width - 1)];
    this.point(this.cursor);
  }

  // Does what the tool does at the cursor; a copy is taken by one press and dropped by the next.
  press() {
    if (!this.cursor) this.walk(0, 0);
    if (this.held)
      this.drop();
    else
      this.begin(this.cursor);
    this.point(this.cursor);
    this.stage.look();
  }
};
