"""The dock: open an image, edit the recipe, measure, drag edges, save."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import napari
from napari.layers import Points
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QFileDialog, QHBoxLayout, QLabel, QPushButton, QSplitter, QVBoxLayout, QWidget

from imgpipe.errors import ImgpipeError
from imgpipe.napari import canvas
from imgpipe.napari.background import READ, Task
from imgpipe.napari.conversion import MARK
from imgpipe.napari.draft import Draft
from imgpipe.napari.measuring import Room, View, look, measure, save, with_anchors
from imgpipe.napari.result_box import ResultBox
from imgpipe.napari.run_bar import RunBar
from imgpipe.napari.step_list import StepList
from imgpipe.one_group import Tell

IMAGES = "Images (*.tif *.tiff *.dm3 *.dm4 *.png);;X-ray maps (*.bcf *.elid *.emd *.hspy *.pts);;All files (*)"
RECIPES = "Recipes (*.yaml *.yml);;All files (*)"
WIDTH = 440


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
        self.draft = Draft.shipped()
        self.steps, self.results, self.bar = StepList(self.draft), ResultBox(), RunBar()
        self.image_name, self.recipe_name = QLabel("no image"), QLabel(self.draft.file)
        self._lay_out()
        self._connect()
        self.check()
        for layer in list(self.viewer.layers):
            self._adopt(layer)

    def open_image(self, path: str | Path) -> None:
        """Read an image in the background and show it."""
        try:
            changes = self.draft.pattern_for(Path(path))
            recipe = replace(self.draft, inputs=self.draft.inputs | changes).recipe()
        except ImgpipeError as error:
            self.bar.complain(str(error))
            return
        self._keep_edits()
        self._begin("reading", lambda tell: look(recipe, Path(path)), changes=changes)

    def load_recipe(self, path: str | Path) -> None:
        """Replace the recipe, and the edits with those it names."""
        try:
            draft = Draft.load(path)
            changes = draft.pattern_for(self.path) if self.path is not None else {}
        except ImgpipeError as error:
            self.bar.complain(str(error))
            return
        self.draft, self.handles = draft, None  # from now on its edits count, not the handles
        self.steps.show_draft(draft)
        self.recipe_name.setText(draft.file)
        draft.inputs |= changes
        self.bar.news.setText(_told(changes))
        self.check()

    def check(self) -> bool:
        """Check the recipe as the command line does; show its faults, and say whether it may run."""
        try:
            self.draft.recipe()
        except ImgpipeError as error:
            self.bar.complain(str(error))
        else:
            self.bar.complain("")
        self._enable()
        return not self.bar.faults.text()

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
        """Stop before the next step; a file that is being read is given up at once."""
        if self.task is not None:
            self.task.cancel()
            if self.task.stage == READ:
                self._end("cancelled")
            else:
                self.bar.news.setText("stopping after this step …")

    def discard_edits(self) -> None:
        """Forget all moved edges of this image, and measure again."""
        if self.view is not None:
            self.handles = None
            self.draft.edits = with_anchors(self.draft.edits, self.view.group, ())
            self.run()

    def add_handle(self, name: str, colour: str) -> None:
        """Let clicks into the image put handles on an edge."""
        if self.handles is not None:
            canvas.add_handles_to(self.handles, name, colour)
            self.bar.news.setText(f"click into the image where {name} lies; then Run")

    def _keep_edits(self) -> None:
        if self.handles is not None and self.view is not None:
            anchors = canvas.handle_anchors(self.handles)
            self.draft.edits = with_anchors(self.draft.edits, self.view.group, anchors)

    def _begin(
        self, what: str, work: Callable[[Tell], View], end: str = "", changes: dict[str, Any] | None = None
    ) -> None:
        if self.task is not None:
            self.bar.news.setText("busy: cancel first, or wait")
            return
        self.bar.complain("")
        self.bar.advance(what, 0, 0)
        task = self.task = Task(work)
        task.told.connect(self._heard(task, self.bar.advance))
        task.succeeded.connect(self._heard(task, lambda view: self._show(view, end, changes or {})))
        task.failed.connect(self._heard(task, self._failed))
        task.cancelled.connect(self._heard(task, lambda: self._end("cancelled")))
        self._enable()
        task.begin()

    def _heard(self, task: Task, act: Callable[..., None]) -> Callable[..., None]:
        """Return an act that is done for the task at hand only, not for one that was given up."""

        def heard(*news: Any) -> None:
            if self.task is task:
                act(*news)

        return heard

    def _show(self, view: View, news: str, changes: dict[str, Any]) -> None:
        self.view, self.path = view, view.path
        self.draft.inputs |= changes
        self.handles = canvas.draw(self.viewer, view, self.draft.edits.groups.get(view.group, ()))
        if self.handles is not None:
            self.handles.events.data.connect(self._dragged)
        self.results.show_view(view)
        self.image_name.setText(view.path.name)
        hint = "measured; drag a handle to move an edge" if view.tables else "ready: Run measures"
        self._end(news or _told(changes) or hint)

    def _failed(self, text: str) -> None:
        self._end("failed")
        self.bar.complain(text)

    def _end(self, news: str) -> None:
        self.task = None
        self.bar.rest()
        self.bar.news.setText(news)
        self._enable()

    def _dragged(self, event: Any) -> None:
        if self.handles is None or self.view is None or event.source is not self.handles:
            return
        canvas.follow(self.viewer, self.view, self.handles)
        edited = canvas.edited(self.handles)
        self.bar.news.setText("moved: Run measures again, Save keeps it" if edited else "nothing is moved")
        self._enable()

    def _adopt(self, layer: Any) -> None:
        """Take over an image that our reader or sample has put into the viewer."""
        path = layer.metadata.get("path")
        if path and MARK in layer.metadata and self.task is None:
            self.open_image(path)

    def _enable(self) -> None:
        busy, moved = self.task is not None, canvas.edited(self.handles)
        self.bar.allow(busy=busy, ready=self.path is not None and not self.bar.faults.text())
        self.results.allow(handles=self.handles is not None and not busy, discard=moved and not busy)

    def _zoomed(self, event: Any) -> None:
        canvas.keep_screen_size(self.viewer)

    def _inserted(self, event: Any) -> None:
        self._adopt(event.value)

    def _connect(self) -> None:
        self.steps.edited.connect(self.check)
        self.results.handle_wanted.connect(self.add_handle)
        self.results.discard_wanted.connect(self.discard_edits)
        self.bar.run.clicked.connect(self.run)
        self.bar.cancel.clicked.connect(self.cancel)
        self.bar.save.clicked.connect(self._ask_out)
        self.viewer.scene.camera.events.zoom.connect(self._zoomed)
        self.viewer.layers.events.inserted.connect(self._inserted)

    def _lay_out(self) -> None:
        split = QSplitter(Qt.Orientation.Vertical)
        split.addWidget(self.steps)
        split.addWidget(self.results)
        split.setSizes([430, 190])
        layout = QVBoxLayout(self)
        layout.addLayout(_line("Open image …", self._ask_image, self.image_name))
        layout.addLayout(_line("Load recipe …", self._ask_recipe, self.recipe_name))
        layout.addWidget(split, 1)
        layout.addWidget(self.bar)
        self.setMinimumWidth(WIDTH)

    def _ask_image(self) -> None:
        path, _ = QFileDialog.getOpenFileName(self, "Open an image", "", IMAGES)
        if path:
            self.open_image(path)

    def _ask_recipe(self) -> None:
        path, _ = QFileDialog.getOpenFileName(self, "Load a recipe", "", RECIPES)
        if path:
            self.load_recipe(path)

    def _ask_out(self) -> None:
        path = QFileDialog.getExistingDirectory(self, "Result folder: an empty one, or one of this recipe")
        if path:
            self.save_to(path)


def _line(text: str, act: Callable[[], None], name: QLabel) -> QHBoxLayout:
    button = QPushButton(text)
    button.clicked.connect(act)
    line = QHBoxLayout()
    line.addWidget(button)
    line.addWidget(name, 1)
    return line


def _told(changes: dict[str, Any]) -> str:
    return f"ready; the file pattern of the recipe is now {changes['files']}" if changes else ""
