"""The description of a model: what it refuses, and that its columns are those of the plain twin."""

from __future__ import annotations

import numpy as np
import plain_fit
import pytest

from imgpipe.kernels.fit import Model, evaluate

X = np.linspace(158.0, 172.0, 57)


def joint() -> tuple[Model, np.ndarray, np.ndarray]:
    """Return a model with all kinds of parts over two segments, q and amplitudes."""
    m = Model()
    first, second = m.segment(X), m.segment(np.linspace(130.0, 140.0, 45))
    position = m.parameter("PS4", 161, 163)
    width, mix, k = m.parameter("width", prior=(1.3, 0.1)), m.parameter("mix", 0, 1), m.parameter("k", 0, 1)
    ratio, shift, loss = m.parameter("ratio", 0.1, 2), m.parameter("shift"), m.parameter("loss", 0, 5000)
    half = m.linked("PS4 1/2", {position: 1.0}, 1.18)
    other = m.linked("P", {half: 1.0, shift: 0.5}, -31.18)
    m.prior({half: 1.0, shift: -2.0}, 162.9, 0.2)
    sulfide, constant, slope = m.column("PS4"), m.column("base", prior=(90.0, 5.0)), m.column("slope", False)
    known = m.column(fixed=20.0)
    m.term("gl_sum", first, sulfide, [position, width, mix], background=m.shirley(k))
    m.term("gl_sum", first, sulfide, [half, width, mix], weight=0.5, background=m.shirley(k))
    m.term("voigt", second, [(sulfide, ratio)], [other, width, 0.4], background=m.tougaard(loss, -1643.0))
    m.term("gaussian", second, [(sulfide, 0.3)], [other, 2.0], background=m.tougaard(600.0, 300.0, 500.0, 1.1))
    m.term("constant", first, constant)
    m.term("edge_erf", second, [(constant, -1.0), (slope, 5.0)], [other, width])
    m.term("constant", second, [(constant, 1.0), (known, 0.5)])
    m.term("linear", first, slope)
    return m, np.array([161.8, 1.25, 0.3, 0.03, 0.7, 1.1, 800.0]), np.array([900.0, 100.0, -3.0, 20.0])


def test_columns_are_those_of_the_plain_twin():
    m, q, amplitude = joint()
    envelope, columns = evaluate(m.compile(), q, amplitude)
    exact = plain_fit.columns(m, q) * amplitude[:, None]
    np.testing.assert_allclose(columns[0], exact, atol=1e-9 * np.abs(exact).max())
    np.testing.assert_allclose(envelope[0], exact.sum(axis=0), atol=1e-9 * np.abs(exact).max())


def test_columns_without_their_backgrounds():
    m, q, amplitude = joint()
    _, bare = evaluate(m.compile(), q, amplitude, backgrounds=False)
    for entry in m.terms:
        object.__setattr__(entry, "background", None)
    exact = plain_fit.columns(m, q) * amplitude[:, None]
    np.testing.assert_allclose(bare[0], exact, atol=1e-9 * np.abs(exact).max())


def test_links_of_links_become_one_matrix():
    m, q, _ = joint()
    problem = m.compile()
    assert problem.free_names == ("PS4", "width", "mix", "k", "ratio", "shift", "loss")
    assert problem.parameter_names[7:9] == ("PS4 1/2", "P")
    np.testing.assert_allclose(problem.parameters(q)[7:9], [q[0] + 1.18, q[0] + 1.18 + 0.5 * q[5] - 31.18])
    assert problem.prior_names == ("width", "1 PS4 1/2 + -2 shift", "base")


def test_a_model_that_is_wrong_says_all_that_is_wrong():
    m = Model()
    s = m.segment(X)
    m.parameter("forgotten")
    m.column("empty")
    m.term("constant", s, m.column("base"))
    with pytest.raises(ValueError, match="column empty has no terms; parameter forgotten is not used"):
        m.compile()


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda m, s: m.segment([3.0, 2.0, 1.0]), "strictly rising"),
        (lambda m, s: m.segment([1.0, np.nan]), "finite"),
        (lambda m, s: m.parameter("p", 2.0, 1.0), "not below"),
        (lambda m, s: m.parameter("p", prior=(1.0, 0.0)), "want sd > 0"),
        (lambda m, s: m.term("gauss", s, m.column("c"), [1.0, 1.0]), "no shape 'gauss'"),
        (lambda m, s: m.term("gaussian", s, m.column("c"), [1.0]), "wants 2 parameters"),
        (lambda m, s: m.term("constant", s, 0), "not iterable"),
        (lambda m, s: m.linked("l", {3: 1.0}), "not a parameter of this model"),
        (lambda m, s: m.column("c", fixed=np.inf), "finite number"),
        (lambda m, s: m.compile(), "no terms"),
    ],
)
def test_refusals(build, message):
    m = Model()
    with pytest.raises((ValueError, TypeError), match=message):
        build(m, m.segment(X))


def test_tougaard_wants_a_uniform_step_and_a_known_gap():
    m = Model()
    s = m.segment(X**1.01)
    t0 = m.parameter("gap")
    m.term("gaussian", s, m.column("c"), [165.0, 1.0], background=m.tougaard(1.0, -1643.0, 0.0, t0))
    with pytest.raises(ValueError, match=r"gap t0 .* must be a number; .*uniform step"):
        m.compile()
