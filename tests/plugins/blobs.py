"""A teacher in one file: each class a ball of Gaussian noise around its mean real image."""

from dataclasses import dataclass
from math import sqrt

from dp_common.config.options import option


@dataclass
class Blobs:
    """one Gaussian per class, N(mean image, s² I)"""

    s: float = option(0.3, "standard deviation of the pixels", above=0)

    def prepare(self, task, device):
        import numpy as np
        import torch

        from dp_common.diffusion.schedule import alphas_cumprod

        images, labels = task.train.read(np.arange(len(task.train))) / 127.5 - 1, task.train.labels
        means = [images[labels == label].mean(0) for label in range(len(task.classes))]
        self.means = torch.tensor(np.stack([*means, images.mean(0)]), dtype=torch.float32, device=device)
        self.latent_shape, self.null_label = task.shape, len(task.classes)
        self.alphas_cumprod, self.final_alpha = alphas_cumprod("linear"), 1.0

    def denoise(self, x, t, labels):
        alpha, mean = float(self.alphas_cumprod[t]), self.means[labels]
        x0 = mean + sqrt(alpha) * self.s**2 / (alpha * self.s**2 + 1 - alpha) * (x - sqrt(alpha) * mean)
        return (x - sqrt(alpha) * x0) / sqrt(1 - alpha)

    def decode(self, x0):
        return x0

    def fingerprint(self, task):
        return task.fingerprint()


class Coupled(Blobs):
    """looks at its batch"""

    def denoise(self, x, t, labels):
        return super().denoise(x - x.mean(0), t, labels)


class Changing(Blobs):
    """works in place"""

    def denoise(self, x, t, labels):
        out = super().denoise(x, t, labels)
        x.mul_(0.5)
        return out


class Detached(Blobs):
    """cuts the gradient"""

    def decode(self, x0):
        return x0.detach() + 0 * x0


class Classless(Blobs):
    """has no unconditional mode and says it has"""

    def denoise(self, x, t, labels):
        return super().denoise(x, t, labels * 0)


class Small(Blobs):
    """decodes to another shape"""

    def decode(self, x0):
        return x0[..., ::2, ::2]
