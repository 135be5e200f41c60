"""One page that says how good a trained model is, where it fails and where it comes from."""
