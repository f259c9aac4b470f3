"""The shared core of the collections: learning, files and figures. It knows no physics."""

__version__ = "0.1.0"
