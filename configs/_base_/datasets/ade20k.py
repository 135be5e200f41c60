# ADE20K, 150 classes, crops of 512 x 512; two images a GPU (eight GPUs: batches of 16).
_base_ = './crops.py'
crop_size = (512, 512)
data = dict(type='ADE20KDataset', data_root='{{$ADE20K_ROOT:data/ade/ADEChallengeData2016}}')
train_dataloader = dict(
    dataset=dict(data, data_prefix=dict(img_path='images/training', seg_map_path='annotations/training')),
)
val_dataloader = dict(
    dataset=dict(data, data_prefix=dict(img_path='images/validation', seg_map_path='annotations/validation')),
)
test_dataloader = val_dataloader
