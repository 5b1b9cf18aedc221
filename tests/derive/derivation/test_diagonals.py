"""Elements that a tensor has on a diagonal: the page says where they stand, also where one axis is longer."""

import pytest

import gradscribe
from gradscribe.derive.derivation.certificate.certify import certify

TEXTS = {
    "i < 2; a < 3; J[i,a] = [i == a]/z - [a == 2]*m[i]; input z, m[2]": ("J[i,i] = 1/z", "J[i,2] = −m[i]"),
    "i < 3; a < 2; J[i,a] = [i == a]/z - [i == 2]*m[a]; input z, m[2]": ("J[a,a] = 1/z", "J[2,a] = −m[a]"),
    "i < 2; a < 3; J[i,a] = [i == a]*m[a] + [a == 2]; input m[3]": ("J[i,a] = m[a] [i=a] + [a=2]",),
    "i < I; J[i,a] = [i == a]*m[a] + p[i,a]; input m[I], p[I,I]": ("m[a] [i=a]",),
}


@pytest.mark.parametrize("text", TEXTS)
def test_an_element_of_a_diagonal_is_named_by_one_index(text: str) -> None:
    layer = gradscribe.layer(f"{text}; y = sum(i,a) J[i,a]*q[i,a]; input q", "own")
    derivation = layer.derivation()
    page = str(derivation)
    assert all(equation in page for equation in TEXTS[text]), page[:1500]
    assert certify(derivation, shapes=3).holds
