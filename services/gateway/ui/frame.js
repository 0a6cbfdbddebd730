// The frame over the photo: drawn, moved and resized with mouse, touch or keys. Its numbers are pixels
// of the photo, whatever the size on the screen. While it is not active, other tools use the stage.
export class Frame extends EventTarget {
  constructor(stage, photo, box) {
    super();
    Object.assign(this, { stage, photo, box, rect: { x: 0, y: 0, width: 1, height: 1 }, active: true });
    stage.addEventListener("pointerdown", (event) => this.#grab(event));
    box.addEventListener("keydown", (event) => this.#key(event));
    addEventListener("resize", () => this.draw());
  }

  // Leaves 5 % of each side out, as the servers' rect=auto does.
  inset() {
    const [w, h] = [this.photo.naturalWidth, this.photo.naturalHeight];
    const [dx, dy] = [w, h].map((side) => Math.floor(side * 0.05) || (side > 2 ? 1 : 0));
    this.set({ x: dx, y: dy, width: w - 2 * dx, height: h - 2 * dy });
  }

  set(rect) {
    const [w, h] = [this.photo.naturalWidth, this.photo.naturalHeight];
    const clamp = (v, low, high) => Math.min(Math.max(Math.round(v), low), high);
    const x = clamp(rect.x, 0, w - 1), y = clamp(rect.y, 0, h - 1);
    this.rect = { x, y, width: clamp(rect.width, 1, w - x), height: clamp(rect.height, 1, h - y) };
    this.draw();
    this.dispatchEvent(new Event("change"));
  }

  move(dx, dy) {
    const [w, h] = [this.photo.naturalWidth, this.photo.naturalHeight];
    const r = this.rect;
    this.set({ ...r, x: Math.min(Math.max(r.x + dx, 0), w - r.width), y: Math.min(Math.max(r.y + dy, 0), h - r.height) });
  }

  draw() {
    if (!this.photo.naturalWidth) return;
    const percent = (v, of) => `${(100 * v) / of}%`;
    const { x, y, width, height } = this.rect;
    const style = this.box.style;
    style.left = percent(x, this.photo.naturalWidth);
    style.top = percent(y, this.photo.naturalHeight);
    style.width = percent(width, this.photo.naturalWidth);
    style.height = percent(height, this.photo.naturalHeight);
  }

  #point(event) {
    const area = this.photo.getBoundingClientRect();
    return {
      x: ((event.clientX - area.left) / area.width) * this.photo.naturalWidth,
      y: ((event.clientY - area.top) / area.height) * this.photo.naturalHeight,
    };
  }

  #grab(event) {
    if (event.button !== 0 || !this.active) return;
    event.preventDefault();
    this.box.focus({ preventScroll: true });
    const start = this.#point(event), from = { ...this.rect };
    const edge = event.target.dataset?.edge;
    const inside = event.target === this.box;
    const drag = (e) => {
      const p = this.#point(e), dx = p.x - start.x, dy = p.y - start.y;
      if (edge) this.#resize(from, edge, dx, dy);
      else if (inside) { this.rect = from; this.move(dx, dy); }
      else this.#between(start, p);
    };
    const stop = () => {
      this.stage.removeEventListener("pointermove", drag);
      this.stage.removeEventListener("pointerup", stop);
      this.stage.removeEventListener("pointercancel", stop);
    };
    this.stage.setPointerCapture(event.pointerId);
    this.stage.addEventListener("pointermove", drag);
    this.stage.addEventListener("pointerup", stop);
    this.stage.addEventListener("pointercancel", stop);
  }

  #between(a, b) {
    const left = Math.max(0, Math.min(a.x, b.x)), top = Math.max(0, Math.min(a.y, b.y));
    this.set({ x: left, y: top, width: Math.max(a.x, b.x) - left, height: Math.max(a.y, b.y) - top });
  }

  #resize(from, edge, dx, dy) {
    let { x, y, width, height } = from;
    const right = x + width, bottom = y + height;
    if (edge.includes("w")) { x = Math.max(0, Math.min(x + dx, right - 1)); width = right - x; }
    if (edge.includes("e")) width = Math.max(1, width + dx);
    if (edge.includes("n")) { y = Math.max(0, Math.min(y + dy, bottom - 1)); height = bottom - y; }
    if (edge.includes("s")) height = Math.max(1, height + dy);
    this.set({ x, y, width, height });
  }

  #key(event) {
    const way = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
    if (!way) return;
    event.preventDefault();
    const step = event.altKey ? 1 : Math.max(1, Math.round(this.photo.naturalWidth / 50));
    const [dx, dy] = [way[0] * step, way[1] * step];
    if (event.shiftKey) this.set({ ...this.rect, width: this.rect.width + dx, height: this.rect.height + dy });
    else this.move(dx, dy);
  }
}
