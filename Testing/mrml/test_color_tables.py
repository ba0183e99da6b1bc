import numpy as np
import pytest

import slicer
from seghirescam.protocol.display.colours import TABLE_INFERNO_CUT, TABLE_SIGNED
from SegHiResGradCAMLib.scene.overlay.ColorTables import FOLDER, colorsOf
from SegHiResGradCAMLib.scene.overlay.DisplaySettings import DIVERGING, TABLES


def lightness(rgb):
    """CIE L* of sRGB values 0..1."""
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    y = linear @ [0.2126, 0.7152, 0.0722]
    return np.where(y > 0.008856, 116 * np.cbrt(y) - 16, 903.3 * y)


@pytest.mark.parametrize("name", [*TABLES, DIVERGING])
def test_a_table_has_256_opaque_colours(name):
    colors = np.array(colorsOf(name))
    assert colors.shape == (256, 4) and (colors[:, 3] == 1).all()
    assert colors.min() >= 0 and colors.max() <= 1


@pytest.mark.parametrize("name", TABLES)
def test_unsigned_tables_get_lighter_throughout_and_do_not_start_black(name):
    rising = lightness(np.array(colorsOf(name))[:, :3])
    assert np.diff(rising).min() > -0.3
    assert 8 < rising[0] < 25 and rising[-1] > 85


def test_the_diverging_table_is_blue_white_red():
    colors = np.array(colorsOf(DIVERGING))[:, :3]
    assert colors[0, 2] > 0.7 > 0.2 > colors[0, 0]
    assert colors[-1, 0] > 0.7 > 0.2 > colors[-1, 2]
    assert colors[127:129].min() > 0.9
    assert abs(lightness(colors[0]) - lightness(colors[-1])) < 15


@pytest.mark.parametrize("name", [*TABLES, DIVERGING])
def test_slicer_itself_reads_the_same_colours_from_the_file(name):
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLColorTableNode")
    storage = slicer.vtkMRMLColorTableStorageNode()
    storage.SetFileName(str(FOLDER / f"{name.replace(' ', '-')}.txt"))
    assert storage.ReadData(node) == 1
    rgba, read = [0.0] * 4, []
    for index in range(256):
        assert node.GetColor(index, rgba)
        read.append(tuple(rgba))
    assert np.abs(np.array(read) - np.array(colorsOf(name))).max() < 1e-6


def test_each_file_names_its_origin():
    files = sorted(FOLDER.glob("*.txt"))
    assert len(files) == 4
    for file in files:
        assert "# Origin:" in file.read_text(encoding="utf-8")


def test_the_shipped_tables_are_what_the_constants_say():
    position, *channels = np.array(TABLE_SIGNED, dtype=float).T
    signed = np.stack([np.interp(np.linspace(0, 1, 256), position, channel) for channel in channels], axis=1)
    assert np.abs(np.array(colorsOf(DIVERGING))[:, :3] - signed).max() <= 0.5 / 255 + 1e-9
    matplotlib = pytest.importorskip("matplotlib")
    inferno = matplotlib.colormaps["inferno"](np.linspace(TABLE_INFERNO_CUT, 1, 256))[:, :3]
    assert np.abs(np.array(colorsOf("Inferno"))[:, :3] - inferno).max() <= 0.5 / 255 + 1e-9
