"""What came out: the edges in their colours, the table of layers, and what can be done to an edge."""

from __future__ import annotations

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QComboBox, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from imgpipe.napari.conversion import colours_of, edges_of
from imgpipe.napari.layer_table import LayerTable
from imgpipe.napari.measuring import View


class ResultBox(QWidget):
    """Shows a view's table; asks for a handle on an edge (name, colour), or for all edits to be dropped."""

    handle_wanted = Signal(str, str)
    discard_wanted = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.colours: dict[str, str] = {}
        self.legend, self.table, self.edge_names = QLabel(), LayerTable(), QComboBox()
        self.legend.setWordWrap(True)
        self.add_button, self.discard_button = QPushButton("Add a handle to"), QPushButton("Discard edits")
        self.add_button.clicked.connect(self.ask_for_handle)
        self.discard_button.clicked.connect(self.discard_wanted)
        row = QHBoxLayout()
        row.addWidget(self.add_button)
        row.addWidget(self.edge_names)
        row.addWidget(self.discard_button, 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.legend)
        column.addWidget(self.table, 1)
        column.addLayout(row)

    def show_view(self, view: View) -> None:
        """Show the edges and layers of a view."""
        position = edges_of(view.leaf)
        self.colours = {} if position is None else colours_of(position)
        self.legend.setText("&nbsp; ".join(f'<font color="{c}">■</font> {n}' for n, c in self.colours.items()))
        self.edge_names.clear()
        self.edge_names.addItems(list(self.colours))
        self.table.show_table(view.tables.get("layers"))

    def allow(self, *, handles: bool, discard: bool) -> None:
        """Enable what makes sense now."""
        self.add_button.setEnabled(handles)
        self.edge_names.setEnabled(handles)
        self.discard_button.setEnabled(discard)

    def ask_for_handle(self) -> None:
        """Ask for a handle on the chosen edge."""
        name = self.edge_names.currentText()
        if name in self.colours:
            self.handle_wanted.emit(name, self.colours[name])
