"""A loaded plugin has every member of its contract; what it cannot be without is asked for in one line; no torch."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import dp_common
from dp_common import contracts
from dp_common.config import registry
from dp_common.config.resolve import resolve
from dp_common.errors import BadInput

PLUGINS = Path(__file__).parents[1] / "plugins"
PROTOCOLS = {
    "strategy": contracts.Strategy,
    "teacher": contracts.Teacher,
    "task": contracts.Task,
    "score": contracts.Score,
}
LATER = {"teacher": contracts.AFTERWARDS["teacher"], "task": ("train", "monitor", "test", "data", "shape", "classes")}


def members(protocol):
    names = {*vars(protocol), *protocol.__annotations__}
    return {name for name in names if not name.startswith("_")}


def written(tmp_path, source, name="mine.py"):
    path = tmp_path / name
    path.write_text(source)
    return str(path)


@pytest.mark.parametrize(
    "kind, name",
    [(kind, name) for kind in PROTOCOLS for name in registry.plugins(kind)]
    + [
        ("strategy", f"{PLUGINS}/idea.py"),
        ("teacher", f"{PLUGINS}/blobs.py:Blobs"),
        ("task", f"{PLUGINS}/faces.py:Faces"),
    ],
)
def test_every_plugin_has_every_member_once_it_is_loaded(kind, name):
    loaded = registry.find(kind, name).load()
    missing = {member for member in members(PROTOCOLS[kind]) if not hasattr(loaded, member)} - set(LATER.get(kind, ()))
    assert not missing


def test_defaults_are_those_of_the_contract(tmp_path):
    teacher = resolve([f"teacher={PLUGINS}/blobs.py:Blobs"]).teacher
    assert (teacher.steps_offset, teacher.grad_scale, teacher.recipe, teacher.knows_density) == (0, 1.0, {}, False)
    assert teacher.preview is False and teacher.decode_guided("x0") == "x0" == teacher.decode("x0")
    assert teacher.density_diagnostics(None, None) == {}
    assert (teacher.holds_images, teacher.stored_counts, teacher.licence) == (False, (), "")
    with pytest.raises(NotImplementedError, match="Blobs holds no images"):
        teacher.stored(np.zeros(1), np.zeros(1))
    with pytest.raises(NotImplementedError, match="Blobs does not know its density"):
        teacher.exact(np.zeros(1), 0)
    task = resolve([f"task={PLUGINS}/faces.py:Faces"]).task
    assert task.prompts == task.classes and task.recipe == {} and task.shifted == {} == task.sizes()
    strategy = resolve([f"strategy={PLUGINS}/idea.py"]).strategy
    assert strategy.resolve_defaults(None) is None and strategy.planned_work(None) == {}
    assert strategy.check_real([0, 0]) is None


def test_flags_follow_from_what_a_class_has(tmp_path):
    source = (PLUGINS / "blobs.py").read_text().partition("class Coupled")[0]
    own = "\n    def decode_guided(self, x0):\n        return x0\n"
    assert registry.find("teacher", written(tmp_path, source + own, "guided.py")).load().preview is True
    known = "".join(
        f"\n    def {name}(self, *args):\n        return {{}}\n"
        for name in contracts.DERIVED["teacher"]["knows_density"]
    )
    assert registry.find("teacher", written(tmp_path, source + known, "known.py")).load().knows_density is True
    assert registry.find("teacher", "mixture").load().knows_density is True
    assert registry.find("teacher", "unet").load().knows_density is False


def test_a_teacher_that_holds_images_needs_no_network(tmp_path):
    source = (
        "class Held:\n"
        "    def prepare(self, task, device): pass\n"
        "    def fingerprint(self, task): return ''\n"
        "    def stored(self, indices, labels): return indices\n"
    )
    held = registry.find("teacher", written(tmp_path, source)).load()
    assert held.holds_images is True and registry.find("teacher", "mixture").load().holds_images is False
    with pytest.raises(NotImplementedError, match="Held does not denoise"):
        held().denoise(None, 0, None)
    with pytest.raises(BadInput, match="has no stored_counts after prepare"):
        contracts.require_ready("teacher", "held", type("Bare", (), {"holds_images": True})())
    lacking = source.replace(
        "class Held:", "from dp_common.contracts import TeacherDefaults\nclass Held(TeacherDefaults):"
    )
    lacking = lacking.replace("def stored", "def others")
    with pytest.raises(BadInput, match=r"has no denoise\(x, t, labels\)"):
        registry.find("teacher", written(tmp_path, lacking, "lacking.py")).load()


def test_a_task_may_set_what_has_a_default(tmp_path):
    source = (PLUGINS / "faces.py").read_text().partition("class Floats")[0]
    source = source.replace("        rng =", "        self.prompts = ['a', 'b']\n        rng =")
    task = resolve([f"task={written(tmp_path, source)}"]).task
    task.load(0)
    assert task.prompts == ["a", "b"]


def test_former_names_are_taken_and_told(tmp_path, capsys):
    source = (
        (PLUGINS / "idea.py")
        .read_text()
        .replace("    def run(", "    def settle(self, budget):\n        self.was = budget.scale\n\n    def run(")
    )
    run = resolve([f"strategy={written(tmp_path, source)}", "scale=100"])
    assert run.strategy.was == 100
    said = capsys.readouterr().err
    assert said == "note: strategy=mine: `settle` is called `resolve_defaults` by now, and is taken for it\n"


@pytest.mark.parametrize(
    "kind, source, said",
    [
        ("strategy", "class Mine:\n    pass\n", r"has no run\(lab\); the contract is dp_common.contracts.Strategy"),
        ("teacher", "class Mine:\n    def prepare(self, task, device): pass\n", "has no denoise"),
        ("task", "class Mine:\n    def fingerprint(self): return ''\n", r"has no load\(split\)"),
        ("score", "def scores(logits, labels): pass\n", r"has no score\(logits, labels\)"),
        ("learner", "Net = 3\n", "must hold one public class"),
        ("strategy", "class Mine:\n    run = 3\n", r"has no run\(lab\)"),
        (
            "strategy",
            "from dataclasses import dataclass\n"
            "@dataclass\nclass Mine:\n    a: int\n    def run(self, lab): yield ''\n",
            "every field of its class needs a default",
        ),
    ],
)
def test_what_a_plugin_lacks_is_told_in_one_line(tmp_path, kind, source, said):
    path = written(tmp_path, source)
    with pytest.raises(BadInput, match=said) as caught:
        if kind in ("score", "learner"):
            registry.find(kind, path).load()
        else:
            resolve([f"{kind}={path}"])
    assert "\n" not in str(caught.value) and caught.value.code == 2


def test_what_is_there_only_later_is_asked_for_then():
    with pytest.raises(BadInput, match="teacher=x: has no latent_shape after prepare"):
        contracts.require_ready("teacher", "x", object())


def test_the_face_of_the_package_is_lazy():
    code = (
        "import sys, dp_common\n"
        "from dp_common import BadInput, Budget, Guidance, Lab, Plateau, Split, Strategy, option\n"
        "assert option(3, 'x').default == 3 and Plateau and Split and Guidance\n"
        "assert not {'torch', 'timm', 'pandas'} & set(sys.modules), sorted(sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert set(dp_common.__all__) <= set(dir(dp_common))
    with pytest.raises(AttributeError, match="no attribute nonsense"):
        dp_common.nonsense  # noqa: B018


def test_plugin_authors_get_types(tmp_path):
    """A dataclass of options is what a type checker thinks it is."""
    from dp_common.config.options import option

    assert option("a", "x", choices=("a",)).metadata == {"about": "x", "choices": ("a",)}
    first, second = (option({"a": 1}, "x").default_factory() for _ in range(2))
    assert first == second == {"a": 1} and first is not second


@pytest.mark.parametrize(
    ("kind", "text", "said"),
    [
        ("score", "def score(logits, labels, more): ...", r"is called as score\(logits, labels\), .*'more'"),
        ("score", "NEEDS = ('heads',)\ndef score(logits, labels): ...", r"score\(logits, labels, heads=\), .*'heads'"),
        ("score", "BLIND = True\ndef score(): ...", r"is called as score\(uniforms\), which it does not take"),
        ("guidance rule", "def step(x, x0, eps, g, alpha, omega): ...", "which it does not take: too many"),
    ],
)
def test_a_function_that_cannot_be_called_as_its_contract_says_is_told_how(tmp_path, kind, text, said):
    with pytest.raises(BadInput, match=said):
        registry.find(kind, written(tmp_path, text + "\n")).load()
