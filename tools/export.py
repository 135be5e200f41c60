"""``mmseg-vitseg export`` in a clone: mmseg_vitseg/cli/export.py."""

from _door import enter

if __name__ == '__main__':
    enter('export')
