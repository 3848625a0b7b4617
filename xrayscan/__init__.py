"""xrayscan: score folders of chest radiographs, with nothing lost and a heat map for every film."""

__version__ = "0.1.0"
