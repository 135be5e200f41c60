"""``mmseg-vitseg attention`` in a clone: mmseg_vitseg/cli/attention.py."""

from _door import enter

if __name__ == '__main__':
    enter('attention')
