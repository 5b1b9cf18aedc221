"""PyTorch's operators on images in terms of our layers: convolutions, pools, paddings."""

from typing import Any

from gradscribe.derive.catalogue.layers import LAYERS
from tests.oracles.torch_calls import Adapter, Call, Layout, images, kernel_first, planes, same


def image_call(name: str, rank: int, input: Any, options: dict[str, Any], **others: tuple[Any, Layout]) -> Call:
    """A layer over `rank` spatial axes. PyTorch takes (2,) for all of them, and None or () for a default."""
    given = {option: value for option, value in options.items() if value not in (None, ())}
    given = {o: v[0] if isinstance(v, (tuple, list)) and len(v) == 1 < rank else v for o, v in given.items()}
    return Call(f"{name}{rank}d", {"x": (input, images(rank)), **others}, given, (images(rank),))


def convolution(name: str, rank: int) -> Adapter:
    def adapter(input: Any, weight: Any, bias: Any = None, **options: Any) -> Call | str:
        options["kernel_size"] = tuple(weight.shape[2:])
        return image_call(name, rank, input, options, w=(weight, kernel_first), b=(bias, same))

    return adapter


def max_pool(rank: int) -> Adapter:
    def adapter(input: Any, return_indices: bool = False, **options: Any) -> Call | str:
        return "a sample again, with indices" if return_indices else image_call("max_pool", rank, input, options)

    return adapter


def avg_pool(rank: int) -> Adapter:
    def adapter(
        input: Any,
        kernel_size: Any,
        stride: Any = None,
        padding: Any = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
        divisor_override: int | None = None,
    ) -> Call | str:
        if divisor_override is not None:
            return "a divisor of its own"
        options = {"kernel_size": kernel_size, "stride": stride, "padding": padding, "ceil_mode": ceil_mode}
        return image_call("avg_pool", rank, input, options | {"count_include_pad": count_include_pad})

    return adapter


def lp_pool(rank: int) -> Adapter:
    def adapter(module: Any, input: Any) -> Call | str:
        if module.norm_type % 2:
            return "a power that is not even, of which PyTorch takes no absolute values"
        names = ("norm_type", "kernel_size", "stride", "ceil_mode")
        return image_call("lp_pool", rank, input, {name: getattr(module, name) for name in names})

    return adapter


def adaptive_pool(kind: str, rank: int) -> Adapter:
    def adapter(input: Any, output_size: Any, return_indices: bool = False) -> Call | str:
        sizes = output_size if isinstance(output_size, (tuple, list)) else (output_size,) * rank
        sizes = tuple(s or extent for s, extent in zip(sizes, input.shape[-rank:], strict=True))
        return image_call(f"adaptive_{kind}_pool", rank, input, {"output_size": sizes})

    return adapter


def pad(kind: str) -> Adapter:
    """Leading axes that are not padded join the batch; PyTorch's list of ends starts with the last axis."""

    def adapter(input: Any, pad: Any, mode: str = "", value: float | None = None) -> Call | str:
        if min(pad) < 0:
            return "cropping by negative padding"
        if kind == "constant" and len(pad) == 2:  # ours has two axes
            pad = (*pad, 0, 0)
        rank = len(pad) // 2
        if f"{kind}_pad{rank}d" not in LAYERS or rank > input.ndim:
            return f"{rank} padded axes"
        options: dict[str, Any] = {"padding": tuple(zip(pad[::2], pad[1::2], strict=True))[::-1]}
        options |= {"value": value or 0.0} if kind == "constant" else {}
        return Call(f"{kind}_pad{rank}d", {"x": (input, planes(rank))}, options, (planes(rank),))

    return adapter


def pixels(name: str) -> Adapter:
    def adapter(input: Any, **options: int) -> Call | str:
        return Call(name, {"x": (input, images(2))}, options, (images(2),))

    return adapter


def sampled(
    input: Any, grid: Any, mode: str = "bilinear", padding_mode: str = "zeros", align_corners: bool | None = None
) -> Call | str:
    if (mode, padding_mode, input.ndim) != ("bilinear", "zeros", 4):
        return "other samplings are texts, see test_sampling_oracle.py"
    options = {"align_corners": bool(align_corners)}
    return Call("grid_sample", {"x": (input, images(2)), "g": (grid, same)}, options, (images(2),))


def resized(
    input: Any, size: Any = None, scale_factor: Any = None, mode: str = "bilinear", align_corners: bool | None = None
) -> Call | str:
    if input.ndim != 4:
        return "only images are resized"
    if scale_factor is not None:
        return "a factor that is no size moves the elements, too"
    options = {"output_size": size if isinstance(size, int) else tuple(size), "align_corners": bool(align_corners)}
    return Call("resize_bilinear2d", {"x": (input, images(2))}, options, (images(2),))
