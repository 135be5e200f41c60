"""From a trained model to a file that runs without it: ONNX, TorchScript, torch.export; and the check that it does."""
