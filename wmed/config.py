"""Paths of the use case; nothing is made on import."""

from pathlib import Path

ROOT = Path(__file__).resolve().parent
DATA = ROOT / "data"
CONFIGS = ROOT / "configs"
EXPERIMENTS = ROOT / "experiments"
