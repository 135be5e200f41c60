"""``mmseg-vitseg convert_checkpoint`` in a clone: mmseg_vitseg/cli/convert_checkpoint.py."""

if __name__ == '__main__':  # not in a loader's workers, which have another sys.path
    from _door import enter

    enter('convert_checkpoint')
