"""Growing vectors for what the market keeps per ad, ad set or budget."""

import numpy as np
from numpy.typing import NDArray

from sandbox.market.dice import Floats, Ints, Keys


class Column:
    """A growing float64, int64, uint64 or bool vector."""

    def __init__(self, dtype: type[np.generic]) -> None:
        self._data: NDArray[np.generic] = np.zeros(64, dtype=dtype)
        self.size = 0

    def append(self, value: float) -> int:
        """Append and return the index."""
        if self.size == len(self._data):
            self._data = np.concatenate([self._data, np.zeros_like(self._data)])
        self._data[self.size] = value
        self.size += 1
        return self.size - 1

    @property
    def view(self) -> NDArray[np.generic]:
        """The vector, writable, without the spare room."""
        return self._data[: self.size]


class Table:
    """Columns of one length; the typed views share the columns' memory."""

    def __init__(self, **dtypes: type[np.generic]) -> None:
        self._columns = {name: Column(dtype) for name, dtype in dtypes.items()}

    def __len__(self) -> int:
        return next(iter(self._columns.values())).size

    def append(self, **values: float) -> int:
        """Append a row with a value for every column and return its index."""
        index = len(self)
        for name, column in self._columns.items():
            column.append(values[name])
        return index

    def floats(self, name: str) -> Floats:
        """Return a float64 column."""
        return self._columns[name].view  # type: ignore[return-value]  # the column was made with this dtype

    def ints(self, name: str) -> Ints:
        """Return an int64 column."""
        return self._columns[name].view  # type: ignore[return-value]  # as above

    def keys(self, name: str = "key") -> Keys:
        """Return a column of random keys."""
        return self._columns[name].view  # type: ignore[return-value]  # as above

    def flags(self, name: str) -> NDArray[np.bool_]:
        """Return a bool column."""
        return self._columns[name].view  # type: ignore[return-value]  # as above
