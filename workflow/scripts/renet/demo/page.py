"""Gradio page that predicts the gender of a photo's faces, and shows what predictions depend on."""

import re
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gradio as gr

from renet.faces import crop, detection
from renet.pages import galleries, templates
from renet.prediction import photos, pipeline, saliency
from renet.prediction.predictor import Predictor
from renet.walkthrough import activations
from renet.walkthrough import page as walkthrough_page

SIDE = 1024  # longest side of the photo on the page, in pixels
PARTS: Any = templates.ENVIRONMENT.get_template("demo.html.j2").module  # macros: parts of the page
LAUNCH = {
    "server_name": "127.0.0.1", "share": False, "ssr_mode": False, "prevent_thread_lock": True,
    "theme": gr.themes.Base(font=["system-ui"], font_mono=["monospace"]), "quiet": True,
    "css_paths": Path(__file__).with_name("demo.css"), "footer_links": [], "show_error": True,
}  # fmt: skip


class Demo:
    """Page of a predictor: Gradio's blocks, and the functions that handle the page's events."""

    def __init__(self, predictor: Predictor) -> None:
        self.predictor, self.network = predictor, predictor.network
        self.compute = predictor.device, predictor.precision

    def blocks(self) -> gr.Blocks:
        """Build the page; each minute, Gradio deletes uploads that are older than an hour."""
        detects = detection.is_installed()
        with gr.Blocks(title="Predict", analytics_enabled=False, delete_cache=(60, 3600)) as page:
            gr.HTML(PARTS.head(self.predictor, detects))
            with gr.Row():
                with gr.Column():
                    photo = gr.Image(label="Photo", type="filepath", buttons=[])
                    detect = gr.Checkbox(detects, label="Find the faces", visible=detects)
                    shown = gr.HTML()
                with gr.Column():
                    chosen = gr.Radio([], label="Face", visible=False)
                    explained = gr.HTML()
                    opens = gr.Button("Each layer of this face", visible=False)
            layers, faces = gr.HTML(), gr.State([])
            gr.HTML(PARTS.foot())
            # One event at a time. Gradio's preprocessing would fail on a damaged photo.
            event = {"concurrency_id": "network", "preprocess": False, "api_visibility": "private"}
            outputs = [shown, faces, chosen, opens, layers, explained]
            gr.on([photo.change, detect.change], self.predict, [photo, detect], outputs, **event)
            chosen.input(self.explain, [faces, chosen], explained, **event)
            opens.click(self.layers, [faces, chosen], layers, **event)
        return page

    def predict(self, upload: dict | None, detect: bool) -> Iterator[tuple]:
        """Yield the outputs: photo, predictions, choice of faces; then the first saliency map."""
        decoded: list[crop.Image] = []
        found = photos.find([upload["path"]] if upload else [])
        options: Any = {"detect": detect, "keep": decoded.append}
        cuts = [
            cut for file in found for cut in pipeline.cut_faces(file, self.predictor, **options)
        ]
        table = pipeline.rows(cuts, self.predictor).round(pipeline.DECIMALS)
        pairs = zip(cuts, table.to_dict("records"), strict=True)
        rows = [cut._asdict() | row for cut, row in pairs]
        pictures = [detection.shrink(image.pixels, SIDE)[..., ::-1] for image in decoded]
        faces = [row for row in rows if row["pixels"] is not None]
        texts = [f"{row['face']}: {templates.sentences('prediction', row)}" for row in faces]
        chosen = gr.Radio([(text, n) for n, text in enumerate(texts)], value=0, visible=bool(faces))
        opens = gr.Button(visible=bool(faces) and self.network.architecture.has_walkthrough)
        difference = None if detect else self.predictor.face_difference([*pipeline.faces(cuts)])
        shown = PARTS.photo(map(galleries.as_url, pictures), decoded, rows, difference)
        yield shown, faces, chosen, opens, "", ""
        if faces:
            yield *[gr.skip()] * 5, self.explain(faces, 0)

    def explain(self, faces: list[dict], chosen: int) -> str:
        """Return the probabilities and the saliency map of a face, as HTML."""
        pixels = faces[chosen]["pixels"]
        drops = saliency.occlusion(self.network, pixels, *self.compute)
        face = pixels.transpose(1, 2, 0)
        pictures = face, saliency.overlay(face, drops)
        return PARTS.explained(faces[chosen], *map(galleries.as_url, pictures))

    def layers(self, faces: list[dict], chosen: int) -> str:
        """Return a frame, as HTML, with a page of what each layer computes for a face."""
        seen = activations.record(self.network, faces[chosen]["pixels"], *self.compute)
        with tempfile.TemporaryDirectory() as folder:
            values = walkthrough_page.network(seen, Path(folder), *self.compute)
            values |= {"folder": folder, "predictor": self.predictor, "row": faces[chosen]}
            page = templates.render("face.html.j2", **values)
            return PARTS.frame(re.sub(rf"{re.escape(folder)}/[\w.]+", _content, page))


def _content(file: re.Match) -> str:
    path = Path(file[0])
    return galleries.embedded(path.read_bytes(), path.suffix)
