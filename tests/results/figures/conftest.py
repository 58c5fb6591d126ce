import pytest


@pytest.fixture(autouse=True)
def quick(request, monkeypatch):
    """Figures are plotted, not rendered, which is most of the work; where bytes are compared they are."""
    if "bytes" not in request.node.name:
        monkeypatch.setattr("matplotlib.figure.Figure.savefig", lambda figure, path, **more: path.touch())
