"""Pictures come as they are shown: turned, mirrored, of square pixels, in standard range. ffmpeg has a say in it."""

import itertools
import struct
from fractions import Fraction

import av
import numpy as np
import pytest
from reference import ffmpeg, shown

from instrec_utils import media
from instrec_utils.media import screen

COLOURS = ("red", "blue", "green", "white")
# Light as colours of BT.709, 203 cd/m2 being white; the last is four times as bright.
PATCHES = ("ff0000", "00ff00", "0000ff", "ffff00", "804020", "20c080", "c0c0c0", "ffc0a0", "404040")
# Along and across the axes: a, b and c, d of a display matrix.
ORIENTATIONS = [one for a, b in itertools.product((-1, 1), repeat=2) for one in ((a, 0, 0, b), (0, a, b, 0))]


def bars(colours, size):
    """Return the arguments for one picture of columns in these colours."""
    inputs = [part for colour in colours for part in ("-f", "lavfi", "-i", f"color={colour}:s={size}:r=5:d=1")]
    joined = "".join(f"[{number}]" for number in range(len(colours))) + f"hstack={len(colours)}"
    return [*inputs, "-filter_complex", joined]


@pytest.fixture(scope="module")
def quarters(tmp_path_factory):
    """A video with another colour in each quarter, 64 x 48 pixels."""
    inputs = [part for colour in COLOURS for part in ("-f", "lavfi", "-i", f"color={colour}:s=32x24:r=5:d=1")]
    stacked = "[0][1]hstack[a];[2][3]hstack[b];[a][b]vstack"
    path = tmp_path_factory.mktemp("quarters") / "upright.mp4"
    return ffmpeg(*inputs, "-filter_complex", stacked, "-c:v", "libx264", "-pix_fmt", "yuv420p", path)


@pytest.mark.parametrize("matrix", ORIENTATIONS)
@pytest.mark.parametrize("size", [None, 32])
def test_every_display_matrix_as_ffmpeg_shows_it(quarters, tmp_path, matrix, size):
    a, b, c, d = matrix
    content = quarters.read_bytes()
    place = content.index(b"tkhd") + 44
    told = struct.pack(">9i", a << 16, b << 16, 0, c << 16, d << 16, 0, 0, 0, 1 << 30)
    path = tmp_path / "turned.mp4"
    path.write_bytes(content[:place] + told + content[place + 36 :])
    shape = (size, size) if size else ((48, 64) if a else (64, 48))
    scaled = [f"scale={size}:{size}:flags=area"] if size else []
    expected = shown(path, *scaled, shape=shape)[0]
    picture = next(media.read_frames(path, size=size))
    assert picture.shape == expected.shape
    assert np.abs(picture.astype(int) - expected)[4:-4, 4:-4].mean() < 3


@pytest.mark.parametrize("suffix", ["mp4", "mkv", "ts", "avi"])
@pytest.mark.parametrize(
    ("stored", "aspect", "width"), [("96x64", "16/15", 102), ("96x64", "8/9", 85), ("72x54", "4/3", 96)]
)
def test_pixels_that_are_not_square(tmp_path, suffix, stored, aspect, width):
    path = tmp_path / f"wide.{suffix}"
    codec = "mpeg4" if suffix == "avi" else "libx264"
    made = (
        "-f",
        "lavfi",
        "-i",
        f"testsrc2=s={stored}:r=25:d=1",
        "-vf",
        f"setsar={aspect}",
        "-c:v",
        codec,
        "-pix_fmt",
        "yuv420p",
    )
    ffmpeg(*made, path)
    height = int(stored.split("x")[1])
    picture = next(media.read_frames(path))
    assert picture.shape == (height, width, 3)
    expected = shown(path, f"scale={width}:{height}", shape=(height, width))[0]
    assert np.abs(picture.astype(int) - expected).mean() < 6
    assert next(media.read_frames(path, size=32)).shape == (32, 32, 3)


def test_pixels_of_an_absurd_shape_are_taken_for_square(quarters, tmp_path):
    path = ffmpeg("-i", quarters, "-vf", "setsar=1000/1", "-c:v", "libx264", tmp_path / "absurd.mkv")
    assert next(media.read_frames(path)).shape == (48, 64, 3)


def test_turned_pixels_that_are_not_square(quarters, tmp_path):
    ffmpeg("-i", quarters, "-vf", "setsar=2/1", "-c:v", "libx264", tmp_path / "wide.mp4")
    path = ffmpeg("-display_rotation", "90", "-i", tmp_path / "wide.mp4", "-c", "copy", tmp_path / "both.mp4")
    assert next(media.read_frames(path)).shape == (128, 48, 3)


def write_range(path, transfer, level):
    """Write the patches in another range and the colours of BT.2020, white at so many cd/m2."""
    to_light = f"zscale=t=linear:npl={level},format=gbrpf32le"
    to_range = f"zscale=t={transfer}:m=bt2020nc:p=bt2020:r=tv:npl={level}:agamma=0,format=yuv444p10le"
    standard = "setparams=color_primaries=bt709:color_trc=bt709:colorspace=bt709:range=tv"
    patches = bars([f"0x{patch}" for patch in PATCHES], "16x16")
    patches[-1] += f",scale=out_color_matrix=bt709:out_range=tv,format=yuv444p,{standard},{to_light},{to_range}"
    told = ("-color_trc", transfer, "-colorspace", "bt2020nc", "-color_primaries", "bt2020")
    return ffmpeg(*patches, "-c:v", "libx265", "-x265-params", "log-level=none:lossless=1", *told, path)


@pytest.mark.parametrize("transfer", ["smpte2084", "arib-std-b67", "bt2020-10"])
@pytest.mark.parametrize("level", [203, 800])
def test_other_ranges_are_shown_in_the_standard_one(tmp_path, transfer, level):
    """The same curve as another implementation of it, and dim colours as they were."""
    is_high = transfer != "bt2020-10"
    path = write_range(tmp_path / "range.mp4", transfer, level if is_high else 203)
    curve = f"tonemap=mobius:param={screen.KNEE}:desat=0:peak={screen.PEAK}" if is_high else "null"
    to_standard = "format=gbrpf32le,zscale=t=bt709:m=bt709:r=tv,format=yuv444p"
    filters = ("zscale=t=linear:npl=203:agamma=0,format=gbrpf32le,zscale=p=bt709", curve, to_standard)
    expected = shown(path, *filters, shape=(16, 16 * len(PATCHES)))[0, 8, 8::16]
    found = next(media.read_frames(path))[8, 8::16]
    # Where a primary colour leaves next to nothing of the others, a code more is ten after the curve, but no light.
    np.testing.assert_allclose((found / 255) ** 2.4, (expected / 255) ** 2.4, atol=0.02)
    mixed = [number for number, patch in enumerate(PATCHES) if "00" not in (patch[:2], patch[2:4], patch[4:])]
    np.testing.assert_allclose(found[mixed].astype(int), expected[mixed].astype(int), atol=6)
    if level == 203 or not is_high:
        meant = np.array([[int(patch[begin : begin + 2], 16) for begin in (0, 2, 4)] for patch in PATCHES])
        dim = [number for number in mixed if meant[number].max() < 180]
        np.testing.assert_allclose(found[dim].astype(int), meant[dim], atol=6)
    assert next(media.read_frames(path, size=32)).shape == (32, 32, 3)


def test_standard_range_needs_no_change(quarters):
    with av.open(str(quarters)) as container:
        frame = next(container.decode(video=0))
    np.testing.assert_array_equal(screen.picture(frame, None, Fraction(1)), frame.to_ndarray(format="rgb24"))


def test_brighter_light_is_never_darker():
    codes = np.repeat(np.arange(0, 65536, 257, dtype=np.uint16)[None, :, None], 3, axis=2)
    for transfer in (screen.PERCEPTUAL_QUANTIZER, screen.HYBRID_LOG_GAMMA, 14):
        levels = screen.standard_range(codes, transfer, is_wide=True)[0, :, 0].astype(int)
        assert (np.diff(levels) >= 0).all()
        assert (levels[0], levels[-1]) == (0, 255)
