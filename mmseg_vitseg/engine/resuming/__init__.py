"""Going on with a training that was cut off, exactly."""
