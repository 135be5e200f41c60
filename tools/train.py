"""``mmseg-vitseg train`` in a clone: mmseg_vitseg/cli/train.py."""

from _door import enter

if __name__ == '__main__':
    enter('train')
