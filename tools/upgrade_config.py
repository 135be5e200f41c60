"""``mmseg-vitseg upgrade_config`` in a clone: mmseg_vitseg/cli/upgrade_config.py."""

if __name__ == '__main__':  # not in a loader's workers, which have another sys.path
    from _door import enter

    enter('upgrade_config')
