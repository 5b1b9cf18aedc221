"""`gradscribe derive` beyond one layer's page: convolution, several pages at once, updates and examples."""

import pytest

from tests.codegen.tool.cli.running import Command, is_a_mistake


def test_the_page_on_convolution_takes_letters(gradscribe: Command) -> None:
    done = gradscribe("derive", "convolution", "--letters", "w=k")
    assert done.code == 0
    assert "y[i,j] = Σ_{m,n} x[m,n] k[i−m, j−n]" in done.out


def test_several_pages_are_one_document(gradscribe: Command) -> None:
    done = gradscribe("derive", "convolution", "y[n] = x[n]^2", "--format", "markdown")
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith("# Derivations\n")
    assert done.out.count("](#section-") == 2
    assert done.out.count("\n## ") == 2


def test_an_update_and_an_example_are_asked_for(gradscribe: Command) -> None:
    done = gradscribe("derive", "dense", "--optimiser", "adam", "--example")
    assert done.code == 0
    assert "Adaptive moment estimation" in done.out
    assert (
        done.out.index("In numbers")
        < done.out.index("worked out")
        < done.out.index("\nUpdate\n")
        < done.out.index("Source:")
    )


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        (["rotation"], ["unknown layer 'rotation'", "did you mean convolution?"]),
        (["convoluton"], ["did you mean convolution?"]),
        (["convolution", "--order", "2"], ["--order 2: convolution has no such option"]),
        (["dense", "tanh", "--wrt", "x"], ["--wrt x: dense tanh has no such option"]),
        (["chapter", "--m", "4"], ["--m 4: chapter has no such option"]),
        (["dense", "--optimiser", "adm"], ["unknown optimiser 'adm'", "did you mean adam?"]),
        (["dense", "--optimiser", "tanh"], ["tanh is a layer; expected an optimiser, such as sgd, adam"]),
        (["tanh", "--optimiser", "sgd"], ["tanh: no gradient of a trained tensor for sgd"]),
        (["dense", "--order", "2", "--optimiser", "sgd"], ["dense: weights move along first gradients"]),
        (["dense", "--order", "2", "--example"], ["dense: expected first gradients for an example; use order 1"]),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_does_not_fit_is_refused(gradscribe: Command, arguments: list[str], parts: list[str]) -> None:
    is_a_mistake(gradscribe("derive", *arguments), *parts)
