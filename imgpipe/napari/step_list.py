"""The steps of a draft as a list: switch, move, add, remove; the settings of the chosen one below it."""

from __future__ import annotations

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import (
    QComboBox,
    QHBoxLayout,
    QListWidget,
    QListWidgetItem,
    QScrollArea,
    QSplitter,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from imgpipe.napari.draft import Draft, new_entry
from imgpipe.napari.form import Form
from imgpipe.recipe import InputRole
from imgpipe.steps import load_step, step_table

INPUT = "input image"
HIDDEN = ("files", "units", "stack")
"""Settings of the input that only make sense for many files."""

ADD = "add a step …"


class StepList(QWidget):
    """Edits the entries and the input settings of a draft in place; `edited` is sent after each change."""

    edited = Signal()

    def __init__(self, draft: Draft) -> None:
        super().__init__()
        self.draft = draft
        self.form: Form | None = None
        self.list = QListWidget()
        self.list.currentRowChanged.connect(self._show_form)
        self.list.itemChanged.connect(self._switch)
        self.add = QComboBox()
        self.add.activated.connect(self._add)
        self.place = QScrollArea()
        self.place.setWidgetResizable(True)
        self._lay_out()
        self.show_draft(draft)

    def show_draft(self, draft: Draft) -> None:
        """Show another draft."""
        self.draft = draft
        self.add.clear()
        self.add.addItems([ADD, *sorted(step_table())])
        self._fill(row=0)

    def select(self, row: int) -> Form:
        """Choose the row of a step, 0 for the input; return its form."""
        self.list.setCurrentRow(row)
        if self.form is None:
            raise LookupError(f"no row {row}")
        return self.form

    def move_step(self, by: int) -> None:
        """Move the chosen step up (-1) or down (1)."""
        here, entries = self.list.currentRow() - 1, self.draft.entries
        if here >= 0 and 0 <= here + by < len(entries):
            entries[here], entries[here + by] = entries[here + by], entries[here]
            self._fill(row=here + by + 1)
            self.edited.emit()

    def remove(self) -> None:
        """Take the chosen step out."""
        here = self.list.currentRow() - 1
        if here >= 0:
            del self.draft.entries[here]
            self._fill(row=here)
            self.edited.emit()

    def add_step(self, name: str) -> None:
        """Put a step with its default settings behind the chosen one."""
        here = self.list.currentRow()
        self.draft.entries.insert(here, new_entry(name))
        self._fill(row=here + 1)
        self.edited.emit()

    def _add(self, number: int) -> None:
        name = self.add.itemText(number)
        self.add.setCurrentIndex(0)
        if name != ADD:
            self.add_step(name)

    def _fill(self, row: int) -> None:
        self.list.blockSignals(True)
        self.list.clear()
        self.list.addItem(QListWidgetItem(INPUT))
        for entry in self.draft.entries:
            item = QListWidgetItem(entry.name)
            item.setFlags(item.flags() | Qt.ItemFlag.ItemIsUserCheckable)
            item.setCheckState(Qt.CheckState.Checked if entry.active else Qt.CheckState.Unchecked)
            item.setToolTip(load_step(entry.name).summary)
            self.list.addItem(item)
        self.list.setCurrentRow(row)
        self.list.blockSignals(False)
        self._show_form(row)

    def _switch(self, item: QListWidgetItem) -> None:
        number = self.list.row(item) - 1
        if number >= 0:
            self.draft.entries[number].active = item.checkState() == Qt.CheckState.Checked
            self.edited.emit()

    def _show_form(self, row: int) -> None:
        if row <= 0:
            form = Form(InputRole, self.draft.inputs, "How the image is read.", HIDDEN)
        else:
            step = load_step(self.draft.entries[row - 1].name)
            form = Form(step.settings, self.draft.entries[row - 1].settings, step.summary)
        form.edited.connect(self._keep)
        form.mark()
        self.form = form
        self.place.setWidget(form)

    def _keep(self) -> None:
        if self.form is None:
            return
        row, values = self.list.currentRow(), self.form.values()
        if row <= 0:
            hidden = {key: self.draft.inputs[key] for key in HIDDEN if key in self.draft.inputs}
            defaults = {name: field.default for name, field in self.form.fields.items()}
            self.draft.inputs = hidden | {key: value for key, value in values.items() if value != defaults[key]}
        else:
            self.draft.entries[row - 1].settings = values
        self.form.mark()
        self.edited.emit()

    def _lay_out(self) -> None:
        buttons = QHBoxLayout()
        buttons.addWidget(self.add, 1)
        for sign, about, act in (
            ("▲", "move the step up", lambda: self.move_step(-1)),
            ("▼", "move the step down", lambda: self.move_step(1)),
            ("✕", "remove the step", self.remove),
        ):
            button = QToolButton()
            button.setText(sign)
            button.setToolTip(about)
            button.clicked.connect(act)
            buttons.addWidget(button)
        top = QWidget()
        column = QVBoxLayout(top)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.list)
        column.addLayout(buttons)
        split = QSplitter(Qt.Orientation.Vertical)
        split.addWidget(top)
        split.addWidget(self.place)
        split.setSizes([170, 260])
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(split)
