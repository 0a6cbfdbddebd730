// Zooming into the photo: the stage grows inside of a viewport that scrolls and keeps its height.
const steps = [1, 1.5, 2, 3, 4, 6, 8];

export class Zoom extends EventTarget {
  #step = 0;

  constructor(viewport, photo) {
    super();
    Object.assign(this, { viewport, photo });
    addEventListener("resize", () => this.#apply());
    viewport.addEventListener("pointerdown", (event) => this.#drag(event));
  }

  get factor() {
    return steps[this.#step];
  }

  get ends() {
    return { least: this.#step === 0, most: this.#step === steps.length - 1 };
  }

  by(n) {
    this.to(Math.min(Math.max(this.#step + n, 0), steps.length - 1));
  }

  to(step) {
    const { viewport } = this;
    const middle = (at, side, whole) => (at + side / 2) / Math.max(1, whole);
    const x = middle(viewport.scrollLeft, viewport.clientWidth, viewport.scrollWidth);
    const y = middle(viewport.scrollTop, viewport.clientHeight, viewport.scrollHeight);
    this.#step = step;
    this.#apply();
    viewport.scrollLeft = x * viewport.scrollWidth - viewport.clientWidth / 2;
    viewport.scrollTop = y * viewport.scrollHeight - viewport.clientHeight / 2;
    this.dispatchEvent(new Event("change"));
  }

  #apply() {
    const { photo, viewport } = this;
    Object.assign(photo.style, { width: "", maxWidth: "", maxHeight: "" });
    viewport.style.height = "";
    viewport.classList.toggle("zoomed", this.#step > 0);
    if (this.#step === 0) return;
    const width = photo.getBoundingClientRect().width;
    viewport.style.height = `${photo.getBoundingClientRect().height}px`;
    Object.assign(photo.style, { width: `${width * this.factor}px`, maxWidth: "none", maxHeight: "none" });
  }

  // With the hand, a mouse drags what touch scrolls anyway.
  #drag(event) {
    const { viewport } = this;
    if (viewport.dataset.mode !== "move" || event.pointerType === "touch" || event.button !== 0) return;
    event.preventDefault();
    const from = { x: event.clientX + viewport.scrollLeft, y: event.clientY + viewport.scrollTop };
    const move = (e) => { viewport.scrollTo(from.x - e.clientX, from.y - e.clientY); };
    const stop = () => {
      viewport.removeEventListener("pointermove", move);
      viewport.removeEventListener("pointerup", stop);
      viewport.removeEventListener("pointercancel", stop);
    };
    viewport.setPointerCapture(event.pointerId);
    viewport.addEventListener("pointermove", move);
    viewport.addEventListener("pointerup", stop);
    viewport.addEventListener("pointercancel", stop);
  }
}
