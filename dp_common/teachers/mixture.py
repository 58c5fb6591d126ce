"""Class-conditional Gaussian mixture fitted to the task's real training images, with its exact denoiser.

No network, no weights, fits in a second, and its density is known. Per class K k-means centres μ_k with their shares
π_k; one shrunk (Ledoit-Wolf) within-centre covariance for all, plus ``jitter``·I:  Σ = U diag(λ) Uᵀ.  At every noise
level, with x_t = √ᾱ x0 + √(1−ᾱ) z and v = ᾱλ + 1−ᾱ (all in the basis U):

    w_k ∝ π_k exp(−½ Σ_d (x_t − √ᾱ μ_k)² / v)              posterior of the component
    E[x0|x_t] = μ̄ + √ᾱ λ/v · (x_t − √ᾱ μ̄),  μ̄ = Σ_k w_k μ_k   since all components share Σ
    ε = (x_t − √ᾱ E[x0|x_t]) / √(1−ᾱ)

``sampler.temperature=T`` is exact here: Tλ stands for λ, centres and shares stay.
"""

from dataclasses import dataclass
from math import log, pi, sqrt
from typing import TYPE_CHECKING

from dp_common.config.options import option
from dp_common.contracts import Task, TeacherDefaults
from dp_common.errors import BadInput
from dp_common.real_images.kept_arrays import kept

if TYPE_CHECKING:
    import numpy as np
    import torch


@dataclass
class Mixture(TeacherDefaults):
    """Gaussian mixture with its exact denoiser, fitted to the task's real training images"""

    knows_density = True

    components: int = option(6, "k-means centres per class", low=1)
    jitter: float = option(0.02, "added to the shared covariance's diagonal, pixels in [-1, 1]", low=0)
    schedule: str = option("sd", "noise schedule", choices=("sd", "linear", "cosine"))

    def prepare(self, task: Task, device: "torch.device | str") -> None:
        """Fit the density of each class to the task's real training images.

        Raises:
            BadInput: a class has fewer images than there are to be components.
        """
        import numpy as np
        import torch

        from dp_common.diffusion.schedule import alphas_cumprod

        images = task.train.read(np.arange(len(task.train)))
        pixels = images.reshape(len(task.train), -1).astype("float64") / 127.5 - 1
        labels, classes = task.train.labels, len(task.classes)
        settings = (self.components, self.jitter, classes)
        centres, shares, lam, basis = kept(
            "mixture", [pixels, labels], settings, lambda: self.fit(pixels, labels, classes)
        )
        f32 = dict(dtype=torch.float32, device=device)
        self.lam, self.basis = torch.tensor(lam, **f32), torch.tensor(basis, **f32)
        self.means = torch.tensor(centres @ basis, **f32)  # [C, K, D], in the basis U
        self.log_shares = torch.tensor(shares, **f32).log()  # [C, K]
        self.latent_shape = task.shape
        self._asked: tuple[torch.Tensor, int, tuple[torch.Tensor, torch.Tensor]] | None = None  # of the last labels
        self.alphas_cumprod, self.final_alpha, self.null_label = alphas_cumprod(self.schedule), 1.0, len(task.classes)

    def fit(
        self, pixels: "np.ndarray", labels: "np.ndarray", classes: int
    ) -> "tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]":
        """The density of images.

        Args:
            pixels: [n, D] float64, about [-1, 1].
            labels: [n] int64.
            classes: how many, C.

        Returns:
            (centres [C, K, D], shares [C, K], λ [D], U [D, D]).

        Raises:
            BadInput: a class has fewer images than components.
        """
        import sklearn.cluster
        import sklearn.covariance  # noqa: F401
        from threadpoolctl import threadpool_limits

        with threadpool_limits(1):  # sums in one order: the same mixture whatever the machine's cores
            return self._fit(pixels, labels, classes)

    def _fit(
        self, pixels: "np.ndarray", labels: "np.ndarray", classes: int
    ) -> "tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]":
        """As ``fit``, by as many threads as there are."""
        import numpy as np
        from sklearn.cluster import KMeans
        from sklearn.covariance import ledoit_wolf

        centres, shares, residuals = [], [], []
        for label in range(classes):
            members = pixels[labels == label]
            if len(members) < self.components:
                raise BadInput(
                    "mixture.components",
                    self.components,
                    f"at most {len(members)}, the training images of class {label}",
                )
            clusters = KMeans(self.components, n_init=3, random_state=0).fit(members)
            centres.append(clusters.cluster_centers_)
            shares.append(np.bincount(clusters.labels_, minlength=self.components) / len(members))
            residuals.append(members - clusters.cluster_centers_[clusters.labels_])
        sigma = ledoit_wolf(np.concatenate(residuals), assume_centered=True)[0] + self.jitter * np.eye(pixels.shape[1])
        lam, basis = np.linalg.eigh(sigma)
        return np.stack(centres), np.stack(shares), lam, basis

    def denoise(self, x: "torch.Tensor", t: int, labels: "torch.Tensor") -> "torch.Tensor":
        """ε [B, *shape] of x_t and labels [B].

        Rows with the null label, of every class in equal shares, must come first.
        """
        return self.denoise_tempered(x, t, labels, 1.0)

    def denoise_tempered(self, x: "torch.Tensor", t: int, labels: "torch.Tensor", temperature: float) -> "torch.Tensor":
        """As ``denoise``, with variances within components ``temperature`` times as large."""
        import torch

        lam = temperature * self.lam

        n, own = self._components_of(labels)
        if not n:
            return self._epsilon(x, t, lam, *own)
        # No class: every component, in equal class shares. A CFG batch holds both kinds, [uncond, cond].
        everything = self.means.flatten(0, 1)[None], self.log_shares.flatten()[None]
        parts = [self._epsilon(x[:n], t, lam, *everything)]
        if n < len(x):
            parts.append(self._epsilon(x[n:], t, lam, *own))
        return torch.cat(parts)

    def _components_of(self, labels: "torch.Tensor") -> "tuple[int, tuple[torch.Tensor, torch.Tensor]]":
        """How many rows have the null label, which must come first; and the components of the others, means [B, K, D]
        and log_shares [B, K]. A sampler gives the same labels at every step: they are looked up once, which takes as
        long as a third of a step, and a device is asked once.
        """
        if self._asked is None or self._asked[0] is not labels:
            null = (labels == self.null_label).tolist()
            n = sum(null)
            if not all(null[:n]):
                raise ValueError("rows with the null label must come first in a batch")
            self._asked = labels, n, (self.means[labels[n:]], self.log_shares[labels[n:]])
        return self._asked[1:]

    def _epsilon(
        self, x: "torch.Tensor", t: int, lam: "torch.Tensor", means: "torch.Tensor", log_shares: "torch.Tensor"
    ) -> "torch.Tensor":
        """ε for rows whose components are means [B or 1, K, D] with log_shares [B or 1, K], up to a constant, and
        variances lam [D].
        """
        alpha = float(self.alphas_cumprod[t])
        z = x.float().flatten(1) @ self.basis
        v = alpha * lam + 1 - alpha
        w = (log_shares - distances(z, sqrt(alpha) * means, v) / 2).softmax(1)
        mean = (w[:, :, None] * means).sum(1)
        x0 = mean + sqrt(alpha) * lam / v * (z - sqrt(alpha) * mean)
        return (((z - sqrt(alpha) * x0) / sqrt(1 - alpha)) @ self.basis.T).view_as(x)

    def decode(self, x0: "torch.Tensor") -> "torch.Tensor":
        """The images themselves: its latents are pixels."""
        return x0

    def encode(self, images: "torch.Tensor") -> "torch.Tensor":
        """The images themselves."""
        return images

    def log_density(self, images: "torch.Tensor") -> "torch.Tensor":
        """log p(image | class) of the fitted density, nats: [B, C], for images [B, C, H, W] in [-1, 1]."""
        import torch

        z = images.float().flatten(1) @ self.basis
        per_class = []
        for means, log_shares in zip(self.means, self.log_shares):
            per_class.append((log_shares - distances(z, means, self.lam) / 2).logsumexp(1))
        normaliser = (self.lam.log().sum() + len(self.lam) * log(2 * pi)) / 2
        return torch.stack(per_class, 1) - normaliser

    def density_diagnostics(self, images: "torch.Tensor", labels: "torch.Tensor") -> "dict[str, torch.Tensor]":
        """What the density says of images [B, C, H, W] before clamping and labels [B].

        Returns:
            ``true_label`` [B] bool: is the label the most probable class, at equal priors; ``log_density`` [B]:
            log p(image | label), nats.
        """
        densities = self.log_density(images)
        return {"true_label": densities.argmax(1) == labels, "log_density": densities.gather(1, labels[:, None])[:, 0]}

    def exact(self, labels: "torch.Tensor", seed: int) -> "torch.Tensor":
        """Samples of the density itself, by no diffusion: floats [n, C, H, W] for labels [n] on the CPU."""
        import torch

        generator = torch.Generator().manual_seed(seed)
        ends = self.log_shares.cpu().exp().cumsum(1)[labels]
        component = (torch.rand(len(labels), 1, generator=generator) * ends[:, -1:] >= ends).sum(1)
        noise = torch.randn(len(labels), len(self.lam), generator=generator)
        z = self.means[labels, component] + self.lam.sqrt() * noise.to(self.lam.device)
        return (z @ self.basis.T).view(len(labels), *self.latent_shape)

    def fingerprint(self, task: Task) -> str:
        """Of the data it is fitted to."""
        return task.fingerprint()


def distances(z: "torch.Tensor", centres: "torch.Tensor", variances: "torch.Tensor") -> "torch.Tensor":
    """Σ_d (z − centre)²/variance, [B, K], of z [B, D], centres [B or 1, K, D] or [K, D] and variances [D].

    Where nobody wants its gradient it is worked out in one piece of memory, in four fifths of the time.
    """
    off = z[:, None] - centres
    if off.requires_grad:
        return (off**2 / variances).sum(2)
    return off.pow_(2).div_(variances).sum(2)
