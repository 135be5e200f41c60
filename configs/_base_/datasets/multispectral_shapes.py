# MultispectralShapesDataset: as shapes.py, of 6 bands of 16 bits; drawn on the fly, needs no file.
_base_ = './shapes.py'
show_bands = (3, 2, 1)  # red, green, blue
load = dict(
    type='LoadImageFromFile', _scope_='mmseg_vitseg', bands='all', nodata=None
)  # ours, by the name that the host's inference knows; every pixel has data
train_pipeline = [load, *_base_.train_pipeline[1:]]
tta_pipeline = [load, _base_.tta_pipeline[1]]
test_pipeline = [load, *_base_.test_pipeline[1:]]
train_dataloader = dict(dataset=dict(type='mmseg_vitseg.MultispectralShapesDataset', pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(type='mmseg_vitseg.MultispectralShapesDataset', pipeline=test_pipeline))
test_dataloader = val_dataloader
