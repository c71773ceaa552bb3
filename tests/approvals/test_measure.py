import time
import pytest
from tests.casting import Cast
@pytest.mark.parametrize("n", range(5))
def test_x(n, cast):
    t=time.perf_counter(); p=cast.approved(); print("APPROVED", time.perf_counter()-t, p.state)
