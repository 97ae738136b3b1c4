"""A QR code as SVG, for authenticators: ISO/IEC 18004, byte mode, error correction L, versions 5 and 6."""

from __future__ import annotations

from collections.abc import Iterator

_VERSIONS = {5: (1, 108, 26), 6: (2, 68, 18)}
"""Version → blocks, data codewords of each, error correction codewords of each."""
_FORMAT = 0b111011111000100
"""Level L and mask 0, with their own error correction."""
_QUIET = 4

Grid = list[list[int | None]]


def svg(text: str) -> str:
    """Nothing for a text that is too long: it is then to be typed."""
    grid = matrix(text.encode())
    if grid is None:
        return ""
    size = len(grid) + 2 * _QUIET
    dark = ((x, y) for y, row in enumerate(grid) for x, bit in enumerate(row) if bit)
    path = "".join(f"M{x + _QUIET} {y + _QUIET}h1v1h-1z" for x, y in dark)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {size} {size}" role="img" aria-label="QR code">'
        f'<rect width="{size}" height="{size}" fill="#fff"/><path d="{path}" fill="#000"/></svg>'
    )


def matrix(data: bytes) -> Grid | None:
    """Rows of 1 (dark) and 0; None when it does not fit."""
    version = next((v for v, (blocks, each, _) in _VERSIONS.items() if len(data) <= blocks * each - 2), None)
    if version is None:
        return None
    grid = _patterns(version)
    places = list(_free(grid))
    bits = _bits(_codewords(version, data))
    for x, y in places:
        grid[y][x] = next(bits, 0) ^ ((x + y) % 2 == 0)
    _put_format(grid)
    return grid


def _codewords(version: int, data: bytes) -> list[int]:
    """Data and error correction, the blocks interleaved."""
    blocks, each, check = _VERSIONS[version]
    bits = f"0100{len(data):08b}" + "".join(f"{byte:08b}" for byte in data) + "0000"
    words = [int(bits[at : at + 8], 2) for at in range(0, len(bits), 8)][: blocks * each]
    words += [(0xEC, 0x11)[n % 2] for n in range(blocks * each - len(words))]
    parts = [words[n * each : (n + 1) * each] for n in range(blocks)]
    checks = [_reed_solomon(part, check) for part in parts]
    return [part[n] for n in range(each) for part in parts] + [part[n] for n in range(check) for part in checks]


def _bits(words: list[int]) -> Iterator[int]:
    for word in words:
        yield from ((word >> shift) & 1 for shift in range(7, -1, -1))


def _times(a: int, b: int) -> int:
    """In the field of 256 elements by x⁸ + x⁴ + x³ + x² + 1."""
    out = 0
    while b:
        out ^= a if b & 1 else 0
        a = (a << 1) ^ (0x11D if a & 0x80 else 0)
        b >>= 1
    return out


def _reed_solomon(data: list[int], count: int) -> list[int]:
    generator, root = [1], 1
    for _ in range(count):
        shifted = [*generator, 0]
        for n, factor in enumerate(generator):
            shifted[n + 1] ^= _times(factor, root)
        generator, root = shifted, _times(root, 2)
    rest = [0] * count
    for word in data:
        factor = word ^ rest[0]
        rest = [*rest[1:], 0]
        rest = [old ^ _times(g, factor) for old, g in zip(rest, generator[1:], strict=True)]
    return rest


def _patterns(version: int) -> Grid:
    """Everything that does not depend on the data; what is not yet known of the format is 0."""
    size = 17 + 4 * version
    grid: Grid = [[None] * size for _ in range(size)]
    for left, top in ((0, 0), (size - 7, 0), (0, size - 7)):
        _ring(grid, left + 3, top + 3, (1, 1, 0, 1, 0))
    _ring(grid, size - 7, size - 7, (1, 0, 1))
    for n in range(8, size - 8):
        grid[6][n] = grid[n][6] = 1 - n % 2
    for x, y in (*_format_places(size)[0], *_format_places(size)[1]):
        grid[y][x] = 0
    grid[size - 8][8] = 1
    return grid


def _ring(grid: Grid, x0: int, y0: int, colours: tuple[int, ...]) -> None:
    """Squares around a centre, the innermost first."""
    far = len(colours) - 1
    for dy in range(-far, far + 1):
        for dx in range(-far, far + 1):
            x, y = x0 + dx, y0 + dy
            if 0 <= x < len(grid) and 0 <= y < len(grid):
                grid[y][x] = colours[max(abs(dx), abs(dy))]


def _format_places(size: int) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
    """Where its 15 bits stand, twice, the highest first."""
    near = [(n, 8) for n in (0, 1, 2, 3, 4, 5, 7, 8)] + [(8, n) for n in (7, 5, 4, 3, 2, 1, 0)]
    far = [(8, size - 1 - n) for n in range(7)] + [(size - 8 + n, 8) for n in range(8)]
    return near, far


def _put_format(grid: Grid) -> None:
    for places in _format_places(len(grid)):
        for n, (x, y) in enumerate(places):
            grid[y][x] = (_FORMAT >> (14 - n)) & 1


def _free(grid: Grid) -> Iterator[tuple[int, int]]:
    """Up and down in pairs of columns from the right, past the column of the timing pattern."""
    size, upwards = len(grid), True
    for right in [*range(size - 1, 6, -2), *range(5, 0, -2)]:
        for y in range(size - 1, -1, -1) if upwards else range(size):
            for x in (right, right - 1):
                if grid[y][x] is None:
                    yield x, y
        upwards = not upwards
