"""torchvision can be imported where its compiled operators are missing."""

from __future__ import annotations

import subprocess
import sys
import threading
from typing import Any

import pytest
import torch

from fieldscope.errors import MissingExtraError
from fieldscope.frontends.torch.torchvision_ops import (
    import_beside_torch,
    import_torchvision,
    missing_operators_allowed,
)


def _run(script: str) -> str:
    """Run a script in an interpreter that has imported nothing yet."""
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    return run.stdout.strip()


def test_a_missing_operator_of_torchvision_leaves_the_function_as_it_is() -> None:
    with missing_operators_allowed():
        register = torch.library.register_fake
        assert register("torchvision::not_there")(abs) is abs


def test_a_missing_operator_is_an_error_again_after_the_block() -> None:
    before = torch.library.register_fake
    with missing_operators_allowed():
        pass
    assert torch.library.register_fake is before
    with pytest.raises(RuntimeError, match="torchvision::not_there does not exist"):
        torch.library.register_fake("torchvision::not_there")(abs)


def test_a_missing_operator_of_another_library_is_an_error_inside_too() -> None:
    with (
        missing_operators_allowed(),
        pytest.raises(RuntimeError, match="fieldscope_tests::not_there does not exist"),
    ):
        torch.library.register_fake("fieldscope_tests::not_there")(abs)


def test_another_failure_of_a_registration_of_torchvision_passes_through() -> None:
    with missing_operators_allowed(), pytest.raises((RuntimeError, ValueError), match="::"):
        torch.library.register_fake("torchvision::a::b")(abs)


def test_blocks_nest_and_the_last_one_out_takes_the_patch_back() -> None:
    before = torch.library.register_fake
    with missing_operators_allowed():
        with missing_operators_allowed():
            pass
        assert torch.library.register_fake is not before
    assert torch.library.register_fake is before


def test_the_patch_is_taken_back_when_the_block_fails() -> None:
    before = torch.library.register_fake
    with pytest.raises(ZeroDivisionError), missing_operators_allowed():
        raise ZeroDivisionError
    assert torch.library.register_fake is before


def test_blocks_may_be_open_in_many_threads() -> None:
    before = torch.library.register_fake
    barrier = threading.Barrier(8)
    failures: list[BaseException] = []

    def work() -> None:
        try:
            barrier.wait()
            for _ in range(200):
                with missing_operators_allowed():
                    assert torch.library.register_fake("torchvision::not_there")(abs) is abs
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    assert torch.library.register_fake is before


def test_the_import_works_in_a_fresh_interpreter_and_leaves_torch_as_it_was() -> None:
    script = """
import torch
before = torch.library.register_fake
from fieldscope.frontends.torch.torchvision_ops import import_torchvision
assert import_torchvision() is import_torchvision()
assert torch.library.register_fake is before
import torchvision
print(torchvision.models.resnet18.__name__)
"""
    assert _run(script) == "resnet18"


def test_the_import_works_after_a_plain_one_failed_in_the_same_process() -> None:
    script = """
import sys
try:
    import torchvision
except RuntimeError:
    assert any(name.startswith("torchvision.") for name in sys.modules)
else:
    print("imported")
    raise SystemExit
from fieldscope.frontends.torch.torchvision_ops import import_torchvision
torchvision = import_torchvision()
import torchvision.extension
assert sys.modules["torchvision.extension"] is torchvision.extension
assert torchvision.ops.misc.FrozenBatchNorm2d
print("imported")
"""
    assert _run(script) == "imported"


def test_timm_is_imported_the_same_way() -> None:
    script = """
from fieldscope.frontends.torch.torchvision_ops import import_beside_torch
print(import_beside_torch("timm").__name__)
"""
    assert _run(script) == "timm"


def test_a_users_own_import_works_inside_the_block() -> None:
    script = """
from fieldscope.frontends.torch.torchvision_ops import missing_operators_allowed
with missing_operators_allowed():
    exec("import torchvision.models as models")
print(models.vgg11.__name__)
"""
    assert _run(script) == "vgg11"


def test_the_block_itself_does_not_import_torchvision() -> None:
    script = """
import sys
from fieldscope.frontends.torch.torchvision_ops import missing_operators_allowed
with missing_operators_allowed():
    pass
print("torchvision" in sys.modules)
"""
    assert _run(script) == "False"


def test_the_block_imports_nothing_where_torchvision_is_not_installed() -> None:
    script = """
import importlib.util, sys
import fieldscope.frontends.torch.torchvision_ops as ops
ops.find_spec = lambda name: None
with ops.missing_operators_allowed():
    pass
print("torch" in sys.modules)
"""
    assert _run(script) == "False"


@pytest.mark.parametrize("missing", ["torch", "torchvision", "timm"])
def test_what_timm_stands_on_is_named_where_it_is_missing(missing: str) -> None:
    script = f"""
import importlib.util, sys
real = importlib.util.find_spec
class Hidden:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == {missing!r}:
            raise ModuleNotFoundError("No module named " + name, name=name)
sys.meta_path.insert(0, Hidden())
def find_spec(name):
    return None if name == {missing!r} else real(name)
importlib.util.find_spec = find_spec
from fieldscope.frontends.torch import zoo
try:
    zoo.build("timm", "resnet18")
except ImportError as error:
    print(error)
"""
    message = _run(script)
    assert message.startswith(f"building a model of timm needs {missing}, which isn't installed")
    assert 'pip install "fieldscope[zoo]"' in message


def test_a_library_that_is_not_installed_names_the_extra() -> None:
    with pytest.raises(MissingExtraError, match=r'pip install "fieldscope\[zoo\]"'):
        import_beside_torch("fieldscope_no_such_library")


def test_a_failing_import_inside_the_library_passes_through(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(name: str, *_: Any) -> Any:
        raise ModuleNotFoundError("No module named 'PIL'", name="PIL")

    monkeypatch.setattr("fieldscope.optional.import_module", refuse)
    with pytest.raises(ModuleNotFoundError, match="PIL") as caught:
        import_torchvision()
    assert not isinstance(caught.value, MissingExtraError)
