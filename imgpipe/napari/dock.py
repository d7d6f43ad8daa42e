"""The dock: open an image, edit the recipe, measure, drag edges, save."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import napari
from napari.layers import Points
from qtpy.QtCore import Qt
from qtpy.QtWidgets import (
    QComboBox,
    QFileDialog,
    QHBoxLayout,
    QLabel,
    QProgressBar,
    QPushButton,
    QSplitter,
    QVBoxLayout,
    QWidget,
)

from imgpipe.errors import ImgpipeError
from imgpipe.napari import canvas
from imgpipe.napari.background import Task
from imgpipe.napari.conversion import MARK, colours_of, edges_of
from imgpipe.napari.draft import Draft
from imgpipe.napari.layer_table import LayerTable
from imgpipe.napari.measuring import Room, View, look, measure, save, with_anchors
from imgpipe.napari.step_list import StepList
from imgpipe.one_group import Tell

IMAGES = "Images (*.tif *.tiff *.dm3 *.dm4 *.png);;All files (*)"
RECIPES = "Recipes (*.yaml *.yml);;All files (*)"


class SectionDock(QWidget):
    """Layer thickness of one cross-section, in napari.

    Parameters
    ----------
    napari_viewer : viewer to draw into
    """

    def __init__(self, napari_viewer: napari.Viewer) -> None:
        super().__init__()
        self.viewer = napari_viewer
        self.room = Room()
        self.path: Path | None = None
        self.view: View | None = None
        self.handles: Points | None = None
        self.task: Task | None = None
        self.colours: dict[str, str] = {}
        self.draft = Draft.shipped()
        self.steps = StepList(self.draft)
        self.table = LayerTable()
        self._lay_out()
        self.steps.edited.connect(self.check)
        self.viewer.scene.camera.events.zoom.connect(self._zoomed)
        self.viewer.layers.events.inserted.connect(self._inserted)
        self.check()
        for layer in list(self.viewer.layers):
            self._adopt(layer)

    # what a person or a test asks for

    def open_image(self, path: str | Path) -> None:
        """Read an image in the background and show it."""
        try:
            changed = self.draft.accept(Path(path))
            recipe = self.draft.recipe()
        except ImgpipeError as error:
            self._complain(str(error))
            return
        self._keep_edits()
        self._begin("reading", lambda tell: look(recipe, Path(path)), changed or "")

    def load_recipe(self, path: str | Path) -> None:
        """Replace the recipe, and the edits with those it names."""
        try:
            self.draft = Draft.load(path)
            changed = self.draft.accept(self.path) if self.path is not None else None
        except ImgpipeError as error:
            self._complain(str(error))
            return
        self.handles = None  # the edits are those of the new recipe
        self.steps.show_draft(self.draft)
        self.recipe_name.setText(self.draft.file)
        self.say(changed or "")
        self.check()

    def check(self) -> bool:
        """Check the recipe as the command line does; show its faults, and say whether it may run."""
        try:
            self.draft.recipe()
        except ImgpipeError as error:
            self._complain(str(error))
            sound = False
        else:
            self._complain("")
            sound = True
        self._enable()
        return sound

    def run(self) -> None:
        """Measure the open image with the recipe and the edges as they stand."""
        if self.path is not None and self.check():
            self._keep_edits()
            recipe, path = self.draft.recipe(), self.path
            self._begin("measuring", lambda tell: measure(recipe, path, self.room, tell))

    def save_to(self, out: str | Path) -> None:
        """Measure into a result folder: recipe, edits, tables, figures, report."""
        if self.path is not None and self.check():
            self._keep_edits()
            recipe, path = self.draft.recipe(), self.path
            self._begin("saving", lambda tell: save(recipe, path, Path(out), tell), f"saved in {out}")

    def cancel(self) -> None:
        """Stop before the next step."""
        if self.task is not None:
            self.task.cancel()
            self.say("stopping after this step …")

    def discard_edits(self) -> None:
        """Forget all moved edges of this image, and measure again."""
        if self.view is not None:
            self.handles = None
            self.draft.edits = with_anchors(self.draft.edits, self.view.group, ())
            self.run()

    def add_handle(self) -> None:
        """Let clicks into the image put handles on the edge chosen in the list beside the button."""
        if self.handles is not None and self.colours:
            name = self.edge_names.currentText()
            canvas.add_handles_to(self.handles, name, self.colours[name])
            self.say(f"click into the image where {name} lies; then Run")

    def say(self, text: str) -> None:
        """Show a line of news."""
        self.news.setText(text)

    # what happens then

    def _keep_edits(self) -> None:
        if self.handles is not None and self.view is not None:
            anchors = canvas.handle_anchors(self.handles)
            self.draft.edits = with_anchors(self.draft.edits, self.view.group, anchors)

    def _begin(self, what: str, work: Callable[[Tell], View], end: str = "") -> None:
        if self.task is not None:
            self.say("busy: cancel first, or wait")
            return
        self._complain("")
        self.say(f"{what} …")
        self.task = Task(work)
        self.task.told.connect(self._progress)
        self.task.succeeded.connect(lambda view: self._show(view, end))
        self.task.failed.connect(self._failed)
        self.task.cancelled.connect(lambda: self._end("cancelled"))
        self.progress.setRange(0, 0)
        self._enable()
        self.task.begin()

    def _progress(self, what: str, done: int, total: int) -> None:
        self.progress.setRange(0, total)
        self.progress.setValue(done)
        self.say(f"{what} …")

    def _show(self, view: View, news: str) -> None:
        self.view, self.path = view, view.path
        anchors = self.draft.edits.groups.get(view.group, ())
        self.handles = canvas.draw(self.viewer, view, anchors)
        if self.handles is not None:
            self.handles.events.data.connect(self._dragged)
        self._name_edges(view)
        self.table.show_table(view.tables.get("layers"))
        self.image_name.setText(view.path.name)
        self._end(news or ("measured; drag a handle to move an edge" if view.tables else "ready: Run measures"))

    def _name_edges(self, view: View) -> None:
        position = edges_of(view.leaf)
        self.colours = {} if position is None else colours_of(position)
        self.legend.setText("&nbsp; ".join(f'<font color="{c}">■</font> {n}' for n, c in self.colours.items()))
        self.edge_names.clear()
        self.edge_names.addItems(list(self.colours))

    def _failed(self, text: str) -> None:
        self._end("failed")
        self._complain(text)

    def _end(self, news: str) -> None:
        self.task = None
        self.progress.setRange(0, 1)
        self.progress.reset()
        self.say(news)
        self._enable()

    def _dragged(self, event: Any) -> None:
        if self.handles is None or self.view is None or event.source is not self.handles:
            return
        canvas.follow(self.viewer, self.view, self.handles)
        count = len(canvas.handle_anchors(self.handles))
        self.say(f"{count} point(s) moved; Run measures again, Save keeps them" if count else "no edge is moved")
        self._enable()

    def _zoomed(self, event: Any) -> None:
        canvas.keep_screen_size(self.viewer)

    def _inserted(self, event: Any) -> None:
        self._adopt(event.value)

    def _adopt(self, layer: Any) -> None:
        """Take over an image that our reader or sample has put into the viewer."""
        path = layer.metadata.get("path")
        if path and MARK in layer.metadata and self.task is None:
            self.open_image(path)

    def _complain(self, text: str) -> None:
        self.faults.setText(text)
        self.faults.setVisible(bool(text))

    def _enable(self) -> None:
        idle, ready = self.task is None, self.path is not None and not self.faults.text()
        for button in (self.run_button, self.save_button):
            button.setEnabled(idle and ready)
        self.cancel_button.setEnabled(not idle)
        self.add_button.setEnabled(idle and self.handles is not None)
        moved = self.handles is not None and bool(canvas.handle_anchors(self.handles))
        self.discard_button.setEnabled(idle and moved)

    # looks

    def _lay_out(self) -> None:
        self.image_name, self.recipe_name = QLabel("no image"), QLabel(self.draft.file)
        self.run_button, self.cancel_button = _button("Run", self.run), _button("Cancel", self.cancel)
        self.save_button = _button("Save …", self._ask_out)
        self.discard_button = _button("Discard edits", self.discard_edits)
        self.add_button, self.edge_names, self.legend = _button("Add a handle to", self.add_handle), QComboBox(), QLabel()
        self.progress, self.news, self.faults = QProgressBar(), QLabel(), QLabel()
        self.news.setWordWrap(True)
        self.faults.setWordWrap(True)
        self.faults.setStyleSheet("color: #E69F00;")
        self.faults.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.progress.setTextVisible(False)
        self.progress.setRange(0, 1)
        self.progress.setMaximumHeight(8)
        split = QSplitter(Qt.Orientation.Vertical)
        split.addWidget(self.steps)
        split.addWidget(self._results())
        split.setSizes([430, 170])
        layout = QVBoxLayout(self)
        layout.addLayout(_line(_button("Open image …", self._ask_image), self.image_name))
        layout.addLayout(_line(_button("Load recipe …", self._ask_recipe), self.recipe_name))
        layout.addWidget(split, 1)
        layout.addWidget(self.faults)
        layout.addWidget(self.progress)
        layout.addWidget(self.news)
        layout.addLayout(_line(self.run_button, self.cancel_button, self.save_button, last=False))
        self.setMinimumWidth(440)

    def _results(self) -> QWidget:
        """Return the lower part: colours of the edges, table, what can be done to an edge."""
        self.legend.setWordWrap(True)
        part = QWidget()
        column = QVBoxLayout(part)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.legend)
        column.addWidget(self.table, 1)
        column.addLayout(_line(self.add_button, self.edge_names, self.discard_button))
        return part

    def _ask_image(self) -> None:
        path, _ = QFileDialog.getOpenFileName(self, "Open an image", "", IMAGES)
        if path:
            self.open_image(path)

    def _ask_recipe(self) -> None:
        path, _ = QFileDialog.getOpenFileName(self, "Load a recipe", "", RECIPES)
        if path:
            self.load_recipe(path)

    def _ask_out(self) -> None:
        path = QFileDialog.getExistingDirectory(self, "Result folder: a new one, or one of this recipe")
        if path:
            self.save_to(path)


def _button(text: str, act: Callable[[], None]) -> QPushButton:
    button = QPushButton(text)
    button.clicked.connect(lambda: act())
    return button


def _line(*widgets: QWidget, last: bool = True) -> QHBoxLayout:
    line = QHBoxLayout()
    for number, widget in enumerate(widgets):
        line.addWidget(widget, int(last and number == len(widgets) - 1))
    return line
