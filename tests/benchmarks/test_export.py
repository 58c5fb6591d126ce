"""export writes exactly the images the learner ended with, as other tools read them; whole, or nothing."""

import io
import json
import tarfile
from collections import Counter
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from PIL import Image

from benchmarks import export
from dp_common.config.resolve import resolve
from dp_common.errors import BadInput, Damaged, Interrupted
from dp_common.lab import attempt, runner
from dp_common.lab.final_set import FinalImage, SetDigest
from dp_common.real_images.listing import folder_names
from tests.conftest import SMALL

BLENDED = """
class Blended:
    def run(self, lab):
        lab.real(25)
        yield "real"
        lab.generate(30)
        yield "generated"
        lab.train(256)
        lab.generate(lab.room)
        yield "more"
        lab.cooldown()
"""
RUNS = {
    "plain-prune": ["strategy=prune", "prune.initial=0", "prune.interval=128", "scale=60"],
    "prune": ["strategy=prune", "prune.interval=128", "prune.patience=1", "scale=60"],
    "guided-jpeg": ["strategy=dp", "dp.omega=0.1", "dp.schedule=even", "dp.interval=128", "images.format=jpeg"],
    "real": ["strategy=real", "scale=90"],
    "blended": ["strategy={folder}/blended.py", "scale=80"],
    "blended-block": ["strategy={folder}/blended.py", "scale=80", "train.order=block"],
}


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """``finished(name)`` -> {"folder", "summary", "set"} of one of RUNS; ``set`` is what its learner ended with."""
    root, made = tmp_path_factory.mktemp("runs"), {}
    (root / "blended.py").write_text(BLENDED)

    def run_of(name):
        if name not in made:
            words = [word.format(folder=root) for word in RUNS[name]]
            given = {word.partition("=")[0] for word in words}
            small = [w for w in SMALL if w.partition("=")[0] not in given and not w.startswith("dp.")]
            resolved = resolve([*words, *small, f"root={root / 'runs'}"])
            contexts, context_of = [], attempt.context_of
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(attempt, "context_of", lambda *a: contexts.append(context_of(*a)) or contexts[-1])
                summary = runner.execute(resolved, quiet=True)
            training_set = contexts[0].data.training_set
            made[name] = SimpleNamespace(folder=runner.folder_of(resolved), summary=summary, set=training_set)
        return made[name]

    return run_of


def exported(run, to, out):
    assert export.main([str(run.folder), f"to={to}", f"out={out}"]) == 0
    assert run.summary["store_digest"] in (out / "README.md").read_text()
    return out


def pixels(data):
    image = np.asarray(Image.open(io.BytesIO(data) if isinstance(data, bytes) else data))
    return image[None] if image.ndim == 2 else image.transpose(2, 0, 1)


@pytest.mark.parametrize("name", ["plain-prune", "prune", "guided-jpeg", "real", "blended"])
def test_parquet_holds_what_was_trained_on(finished, tmp_path, name):
    run = finished(name)
    out = exported(run, "parquet", tmp_path / "set")
    rows = pd.read_parquet(out / "data/train-00000-of-00001.parquet")
    images, labels, indices = run.set.joined()
    assert rows["label"].tolist() == labels.tolist() and rows["index"].tolist() == indices.tolist()
    assert rows["class_name"].tolist() == [str(label) for label in labels]
    assert all(np.array_equal(pixels(row["bytes"]), image) for row, image in zip(rows["image"], images, strict=True))
    assert len(rows) == run.summary["images_kept"]


def test_the_plain_workflow_of_prune_leaves_the_scored_tenth_out(finished, tmp_path):
    run = finished("plain-prune")
    rows = pd.read_parquet(exported(run, "parquet", tmp_path / "set") / "data")
    assert run.summary["images_generated"] == 480 and len(rows) == 60
    stored = [pd.read_parquet(path) for path in sorted(run.folder.glob("shard-*.parquet"))]
    assert [len(table) for table in stored] == [48, 60]  # the tenth lies there, too, and is not in the set
    assert rows["score_at_birth"].tolist() == stored[1]["score_at_birth"].tolist()
    assert [image["bytes"] for image in rows["image"]] == [image["bytes"] for image in stored[1]["image"]]
    assert set(rows["round"]) == {1} and set(rows["source"]) == {"generated"}


def test_what_is_known_of_each_image_is_said(finished, tmp_path):
    rows = pd.read_parquet(exported(finished("guided-jpeg"), "parquet", tmp_path / "guided") / "data")
    first = rows["round"] == 0
    assert sorted(set(rows["round"])) == [0, 1, 2, 3] and first.sum() == 30
    assert rows["score_at_birth"].isna().tolist() == first.tolist()
    assert np.allclose(rows["omega"], np.where(first, 0, 0.1))
    assert all(image["bytes"][:2] == b"\xff\xd8" and image["path"].endswith(".jpeg") for image in rows["image"])
    rows = pd.read_parquet(exported(finished("blended"), "parquet", tmp_path / "blended") / "data")
    assert rows["source"].tolist() == ["real"] * 25 + ["generated"] * 55
    assert rows["round"].tolist() == [0] * 25 + [1] * 30 + [2] * 25


def test_imagefolder_is_read_by_torchvision(finished, tmp_path):
    from torchvision.datasets import ImageFolder

    run = finished("blended")
    out = exported(run, "imagefolder", tmp_path / "set")
    found = ImageFolder(str(out))
    images, labels, indices = run.set.joined()
    assert found.classes == [str(label) for label in range(10)] and len(found) == 80
    named = dict(zip(pd.read_csv(out / "metadata.csv")["file_name"], images, strict=True))
    for path, label in found.samples:
        name = str(path).removeprefix(f"{out}/")
        assert name.partition("/")[0] == str(label) and np.array_equal(pixels(path), named[name])
    assert Counter(found.targets) == Counter(labels.tolist())
    table = pd.read_csv(out / "metadata.csv")
    assert table["index"].tolist() == indices.tolist() and table["label"].tolist() == labels.tolist()
    assert table["file_name"][0] == f"{labels[0]}/real-{indices[0]:09d}.png"


def test_webdataset_is_tars_of_samples(finished, tmp_path):
    run = finished("guided-jpeg")
    out = exported(run, "webdataset", tmp_path / "set")
    images, labels, indices = run.set.joined()
    with tarfile.open(out / "train-000000.tar") as tar:
        names, data = tar.getnames(), [tar.extractfile(name).read() for name in tar.getnames()]
    assert names[:4] == ["000000000.jpeg", "000000000.cls", "000000000.json", "000000001.jpeg"]
    assert len(names) == 3 * 120 and [int(text) for text in data[1::3]] == labels.tolist()
    assert all(np.array_equal(pixels(one), image) for one, image in zip(data[::3], images, strict=True))
    known = [json.loads(text) for text in data[2::3]]
    assert [one["index"] for one in known] == indices.tolist() and known[0]["class_name"] == str(labels[0])
    assert known[0]["score_at_birth"] is None and known[-1]["score_at_birth"] > 0


def test_webdataset_reads_it(finished, tmp_path):
    webdataset = pytest.importorskip("webdataset")
    run = finished("plain-prune")
    out = exported(run, "webdataset", tmp_path / "set")
    samples = list(webdataset.WebDataset(str(out / "train-000000.tar"), shardshuffle=False).decode("pil"))
    assert [sample["cls"] for sample in samples] == run.set.joined().labels.tolist()


def test_datasets_reads_it(finished, tmp_path):
    datasets = pytest.importorskip("datasets")
    run = finished("plain-prune")
    out = exported(run, "parquet", tmp_path / "set")
    read = datasets.load_dataset("parquet", data_files=str(out / "data/*.parquet"), cache_dir=str(tmp_path / "cache"))
    train = read["train"]
    assert train["label"] == run.set.joined().labels.tolist() and train.features["label"].names[3] == "3"
    assert np.array_equal(np.asarray(train[0]["image"]), run.set.joined().images[0][0])


def test_parquet_says_to_datasets_what_its_columns_are(finished, tmp_path):
    out = exported(finished("plain-prune"), "parquet", tmp_path / "set")
    schema = pq.read_schema(out / "data/train-00000-of-00001.parquet")
    features = json.loads(schema.metadata[b"huggingface"])["info"]["features"]
    assert list(features) == schema.names and features["image"] == {"_type": "Image"}
    assert features["label"] == {"names": [str(n) for n in range(10)], "_type": "ClassLabel"}


@pytest.mark.parametrize("name", list(RUNS))
def test_the_digest_is_the_runs_in_both_orders(finished, tmp_path, name):
    run = finished(name)
    digest = SetDigest(run.summary["values"]["train.order"])
    exported(run, "parquet", tmp_path / "set")
    rows = pd.read_parquet(tmp_path / "set/data")
    for row in rows.itertuples():
        real = row.source == "real"
        digest.add(FinalImage(row.image["bytes"], "png", row.label, row.index, row.round, real, row.omega, None))
    assert digest.hexdigest() == run.set.digest() == run.summary["store_digest"]


def test_the_card_says_command_teacher_and_counts(finished, tmp_path):
    text = (exported(finished("blended"), "imagefolder", tmp_path / "set") / "README.md").read_text()
    assert "python -m benchmarks.run strategy=" in text and " root=" not in text
    assert "55 made by teacher `mixture`, 25 real" in text and "licence of its weights: not known" in text
    rows = [line.split("|")[1:5] for line in text.splitlines() if line.startswith("| ") and line[2].isdigit()]
    labels = finished("blended").set.joined().labels
    expected = [[n, n, (labels[25:] == n).sum(), (labels[:25] == n).sum()] for n in range(10)]
    assert [[int(cell) for cell in row] for row in rows] == expected


def test_licences_of_teachers():
    from dp_common.teachers.stable_diffusion import StableDiffusion
    from dp_common.teachers.unet import UNet

    assert UNet().licence == "MIT" and UNet(weights="mine.safetensors").licence == ""
    assert StableDiffusion().licence == "CreativeML Open RAIL-M"
    assert StableDiffusion(weights="stabilityai/stable-diffusion-xl-base-1.0").licence == "CreativeML Open RAIL++-M"
    assert StableDiffusion(weights="./mine").licence == ""


def test_a_run_is_found_by_its_id(finished, tmp_path):
    run = finished("plain-prune")
    words = [run.summary["run_id"], "to=parquet", f"out={tmp_path / 'set'}"]
    assert export.main([*words, f"root={run.folder.parents[1]}"]) == 0
    with pytest.raises(BadInput, match=f"Did you mean {run.summary['run_id']}"):
        export.main([run.summary["run_id"][:-1], "to=parquet", f"out={tmp_path / 'b'}", f"root={run.folder.parent}"])


@pytest.mark.parametrize(
    "words, said",
    [
        ([], "run: needed"),
        (["{run}"], "to: needed: one of imagefolder, webdataset, parquet"),
        (["{run}", "to=parquet"], "out: needed"),
        (["{run}", "to=parket", "out={tmp}/x"], "to=parket: one of imagefolder, webdataset, parquet. Did you mean"),
        (["{run}", "to=parquet", "out={tmp}"], "is there already"),
        (["{tmp}", "to=parquet", "out={tmp}/x"], "not the folder of a run"),
        (["{run}", "to=parquet", "out={run}/ledger.jsonl/x"], "is not a folder"),
        (["/no/such", "to=parquet", "out={tmp}/x", "root={tmp}"], "no such folder, and no run of this id"),
    ],
)
def test_bad_input_is_one_line_and_leaves_nothing(finished, tmp_path, words, said):
    run = finished("plain-prune").folder
    with pytest.raises(BadInput) as caught:
        export.main([word.format(run=run, tmp=tmp_path) for word in words])
    assert said in str(caught.value) and "\n" not in str(caught.value) and not list(tmp_path.iterdir())


def test_a_run_that_is_not_finished_is_refused(small, tmp_path):
    resolved = small("strategy=static")
    with pytest.raises(Interrupted):
        runner.execute(resolved, quiet=True, stop=lambda: True)
    with pytest.raises(BadInput, match="is not finished: give its command again"):
        export.main([str(runner.folder_of(resolved)), "to=parquet", f"out={tmp_path / 'set'}"])
    assert not (tmp_path / "set").exists()


@pytest.mark.parametrize("harm", ["gone", "changed", "other"])
def test_damage_is_found_and_nothing_is_left(small, tmp_path, harm):
    resolved = small("strategy=static")
    folder = runner.folder_of(resolved)
    runner.execute(resolved, quiet=True)
    (shard,) = folder.glob("shard-*.parquet")
    if harm == "gone":
        shard.unlink()
    elif harm == "changed":
        data = bytearray(shard.read_bytes())
        data[200] ^= 1
        shard.write_bytes(bytes(data))
    else:
        summary = json.loads((folder / "summary.json").read_text()) | {"store_digest": "0" * 32}
        (folder / "summary.json").write_text(json.dumps(summary))
    said = {"gone": "not there", "changed": "corrupted", "other": "another store_digest"}[harm]
    for to in export.FORMATS:
        with pytest.raises(Damaged, match=said):
            export.main([str(folder), f"to={to}", f"out={tmp_path / 'sets' / to}"])
    assert not list((tmp_path / "sets").glob("*")) and not list((tmp_path / "sets").glob(".*"))


@pytest.mark.parametrize(
    "classes, folders",
    [
        (["cat", "dog"], ["cat", "dog"]),
        (["crane", "crane"], ["0_crane", "1_crane"]),
        (["a/b", "c"], ["0_a_b", "1_c"]),
        (["Cat", "cat"], ["0_Cat", "1_cat"]),
        ([".hidden", "x"], ["0_.hidden", "1_x"]),
        (["é", " "], ["0_é", "1_"]),
        (["new\nline", "$10_bill$", "=1+1"], ["0_new_line", "1_$10_bill$", "2_=1+1"]),
        (["x" * 255, "y"], ["0_" + "x" * 240, "1_y"]),
        (["שלום", "é" * 127], ["0_שלום", "1_" + "é" * 120]),
    ],
)
def test_every_class_has_a_folder_of_its_own(classes, folders):
    assert folder_names(classes) == folders


def test_a_class_name_is_no_markup_of_the_card():
    from benchmarks.export_card import cell_text

    names = {
        "a|b": r"a\|b",
        "$10_bill$": r"\$10\_bill\$",
        "new\nline ": "new line",
        "<b>": r"\<b\>",
        "é, 'x'": "é, 'x'",
    }
    assert {name: cell_text(name) for name in names} == names


def test_files_hold_no_more_than_they_should(finished, tmp_path, monkeypatch):
    """Sets of more images than a file holds are cut, and stay in order."""
    from benchmarks import export_formats

    monkeypatch.setattr(export_formats, "FILE", 25)
    run = finished("plain-prune")
    out = exported(run, "parquet", tmp_path / "set")
    assert [path.name for path in sorted(out.glob("data/*.parquet"))] == [
        f"train-{n:05d}-of-00003.parquet" for n in range(3)
    ]
    assert pd.read_parquet(out / "data")["index"].tolist() == run.set.joined().indices.tolist()
    assert len(list(exported(run, "webdataset", tmp_path / "tars").glob("*.tar"))) == 3
