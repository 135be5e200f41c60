"""``mmseg-vitseg check_config`` in a clone: mmseg_vitseg/cli/check_config.py."""

if __name__ == '__main__':  # not in a loader's workers, which have another sys.path
    from _door import enter

    enter('check_config')
