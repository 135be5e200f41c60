"""``mmseg-vitseg benchmark`` in a clone: mmseg_vitseg/cli/benchmark.py."""

from _door import enter

if __name__ == '__main__':
    enter('benchmark')
