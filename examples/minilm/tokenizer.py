"""BERT's uncased WordPiece tokenizer, enough of it for sentences of plain text."""

import unicodedata
from pathlib import Path

import numpy as np

LONGEST_WORD = 100


class Tokenizer:
    """Splits sentences into the pieces of a vocabulary file with one piece a line."""

    def __init__(self, vocabulary: Path):
        pieces = vocabulary.read_text(encoding="utf-8").split("\n")
        self.ids = {piece: index for index, piece in enumerate(pieces) if piece}

    def __call__(self, sentences: list[str], longest: int = 512) -> dict[str, np.ndarray]:
        """A padded batch: input_ids, attention_mask and token_type_ids, i64 [batch, sequence]."""
        rows = [self.encode(sentence, longest) for sentence in sentences]
        shape = (len(rows), max(map(len, rows)))
        ids = np.full(shape, self.ids["[PAD]"], np.int64)
        mask = np.zeros(shape, np.int64)
        for index, row in enumerate(rows):
            ids[index, : len(row)] = row
            mask[index, : len(row)] = 1
        return {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros(shape, np.int64)}

    def encode(self, sentence: str, longest: int = 512) -> list[int]:
        pieces = [piece for word in split_words(sentence) for piece in self.pieces(word)]
        return [self.ids["[CLS]"], *pieces[: longest - 2], self.ids["[SEP]"]]

    def pieces(self, word: str) -> list[int]:
        """Longest pieces first, from the left; an unknown rest makes the whole word unknown."""
        if len(word) > LONGEST_WORD:
            return [self.ids["[UNK]"]]
        found, begin = [], 0
        while begin < len(word):
            end = len(word)
            while end > begin and self.spelling(word, begin, end) not in self.ids:
                end -= 1
            if end == begin:
                return [self.ids["[UNK]"]]
            found.append(self.ids[self.spelling(word, begin, end)])
            begin = end
        return found

    @staticmethod
    def spelling(word: str, begin: int, end: int) -> str:
        return ("##" if begin else "") + word[begin:end]


def split_words(sentence: str) -> list[str]:
    """Lower case without accents; punctuation and Chinese characters stand alone."""
    text = unicodedata.normalize("NFD", sentence).lower()
    spaced = []
    for character in text:
        category = unicodedata.category(character)
        if category == "Mn" or character in "\0\ufffd":
            continue
        if character.isspace():
            spaced.append(" ")
        elif category.startswith("C"):
            continue
        elif is_punctuation(character) or is_chinese(character):
            spaced.append(f" {character} ")
        else:
            spaced.append(character)
    return "".join(spaced).split()


def is_punctuation(character: str) -> bool:
    """Unicode punctuation, and every ASCII character that is neither letter, digit nor space."""
    if character.isascii():
        return not character.isalnum() and not character.isspace()
    return unicodedata.category(character).startswith("P")


def is_chinese(character: str) -> bool:
    ranges = ((0x4E00, 0x9FFF), (0x3400, 0x4DBF), (0x20000, 0x2A6DF), (0x2A700, 0x2CEAF), (0xF900, 0xFAFF))
    return any(low <= ord(character) <= high for low, high in ranges)
