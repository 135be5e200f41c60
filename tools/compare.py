"""``mmseg-vitseg compare`` in a clone: mmseg_vitseg/cli/compare.py."""

from _door import enter

if __name__ == '__main__':
    enter('compare')
