"""``mmseg-vitseg check_config`` in a clone: mmseg_vitseg/cli/check_config.py."""

from _door import enter

if __name__ == '__main__':
    enter('check_config')
