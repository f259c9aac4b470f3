"""Command line of the use case: ``python trainer.py fit --config configs/demo.yaml``."""

from ai4sim.cli import main
from wmed.config import USE_CASE

if __name__ == "__main__":
    main(USE_CASE)
