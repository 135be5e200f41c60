# A linear probe on CamVid, in crops of 322 x 252.
_base_ = ['../datasets/camvid_14.py', '../schedules/linear.py', '../default_runtime.py']
