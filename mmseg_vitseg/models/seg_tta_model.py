"""The host's test-time augmentation, right for probabilities too. K classes, H W size of the picture."""

import torch
from mmengine.model import is_model_wrapper
from mmengine.structures import PixelData
from mmseg.models.segmentors import SegTTAModel as HostSegTTAModel
from mmseg.structures import SegDataSample
from torch import nn

from mmseg_vitseg.models.confidence import confidence_of, gives_confidence
from mmseg_vitseg.registry import MODELS


@MODELS.register_module()
class SegTTAModel(HostSegTTAModel):
    """The host's SegTTAModel; of a model that predicts probabilities, their mean over the views decides.

    A segmentor's ``seg_logits`` are logits where there are several classes, and with one logit already its probability. The
    host's SegTTAModel takes the sigmoid of that once more, so that nothing is below 0.5, and all pixels are the object. The
    scores of a mask transformer are sums of probabilities, whose softmax would be nearly the same for all classes.

    Of a segmentor with ``test_cfg.confidence=True`` a prediction has ``confidence``, (1, H, W), float32: that of the mean
    over the views; the host's SegTTAModel leaves the last view's there.
    """

    def merge_preds(self, data_samples_list: list[list[SegDataSample]]) -> list[SegDataSample]:
        """Return one prediction for each picture of the views of it."""
        if not gives_probabilities(self.module) and not gives_confidence(self.module):
            return super().merge_preds(data_samples_list)
        return [self._merged(views) for views in data_samples_list]

    def _merged(self, views: list[SegDataSample]) -> SegDataSample:
        """Return the last view's sample, as the host does, with the classes (1, H, W) that all views together say."""
        are_logits = not gives_probabilities(self.module)
        probability = torch.zeros_like(views[0].seg_logits.data)
        for view in views:
            scores = view.seg_logits.data
            probability += scores.softmax(0) if are_logits else scores
        probability /= len(views)
        threshold = getattr(self.module.decode_head, 'threshold', None)
        several = len(probability) > 1
        classes = probability.argmax(0, keepdim=True) if several else (probability > threshold).to(probability)
        merged = views[-1]
        merged.set_data(dict(pred_sem_seg=PixelData(data=classes)))
        if gives_confidence(self.module):
            found = confidence_of(probability, threshold, probabilities=True)
            merged.set_data(dict(confidence=PixelData(data=found)))
        if 'gt_sem_seg' in views[0]:
            merged.set_data(dict(gt_sem_seg=views[0].gt_sem_seg))
        merged.set_metainfo(dict(img_path=views[0].img_path))
        return merged


def gives_probabilities(segmentor: nn.Module) -> bool:
    """Tell whether the ``seg_logits`` of a segmentor, ours or the host's, are probabilities."""
    return getattr(segmentor, 'gives_probabilities', getattr(segmentor, 'out_channels', None) == 1)


def squashes_twice(model: nn.Module) -> bool:
    """Tell a test-time augmentation that takes the host's sigmoids or softmax of what are probabilities already."""
    model = model.module if is_model_wrapper(model) else model
    hosts = getattr(type(model), 'merge_preds', None) is HostSegTTAModel.merge_preds
    return hosts and gives_probabilities(model.module)
