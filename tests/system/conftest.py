"""What the system tests share."""

import pytest

# Their expectations are asserted in the library: say what was compared there too.
pytest.register_assert_rewrite("tests.system.support")
