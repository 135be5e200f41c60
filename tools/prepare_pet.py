"""``mmseg-vitseg prepare_pet`` in a clone: mmseg_vitseg/cli/prepare_pet.py."""

from _door import enter

if __name__ == '__main__':
    enter('prepare_pet')
