// A world: the cells of a grid, the rule that moves them, and what a visitor does to them.
'use strict';

nca.stepsLimit = 1 << 24;  // steps are numbered with 24 bits
nca.threshold = 0.1;       // a cell whose alpha is above it is mature

nca.World = class {
  // `calls` are a module's exports; the world owns them.
  constructor(calls, rule, height, width) {
    const [fireRate, angle, stepSize, noise] = new Float64Array(nca.bytes(rule.exact).buffer);
    Object.assign(this, {calls, rule, noise, fireRate, angle, stepSize, seed: 1, step: 0});
    this.usual = {fireRate, angle, stepSize};
    this.channels = rule.spec.channels;
    this.parameters = new Float32Array(nca.bytes(rule.parameters).buffer);
    this.isDrawn = rule.classes.length > 0;  // its cells live where someone draws
    this.open(height, width);
    this.begin();
  }

  open(height, width) {
    const {channels, perception, hidden, hidden2, frozen, alive, alive_channel: channel} =
      this.rule.spec;
    if (!this.calls.open(
          channels, perception, hidden, hidden2, frozen, alive, channel, this.noise, height, width))
      throw new Error(`no memory for ${height} x ${width} cells`);
    const {memory} = this.calls;
    new Float32Array(memory.buffer, this.calls.parameters(), this.parameters.length)
      .set(this.parameters);
    this.calls.load();
    this.state = new Float32Array(memory.buffer, this.calls.state(), height * width * channels);
    Object.assign(this, {height, width});
  }

  // Another grid, with what is there still in the middle of it.
  resize(height, width) {
    if (height === this.height && width === this.width) return;
    const patch = {
      height: this.height,
      width: this.width,
      values: this.state.slice(),
    };
    this.open(height, width);
    this.copyIn(patch, (height >> 1) - (patch.height >> 1), (width >> 1) - (patch.width >> 1));
  }

  // As at the beginning of `nca run`.
  begin() {
    this.state.fill(0);
    this.step = 0;
    if (!this.isDrawn)
      this.plant((this.height >> 1) + this.rule.seed[0], (this.width >> 1) + this.rule.seed[1]);
  }

  run(steps) {
    if (this.step + steps > nca.stepsLimit) this.step = 0;
    this.calls.run(
      steps, this.step, this.seed, this.fireRate, this.angle * (Math.PI / 180), this.stepSize);
    this.step += steps;
  }

  isInside(y, x) {
    return y >= 0 && x >= 0 && y < this.height && x < this.width;
  }

  cell(y, x) {
    return (y * this.width + x) * this.channels;
  }

  isAlive(y, x) {
    const {alive, alive_channel: channel} = this.rule.spec;
    return this.isInside(y, x) &&
      (alive === 2 || this.state[this.cell(y, x) + (alive === 1 ? channel : 3)] > nca.threshold);
  }

  // Alpha and hidden channels one, colour zero: what every training starts from.
  plant(y, x) {
    if (!this.isInside(y, x)) return;
    const at = this.cell(y, x);
    this.state.fill(0, at, at + 3).fill(1, at + 3, at + this.channels);
  }

  // Calls for every cell within a radius of a place, with its distance.
  within(y, x, radius, call) {
    for (let row = Math.ceil(y - radius); row <= y + radius; row++)
      for (let column = Math.ceil(x - radius); column <= x + radius; column++) {
        const distance = Math.hypot(row - y, column - x);
        if (distance <= radius && this.isInside(row, column))
          call(this.cell(row, column), distance);
      }
  }

  erase(y, x, radius) {
    this.within(y, x, radius, (at) => this.state.fill(0, at, at + this.channels));
  }

  // Ink, as a pen leaves it: full in the middle, paler towards the edge.
  draw(y, x, radius) {
    this.within(y, x, radius, (at, distance) => {
      this.state[at] = Math.max(this.state[at], Math.min(1, 1.3 * (1 - distance / radius) + 0.15));
    });
  }

  // Clears a half: 'left', 'right', 'upper' or 'lower'.
  cut(half) {
    const top = half === 'lower' ? this.height >> 1 : 0;
    const left = half === 'right' ? this.width >> 1 : 0;
    const bottom = half === 'upper' ? this.height >> 1 : this.height;
    const right = half === 'left' ? this.width >> 1 : this.width;
    for (let y = top; y < bottom; y++)
      this.state.fill(0, this.cell(y, left), this.cell(y, left) + (right - left) * this.channels);
  }

  // The living cells that hang together with one of those around a place, as a patch with the place
  // of its corner; null where nothing lives.
  lift(y, x) {
    const seen = new Set(), open = [];
    const visit = (row, column) => {
      const number = row * this.width + column;
      if (!this.isAlive(row, column) || seen.has(number)) return;
      seen.add(number);
      open.push([row, column]);
    };
    this.around(y, x, visit);
    while (open.length > 0) this.around(...open.pop(), visit);
    return seen.size > 0 ? this.patchOf([...seen]) : null;
  }

  around(y, x, visit) {
    for (let i = 0; i < 9; i++) visit(y + Math.floor(i / 3) - 1, x + i % 3 - 1);
  }

  patchOf(numbers) {
    const rows = numbers.map((number) => Math.floor(number / this.width));
    const columns = numbers.map((number) => number % this.width);
    const least = (list) => list.reduce((a, b) => Math.min(a, b));
    const most = (list) => list.reduce((a, b) => Math.max(a, b));
    const top = least(rows), left = least(columns);
    const height = most(rows) - top + 1, width = most(columns) - left + 1;
    const values = new Float32Array(height * width * this.channels);
    numbers.forEach((number, i) => {
      const from = number * this.channels, to = (rows[i] - top) * width + columns[i] - left;
      values.set(this.state.subarray(from, from + this.channels), to * this.channels);
    });
    return {top, left, height, width, values};
  }

  // Puts the cells of a patch that are not empty into the world.
  copyIn(patch, top, left) {
    for (let y = 0; y < patch.height; y++)
      for (let x = 0; x < patch.width; x++) {
        const from = (y * patch.width + x) * this.channels;
        const cell = patch.values.subarray(from, from + this.channels);
        if (this.isInside(top + y, left + x) && cell.some((value) => value !== 0))
          this.state.set(cell, this.cell(top + y, left + x));
      }
  }

  // How many cells live, counted up to `most`.
  living(most) {
    let count = 0;
    for (let y = 0; y < this.height && count < most; y++)
      for (let x = 0; x < this.width && count < most; x++)
        if (this.isAlive(y, x)) count++;
    return count;
  }

  // log10 of the mean squared difference to the target, on the grid of the target in the middle, as
  // `nca eval` has it; null where there is nothing to compare with. The target may be moved by
  // `down` and `right` cells; what is above `limit` is not computed further: Infinity.
  loss(target, down = 0, right = 0, limit = Infinity) {
    if (!target || target.height > this.height || target.width > this.width ||
      this.angle !== this.usual.angle)
      return null;
    const top = (this.height >> 1) - (target.height >> 1) + down;
    const left = (this.width >> 1) - (target.width >> 1) + right;
    const most = 10 ** limit * target.values.length;
    let sum = 0;
    for (let y = 0, i = 0; y < target.height && sum <= most; y++)
      for (let x = 0; x < target.width; x++) {
        const at = this.isInside(top + y, left + x) ? this.cell(top + y, left + x) : -1;
        for (let k = 0; k < 4; k++, i++) {
          const difference = (at < 0 ? 0 : this.state[at + k]) - target.values[i];
          sum += difference * difference;
        }
      }
    return sum <= most ? Math.log10(sum / target.values.length) : Infinity;
  }

  // The least loss that is not above `limit`, with the target moved by up to `reach` cells, and the
  // cells by which it is moved; null where there is none.
  lossAside(target, reach, limit) {
    let least = null;
    for (let down = -reach; down <= reach; down++)
      for (let right = -reach; right <= reach; right++) {
        const loss = this.loss(target, down, right, least ? least.loss : limit);
        if (loss < (least ? least.loss : Infinity))
          least = {loss, moved: Math.max(Math.abs(down), Math.abs(right))};
      }
    return least;
  }

  // Which class a cell says, by its last channels; -1 where none is ahead.
  said(at) {
    const count = this.rule.classes.length, first = at + this.channels - count;
    let best = 0, ties = 0;
    for (let i = 1; i < count; i++) {
      const ahead = this.state[first + i] - this.state[first + best];
      if (ahead > 0) {
        best = i;
        ties = 0;
      } else if (ahead === 0) {
        ties++;
      }
    }
    return ties === 0 ? best : -1;
  }

  // How many living cells say each class, and how many live.
  votes() {
    const counts = this.rule.classes.map(() => 0);
    let living = 0;
    for (let y = 0; y < this.height; y++)
      for (let x = 0; x < this.width; x++)
        if (this.isAlive(y, x)) {
          const said = this.said(this.cell(y, x));
          if (said >= 0) counts[said]++;
          living++;
        }
    return {counts, living};
  }
};
