"""Compiled networks: four graphs whatever the batches, none of them broken, and the same losses."""

import json
import subprocess
import sys

import numpy as np
import pytest

from tests.masa_model.made_up_signs import signs, write


@pytest.mark.slow
def test_four_graphs_for_batches_of_any_size(tmp_path, provenance):
    file = write(tmp_path / "out.h5", provenance, signs(20, 0, 0))
    command = [sys.executable, "-m", "tests.masa_model.training.compiled_steps", str(file)]
    found = json.loads(subprocess.run(command, capture_output=True, check=True, text=True).stdout)
    usual, compiled = np.array(found["losses"]).T
    np.testing.assert_allclose(compiled, usual, rtol=1e-4)
    assert len(set(usual)) == len(usual) == 20
    norms, apart = np.array(found["gradients"]).T
    assert (apart <= 1e-2 * norms + 1e-4).all()
    # All are there after the second batch, whose sizes differ from the first; evaluation adds none.
    assert found["graphs"][1:] == [4] * 20
    assert found["breaks"] == 0
