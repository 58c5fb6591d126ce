"""What is found by folder: figures, claims, tables. A new one is a new file beside the others, and nothing else is
edited.

A package's modules are the things; its subpackages are what they share and are not looked into.
"""

from importlib import import_module
from pkgutil import iter_modules
from types import ModuleType

LAST = 1000  # the position of a module that names none


def modules_in(package: ModuleType) -> list[ModuleType]:
    """Import the modules that lie directly in a package's folders.

    Args:
        package: the package, imported; what is added to its ``__path__`` is looked into as well.

    Returns:
        The modules by their ``POSITION`` (a number, optional), then by name.
    """
    names = [entry.name for entry in iter_modules(package.__path__) if not entry.ispkg]
    modules = [import_module(f"{package.__name__}.{name}") for name in names]
    return sorted(modules, key=lambda module: (getattr(module, "POSITION", LAST), module.__name__))
