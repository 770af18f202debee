"""Makes tiny random models of several architectures, saved by sentence-transformers itself."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

WORDS = ["rotate", "the", "keys", "every", "night", "and", "read", "it", "back", "again"]
TEXTS = [
    "rotate the keys",
    "read it back",
    "every night rotate the keys and read it back again",
    "the keys",
    "again " * 40,
    "night",
]
WIDTH = 32

_SMALL = {
    "vocab_size": 64,
    "hidden_size": WIDTH,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 48,
    "max_position_embeddings": 96,
    "pad_token_id": 0,
    # Far from the usual 0.02, so that a wrong position or bias shows in the vector.
    "initializer_range": 0.6,
}
_DISTILBERT = {
    "vocab_size": 64,
    "dim": WIDTH,
    "n_layers": 2,
    "n_heads": 4,
    "hidden_dim": 48,
    "max_position_embeddings": 96,
    "pad_token_id": 0,
    "initializer_range": 0.6,
}
_T5 = {
    "vocab_size": 64,
    "d_model": WIDTH,
    "d_kv": 8,
    "d_ff": 48,
    "num_layers": 2,
    "num_heads": 4,
    "pad_token_id": 0,
}
OPTIONS: dict[str, dict[str, Any]] = {
    "bert": _SMALL,
    "roberta": _SMALL | {"pad_token_id": 1},
    "xlm-roberta": _SMALL | {"pad_token_id": 1},
    "mpnet": _SMALL | {"pad_token_id": 1},
    "distilbert": _DISTILBERT,
    "electra": _SMALL | {"embedding_size": WIDTH},
    "deberta-v2": _SMALL | {"relative_attention": True, "pos_att_type": ["p2c", "c2p"]},
    "t5": _T5,
}


def plain_model(folder: Path, kind: str, **options: object) -> Path:
    """A plain transformers folder: config.json, weights, tokenizer."""
    import transformers

    torch.manual_seed(7)
    config = transformers.AutoConfig.for_model(kind, **(OPTIONS[kind] | options))
    made = transformers.T5EncoderModel if kind == "t5" else transformers.AutoModel
    model = made(config) if kind == "t5" else made.from_config(config)
    with torch.no_grad():  # biases and norms begin at 0 and 1, where mistakes do not show
        for parameter in model.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.05)
    model.save_pretrained(folder)
    _tokenizer(int(config.pad_token_id)).save_pretrained(folder)
    return folder


def sentence_model(
    folder: Path,
    kind: str = "bert",
    *,
    pooling: str | Sequence[str] = "mean",
    normalize: bool = True,
    dense: int | None = None,
    prompts: dict[str, str] | None = None,
    include_prompt: bool = True,
) -> Path:
    """The same as a sentence-transformers folder."""
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.base.modules import Dense, Normalize, Transformer
    from sentence_transformers.sentence_transformer.modules import Pooling

    plain = plain_model(folder.with_name(f"{folder.name}-plain"), kind)
    modules: list[torch.nn.Module] = [Transformer(str(plain))]
    made = Pooling(WIDTH, pooling_mode=pooling, include_prompt=include_prompt)
    modules.append(made)
    if dense is not None:
        modules.append(Dense(made.get_embedding_dimension(), dense))
    if normalize:
        modules.append(Normalize())
    model = SentenceTransformer(modules=modules, device="cpu", prompts=prompts)
    model.save(str(folder), create_model_card=False)
    return folder


def _tokenizer(padding: int) -> Any:
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    special = ["[PAD]", "[CLS]"] if padding == 0 else ["[CLS]", "[PAD]"]
    words = [*special, "[SEP]", "[UNK]", *WORDS]
    vocabulary = {word: place for place, word in enumerate(words)}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        special_tokens=[("[CLS]", vocabulary["[CLS]"]), ("[SEP]", vocabulary["[SEP]"])],
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        model_max_length=64,
        pad_token="[PAD]",
        cls_token="[CLS]",
        sep_token="[SEP]",
        unk_token="[UNK]",
    )
