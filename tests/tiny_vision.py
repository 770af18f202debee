"""Makes tiny random models for pictures, saved by transformers itself in the format of the hub."""

import string
from pathlib import Path
from typing import Any

import torch

SIDE = 32
WIDTH = 32
TEXTS = [
    "a red coat",
    "A Red Coat!",
    "two dogs on the beach, one of them running",
    "coat",
    "a " * 30,
]
_WORDS = ["a", "red", "coat", "two", "dogs", "on", "the", "beach", "one", "of", "them", "running"]

_TOWER = {
    "hidden_size": 48,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
}
_VISION = _TOWER | {"image_size": SIDE, "patch_size": 8}


def clip(folder: Path, *, eos: int | None = None, **processor: Any) -> Path:
    """CLIP: a projection behind either tower; `eos` of 2 is what the first configs say."""
    from transformers import CLIPConfig, CLIPImageProcessorPil, CLIPModel, CLIPProcessor

    torch.manual_seed(11)
    tokenizer = clip_tokenizer()
    end = tokenizer.eos_token_id if eos is None else eos
    text = _TOWER | {"vocab_size": len(tokenizer), "max_position_embeddings": 77}
    text |= {"bos_token_id": tokenizer.bos_token_id, "eos_token_id": end}
    # The towers' own configs keep their default of 512, as those of some models do.
    made = CLIPConfig(text_config=text, vision_config=_VISION, projection_dim=WIDTH)
    size = {"size": {"shortest_edge": SIDE}, "crop_size": {"height": SIDE, "width": SIDE}}
    images = CLIPImageProcessorPil(**(size | processor))
    return _saved(CLIPModel(made), folder, CLIPProcessor(images, tokenizer))


def siglip(folder: Path, *, tokenizer: Any = None, **processor: Any) -> Path:
    """SigLIP: a head that pools by attention, and texts that are always 64 tokens long."""
    from transformers import SiglipConfig, SiglipImageProcessorPil, SiglipModel, SiglipProcessor

    torch.manual_seed(11)
    tokenizer = siglip_tokenizer() if tokenizer is None else tokenizer
    text = _TOWER | {"vocab_size": len(tokenizer)}  # max_position_embeddings is the default
    made = SiglipConfig(text_config=text, vision_config=_VISION)
    images = SiglipImageProcessorPil(**({"size": {"height": SIDE, "width": SIDE}} | processor))
    return _saved(SiglipModel(made), folder, SiglipProcessor(images, tokenizer))


def dinov2(folder: Path, *, registers: bool = False, **processor: Any) -> Path:
    """DINOv2: no text; positions of its training size, stretched to the processor's."""
    import transformers

    torch.manual_seed(11)
    options = _TOWER | {"image_size": 56, "patch_size": 8}
    del options["intermediate_size"]
    if registers:
        model: Any = transformers.Dinov2WithRegistersModel(
            transformers.Dinov2WithRegistersConfig(**options)
        )
    else:
        model = transformers.Dinov2Model(transformers.Dinov2Config(**options))
    size = {"size": {"shortest_edge": 40}, "crop_size": {"height": SIDE, "width": SIDE}}
    images = transformers.BitImageProcessorPil(
        **(size | {"image_mean": [0.485, 0.456, 0.406], "image_std": [0.229, 0.224, 0.225]})
        | processor
    )
    return _saved(model, folder, images)


def clip_tokenizer() -> Any:
    """CLIP's own tokenizer over letters and a few words."""
    from transformers import CLIPTokenizer

    letters = string.ascii_lowercase + string.digits + string.punctuation
    pieces = [*letters, *(f"{letter}</w>" for letter in letters), "re", "red</w>", "co", "at</w>"]
    names = [*pieces, "<|startoftext|>", "<|endoftext|>"]
    merges = [("r", "e"), ("re", "d</w>"), ("c", "o"), ("a", "t</w>")]
    vocabulary = {name: place for place, name in enumerate(names)}
    return CLIPTokenizer(vocab=vocabulary, merges=merges, model_max_length=77)


def siglip_tokenizer() -> Any:
    """SentencePiece, lower-casing and without punctuation, as SigLIP's tokenizer.json is."""
    from tokenizers import Regex, Tokenizer, normalizers, pre_tokenizers, processors
    from tokenizers.models import Unigram
    from transformers import PreTrainedTokenizerFast

    pieces = ["<unk>", "</s>", "▁", *(f"▁{word}" for word in _WORDS), *string.ascii_lowercase]
    scores = [0.0, 0.0, *(-float(place + 2) for place in range(len(pieces) - 2))]
    made = Tokenizer(Unigram(list(zip(pieces, scores, strict=True)), unk_id=0))
    made.normalizer = normalizers.Sequence(
        [
            normalizers.Lowercase(),
            normalizers.Replace(Regex(r"[!-/:-@\[-`{-~]"), ""),
            normalizers.Replace(Regex(r"\s+"), " "),
            normalizers.Strip(),
        ]
    )
    made.pre_tokenizer = pre_tokenizers.Metaspace()
    made.post_processor = processors.TemplateProcessing(
        single="$A </s>", special_tokens=[("</s>", 1)]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=made,
        model_max_length=64,
        unk_token="<unk>",
        eos_token="</s>",
        pad_token="</s>",
        model_input_names=["input_ids"],
    )


def siglip2_tokenizer(**options: Any) -> Any:
    """Gemma's tokenizer with SigLIP 2's settings."""
    from tokenizers import processors
    from transformers import Siglip2Tokenizer

    names = ["<pad>", "<eos>", "<bos>", "<unk>", "<mask>", "▁", *string.ascii_letters, *",.!"]
    made = Siglip2Tokenizer(
        vocab={name: place for place, name in enumerate(names)},
        merges=[],
        model_max_length=64,
        padding_side="right",
        model_input_names=["input_ids"],
        **options,
    )
    made.backend_tokenizer.post_processor = processors.TemplateProcessing(
        single="$A <eos>", special_tokens=[("<eos>", 1)]
    )
    return made


def _saved(model: Any, folder: Path, processor: Any) -> Path:
    with torch.no_grad():  # far from 0 and 1, so that a mistake shows in the vector
        for parameter in model.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.3)
    model.save_pretrained(folder)
    processor.save_pretrained(folder)
    return folder
