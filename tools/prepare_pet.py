"""``mmseg-vitseg prepare_pet`` in a clone: mmseg_vitseg/cli/prepare_pet.py."""

if __name__ == '__main__':  # not in a loader's workers, which have another sys.path
    from _door import enter

    enter('prepare_pet')
