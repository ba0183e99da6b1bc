"""The chosen model in the panel: the list, the path, a volume for each of its channels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ...setup.Translation import _
from ..Controls import FeatureView
from ..Option import Option
from .Channels import FIELDS


@dataclass(frozen=True)
class ModelState:
    """models, model: the list and its chosen key.  channels: the model's channel names where it has several, else
    empty.  ownVolumes: ids of our maps, which are no images to be explained."""

    models: tuple[Option, ...] = ()
    model: str = ""
    path: str = ""
    text: str = ""
    channels: tuple[str, ...] = ()
    ownVolumes: tuple[str, ...] = ()
    channelText: str = ""


class ModelView(FeatureView):
    def connect(self, models: Any) -> None:
        """models: ModelLogic."""
        controls = self._controls

        def folder() -> None:
            path = controls.chooseFolder(controls.ui.modelPathLineEdit.currentPath, _("Folder of a model"))
            if path:
                models.pickFound(path)

        controls.onChoice("modelComboBox", models.pick)
        controls.ui.modelPathLineEdit.connect("currentPathChanged(QString)", controls.byUser(models.pickPath))
        controls.onClick("modelFolderButton", folder)

    def show(self, state: ModelState) -> None:
        controls, names = self._controls, state.channels
        controls.fill("modelComboBox", state.models, state.model, _("Choose a model..."))
        controls.say("modelTextLabel", state.text)
        controls.setUsers("modelPathLineEdit", "currentPath", state.path)
        controls.say("channelTextLabel", state.channelText)
        # the label has a key: what stands in a model's name is no key
        controls.set("volumeLabel", "text", f"{names[0].replace('&', '&&')}:" if names else _("Vol&ume:"))
        for number, field in enumerate(FIELDS):
            shown = number < max(1, len(names))
            if shown and controls.isNew(f"{field}Selector", "hiddenNodeIDs", state.ownVolumes):
                selector = getattr(controls.ui, f"{field}Selector")
                selector.sortFilterProxyModel().hiddenNodeIDs = list(state.ownVolumes)
            if number:
                controls.set(f"{field}Label", "text", f"{names[number]}:" if shown else "")
                controls.show(f"{field}Label", shown)
                controls.show(f"{field}Selector", shown)
        controls.show("channelArea", bool(names))
