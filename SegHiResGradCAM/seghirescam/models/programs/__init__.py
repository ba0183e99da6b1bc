"""Programs without Python source: torch.export and TorchScript."""
