"""A form for the settings of a step or of the input, built from their JSON schema with magicgui's `create_widget`."""

from __future__ import annotations

from typing import Any

from magicgui.widgets import create_widget
from pydantic import BaseModel, ValidationError
from qtpy.QtCore import Signal
from qtpy.QtWidgets import QFormLayout, QHBoxLayout, QLabel, QWidget

from imgpipe.napari.schema_fields import Field, answered, fields_of, shown

WIDGETS = {"switch": "CheckBox", "choice": "ComboBox", "whole": "SpinBox", "line": "LineEdit"}
FAULTY = "border: 1px solid #D55E00;"


class Form(QWidget):
    """One row per setting: its name, its widget, its unit; the tooltip says what it means and what it may be.

    Parameters
    ----------
    settings : model whose schema makes the rows
    values : settings to show; what is missing shows its default
    without : settings to leave out
    """

    edited = Signal()

    def __init__(
        self, settings: type[BaseModel], values: dict[str, Any], title: str = "", without: tuple[str, ...] = ()
    ) -> None:
        super().__init__()
        self.settings = settings
        self.fields = {field.name: field for field in fields_of(settings, without)}
        self.widgets = {name: _widget(field, values.get(name, field.default)) for name, field in self.fields.items()}
        layout = QFormLayout(self)
        layout.setContentsMargins(4, 4, 4, 4)
        layout.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        if title or not self.fields:
            layout.addRow(_wrapped(title if self.fields else f"{title}\nNothing to set."))
        for name, field in self.fields.items():
            layout.addRow(_label(field), _row(self.widgets[name], field))
            self.widgets[name].changed.connect(self._tell)

    def values(self) -> dict[str, Any]:
        """Return the settings as a recipe writes them; a required one that is not filled in is left out."""
        found = {name: answered(self.fields[name], widget.value) for name, widget in self.widgets.items()}
        lacking = {name for name, value in found.items() if self.fields[name].required and value in ("", None, [])}
        return {name: value for name, value in found.items() if name not in lacking}

    def mark(self) -> list[str]:
        """Frame the widgets whose setting is not accepted; return their names."""
        try:
            self.settings(**self.values())
            wrong = []
        except ValidationError as error:
            wrong = [str(one["loc"][0]) for one in error.errors() if one["loc"]]
        for name, widget in self.widgets.items():
            widget.native.setStyleSheet(FAULTY if name in wrong else "")
        return wrong

    def _tell(self, *_: Any) -> None:
        self.edited.emit()


def _widget(field: Field, value: Any) -> Any:
    options = dict(field.options)
    blank = "fill in" if field.required else "none" if field.nullable else ""
    if "choices" in options:
        blank = "not set" if blank in options["choices"] else blank  # `none` may be a choice of its own
        options["choices"] = [(blank if one is None else _word(one), one) for one in options["choices"]]
    options["nullable"] = False
    widget = create_widget(value=shown(field, value), name=field.name, widget_type=WIDGETS[field.kind], options=options)
    widget.native.setToolTip(field.tooltip)
    if field.kind == "line":
        widget.native.setPlaceholderText(blank)
    return widget


def _word(choice: Any) -> str:
    return {True: "yes", False: "no"}[choice] if isinstance(choice, bool) else str(choice)


def _label(field: Field) -> QLabel:
    label = QLabel(field.name.replace("_", " "))
    label.setToolTip(field.tooltip)
    return label


def _row(widget: Any, field: Field) -> QWidget:
    row = QWidget()
    layout = QHBoxLayout(row)
    layout.setContentsMargins(0, 0, 0, 0)
    layout.addWidget(widget.native, 1)
    unit = QLabel(field.unit)
    unit.setMinimumWidth(34)
    layout.addWidget(unit)
    return row


def _wrapped(text: str) -> QLabel:
    label = QLabel(text.strip())
    label.setWordWrap(True)
    return label
