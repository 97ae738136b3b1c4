"""IPA and X-SAMPA → espeak-ng's phoneme mnemonics (its docs/phonemes.md; ``espeak-ng -x --ipa`` shows both)."""

from __future__ import annotations


class UnknownSymbol(ValueError):
    """The engine has no sound for it."""


_IPA: dict[str, str] = {
    # vowels
    "iː": "i:", "ɑː": "A:", "ɔː": "O:", "uː": "u:", "ɜː": "3:", "ɝ": "3:", "ɚ": "3", "eɪ": "eI", "aɪ": "aI",
    "ɔɪ": "OI", "aʊ": "aU", "oʊ": "oU", "əʊ": "oU", "ɪə": "i@", "eə": "e@", "ʊə": "U@",
    "i": "i", "ɪ": "I", "e": "e", "ɛ": "E", "æ": "a", "a": "a", "ɑ": "A:", "ɒ": "0", "ɔ": "O", "o": "o", "ʊ": "U",
    "u": "u", "ʌ": "V", "ə": "@", "ɐ": "a#", "ɜ": "3:", "ɨ": "I", "y": "y", "ø": "Y", "œ": "W",
    # consonants
    "tʃ": "tS", "dʒ": "dZ", "t͡ʃ": "tS", "d͡ʒ": "dZ", "p": "p", "b": "b", "t": "t", "d": "d", "k": "k", "ɡ": "g",
    "g": "g", "f": "f", "v": "v", "θ": "T", "ð": "D", "s": "s", "z": "z", "ʃ": "S", "ʒ": "Z", "h": "h", "m": "m",
    "n": "n", "ŋ": "N", "l": "l", "r": "r", "ɹ": "r", "ɾ": "t#", "j": "j", "w": "w", "x": "x", "ç": "C", "ɲ": "n^",
    "ʔ": "?", "ɫ": "l",
    # stress, length, boundaries
    "ˈ": "'", "ˌ": ",", "'": "'", ".": "", "ː": ":", " ": " ", "|": "_:", "\u0361": "", "\u0329": "",
}  # fmt: skip

_XSAMPA: dict[str, str] = {
    "A": "ɑ", "{": "æ", "6": "ɐ", "Q": "ɒ", "E": "ɛ", "@": "ə", "3": "ɜ", "I": "ɪ", "O": "ɔ", "2": "ø", "9": "œ",
    "U": "ʊ", "V": "ʌ", "1": "ɨ", "T": "θ", "D": "ð", "S": "ʃ", "Z": "ʒ", "N": "ŋ", "C": "ç", "J": "ɲ", "4": "ɾ",
    "?": "ʔ", "r\\": "ɹ", "5": "ɫ", "@`": "ɚ", "3`": "ɝ", '"': "ˈ", "%": "ˌ", ":": "ː", "_": "", "=": "",
}  # fmt: skip
_LONGEST = 3


def mnemonics(ph: str, alphabet: str) -> str:
    """Raises UnknownSymbol, naming it."""
    ipa = _translated(ph, _XSAMPA, plain_letters=True) if alphabet == "x-sampa" else ph
    return _translated(ipa, _IPA, plain_letters=False)


def _translated(text: str, table: dict[str, str], *, plain_letters: bool) -> str:
    """The longest symbol first. ``plain_letters``: a small letter without an entry stands for itself."""
    out, at = [], 0
    while at < len(text):
        for length in range(min(_LONGEST, len(text) - at), 0, -1):
            symbol = text[at : at + length]
            if symbol in table:
                out.append(table[symbol])
                break
            if length == 1 and plain_letters and (symbol.islower() or symbol in " .|'"):
                out.append(symbol)
                break
        else:
            raise UnknownSymbol(f"{text[at]!r} is not a sound it knows")
        at += length
    return "".join(out)
