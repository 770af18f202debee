"""What a model wants of a picture; settings name it too, so it stands on the ground floor."""

from vecstream_cli.pixels import CHANNELS as CHANNELS
from vecstream_cli.pixels import ImageInput as ImageInput
