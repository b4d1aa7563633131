"""A machine's NVIDIA GPUs as its driver's program lists them, where there is no driver."""

import os


def install(folder, monkeypatch, names):
    """Put a program before all others that lists GPUs of these names."""
    lines = [f"GPU {number}: {name} (UUID: GPU-{number:08d})" for number, name in enumerate(names)]
    program = folder / "nvidia-smi"
    program.write_text("#!/bin/sh\n" + "".join(f"echo '{line}'\n" for line in lines))
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
