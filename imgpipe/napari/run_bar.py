"""How it goes: faults, progress, news, and the buttons that start and stop."""

from __future__ import annotations

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QHBoxLayout, QLabel, QProgressBar, QPushButton, QVBoxLayout, QWidget

FAULT = "color: #E69F00;"


class RunBar(QWidget):
    """Run, Cancel and Save, a progress bar, a line of news, and the text of an error as the command line has it."""

    def __init__(self) -> None:
        super().__init__()
        self.faults, self.progress, self.news = QLabel(), QProgressBar(), QLabel()
        self.run, self.cancel, self.save = QPushButton("Run"), QPushButton("Cancel"), QPushButton("Save …")
        for label in (self.faults, self.news):
            label.setWordWrap(True)
            label.setTextFormat(Qt.TextFormat.PlainText)
        self.faults.setStyleSheet(FAULT)
        self.faults.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.progress.setTextVisible(False)
        self.progress.setMaximumHeight(8)
        row = QHBoxLayout()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        for button in (self.run, self.cancel, self.save):
            row.addWidget(button)
        for widget in (self.faults, self.progress, self.news):
            column.addWidget(widget)
        column.addLayout(row)
        self.rest()

    def complain(self, text: str) -> None:
        """Show an error, or with no text none."""
        self.faults.setText(text)
        self.faults.setVisible(bool(text))

    def advance(self, what: str, done: int, total: int) -> None:
        """Show how far it is; a total of 0 means nobody knows."""
        self.progress.setRange(0, total)
        self.progress.setValue(done)
        self.news.setText(f"{what} …")

    def rest(self) -> None:
        """Show that nothing runs."""
        self.progress.setRange(0, 1)
        self.progress.reset()

    def allow(self, *, busy: bool, ready: bool) -> None:
        """Enable what makes sense now: cancel while busy, run and save when ready."""
        self.cancel.setEnabled(busy)
        self.run.setEnabled(ready and not busy)
        self.save.setEnabled(ready and not busy)
