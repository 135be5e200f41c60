"""``python -m mmseg_vitseg NAME ...`` is ``mmseg-vitseg NAME ...``."""

from mmseg_vitseg.cli.command import main

if __name__ == '__main__':
    main()
