"""Hand data to other packages and take it back, without copying: HyperSpy and eXSpy."""

from imgpipe.exchange.from_signal import from_hyperspy
from imgpipe.exchange.to_signal import to_hyperspy

__all__ = ["from_hyperspy", "to_hyperspy"]
