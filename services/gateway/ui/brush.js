// The brushes: strokes over the photo that mark sure foreground and background, drawn with mouse, touch, pen or keys.
// Points are pixels of the photo; [0, 0] is the centre of the first one, as in the API.
const svg = "http://www.w3.org/2000/svg";
export const mostStrokes = 1000, mostPoints = 20000; // of the API

export class Brush extends EventTarget {
  strokes = [];
  label = null; // "foreground" or "background" while a brush is chosen
  radius = 5;
  #stroke = null; // under way, with its line in the drawing
  #cursor = { x: 0, y: 0 };

  constructor(stage, photo, layer, cursor) {
    super();
    Object.assign(this, { stage, photo, layer, cursor });
    stage.addEventListener("pointerdown", (event) => this.#down(event));
    stage.addEventListener("pointermove", (event) => { if (this.label && !this.#stroke) this.#moveCursor(this.#point(event)); });
    cursor.addEventListener("keydown", (event) => this.#key(event));
  }

  // Another photo: no strokes, and a brush of a sixtieth of its longer side.
  begin() {
    const { naturalWidth: width, naturalHeight: height } = this.photo;
    this.layer.setAttribute("viewBox", `0 0 ${width} ${height}`);
    this.#cursor = { x: Math.floor(width / 2), y: Math.floor(height / 2) };
    this.radius = Math.min(500, Math.max(1, Math.round(Math.max(width, height) / 60)));
    this.#forget();
  }

  choose(label) {
    this.#drop();
    this.label = label;
    this.cursor.hidden = !label;
    this.drawCursor();
  }

  setRadius(radius) {
    this.radius = radius;
    this.drawCursor();
  }

  undo() {
    if (this.#stroke) return this.#drop();
    if (this.strokes.pop()) this.#lastLine()?.remove();
    this.#changed();
  }

  clear() {
    this.#forget();
    this.#changed();
  }

  get full() {
    return this.strokes.length >= mostStrokes || this.#pointCount() >= mostPoints;
  }

  #forget() {
    this.#drop();
    this.strokes = [];
    this.layer.replaceChildren();
    this.drawCursor();
  }

  #pointCount() {
    return this.strokes.reduce((sum, stroke) => sum + stroke.points.length, this.#stroke?.points.length ?? 0);
  }

  #changed() {
    this.dispatchEvent(new Event("change"));
  }

  #lastLine() {
    return this.layer.lastElementChild;
  }

  #point(event) {
    const area = this.photo.getBoundingClientRect();
    return {
      x: ((event.clientX - area.left) / area.width) * this.photo.naturalWidth - 0.5,
      y: ((event.clientY - area.top) / area.height) * this.photo.naturalHeight - 0.5,
    };
  }

  // ---- a stroke ----

  #begin({ x, y }) {
    if (this.full) {
      this.dispatchEvent(new Event("full"));
      return false;
    }
    this.#stroke = { label: this.label, points: [], radius: this.radius };
    const line = document.createElementNS(svg, "polyline");
    line.setAttribute("class", this.label);
    line.setAttribute("stroke-width", 2 * this.radius);
    this.layer.append(line);
    this.#extend({ x, y });
    return true;
  }

  // Leaves out points that are nearer to the last one than a quarter of the brush.
  #extend({ x, y }, last = false) {
    const { points, radius } = this.#stroke;
    const before = points.at(-1);
    const next = [x, y].map((v) => Math.round(v * 10) / 10);
    const distance = before ? Math.hypot(next[0] - before[0], next[1] - before[1]) : Infinity;
    if (distance < (last ? 0.1 : Math.max(1, radius / 4)) || this.#pointCount() >= mostPoints) return;
    points.push(next);
    const drawn = points.length === 1 ? [points[0], points[0]] : points;
    this.#lastLine().setAttribute("points", drawn.map(([px, py]) => `${px + 0.5},${py + 0.5}`).join(" "));
  }

  #finish() {
    if (!this.#stroke) return;
    this.strokes.push(this.#stroke);
    this.#stroke = null;
    this.drawCursor();
    this.#changed();
  }

  #drop() {
    if (!this.#stroke) return;
    this.#stroke = null;
    this.#lastLine()?.remove();
    this.drawCursor();
  }

  #down(event) {
    if (!this.label || event.button !== 0 || this.#stroke) return;
    event.preventDefault();
    this.cursor.focus({ preventScroll: true });
    if (!this.#begin(this.#point(event))) return;
    const { stage } = this, id = event.pointerId;
    const draw = (e) => {
      if (e.pointerId !== id || !this.#stroke) return;
      for (const part of e.getCoalescedEvents?.() ?? [e]) this.#extend(this.#point(part));
      this.#moveCursor(this.#point(e));
    };
    const stop = (e) => {
      if (e.pointerId !== id) return;
      stage.removeEventListener("pointermove", draw);
      stage.removeEventListener("pointerup", stop);
      stage.removeEventListener("pointercancel", stop);
      if (e.type === "pointercancel" || !this.#stroke) return this.#drop();
      this.#extend(this.#point(e), true);
      this.#finish();
    };
    stage.setPointerCapture(id);
    stage.addEventListener("pointermove", draw);
    stage.addEventListener("pointerup", stop);
    stage.addEventListener("pointercancel", stop);
  }

  // ---- the outline of the brush, and its keys ----

  get place() {
    return { x: Math.round(this.#cursor.x), y: Math.round(this.#cursor.y), down: Boolean(this.#stroke) };
  }

  drawCursor() {
    const { naturalWidth: width, naturalHeight: height } = this.photo;
    if (!width) return;
    const { style } = this.cursor;
    style.left = `${(100 * (this.#cursor.x + 0.5)) / width}%`;
    style.top = `${(100 * (this.#cursor.y + 0.5)) / height}%`;
    style.width = `${(200 * this.radius) / width}%`;
    this.cursor.dataset.label = this.label ?? "";
    this.cursor.classList.toggle("down", Boolean(this.#stroke));
    this.dispatchEvent(new Event("move"));
  }

  #moveCursor({ x, y }) {
    this.#cursor = { x: Math.min(Math.max(x, 0), this.photo.naturalWidth - 1), y: Math.min(Math.max(y, 0), this.photo.naturalHeight - 1) };
    this.drawCursor();
  }

  // Arrows move the brush; the space bar puts it down and lifts it.
  #key(event) {
    const way = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
    if (!this.label || (!way && ![" ", "Enter", "Escape"].includes(event.key))) return;
    event.preventDefault();
    if (event.key === "Escape") return this.#drop();
    if (!way) return this.#stroke ? this.#finish() : this.#begin(this.#cursor) && this.drawCursor();
    const step = event.altKey ? 1 : Math.max(1, this.radius);
    this.#moveCursor({ x: this.#cursor.x + way[0] * step, y: this.#cursor.y + way[1] * step });
    if (this.#stroke) this.#extend(this.#cursor, true);
  }
}
