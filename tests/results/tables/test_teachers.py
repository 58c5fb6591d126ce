"""Teachers side by side: the same arm and scale, other images."""

from results import load
from results.tables import across_comparisons
from results.tables.teachers import across
from tests.results.tables.shown import lines


def weights(name, mark):
    return {"places": {"unet.weights": name}, "fingerprints": {"teacher_fingerprint": mark}}


def test_teachers_and_their_weights_stand_side_by_side(make):
    for seed in range(2):
        make(f"strategy=static scale=1k seed={seed}", accuracy=0.80)
        make(
            f"strategy=static scale=1k seed={seed} teacher=unet",
            accuracy=0.90,
            opened=weights("", "aa"),
            name=f"small-{seed}",
        )
        make(
            f"strategy=static scale=1k seed={seed} teacher=unet",
            accuracy=0.95,
            opened=weights("big.safetensors", "bb"),
            name=f"big-{seed}",
        )
    make(
        "strategy=static scale=1k seed=2 teacher=unet",
        accuracy=0.95,
        opened=weights("./elsewhere/big.safetensors", "bb"),
        name="big-2",
    )
    study = load(make.root)
    assert [len(one.runs) for one in study.comparisons] == [2, 2, 3]
    (table,) = across(study)
    assert table.columns == ["arm", "scale", "mixture", "unet", "unet big.safetensors"]
    (line,) = lines(table)
    assert list(line.values()) == ["`static`", "1k", "—(2/3)", "—(2/3)", "95.0 n=3"]
    assert {table.title for table in across_comparisons(study)} == {"Table 1: digits", "Teachers on digits"}
