"""What every entry is measured beside, through the same door: methods of the engine, and maps that know no network."""

from __future__ import annotations

from seghirescam.cam.methods import method
from seghirescam.evaluation.metrics import baselines
from seghirescam.session.opening import open_session


def _of_the_engine(name: str):
    """A method of the registry as an entry."""

    def entered(model, image, pixel_set, layer):
        session = open_session(model._model, image)
        words = {"class_index": model.target, "score": "contrast", "rival": model.rival}
        try:
            (found,) = session.ask(pixel_set, methods=[method(name)], layers=[layer], **words)
        finally:
            session.release()
        return found.resampled_to(image.grid).array

    return entered


def _random(model, image, pixel_set, layer):
    return baselines.random_map(image.grid.shape, int(image.content_hash[:8], 16))


def _edges(model, image, pixel_set, layer):
    return baselines.edges(image.array, image.grid)


def _painted(model, image, pixel_set, layer):
    return baselines.paint_the_prediction(pixel_set.on(image.grid))


BASELINES = {
    "Seg-HiRes-Grad CAM": _of_the_engine("seg_hires_grad_cam"),
    "Seg-Layer-CAM": _of_the_engine("seg_layer_cam"),
    "Seg-Eigen-Grad-CAM": _of_the_engine("seg_eigen_grad_cam"),
    "Seg-Grad-CAM": _of_the_engine("seg_grad_cam"),
    "input x gradient": _of_the_engine("input_x_gradient"),
    "edges of the image": _edges,
    "paint the prediction": _painted,
    "random": _random,
}
