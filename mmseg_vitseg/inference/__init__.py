"""From a config, a checkpoint and pictures to label maps and overlays."""
