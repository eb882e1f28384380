"""Errors: the admin is told every place, in order."""

from flowvisor.errors import ConfigurationError, Place, Problem


def test_a_problem_reads_like_a_compilers() -> None:
    place = Place("slices/a.yaml", 7, 3)
    problem = Problem(place, key="priorty", message="unknown key", suggestion='did you mean "priority"?')
    assert str(problem) == 'slices/a.yaml:7:3: priorty: unknown key; did you mean "priority"?'
    assert (problem.file, problem.line, problem.column) == ("slices/a.yaml", 7, 3)
    assert str(Problem(place, key="", message="the file is empty")) == "slices/a.yaml:7:3: the file is empty"


def test_a_configuration_error_names_every_place_in_the_order_of_the_files() -> None:
    def problem(file: str, line: int) -> Problem:
        return Problem(Place(file, line, 1), key="", message="wrong")

    error = ConfigurationError([problem("b", 1), problem("a", 10), problem("a", 9)])
    assert str(error) == "a:9:1: wrong\na:10:1: wrong\nb:1:1: wrong"
    assert [problem.line for problem in error.problems] == [9, 10, 1]
