"""Makes dequantize.json: random blocks of every readable tensor type and what they are worth.

The values are those of `gguf.quants.dequantize` (PyPI gguf 0.19.0, numpy 2.4), an implementation independent of ours.
Scales are random half-precision numbers, subnormal and negative ones among them, but finite; everything else in a
block is random bytes. Made again with:
    pip install gguf==0.19.0 numpy && python test/golden/dequantize.py > test/golden/dequantize.json
"""

import base64
import json

import numpy as np
from gguf import quants
from gguf.constants import GGML_QUANT_SIZES, GGMLQuantizationType

BLOCKS = 4
# Byte offsets of the half-precision scales in a block.
SCALES = {
    "Q4_0": [0], "Q4_1": [0, 2], "Q5_0": [0], "Q5_1": [0, 2], "Q8_0": [0],
    "Q4_K": [0, 2], "Q5_K": [0, 2], "Q6_K": [208],
}  # fmt: skip


def random_halves(rng, count):
    """Half-precision numbers of every exponent but that of infinity and NaN."""
    bits = rng.integers(0, 0x7C00, count, dtype=np.uint16) | (rng.integers(0, 2, count, dtype=np.uint16) << 15)
    return bits.view(np.float16)


def random_bytes(rng, name):
    if name == "F32":
        return rng.standard_normal(64).astype(np.float32).view(np.uint8)
    if name == "F16":
        return random_halves(rng, 64).view(np.uint8)
    if name == "BF16":
        return quants.quantize(rng.standard_normal(64).astype(np.float32), GGMLQuantizationType.BF16).view(np.uint8)
    block_bytes = GGML_QUANT_SIZES[GGMLQuantizationType[name]][1]
    blocks = rng.integers(0, 256, (BLOCKS, block_bytes), dtype=np.uint8)
    for offset in SCALES[name]:
        blocks[:, offset : offset + 2] = random_halves(rng, BLOCKS).view(np.uint8).reshape(BLOCKS, 2)
    return blocks.reshape(-1)


def main():
    rng = np.random.default_rng(20261121)
    cases = []
    for name in ["F32", "F16", "BF16", *SCALES]:
        data = random_bytes(rng, name)
        values = quants.dequantize(data, GGMLQuantizationType[name]).astype(np.float32).reshape(-1)
        assert np.isfinite(values).all()
        cases.append({
            "type": name,
            "blocks": base64.b64encode(data.tobytes()).decode(),
            "float32": base64.b64encode(values.tobytes()).decode(),
        })  # fmt: skip
    made = "random blocks and what PyPI gguf 0.19.0 makes of them; see dequantize.py"
    print(json.dumps({"made": made, "cases": cases}, indent=1))


main()
