"""``mmseg-vitseg test`` in a clone: mmseg_vitseg/cli/test.py."""

from _door import enter

if __name__ == '__main__':
    enter('test')
