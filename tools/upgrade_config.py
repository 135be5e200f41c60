"""``mmseg-vitseg upgrade_config`` in a clone: mmseg_vitseg/cli/upgrade_config.py."""

from _door import enter

if __name__ == '__main__':
    enter('upgrade_config')
