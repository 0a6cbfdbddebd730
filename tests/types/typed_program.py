"""A sample program with type hints: rules, views, decisions, errors, images and progress."""
from __future__ import annotations

import numpy as np
import numpy.typing as npt

import grabcut
import headerroute


def subset_of(table: headerroute.Table, target: str) -> str:
    headers: dict[str, str] = {"target": target}
    decision: headerroute.Decision = table.route("POST", "http://proxy-server:5000/predict", headers=headers, random=0.5)
    destination: headerroute.Destination | None = decision.destination
    if destination is None or destination.subset is None:
        return "none"
    names: list[str | None] = [endpoint.name for endpoint in decision.endpoints]
    return destination.subset if names else "no endpoint"


def why(view: headerroute.View, path: str) -> list[str]:
    explanation: headerroute.Explanation = view.explain("GET", f"http://proxy-server:5000{path}")
    return [str(event) for event in explanation.events]


def problems(text: str) -> tuple[headerroute.Diagnostic, ...]:
    try:
        headerroute.load(headerroute.Yaml(text, "text"), lint=True)
    except headerroute.ConfigError as e:
        return e.errors
    return ()


def watch(now: grabcut.Progress) -> bool:
    return now.done < 0.0


def foreground(path: str) -> npt.NDArray[np.uint8]:
    with open(path, "rb") as f:
        data = f.read()
    header: grabcut.Probe = grabcut.probe(data)
    image = grabcut.decode(data)
    rect = grabcut.rect_inset(header.width, header.height, 5)
    models = grabcut.Models()
    try:
        mask = grabcut.segment(image, rect=rect, iterations=1, seed=1, models=models, progress=watch)
    except grabcut.GrabcutError as e:
        raise SystemExit(str(e)) from e
    boxes = np.array([[9, 12, 170, 230]])
    masks: list[npt.NDArray[np.uint8]] = grabcut.segment_batch([path], rects=[boxes[0]], iterations=1, workers=1)
    assert grabcut.segment(image, boxes[0], 1, order="bgr").shape == masks[0].shape
    assert grabcut.segment(grabcut.imread(path, order="rgb"), "auto", 1, order="rgb").any()
    png: bytes = grabcut.encode_png(grabcut.cutout(image, mask, "alpha"))
    return mask if png else np.zeros_like(mask)


def main() -> None:
    table = headerroute.load("k8s/base", "k8s/local")
    assert why(table.view(port=5000), "/predict") and problems("kind: VirtualService\n")
    print(subset_of(table, "condition1"), foreground("photos/portrait.jpg").shape)


if __name__ == "__main__":
    main()
