"""CIFAR-100, read by torchvision: 45,000 train, 5,000 monitor, the official 10,000 test."""

from dataclasses import dataclass
from typing import Any, ClassVar

from dp_common.tasks import _torchvision


@dataclass
class Cifar100(_torchvision.TorchvisionTask):
    """CIFAR-100, 32×32 colour, 100 classes; torchvision's files under data.root"""

    recipe: ClassVar[dict[str, Any]] = _torchvision.RECIPE | {"train.flip": True, "train.crop": 0.6}
    source: ClassVar[str] = "CIFAR100"
    unpacked: ClassVar[str] = "cifar-100-python"
    official: ClassVar[list[str]] = ["eb9058c3a382ffc7106e4002c42a8d85"]
    classes: ClassVar[list[str]] = """
        apple aquarium_fish baby bear beaver bed bee beetle bicycle bottle bowl boy bridge bus butterfly camel can
        castle caterpillar cattle chair chimpanzee clock cloud cockroach couch crab crocodile cup dinosaur dolphin
        elephant flatfish forest fox girl hamster house kangaroo keyboard lamp lawn_mower leopard lion lizard lobster
        man maple_tree motorcycle mountain mouse mushroom oak_tree orange orchid otter palm_tree pear pickup_truck
        pine_tree plain plate poppy porcupine possum rabbit raccoon ray road rocket rose sea seal shark shrew skunk
        skyscraper snail snake spider squirrel streetcar sunflower sweet_pepper table tank telephone television tiger
        tractor train trout tulip turtle wardrobe whale willow_tree wolf woman worm
    """.split()
    shape: ClassVar[tuple[int, int, int]] = (3, 32, 32)
