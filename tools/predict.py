"""``mmseg-vitseg predict`` in a clone: mmseg_vitseg/cli/predict.py."""

from _door import enter

if __name__ == '__main__':
    enter('predict')
