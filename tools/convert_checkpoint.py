"""``mmseg-vitseg convert_checkpoint`` in a clone: mmseg_vitseg/cli/convert_checkpoint.py."""

from _door import enter

if __name__ == '__main__':
    enter('convert_checkpoint')
